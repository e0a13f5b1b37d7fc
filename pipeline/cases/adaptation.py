"""Training a network further on its cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.base.errors import DataError
from pipeline.cases.case import Case, Neighbour, vote
from pipeline.cases.index import NeighbourIndex
from pipeline.classifier.network import Network, with_labels
from pipeline.data.examples import Examples
from pipeline.training.loop import train
from pipeline.training.options import TrainingOptions

_HELD_OUT = 0.2  # fraction of the new cases that validates


@dataclass(frozen=True)
class Adaptation:
    """The result of `CaseBase.adapt`.

    `before`, `after`: the recall on the validation texts with the old network and with the new one.
    The recall of a label is the fraction of its texts whose neighbours give this label. It is
    averaged over the labels.
    """

    before: float
    after: float

    @property
    def kept(self) -> bool:
        """Whether the new network was better, and has taken the place of the old one."""
        return self.after > self.before


def adapt_network(
    network: Network,
    training: Examples,
    validation: Examples,
    options: TrainingOptions | None = None,
    *,
    k: int,
    seed: int = 0,
) -> tuple[Network, Adaptation]:
    """Train a copy of the network further, and compare both by the neighbours of the validation
    texts.

    The last layer of the copy begins anew, for the labels of `training`. The other weights go on
    from where they are.

    Args:
        network: a trained network.
        training: the cases.
        validation: the texts that decide.
        options: the phases, as for `training.loop.train`.
        k: how many neighbours vote.
        seed: that of the training.
    """
    adapted = with_labels(network, len(training.label_names))
    train(adapted, training, validation, options, seed=seed)
    before, after = (_recall(each, training, validation, k) for each in (network, adapted))
    return adapted, Adaptation(before, after)


def hold_out_cases(
    cases: Sequence[Case], first_new: int, seed: int
) -> tuple[list[Case], list[Case]]:
    """Split off a fifth of the new cases: the cases that train, and those that validate.

    `first_new`: cases from this id on are new.
    Raises DataError: there are fewer than 3 new cases.
    """
    by_id = {case.id: case for case in cases}
    new = [id_ for id_ in by_id if id_ >= first_new]
    size = round(_HELD_OUT * len(new))
    if not size:
        raise DataError(
            f"expected at least 3 new cases, of which a fifth is held out, got {len(new)}: add "
            "some, or give validation headlines"
        )
    chosen = np.random.default_rng(seed).choice(new, size, replace=False).tolist()
    held_out = [by_id.pop(id_) for id_ in chosen]
    return [*by_id.values()], held_out


def _recall(network: Network, training: Examples, validation: Examples, k: int) -> float:
    """The recall by the nearest training texts, averaged over the labels of the validation
    texts."""
    from sklearn.metrics import recall_score

    index, names = NeighbourIndex(), training.label_names
    index.add(range(len(training)), network.embed(training.texts))
    nearest = index.search(network.embed(validation.texts), min(k, len(training)))
    predicted = [
        vote(
            [
                Neighbour(row, training.texts[row], names[training.labels[row]], distance)
                for row, distance in neighbours
            ]
        ).label
        for neighbours in nearest
    ]
    truth = [names[label] for label in validation.labels]
    return float(recall_score(truth, predicted, labels=sorted(set(truth)), average="macro"))
