"""Functions of the package called with something else than they take."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from bad_input import BadInput, Trial
from builders import make_headlines

from pipeline.data.arrays import list_labelled
from pipeline.data.examples import Examples
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.evaluation import name_labels

TEXTS, LABELS = make_headlines(10)
EXAMPLES = Examples(["Alps", "Bank"], [0, 1], ("x", "y"))
VECTORS = WordVectors.from_rows(["alps", "snow"], np.eye(2, dtype=np.float32))
FRAME = pd.DataFrame({"headline": TEXTS, "topic": LABELS})


def _call(name: str, *arguments: Any, **options: Any) -> Callable[[Trial], object]:
    """What a public function says."""

    def act(trial: Trial) -> object:
        import pipeline

        return getattr(pipeline, name)(*arguments, **options)

    return act


def _loaded(source: Any, labels: Any = None, **options: Any) -> Callable[[Trial], object]:
    """The labels of what `load_headlines` makes of lists or a table, and the warnings."""

    def act(trial: Trial) -> object:
        from pipeline import Headlines, load_headlines

        kept: list[Headlines] = []
        warnings = trial.warnings(lambda: kept.append(load_headlines(source, labels, **options)))
        return f"{warnings}\nlabels {', '.join(kept[0].label_names)}".strip()

    return act


def _classified(labels: Any) -> Callable[[Trial], object]:
    """What `EmbeddingClassifier` says to labels. No row comes as far as training."""

    def act(trial: Trial) -> object:
        from pipeline import EmbeddingClassifier

        return EmbeddingClassifier().fit([f"text {i}" for i in range(len(labels))], labels)

    return act


def _weighted(class_weight: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import EmbeddingClassifier

        return EmbeddingClassifier(class_weight=class_weight).fit(["a", "b"] * 4, [1, 2] * 4)

    return act


def _audited(**options: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import load_headlines

        return _call("audit", load_headlines(TEXTS, LABELS), **options)(trial)

    return act


def _suggested(**options: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import load_headlines
        from pipeline.insight.suggestions import suggest

        return suggest(load_headlines([*TEXTS, "Alps lose ice"], [*LABELS, None]), **options)

    return act


def _bounds(trial: Trial) -> object:
    from pipeline.insight.audit import AuditBounds

    return AuditBounds(max_signal_headlines=0)


def _unlabelled(texts: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import Examples

        examples = Examples(["Alps", "Bank"], [0, 1], ("x", "y"))
        return _call("fit", examples, examples, unlabelled=texts)(trial)

    return act


def _rows(words: Any, vectors: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import WordVectors

        return WordVectors.from_rows(words, vectors)

    return act


def _labels(*values: Any) -> list[Any]:
    return [values[i % len(values)] for i in range(len(TEXTS))]


ROWS = (
    BadInput(
        "fit with two names in the place of headlines",
        _call("fit", "train", "validation"),
        "error: fit: expected Examples as training, got 'train' (str)",
    ),
    BadInput(
        "fit with lists in the place of Examples",
        _call("fit", TEXTS, LABELS),
        "error: fit: expected Examples as training, got ['Wins in wins alps alps', 'Wins river forest in new', 'Summit wins and ice again', ...] (list)",
    ),
    BadInput(
        "evaluate with a name in the place of a classifier",
        _call("evaluate", "headlines-bbc", TEXTS),
        "error: evaluate: expected object with predict_proba as classifier, got 'headlines-bbc' (str)",
    ),
    BadInput(
        "load_headlines with two numbers",
        _call("load_headlines", 5, 5),
        "error: load_headlines: expected a name of a source, a list of headlines or a table as source, got 5",
    ),
    BadInput(
        "load_headlines without anything",
        _call("load_headlines", None),
        "error: load_headlines: expected a name of a source, a list of headlines or a table as source, got None",
    ),
    BadInput(
        "load_headlines with a list of numbers",
        _call("load_headlines", [1, 2], ["a", "b"]),
        "error: expected a list of texts, got 1 in row 1",
    ),
    BadInput(
        "load_headlines with a number as the name of a column",
        _call("load_headlines", FRAME, text=0),
        "error: text=0: expected a valid string, got 0",
    ),
    BadInput(
        "load_headlines with a text as a seed",
        _call("load_headlines", "bbc", seed="one"),
        "error: seed=one: expected a valid integer, got 'one'",
    ),
    BadInput(
        "load_headlines with labels, and a file beside them",
        _call("load_headlines", "bbc", LABELS),
        "error: labels: expected none, as the source has its own column of them: leave them out",
    ),
    BadInput(
        "load_classifier without a folder",
        _call("load_classifier", None),
        "error: expected the path of a folder of `pipeline export`, got None",
    ),
    BadInput(
        "load_config with one text",
        _call("load_config", "seed=1"),
        "error: load_config: expected list of str as overrides, got 'seed=1' (str)",
    ),
    BadInput(
        "load_vectors with a number",
        _call("load_vectors", 5),
        "error: expected a name, a file, WordVectors or gensim KeyedVectors, got <class 'int'>",
    ),
    BadInput(
        "load_vectors of -3 dimensions",
        _call("load_vectors", "random", vector_size=-3),
        "error: expected most_frequent from 0 and a vector_size from 1, got 0 and -3",
    ),
    BadInput(
        "tokenize with one text",
        _call("tokenize", "Alps lose snow"),
        "error: tokenize: expected list of str as texts, got 'Alps lose snow' (str)",
    ),
    BadInput(
        "tokenize with another way to write contractions",
        _call("tokenize", ["Alps"], "merge"),
        "error: tokenize: expected 'split' or 'whole' as contractions, got 'merge' (str)",
    ),
    BadInput(
        "build_vocabulary with a table",
        _call("build_vocabulary", {"text": TEXTS}),
        "error: build_vocabulary: expected list of str as texts, got {'text': ['Wins in wins alps alps', 'Wins river forest in new', 'Summit wins and ice again', ...]} (dict)",
    ),
    BadInput(
        "build_vocabulary of no tokens",
        _call("build_vocabulary", TEXTS, max_tokens=0),
        "error: expected max_tokens from 1, got 0",
    ),
    BadInput(
        "build_vocabulary with an array that has no length",
        _call("build_vocabulary", np.array("a")),
        "error: build_vocabulary: expected list of str as texts, got array('a', dtype='<U1') (ndarray)",
    ),
    BadInput(
        "train_vectors with bytes",
        _call("train_vectors", [b"Alps lose snow"]),
        "error: train_vectors: expected list of str as texts, got [b'Alps lose snow'] (list) with b'Alps lose snow' (bytes) as item 1",
    ),
    BadInput(
        "join_vectors with names of sets",
        _call("join_vectors", ["glove_6b_50d", "random"]),
        "error: join_vectors: expected list of WordVectors as sets, got ['glove_6b_50d', 'random'] (list) with 'glove_6b_50d' (str) as item 1",
    ),
    BadInput(
        "spellings of one word",
        _call("spellings", "alps"),
        "error: spellings: expected list of str as words, got 'alps' (str)",
    ),
    BadInput(
        "spellings of a table",
        _call("spellings", pd.DataFrame({"word": ["alps"]})),
        "error: spellings: expected list of str as words, got word 0 alps (DataFrame)",
    ),
    BadInput(
        "Examples with a table of two columns",
        _call("Examples", pd.DataFrame({"a": ["x", "y"], "b": ["x", "y"]}), [0, 1], ("x", "y")),
        "error: Examples: expected list of str as texts, got a b 0 x x 1 y y (DataFrame)",
    ),
    BadInput(
        "fit: a table as texts without a label",
        _unlabelled(pd.DataFrame({"text": ["alps"]})),
        "error: fit: expected list of str as unlabelled, got text 0 alps (DataFrame)",
    ),
    BadInput(
        "fit: nothing among the texts without a label",
        _unlabelled(["Alps", None]),
        "error: fit: expected list of str as unlabelled, got ['Alps', None] (list) with None (NoneType) as item 2",
    ),
    BadInput(
        "Examples with one text",
        _call("Examples", "ab", [0, 1], ("x", "y")),
        "error: Examples: expected list of str as texts, got 'ab' (str)",
    ),
    BadInput(
        "Examples with names as labels",
        _call("Examples", ["Alps"], ["nature"], ("nature",)),
        "error: Examples: expected list of int as labels, got ['nature'] (list) with 'nature' (str) as item 1",
    ),
    BadInput(
        "Examples with one name for two labels",
        _call("Examples", ["Alps"], [0], ("x", "x")),
        "error: expected different label names, got ('x', 'x')",
    ),
    BadInput(
        "vectors in one dimension",
        _rows(["alps"], np.ones(3)),
        "error: expected vectors as an array of numbers, (n_words, vector_size), got float64 of shape (3,)",
    ),
    BadInput(
        "vectors that are texts",
        _rows(["alps"], [["1", "2"]]),
        "error: expected vectors as an array of numbers, (n_words, vector_size), got <U1 of shape (1, 2)",
    ),
    BadInput(
        "more words than vectors",
        _rows(["alps", "snow"], np.ones((1, 2))),
        "error: expected unique words and a row each, got 2 words, 2 unique, and an array (1, 2)",
    ),
    BadInput(
        "a table without the columns `text` and `label`",
        _loaded(FRAME),
        "error: the data frame: there is no column 'text', it has 'headline', 'topic': set text=... and label=...",
    ),
    BadInput(
        "a table without the column `label`",
        _loaded(FRAME, text="headline"),
        "error: the data frame: there is no column 'label', it has 'headline', 'topic': set label=...",
    ),
    BadInput(
        "a table whose label is the headline",
        _loaded(FRAME, text="headline", label="headline"),
        "error: expected different columns, text and label are both 'headline'",
    ),
    BadInput(
        "a table with numbers in the column of headlines",
        _loaded(FRAME.assign(headline=1.5), text="headline", label="topic"),
        "error: the data frame: expected text in column 'headline', got 1.5 in row 1: name the column that holds the headlines: set text=...",
    ),
    BadInput(
        'labels 1, "1" and 2 in a list',
        _loaded(TEXTS, _labels(1, "1", 2)),
        "data: the labels 1, 1 (not text) are one label, 1\nlabels 1, 2",
    ),
    BadInput(
        'labels True, "true" and 0 in a list',
        _loaded(TEXTS, _labels(True, "true", 0)),
        "data: the labels True (not text), true are one label, True\nlabels 0, True",
    ),
    BadInput("labels 1, 1.0 and 2 in a list", _loaded(TEXTS, _labels(1, 1.0, 2)), "labels 1, 2"),
    BadInput(
        "labels 1e16, 10**16 and 2 in a list",
        _loaded(TEXTS, _labels(1e16, 10**16, 2)),
        "labels 2, 10000000000000000",
    ),
    BadInput(
        "functions as labels",
        _loaded(TEXTS, _labels(len, max)),
        "error: expected one text, number or truth value as a label, got <built-in function len> (builtin_function_or_method)",
    ),
    BadInput(
        "objects without a text of their own as labels",
        _loaded(TEXTS, _labels(Exception, 2)),
        "error: expected one text, number or truth value as a label, got <class 'Exception'> (type)",
    ),
    BadInput(
        'EmbeddingClassifier: labels "1.0" and "1"',
        _classified(["1.0", "1", "1.0", "1"]),
        "error: expected labels of different names, got '1' and '1.0', which are both '1': write them in one form",
    ),
    BadInput(
        'EmbeddingClassifier: labels "true" and "True"',
        _classified(["true", "True"] * 2),
        "error: expected labels of different names, got 'True' and 'true', which are both 'True': write them in one form",
    ),
    BadInput(
        "EmbeddingClassifier: labels that differ by a space",
        _classified(["ice", "ice "] * 2),
        "error: expected labels of different names, got 'ice' and 'ice ', which are both 'ice': write them in one form",
    ),
    BadInput(
        "EmbeddingClassifier: an empty label",
        _classified(["ice", "", "ice", "money"]),
        "error: expected a label for each text, got '' at position 1: leave that text out",
    ),
    BadInput(
        "EmbeddingClassifier: a label that is a signalling NaN",
        _classified([1, Decimal("sNaN"), 2, 1]),
        "error: expected a label for each text, got Decimal('sNaN') at position 1: leave that text out",
    ),
    BadInput(
        "EmbeddingClassifier: a label of 5,001 digits",
        _classified([1, 10**5000, 1, 2]),
        "error: expected labels with short names, got a number of more than 4,300 digits (int): write it as text",
    ),
    BadInput(
        "EmbeddingClassifier: one label in two forms among the weights",
        _weighted({1: 2, "1": 3}),
        "error: class_weight: expected one weight for each label, '1' has two",
    ),
    BadInput(
        "a label that is a signalling NaN",
        _loaded(TEXTS, _labels(Decimal("sNaN"), 1, 2)),
        "labels 1, 2",
    ),
    BadInput(
        "labels that are fractions",
        _loaded(TEXTS, _labels(Fraction(1, 3), Fraction(4, 2))),
        "labels 1/3, 2",
    ),
    BadInput(
        "a label of 5,001 digits, as a number",
        _loaded(TEXTS, _labels(10**5000, 2)),
        "error: expected labels with short names, got a number of more than 4,300 digits (int): write it as text",
    ),
    BadInput(
        "labels that are decimals of a billion digits",
        _loaded(TEXTS, _labels(Decimal("1E+999999999"), Decimal("1E-999999999"))),
        "labels 1E+999999999, 1E-999999999",
    ),
    BadInput(
        "a label in other letters than that of the model",
        lambda trial: name_labels(["Alps"], ["BUSINESS"], ["business", "sport"], "new.csv"),
        "error: new.csv: expected the labels of the model, business, sport, got others for 1 of 1 headlines, such as 'BUSINESS'; did you mean business?",
    ),
    BadInput(
        "a weight of a text that is no number",
        lambda trial: list_labelled(["Alps"], ["ice"], np.array([np.nan])),
        "error: sample_weight: expected numbers from 0 to 1e+09, got nan at position 0",
    ),
    BadInput(
        "fit with an argument that it does not have",
        _call("fit", EXAMPLES, EXAMPLES, sed=3),
        "error: fit: got an unexpected keyword argument 'sed'; did you mean seed?",
    ),
    BadInput(
        "fit without validation headlines",
        _call("fit", EXAMPLES),
        "error: fit: missing a required argument: 'validation'",
    ),
    BadInput(
        "fit with a negative seed",
        _call("fit", EXAMPLES, EXAMPLES, seed=-1),
        "error: fit: expected at least 0 and below 2147483648 as seed, got -1 (int)",
    ),
    BadInput(
        "audit with a negative seed",
        _audited(seed=-1),
        "error: audit: expected at least 0 and below 2147483648 as seed, got -1 (int)",
    ),
    BadInput(
        "audit with a seed of more than 31 bits",
        _audited(seed=2**31),
        "error: audit: expected at least 0 and below 2147483648 as seed, got 2147483648 (int)",
    ),
    BadInput(
        "audit with bounds of 0",
        _bounds,
        "error: AuditBounds: expected at least 1 as max_signal_headlines, got 0 (int)",
    ),
    BadInput(
        "suggest in Python: a negative seed",
        _suggested(seed=-1),
        "error: suggest: expected at least 0 and below 2147483648 as seed, got -1 (int)",
    ),
    BadInput(
        "suggest in Python: of at most -1 texts",
        _suggested(most_texts=-1),
        "error: suggest: expected at least 1 as most_texts, got -1 (int)",
    ),
    BadInput(
        "neighbours: fewer than none",
        _call("neighbours", VECTORS, "alps", -1),
        "error: neighbours: expected at least 0 as k, got -1 (int)",
    ),
    BadInput(
        "neighbours: no rows at a time",
        _call("neighbours", VECTORS, "alps", block_rows=0),
        "error: neighbours: expected at least 1 as block_rows, got 0 (int)",
    ),
    BadInput(
        "build_embedding_matrix with a negative seed",
        _call("build_embedding_matrix", ["alps"], VECTORS, seed=-1),
        "error: build_embedding_matrix: expected at least 0 and below 2147483648 as seed, got -1 (int)",
    ),
    BadInput(
        "build_embedding_matrix with a share above 1",
        _call("build_embedding_matrix", ["alps"], VECTORS, min_coverage=1.5),
        "error: build_embedding_matrix: expected at least 0 and at most 1 as min_coverage, got 1.5 (float)",
    ),
    BadInput(
        "the first -1 words of vectors",
        lambda trial: VECTORS.subset([], -1),
        "error: WordVectors.subset: expected at least 0 as most_frequent, got -1 (int)",
    ),
    BadInput(
        "a table, and labels beside it",
        _loaded(FRAME, LABELS, text="headline", label="topic"),
        "error: labels: expected none, as the source has its own column of them: leave them out",
    ),
)
