"""Labels that are probably wrong: those in which two simple models, fitted to the other headlines,
do not believe.

It is confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068). The probabilities are
those of `pipeline.classifier.two_views`, out of fold. They say how many labels are wrong: a
headline counts whose most probable label, among those that are at least as probable as they are for
headlines with this label on average, is another one. So many headlines are listed, those first
whose label is least probable.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import softmax

from pipeline.classifier.two_views import score_views_out_of_fold
from pipeline.data.sampling import sample_positions
from pipeline.insight.audit.check import AuditInputs, CheckResult, CheckTable
from pipeline.insight.text_views import view_texts

_SHOWN = 10  # headlines that the terminal shows


@dataclass(frozen=True)
class WrongLabel:
    """A headline whose label is probably wrong.

    `split`: where it is. `label`: the one that it has. `probable_label`: the one that the models
    give it. `probability`: how probable its own label is, from 0 to 1.
    """

    split: str
    label: str
    probable_label: str
    probability: float
    text: str


@dataclass(frozen=True)
class WrongLabels(CheckResult):
    """`wrong`: the headlines, those with the least probable label first. `headlines`: how many were
    looked at, of the `available` ones. `agreement`: for how many of them the models give the label
    that they have, as a fraction."""

    wrong: tuple[WrongLabel, ...]
    headlines: int
    available: int
    agreement: float

    def samples(self) -> list[str]:
        if self.headlines == self.available:
            return []
        return [f"wrong labels are looked for in a random {self.headlines:,} headlines"]

    def metrics(self) -> dict[str, float]:
        return {
            "wrong_labels": len(self.wrong),
            "wrong_labels_headlines": self.headlines,
            "wrong_labels_agreement": self.agreement,
        }

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        columns = ["label", "probable_label", "probability", "split", "text"]
        frame = pd.DataFrame(map(asdict, self.wrong), columns=columns)
        shown = frame.head(_SHOWN)
        return {
            "wrong_labels": CheckTable(
                f"Labels that are probably wrong, {len(shown)} of {len(frame):,}",
                frame,
                shown,
                note=(
                    "probability: that of the label. Two simple models, which agree with "
                    f"{self.agreement:.1%} of {self.headlines:,} labels, do not believe these: "
                    "look at them, a hard headline may be among them"
                ),
            )
        }


def list_wrong_labels(inputs: AuditInputs) -> WrongLabels | None:
    """List the headlines whose label is probably wrong; None where two labels are not in several
    each.

    The splits are put together. Of more than `bounds.max_label_headlines`, a random sample is
    taken.
    """
    words = inputs.words
    splits = [*words.texts]
    labels = np.concatenate([words.labels[split] for split in splits])
    rows = sample_positions(len(labels), inputs.bounds.max_label_headlines, inputs.seed)
    given = labels[rows]
    if (np.bincount(given) > 1).sum() < 2:
        return None
    counts = scipy.sparse.vstack([words.counts[split] for split in splits], "csr")[rows]
    held_out = [text for split in splits if split != "train" for text in words.texts[split]]
    views = view_texts(words.words, counts, inputs.vectors, held_out)
    scores, factor = score_views_out_of_fold(views, given, len(words.label_names), inputs.seed)
    probabilities = softmax(factor * scores, axis=1)
    best = probabilities.argmax(axis=1)
    worst = rank_labels(probabilities, given)[: count_wrong_labels(probabilities, given)]
    starts = np.cumsum([0, *(len(words.texts[split]) for split in splits)])
    wrong = []
    for i in worst[best[worst] != given[worst]].tolist():
        part = int(np.searchsorted(starts, rows[i], "right")) - 1
        split, place = splits[part], int(rows[i] - starts[part])
        wrong.append(
            WrongLabel(
                split,
                words.label_names[given[i]],
                words.label_names[best[i]],
                round(float(probabilities[i, given[i]]), 4),
                words.texts[split][place],
            )
        )
    return WrongLabels(tuple(wrong), len(rows), len(labels), float((best == given).mean()))


def count_wrong_labels(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]
) -> int:
    """How many labels are wrong: the sum of the confident joint off its diagonal.

    `probabilities`: out of fold, (n, n_labels). `labels`: those given, int array (n,).
    """
    n_labels = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    sums = np.bincount(labels, weights=own, minlength=n_labels)
    counts = np.bincount(labels, minlength=n_labels)
    # A label without a headline is never confident. One or two hard headlines would make any other
    # headline confident, so a threshold is at least what chance gives.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf).clip(1 / n_labels)
    confident = np.where(probabilities >= thresholds, probabilities, 0)
    joint = confident.argmax(axis=1)
    wrong = (confident.max(axis=1) > 0) & (joint != labels)
    return int((wrong & (probabilities.argmax(axis=1) != labels)).sum())


def rank_labels(
    probabilities: NDArray[np.floating[Any]], labels: NDArray[np.integer[Any]]
) -> NDArray[np.int64]:
    """The positions of the headlines, the one with the least probable label first:
    int array, (n,)."""
    return np.argsort(probabilities[np.arange(len(labels)), labels], kind="stable")
