"""How far shallow signals alone get: length, letter case, digits, punctuation, a few words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.insight.audit.words import Words

FEW = 10  # words

_MOST_HEADLINES = 30_000  # of each split: the accuracy's standard error is then 0.003 at most
_LEAVES = (2, 4, 8, 16, 32, 64)
_CANDIDATES = 100  # words
_DIGIT_FIRST = re.compile(r"\W*\d")


@dataclass(frozen=True)
class Signal:
    """What predicting the label from a signal alone is worth on the test split: fractions."""

    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Feature:
    """A number that a signal consists of. `means`: over the training headlines of each label, in
    the order of the labels; of what is so or is not, the fraction that is."""

    signal: str
    name: str
    means: tuple[float, ...]


@dataclass(frozen=True)
class Signals:
    """`majority`: what always giving the most frequent label of the training split is worth;
    `alone`: each signal by its name; `together`: all of them but those in `unseen`, which the model
    does not see. `headlines`: how many were looked at, by split."""

    majority: Signal
    alone: Mapping[str, Signal]
    together: Signal
    unseen: tuple[str, ...]
    features: tuple[Feature, ...]
    headlines: Mapping[str, int]


Measure = Callable[[str, list[str]], float]  # of a headline and its parts between spaces


def _share(holds: Callable[[str], bool]) -> Measure:
    """Fraction of the parts with a letter of which something holds."""

    def measure(text: str, parts: list[str]) -> float:
        words = [part for part in parts if part.lower() != part.upper()]
        return sum(map(holds, words)) / max(len(words), 1)

    return measure


def _begins_with_capital(word: str) -> bool:
    return next((c for c in word if c.isalpha()), "").isupper()


def _all_capitals(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _number(marks: str) -> Measure:
    return lambda text, parts: sum(map(text.count, marks))


_SHAPE: Mapping[str, Mapping[str, Measure]] = {
    "length": {
        "characters": lambda text, parts: len(text),
        "words": lambda text, parts: len(parts),
    },
    "letter_case": {
        "is in title case": lambda text, parts: text.istitle(),
        "words with a capital": _share(_begins_with_capital),
        "words all in capitals": _share(_all_capitals),
    },
    "leading_digit": {
        "begins with a digit": lambda text, parts: _DIGIT_FIRST.match(text) is not None,
    },
    "punctuation": {
        **{f"number of {mark}": _number(mark) for mark in "?!:,."},
        "number of dashes": _number("-–—"),
        "number of quotes": _number("'\"‘’“”"),
    },
}

Values = dict[str, NDArray[np.float32]]  # by split: (n, n_features)


def shallow_signals(words: Words, *, letter_case: bool = True, seed: int = 0) -> Signals:
    """Fit a small decision tree to each signal alone, and one to all together.

    The trees are fitted to the training split, their size (up to 64 leaves) is chosen on
    validation, and they are scored on test. `few_words` are those by which a tree of ten splits
    tells the training headlines apart, out of the 100 words with the highest chi-squared statistic,
    and `best_word` is the first of them. `letter_case`: whether the model sees it; it is measured
    in any case. Of splits with more than 30,000 headlines a random sample of so many is looked at.
    """
    random = np.random.default_rng(seed)
    rows = {split: _sample(len(texts), random) for split, texts in words.texts.items()}
    labels = {split: words.labels[split][of] for split, of in rows.items()}
    names = {signal: [*features] for signal, features in _SHAPE.items()}
    values = _shape({split: [words.texts[split][i] for i in of] for split, of in rows.items()})

    chosen = _telling_words(words.counts["train"][rows["train"]], labels["train"], seed)
    for signal, columns in (("best_word", chosen[:1]), ("few_words", chosen)):
        names[signal] = [f"has the word {word!r}" for word in words.words[columns]]
        values[signal] = {
            split: (words.counts[split][of][:, columns].toarray() > 0).astype(np.float32)
            for split, of in rows.items()
        }
    unseen = () if letter_case else ("letter_case",)
    seen = [of for signal, of in values.items() if signal not in unseen]
    everything = {split: np.hstack([of[split] for of in seen]) for split in rows}
    majority = np.full_like(labels["test"], np.bincount(labels["train"]).argmax())
    return Signals(
        majority=score(labels["test"], majority),
        alone={signal: _tree(of, labels, seed) for signal, of in values.items()},
        together=_tree(everything, labels, seed),
        unseen=unseen,
        features=tuple(
            Feature(signal, name, _means(column, labels["train"], len(words.label_names)))
            for signal, of in values.items()
            for name, column in zip(names[signal], of["train"].T, strict=True)
        ),
        headlines={split: len(of) for split, of in rows.items()},
    )


def score(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> Signal:
    """Accuracy and macro F1 of predictions: int arrays, (n,)."""
    from sklearn.metrics import f1_score

    f1 = f1_score(labels, predicted, average="macro", zero_division=0)
    return Signal(float((labels == predicted).mean()), float(f1))


def _sample(n: int, random: np.random.Generator) -> NDArray[np.int64]:
    if n <= _MOST_HEADLINES:
        return np.arange(n)
    return np.sort(random.choice(n, _MOST_HEADLINES, replace=False))


def _shape(texts: Mapping[str, Sequence[str]]) -> dict[str, Values]:
    """The features of `_SHAPE`, by signal."""
    values: dict[str, Values] = {signal: {} for signal in _SHAPE}
    for split, of in texts.items():
        parts = [text.split() for text in of]
        for signal, features in _SHAPE.items():
            columns = [list(map(measure, of, parts)) for measure in features.values()]
            values[signal][split] = np.array(columns, np.float32).T
    return values


def _telling_words(counts: Any, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Columns of `counts`, at least one and at most `FEW`, the most telling first."""
    from sklearn.feature_selection import SelectKBest, chi2
    from sklearn.tree import DecisionTreeClassifier

    present = counts > 0
    best = SelectKBest(chi2, k=min(_CANDIDATES, present.shape[1])).fit(present, labels)
    candidates = best.get_support(indices=True)
    tree = DecisionTreeClassifier(max_leaf_nodes=FEW + 1, random_state=seed)
    splits = tree.fit(present[:, candidates].toarray(), labels).tree_.feature
    # The root is the first node. A tree without a split is one of words that all headlines have.
    return candidates[list(dict.fromkeys(splits[splits >= 0])) or [0]]


def _tree(values: Values, labels: Mapping[str, NDArray[np.int64]], seed: int) -> Signal:
    """A tree fitted to train, as large as is best on validation (the smallest of those)."""
    from sklearn.tree import DecisionTreeClassifier

    trees = [
        DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=seed).fit(
            values["train"], labels["train"]
        )
        for leaves in _LEAVES
    ]
    best = max(trees, key=lambda tree: tree.score(values["validation"], labels["validation"]))
    return score(labels["test"], best.predict(values["test"]))


def _means(
    column: NDArray[np.float32], labels: NDArray[np.int64], n_labels: int
) -> tuple[float, ...]:
    """The mean for each label, 0 for one that a sample does not have."""
    sums = np.bincount(labels, weights=column, minlength=n_labels)
    return tuple((sums / np.maximum(np.bincount(labels, minlength=n_labels), 1)).tolist())
