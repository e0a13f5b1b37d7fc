"""Bad input for `EmbeddingClassifier` and for a training in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from bad_input import BadInput, Trial
from builders import all_words, make_headlines, topical_vectors, write_csv, write_glove

_TEXTS, _LABELS = ["Alps", "snow", "bank", "rates"], ["ice", "ice", "money", "money"]


def _fit(texts: Any = _TEXTS, labels: Any = _LABELS, **options: Any) -> Callable[[Trial], object]:
    """Fit to a few texts. No row comes as far as training, unless its options say so."""

    def act(trial: Trial) -> object:
        from pipeline import EmbeddingClassifier

        return EmbeddingClassifier(**options).fit(texts, labels).classes_.tolist()

    return act


def _held_out(data: Any) -> Callable[[Trial], object]:
    """Fit with this as validation_data."""

    def act(trial: Trial) -> object:
        from pipeline import EmbeddingClassifier

        return EmbeddingClassifier().fit(_TEXTS, _LABELS, validation_data=data)

    return act


def _train(**options: Any) -> Callable[[Trial], object]:
    """Train on 30 headlines a topic, with vectors in memory."""

    def act(trial: Trial) -> object:
        from pipeline import EmbeddingClassifier, WordVectors

        vectors = WordVectors.from_rows(all_words(), topical_vectors(all_words()))
        quick = {"encoder": "mean", "sif": False, "ngrams": False, "adversarial_epsilon": 0.0}
        quick |= {"frozen_epochs": 3, "fine_tuned_epochs": 0} | options
        return EmbeddingClassifier(vectors, **quick).fit(*make_headlines(30)).classes_.tolist()

    return act


def _one_row(value: float) -> Callable[[Trial], object]:
    """Vectors in memory of which one row is `value`."""

    def act(trial: Trial) -> object:
        from pipeline import EmbeddingClassifier, WordVectors

        rows = topical_vectors(all_words())
        rows[all_words().index("alps")] = value
        vectors = WordVectors.from_rows(all_words(), rows)
        return EmbeddingClassifier(vectors).fit(*make_headlines(30))

    return act


def _other_language(trial: Trial) -> object:
    from pipeline import EmbeddingClassifier

    write_glove(trial.folder / "other.txt", ["зима", "снег", "лето"])
    return EmbeddingClassifier(str(trial.folder / "other.txt")).fit(*make_headlines(30))


def _broken_network(trial: Trial) -> object:
    from networks import TRAIN, VALIDATION, built, small_matrix

    from pipeline import fit_ensemble

    network = built()
    network.set_weights([np.full_like(weights, np.nan) for weights in network.get_weights()])
    return fit_ensemble(network, small_matrix(), TRAIN, VALIDATION)


def _command(*overrides: str) -> Callable[[Trial], object]:
    """`pipeline train` on 30 headlines a topic."""

    def act(trial: Trial) -> object:
        write_csv(trial.folder / "my.csv", *make_headlines(30))
        write_glove(trial.folder / "glove.txt", all_words())
        return trial.command(
            "train", "data=file", "data.path=my.csv", "vectors=file", "vectors.path=glove.txt",
            "model=mean", "insight=none", *overrides,
        )  # fmt: skip

    return act


def _examples(labels: list[int]) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline.data.examples import Examples

        return Examples(["a", "b"], labels, ("x", "y"))

    return act


_LISTED = "expected labels that are all strings, all whole numbers or all truth values, got"
_LOSS = "or give vectors with smaller numbers"

ROWS = (
    BadInput(
        "a DataFrame with two columns as texts",
        _fit(pd.DataFrame({"id": ["a1", "a2"], "text": ["Alps", "snow"]}), ["ice", "money"]),
        "error: expected a list of texts, got an array or table of shape (2, 2): give one of its columns",
    ),
    BadInput(
        "a dict of columns as texts",
        _fit({"text": ["Alps", "snow"], "label": ["x", "y"]}),
        "error: expected a list of texts, got {'text': ['Alps', 'snow'], 'label': ['x', 'y']}: give a list, an array or a column",
    ),
    BadInput(
        "a set of texts, which has no order",
        _fit({"Alps"}),
        "error: expected a list of texts, got {'Alps'}: give a list, an array or a column",
    ),
    BadInput(
        "one text instead of a list",
        _fit("Alps"),
        "error: expected a list of texts, got one string: put it in a list",
    ),
    BadInput(
        "bytes instead of a list",
        _fit(b"Alps"),
        "error: expected a list of texts, got one string: put it in a list",
    ),
    BadInput(
        "no texts",
        _fit(None),
        "error: expected a list of texts, got None: give a list, an array or a column",
    ),
    BadInput(
        "a number among the texts",
        _fit(["Alps", 5.5]),
        "error: expected texts, got 5.5 at position 1",
    ),
    BadInput(
        "NaN among the texts, as pandas reads an empty cell",
        _fit(pd.Series(["Alps", np.nan])),
        "error: expected texts, got nan at position 1",
    ),
    BadInput(
        "bytes among the texts",
        _fit(["Alps", b"snow"]),
        "error: expected texts, got b'snow' at position 1",
    ),
    BadInput(
        "one-hot labels",
        _fit(labels=np.eye(4)),
        "error: expected a list of labels, got an array or table of shape (4, 4): give one of its columns",
    ),
    BadInput(
        "a dict as labels",
        _fit(labels={"label": _LABELS}),
        "error: expected a list of labels, got {'label': ['ice', 'ice', 'money', 'money']}: give a list, an array or a column",
    ),
    BadInput(
        "NaN among the labels",
        _fit(labels=["ice", np.nan, "money", "money"]),
        "error: expected a label for each text, got nan at position 1: leave that text out",
    ),
    BadInput(
        "None among the labels",
        _fit(labels=["ice", "ice", None, "money"]),
        "error: expected a label for each text, got None at position 2: leave that text out",
    ),
    BadInput(
        "pandas.NA among the labels",
        _fit(labels=pd.Series([1, 1, 2, pd.NA], dtype="Int64")),
        "error: expected a label for each text, got <NA> at position 3: leave that text out",
    ),
    BadInput(
        "a label that is not a whole number",
        _fit(labels=[0.5, 0.5, 1.5, 1.5]),
        f"error: {_LISTED} 0.5 at position 0",
    ),
    BadInput(
        "infinity as a label",
        _fit(labels=[1.0, 1.0, 2.0, float("inf")]),
        f"error: {_LISTED} inf at position 3",
    ),
    BadInput(
        "labels of two kinds",
        _fit(labels=[True, True, 2, 2]),
        f"error: {_LISTED} 2 at position 2",
    ),
    BadInput(
        "a list as a label",
        _fit(labels=[["ice", "snow"], ["ice"], ["money"], ["money"]]),
        f"error: {_LISTED} ['ice', 'snow'] at position 0",
    ),
    BadInput(
        "fewer labels than texts",
        _fit(labels=["ice", "money"]),
        "error: expected one label a text, got 4 and 2",
    ),
    BadInput(
        "one label for all texts",
        _fit(labels=["ice"] * 4),
        "error: expected at least two labels, and one with two texts, got 'ice': 4",
    ),
    BadInput(
        "validation_data that are texts alone",
        _held_out(["Alps", "snow", "bank"]),
        "error: validation_data: expected a list of texts, got one string: put it in a list",
    ),
    BadInput(
        "validation_data without a text",
        _held_out(([], [])),
        "error: validation_data: expected at least one text, got none",
    ),
    BadInput(
        "validation_data with a label too few",
        _held_out((["Alps", "bank"], ["ice"])),
        "error: validation_data: expected one label a text, got 2 and 1",
    ),
    BadInput(
        "validation_data with a label that no training text has",
        _held_out((["Alps", "bank"], ["ice", "politics"])),
        "error: validation_data: expected a label of the training texts, got 'politics' at position 1",
    ),
    BadInput(
        "validation_data with a number among the texts",
        _held_out((["Alps", 5], ["ice", "ice"])),
        "error: validation_data: expected texts, got 5 at position 1",
    ),
    BadInput(
        "a parameter out of range",
        _fit(frozen_learning_rate=20),
        "error: frozen_learning_rate=20: expected less than 10, got 20",
    ),
    BadInput(
        "vectors of another language, in Python",
        _other_language,
        "error: vectors other.txt: expected vectors for at least 30% of the tokens, got 0.0% (missing: 'new', 'after', 'again'): the vectors are probably of another language or another kind of text: choose other vectors, or lower min_coverage",
    ),
    BadInput(
        "a vector of NaN in memory",
        _one_row(np.nan),
        "error: vectors memory, word 'alps': expected finite numbers up to 1,000,000, got nan: the set is damaged, or has to be scaled",
    ),
    BadInput(
        "a vector of 1e38 in memory",
        _one_row(1e38),
        "error: vectors memory, word 'alps': expected finite numbers up to 1,000,000, got 1e+38: the set is damaged, or has to be scaled",
    ),
    BadInput(
        "vectors scaled to enormous numbers, in Python",
        _train(std=1e30),
        f"error: epoch 1 of frozen: expected a finite loss, got nan: lower frozen_learning_rate (now 0.002), {_LOSS}",
    ),
    BadInput(
        "vectors scaled to enormous numbers, on the command line: it ends at the first such loss",
        _command("vectors.std=1e30"),
        f"error: epoch 1 of frozen: expected a finite loss, got nan: lower training.frozen.learning_rate (now 0.002), {_LOSS}",
    ),
    BadInput(
        "a trained network with numbers that are not finite, given to fit_ensemble",
        _broken_network,
        "error: expected a network with finite outputs, got NaN or infinity: train it with a smaller learning rate, or vectors with smaller numbers",
    ),
    BadInput(
        "a label that is no position in the names of the labels",
        _examples([0, 2]),
        "error: expected labels from 0 to 1, as positions in 2 label names, got 2",
    ),
    BadInput(
        "a negative label",
        _examples([-1, 0]),
        "error: expected labels from 0 to 1, as positions in 2 label names, got -1",
    ),
)
