"""Groups held out: does what is learned from some sources hold for another source?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from numpy.typing import NDArray

from pipeline.insight.audit.check import SIGNIFICANCE, AuditInputs, CheckResult, CheckTable

LOST = 0.1  # fraction of the gap between majority class and 1 that is lost on sources held out

_MAX_FOLDS = 10
_NAMED_GROUPS = 5  # in a row of the table


@dataclass(frozen=True)
class HeldOut:
    """A part of the headlines, predicted by a model that was fitted to the rest.

    `groups`: the groups of this part. `accuracy`: that of its headlines. `same_labels`: the
    accuracy of as many headlines of each label, drawn at random from all groups. `unlearnable`: the
    fraction of the headlines whose label no other group has.
    """

    groups: tuple[str, ...]
    headlines: int
    accuracy: float
    same_labels: float
    unlearnable: float


@dataclass(frozen=True)
class Groups(CheckResult):
    """How much the accuracy of a linear model depends on knowing the group.

    `number`: how many groups there are. `headlines`: how many headlines were predicted, of the
    `available` ones of all splits. The next three are fractions of them that were predicted right,
    in parts of the same sizes. `held_out`: a part is a group, or several. `same_labels`: a part is
    random, with as many headlines of each label as the groups have. `stratified`: a part is random,
    with the labels in the proportions of the whole. `majority`: always the most frequent label.
    `p_value`: that of the sign test that `held_out` and `same_labels` are equal.
    """

    number: int
    headlines: int
    available: int
    held_out: float
    same_labels: float
    stratified: float
    majority: float
    p_value: float
    folds: tuple[HeldOut, ...]

    def matters(self) -> bool:
        """Whether headlines of sources held out are predicted worse than random ones.

        They lose a tenth of the gap between the majority class and 1 or more, and this is not
        chance (sign test, p < 0.01). Random groups lose far less.
        """
        lost = self.same_labels - self.held_out
        return lost >= LOST * (1 - self.majority) and self.p_value < SIGNIFICANCE

    def warnings(self, best: float = 1.0) -> list[str]:
        if not self.matters():
            return []
        return [
            f"a linear model's accuracy is {self.held_out:.3f} on sources held out, and "
            f"{self.same_labels:.3f} on as many headlines of the same labels at random"
        ]

    def samples(self) -> list[str]:
        if self.headlines == self.available:
            return []
        return [f"groups are those of a random {self.headlines:,} headlines"]

    def metrics(self) -> dict[str, float]:
        return {
            "groups_held_out_accuracy": self.held_out,
            "groups_same_labels_accuracy": self.same_labels,
            "groups_stratified_accuracy": self.stratified,
        }

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        columns = [field.name for field in fields(HeldOut)]
        rows = [{**asdict(fold), "groups": _list_some(fold.groups)} for fold in self.folds]
        return {
            "audit_groups": CheckTable(
                f"A linear model on sources that it has not seen, {self.number:,} in all",
                pd.DataFrame(rows, columns=columns),
                note=(
                    f"all held out {self.held_out:.4f}, same labels at random "
                    f"{self.same_labels:.4f}, stratified {self.stratified:.4f}, "
                    f"commonest label {self.majority:.4f}"
                ),
            )
        }


def hold_groups_out(inputs: AuditInputs) -> Groups | None:
    """Predict every headline by a model that saw no headline of its group, and by models that did.

    The splits are put together, as a group may be in all of them. Up to ten groups are held out one
    by one, more in ten parts (scikit-learn's GroupKFold). The model is a linear support vector
    machine over the TF-IDF of words, fitted by stochastic gradient descent. Where headlines x
    labels are more than `bounds.max_group_scores`, it is complement naive Bayes (Rennie et al.
    2003), as the other's time grows with both.

    A group that is held out takes most of its own labels with it, which costs accuracy by itself.
    So `same_labels` is the fair comparison.

    Returns None where the headlines have no groups.
    """
    from scipy.stats import binomtest
    from sklearn.model_selection import GroupKFold

    if inputs.groups is None:
        return None
    words, seed = inputs.words, inputs.seed
    splits = [*words.texts]
    groups = np.array([group for split in splits for group in inputs.groups[split]], object)
    labels = np.concatenate([words.labels[split] for split in splits])
    counts = scipy.sparse.vstack([words.counts[split] for split in splits], "csr")
    available, random = len(groups), np.random.default_rng(seed)
    rows = np.sort(random.permutation(available)[: inputs.bounds.max_group_headlines])
    groups, labels, counts = groups[rows], labels[rows], counts[rows]

    names, codes = np.unique(groups, return_inverse=True)
    folds = codes
    if len(names) > _MAX_FOLDS:
        folds = np.empty_like(codes)
        for fold, (_, part) in enumerate(GroupKFold(_MAX_FOLDS).split(counts, groups=codes)):
            folds[part] = fold
    drawn = shuffle_within_labels(folds, labels, random)
    model = _model(len(rows) * len(words.label_names) > inputs.bounds.max_group_scores, seed)
    right = _predict(model, counts, labels, folds) == labels
    right_drawn = _predict(model, counts, labels, drawn) == labels
    even = stratify_folds(folds, labels, random)
    stratified = _predict(model, counts, labels, even) == labels
    better, worse = int((right & ~right_drawn).sum()), int((~right & right_drawn).sum())
    return Groups(
        number=len(names),
        headlines=len(rows),
        available=available,
        held_out=float(right.mean()),
        same_labels=float(right_drawn.mean()),
        stratified=float(stratified.mean()),
        majority=float(np.bincount(labels).max() / len(labels)),
        p_value=float(binomtest(better, better + worse).pvalue) if better + worse else 1.0,
        folds=tuple(
            HeldOut(
                groups=tuple(names[np.unique(codes[part])]),
                headlines=int(part.sum()),
                accuracy=float(right[part].mean()),
                same_labels=float(right_drawn[drawn == fold].mean()),
                unlearnable=float((~np.isin(labels[part], labels[~part])).mean()),
            )
            for fold, part in enumerate(folds == fold for fold in range(folds.max() + 1))
        ),
    )


def shuffle_within_labels(
    folds: NDArray[np.int64], labels: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Draw folds, (n,), at random that have as many headlines of each label as the given ones."""
    drawn = np.empty_like(folds)
    for label in np.unique(labels):
        drawn[labels == label] = random.permutation(folds[labels == label])
    return drawn


def stratify_folds(
    folds: NDArray[np.int64], labels: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Draw folds, (n,), at random that are as large as the given ones, with the labels of the
    whole.

    The headlines are put in the order of their labels. Each fold takes places spread evenly over
    it.
    """
    sizes = np.bincount(folds)
    places = np.concatenate([(np.arange(size) + random.random()) / size for size in sizes])
    drawn = np.empty_like(folds)
    by_label = np.lexsort((random.random(len(labels)), labels))
    drawn[by_label] = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(places)]
    return drawn


def _model(many: bool, seed: int) -> Any:
    """A model of counts, not fitted. `many`: there are many headlines and labels."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import SGDClassifier
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline

    last = ComplementNB() if many else SGDClassifier(random_state=seed)
    return make_pipeline(TfidfTransformer(sublinear_tf=True), last)


def _predict(
    model: Any, counts: Any, labels: NDArray[np.int64], folds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Predict the label of each headline by the model, fitted to the other folds."""
    predicted = np.empty_like(labels)
    for fold in range(folds.max() + 1):
        part = folds == fold
        learnable = np.unique(labels[~part])
        if len(learnable) == 1:  # the other folds have only one label
            predicted[part] = learnable
            continue
        seen = counts[~part].getnnz(axis=0) > 0
        model.fit(counts[~part][:, seen], labels[~part])
        predicted[part] = model.predict(counts[part][:, seen])
    return predicted


def _list_some(names: Sequence[str]) -> str:
    shown = ", ".join(name or "(none)" for name in names[:_NAMED_GROUPS])
    rest = len(names) - _NAMED_GROUPS
    return f"{shown} and {rest:,} more" if rest > 0 else shown
