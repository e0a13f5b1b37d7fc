"""Shallow signals: how well length, letter case, digits, punctuation or a few words tell the
label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.insight.audit.check import SIGNIFICANCE, AuditInputs, CheckResult, CheckTable
from pipeline.insight.audit.shapes import SHAPES, measure_shapes
from pipeline.insight.audit.words import Words

HIGH = 0.5  # fraction of the gap between majority class and best that a signal closes
FEW = 10  # words of the signal `few_words`

_LEAVES = (2, 4, 8, 16, 32, 64)  # sizes of trees that are tried
_CANDIDATES = 100  # words among which the most telling are looked for
_MAX_COLUMNS = 6  # labels that fit beside each other on a terminal

Values = Mapping[str, NDArray[np.float32]]
"""The features of a signal by split: (n, n_features)."""


@dataclass(frozen=True)
class Signal:
    """What predicting the label from one signal is worth on the test split, as fractions."""

    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class Feature:
    """A number that a signal consists of.

    `means`: over the training headlines of each label, in the order of the labels. The mean of a
    yes-or-no feature is the fraction of the headlines that have it.
    """

    signal: str
    name: str
    means: tuple[float, ...]


@dataclass(frozen=True)
class Signals(CheckResult):
    """How well each signal predicts the label by itself.

    `majority`: always the most frequent label of the training split. `alone`: each signal by its
    name; `together` is all shallow signals that the model sees, `group` the group of a headline.
    `unseen`: signals that the model does not see. `features`: those of every signal. `headlines`:
    how many were looked at, by split; `available`: how many there are.
    """

    label_names: tuple[str, ...]
    majority: Signal
    alone: Mapping[str, Signal]
    unseen: tuple[str, ...]
    features: tuple[Feature, ...]
    headlines: Mapping[str, int]
    available: Mapping[str, int]

    def closed(self, signal: str, best: float = 1.0) -> float:
        """The fraction of the gap between the majority class's accuracy and `best` that is closed.

        0 is no better than the majority class, 1 as good as the best. `best`: the accuracy of a
        model, or 1.0. A model that is no better than the majority class leaves no gap; then 1.0 is
        taken instead.
        """
        majority = self.majority.accuracy
        best = best if best > majority else 1.0
        return (self.alone[signal].accuracy - majority) / max(best - majority, 1e-9)

    def high(self, best: float = 1.0) -> list[str]:
        """The signals that close half of the gap or more, and that the model sees.

        From half on, a model may owe more of its gain over the majority class to that signal than
        to everything else. A signal must also be better than chance (binomial test against the
        majority class, p < 0.01).
        """
        seen = [name for name in self.alone if name not in self.unseen]
        high = HIGH - 1e-9  # a half of counts may be a little less in floating point
        return [
            name
            for name in seen
            if self.closed(name, best) >= high and self._p_value(name) < SIGNIFICANCE
        ]

    def _p_value(self, signal: str) -> float:
        """The probability that the majority class's accuracy gives as many hits by chance."""
        from scipy.stats import binomtest

        headlines = self.headlines["test"]
        hits = round(self.alone[signal].accuracy * headlines)
        majority = self.majority.accuracy
        return float(binomtest(hits, headlines, majority, alternative="greater").pvalue)

    def warnings(self, best: float = 1.0) -> list[str]:
        high = self.high(best)
        if not high:
            return []
        accuracies = ", ".join(f"{name} {self.alone[name].accuracy:.3f}" for name in high)
        return [
            f"high test accuracy from shallow signals alone: {accuracies} "
            f"(commonest label {self.majority.accuracy:.3f})"
        ]

    def samples(self) -> list[str]:
        return [
            f"signals are those of a random {number:,} of {self.available[split]:,} "
            f"headlines in {split}"
            for split, number in self.headlines.items()
            if number < self.available[split]
        ]

    def metrics(self) -> dict[str, float]:
        values = {"majority_accuracy": self.majority.accuracy}
        for name, signal in self.alone.items():
            values[f"{name}_accuracy"] = signal.accuracy
            values[f"{name}_macro_f1"] = signal.macro_f1
        return values

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        features = self._features_table()
        return {
            "audit_signals": CheckTable(
                "The label from one signal alone, test split", self._signals_table(best)
            ),
            "audit_features": CheckTable(
                "Means of these signals over the training headlines of each label",
                features,
                self._most_different_labels(features),
            ),
        }

    def values(self) -> dict[str, Any]:
        closed = {name: self.closed(name) for name in self.alone}
        return {**asdict(self), "gap_closed": closed, "high": self.high()}

    def _signals_table(self, best: float) -> pd.DataFrame:
        """The majority class and each signal, with the fraction of the gap to `best` it closes."""
        high = self.high(best)
        rows = [("majority", self.majority.accuracy, self.majority.macro_f1, 0.0, "")]
        for name, signal in self.alone.items():
            remark = "high" if name in high else "unseen" if name in self.unseen else ""
            closed = self.closed(name, best)
            rows.append((name, signal.accuracy, signal.macro_f1, closed, remark))
        columns = ["signal", "accuracy", "macro_f1", "gap_closed", "remark"]
        return pd.DataFrame(rows, columns=columns)

    def _features_table(self) -> pd.DataFrame:
        rows = [(feature.signal, feature.name, *feature.means) for feature in self.features]
        return pd.DataFrame(rows, columns=["signal", "feature", *self.label_names])

    def _most_different_labels(self, features: pd.DataFrame) -> pd.DataFrame | None:
        """With many labels, the two labels between which each feature differs most."""
        if len(self.label_names) <= _MAX_COLUMNS:
            return None
        means = features[[*self.label_names]]
        short = features[["signal", "feature"]].copy()
        for title, labels, values in (
            ("lowest", means.idxmin(axis=1), means.min(axis=1)),
            ("highest", means.idxmax(axis=1), means.max(axis=1)),
        ):
            pairs = zip(values, labels, strict=True)
            short[title] = [f"{value:.4f} {label}" for value, label in pairs]
        return short


def measure_signals(inputs: AuditInputs) -> Signals:
    """Fit a small decision tree to each signal alone, and one to all of them together.

    A tree is fitted to the training split, its size (up to 64 leaves) is chosen on validation, and
    it is scored on test. `few_words` are the words by which a tree of ten splits tells the training
    headlines apart, out of the 100 words with the highest chi-squared statistic. `best_word` is the
    first of them. `group` predicts the label that the group has most often in the training split.
    """
    words, seed = inputs.words, inputs.seed
    random = np.random.default_rng(seed)
    most = inputs.bounds.max_signal_headlines
    rows = {split: _sample(size, most, random) for split, size in words.sizes.items()}
    labels = {split: words.labels[split][chosen] for split, chosen in rows.items()}
    names, values = _signal_values(words, rows, labels["train"], seed)

    unseen = () if inputs.letter_case else ("letter_case",)
    seen = [features for signal, features in values.items() if signal not in unseen]
    together = {split: np.hstack([features[split] for features in seen]) for split in rows}
    alone = {signal: _fit_tree(features, labels, seed) for signal, features in values.items()}
    alone["together"] = _fit_tree(together, labels, seed)
    if inputs.groups is not None:
        alone["group"] = _score_groups(words, inputs.groups)
    majority = np.full_like(labels["test"], np.bincount(labels["train"]).argmax())
    return Signals(
        label_names=words.label_names,
        majority=_score(labels["test"], majority),
        alone=alone,
        unseen=unseen,
        features=tuple(
            Feature(signal, name, _means(column, labels["train"], len(words.label_names)))
            for signal, features in values.items()
            for name, column in zip(names[signal], features["train"].T, strict=True)
        ),
        headlines={split: len(chosen) for split, chosen in rows.items()},
        available=words.sizes,
    )


def _sample(n: int, most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Positions of `n` headlines, or of `most` of them in order: int array, (min(n, most),)."""
    if n <= most:
        return np.arange(n)
    return np.sort(random.choice(n, most, replace=False))


def _signal_values(
    words: Words, rows: Mapping[str, NDArray[np.int64]], labels: NDArray[np.int64], seed: int
) -> tuple[dict[str, list[str]], dict[str, Values]]:
    """The names and the values of the features of each signal.

    `rows`: the headlines that are looked at, by split. `labels`: those of the training headlines.
    """
    shapes = {
        split: measure_shapes(words.texts[split].take(chosen)) for split, chosen in rows.items()
    }
    names = {signal: [*features] for signal, features in SHAPES.items()}
    values: dict[str, Values] = {
        signal: {split: shapes[split][signal] for split in rows} for signal in SHAPES
    }
    telling = _telling_words(words.counts["train"][rows["train"]], labels, seed)
    for signal, columns in (("best_word", telling[:1]), ("few_words", telling)):
        names[signal] = [f"has the word {word!r}" for word in words.words[columns]]
        values[signal] = {
            split: (words.counts[split][chosen][:, columns].toarray() > 0).astype(np.float32)
            for split, chosen in rows.items()
        }
    return names, values


def _telling_words(counts: Any, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Columns of `counts`, (n, n_words): from one to `FEW`, the most telling word first."""
    from sklearn.feature_selection import SelectKBest, chi2
    from sklearn.tree import DecisionTreeClassifier

    present = counts > 0
    best = SelectKBest(chi2, k=min(_CANDIDATES, present.shape[1])).fit(present, labels)
    candidates = best.get_support(indices=True)
    tree = DecisionTreeClassifier(max_leaf_nodes=FEW + 1, random_state=seed)
    splits = tree.fit(present[:, candidates].toarray(), labels).tree_.feature
    # The root is the first node. A tree has no split where every headline has the same words.
    return candidates[list(dict.fromkeys(splits[splits >= 0])) or [0]]


def _fit_tree(values: Values, labels: Mapping[str, NDArray[np.int64]], seed: int) -> Signal:
    """Fit trees of all sizes to train, and score the one that is best on validation.

    Where several are equally good it is the smallest.
    """
    from sklearn.tree import DecisionTreeClassifier

    trees = [
        DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=seed).fit(
            values["train"], labels["train"]
        )
        for leaves in _LEAVES
    ]
    best = max(trees, key=lambda tree: tree.score(values["validation"], labels["validation"]))
    return _score(labels["test"], best.predict(values["test"]))


def _score_groups(words: Words, groups: Mapping[str, Sequence[str]]) -> Signal:
    """Predict the label that the group has most often in the training split."""
    labels = words.labels["train"].tolist()
    by_group: dict[str, Counter[int]] = {}
    for group, label in zip(groups["train"], labels, strict=True):
        by_group.setdefault(group, Counter())[label] += 1
    new_group = Counter(labels)
    predicted = [by_group.get(group, new_group).most_common(1)[0][0] for group in groups["test"]]
    return _score(words.labels["test"], np.array(predicted))


def _score(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> Signal:
    """Accuracy and macro F1 of predictions: int arrays, (n,)."""
    from sklearn.metrics import f1_score

    f1 = f1_score(labels, predicted, average="macro", zero_division=0)
    return Signal(float((labels == predicted).mean()), float(f1))


def _means(
    column: NDArray[np.float32], labels: NDArray[np.int64], n_labels: int
) -> tuple[float, ...]:
    """The mean for each label; 0 for a label that a sample does not have."""
    sums = np.bincount(labels, weights=column, minlength=n_labels)
    return tuple((sums / np.maximum(np.bincount(labels, minlength=n_labels), 1)).tolist())
