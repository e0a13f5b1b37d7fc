"""A case base: labelled texts, and the label of a new text by the cases nearest to it.

This is the system of López-Sánchez et al. (2017), doi 10.1007/s10489-017-1109-7: k nearest
neighbours on what a network has learned to see in a text. Cases come and go without training.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import ArgumentError, DataError, ModelError
from pipeline.cases.case import Answer, Case, Neighbour, check_pairs, vote
from pipeline.cases.index import NeighbourIndex
from pipeline.cases.storage import SavedCases, StoredNetwork, read_cases, write_cases
from pipeline.data.examples import Examples

if TYPE_CHECKING:
    from pipeline.cases.adaptation import Adaptation
    from pipeline.classifier.network import Network
    from pipeline.training.options import TrainingOptions

K = 5  # neighbours that vote, as in the paper
ENOUGH = 100  # new cases that make it worth to adapt


@runtime_checkable
class Embeds(Protocol):
    """Anything that says where texts lie: a Network, a Classifier, or a logged model."""

    def embed(self, texts: list[str], /) -> NDArray[np.float32]:
        """Texts to vectors, float32 array, (n, width)."""


class CaseBase:
    """Labelled texts; the `k` nearest of them decide on a new one.

    The neighbours are exact. A case counts from when it is added until it is removed. The same text
    with the same label is one case, however often it is added.

    >>> class Lengths:
    ...     def embed(self, texts):
    ...         return np.array([[len(text)] for text in texts], np.float32)
    >>> cases = CaseBase(Lengths(), ["ice", "snow", "Himalaya"], ["short", "short", "long"], k=1)
    >>> cases.add(["the end of the century"], ["longer"])
    [3]
    >>> cases.predict(["Alps", "by the end of it all"]).tolist()
    ['short', 'longer']
    >>> cases.neighbours("mountain")
    [Neighbour(id=2, text='Himalaya', label='long', distance=0.0)]

    Args:
        model: says where texts lie, best a Network of `model=metric`; None for a look at the cases
            only.
        texts: cases that the model was trained on.
        labels: their labels, by name.
        k: how many neighbours vote.
        name: the name of the model. Saved cases are not used with a model of another name.
        address: how messages call the model; empty: by its name.

    Raises:
        MissingExtraError: faiss is not installed.
        DataError: k below 1, or texts and labels as `add` refuses them.
    """

    @checked
    def __init__(
        self,
        model: Embeds | None,
        texts: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        k: int = K,
        name: str = "",
        address: str = "",
    ) -> None:
        if k < 1:
            raise DataError(f"expected k of 1 or more neighbours, got {k}")
        self.k, self.name, self.address = k, name, address or name
        self._model = model
        self._stored: StoredNetwork | None = None
        self._cases: dict[int, Case] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._index = NeighbourIndex()
        self._next_id = 0
        self.add(texts, labels)
        self._first_new = self._next_id  # the model was not trained on cases from here on

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[Case]:
        """The cases, oldest first."""
        return iter(self._cases.values())

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the cases, sorted."""
        return tuple(sorted({case.label for case in self}))

    @property
    def model(self) -> Embeds:
        """What says where texts lie; a new one after `adapt`. Raises ModelError: there is none."""
        if self._model is None and self._stored is not None:
            self._model = self._stored.load()
        if self._model is None:
            raise ModelError(
                f"the cases need {self.address or 'a model'} to tell where a headline lies, and "
                "were loaded without it: give it to CaseBase.load"
            )
        return self._model

    # ---------------------------------------------------------------------------------- changing

    def add(self, texts: Sequence[str], labels: Sequence[str]) -> list[int]:
        """Add cases, and return the id of each text. The labels may be new.

        Raises DataError: not one label for each text, or an empty text or label.
        """
        pairs = check_pairs(texts, labels)
        fresh = [pair for pair in dict.fromkeys(pairs) if pair not in self._ids]
        if fresh:
            vectors = self._embed([text for text, _ in fresh])
            ids = range(self._next_id, self._next_id + len(fresh))
            cases = [Case(id_, *pair) for id_, pair in zip(ids, fresh, strict=True)]
            self._insert(cases, vectors)
            self._next_id = ids.stop
        return [self._ids[pair] for pair in pairs]

    @checked
    def remove(self, ids: Sequence[int]) -> None:
        """Remove cases by their ids. Raises DataError: there is no such case; none is removed."""
        unknown = [id_ for id_ in ids if id_ not in self._cases]
        if unknown:
            raise DataError(f"there is no case {unknown[0]} among the {len(self):,} cases")
        self._index.remove(ids)
        for id_ in set(ids):
            case = self._cases.pop(id_)
            del self._ids[case.text, case.label]

    def restore(self, cases: Sequence[Case]) -> None:
        """Put back cases that were removed, each under its id. What is there by now stays as it
        is."""
        gone = [
            case
            for case in cases
            if case.id not in self._cases
            and case.id < self._next_id
            and (case.text, case.label) not in self._ids
        ]
        if gone:
            self._insert(gone, self._embed([case.text for case in gone]))

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        """The vectors of texts, (n, width). Raises ModelError: their width is not the cases'."""
        vectors = np.ascontiguousarray(self.model.embed(texts), np.float32)
        width = self._index.width
        if width is not None and vectors.shape[1] != width:
            raise ModelError(
                f"expected a model that represents headlines by {width} numbers, as the cases, "
                f"got {vectors.shape[1]}"
            )
        return vectors

    def _insert(self, cases: Sequence[Case], vectors: NDArray[np.float32]) -> None:
        """Take in new cases with their vectors, (n, width)."""
        self._index.add([case.id for case in cases], vectors)
        for case in cases:
            self._cases[case.id] = case
            self._ids[case.text, case.label] = case.id

    # --------------------------------------------------------------------------------- answering

    @checked
    def neighbours(self, text: str, k: int | None = None) -> list[Neighbour]:
        """The `k` cases nearest to a text, nearest first. Raises DataError: k is below 1."""
        if k is not None and k < 1:
            raise DataError(f"expected k of 1 or more neighbours, got {k}")
        (neighbours,) = self._nearest([text], k or self.k)
        return neighbours

    @checked
    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """What the cases say about each text: the label, the votes, and the cases that voted.

        Most votes win. In a tie, the label whose voters are nearer on average wins.
        Raises DataError: there are no cases.
        """
        return [vote(neighbours) for neighbours in self._nearest(texts, self.k)]

    def predict(self, texts: Sequence[str]) -> NDArray[np.object_]:
        """The label of each text: object array, (n,)."""
        return np.array([answer.label for answer in self.answer(texts)], object)

    @checked
    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The fraction of the votes: float array, (n, n_labels), in the order of `labels`.

        In a tie, the label that `predict` gives has a little more.
        """
        column = {label: i for i, label in enumerate(self.labels)}
        votes = np.zeros((len(texts), len(column)))
        for row, answer in zip(votes, self.answer(texts), strict=True):
            row[[column[label] for label in answer.votes]] = [*answer.votes.values()]
            row[column[answer.label]] += 1e-6
        return votes / votes.sum(axis=1, keepdims=True)

    def _nearest(self, texts: Sequence[str], k: int) -> list[list[Neighbour]]:
        if not self._cases:
            raise DataError("expected cases to ask, there are none: add some")
        if not len(texts):
            return []
        rows = self._index.search(self._embed(list(texts)), min(k, len(self)))
        return [
            [Neighbour(**vars(self._cases[id_]), distance=distance) for id_, distance in row]
            for row in rows
        ]

    # ------------------------------------------------------------------------ learning from cases

    @property
    def n_new(self) -> int:
        """How many cases the model was not trained on: those since it was made, or since
        `adapt`."""
        return sum(map(self.is_new, self._cases))

    def is_new(self, id_: int) -> bool:
        """Whether the model was not trained on the case with this id."""
        return id_ >= self._first_new

    @property
    def enough(self) -> bool:
        """Whether it is time to `adapt`: at least ENOUGH cases are new."""
        return self.n_new >= ENOUGH

    def adapt(
        self,
        validation: Examples | None = None,
        options: TrainingOptions | None = None,
        *,
        seed: int = 0,
    ) -> Adaptation:
        """Train a copy of the network further on the cases, and keep it if it is better.

        The last layer begins anew, for today's labels. The other weights go on from where they are.
        A network that is kept embeds all cases.

        Args:
            validation: texts that decide, which the network was not trained on; None: a fifth of
                the new cases, held out.
            options: the phases, as for `training.loop.train`.
            seed: draws the cases held out, and is that of the training.

        Raises:
            ModelError: the model is no Network, as a logged model, and cannot be trained.
            DataError: too few labels, new cases or validation texts.
        """
        from pipeline.cases.adaptation import adapt_network, hold_out_cases

        if not isinstance(validation, Examples | None):
            raise ArgumentError(
                f"adapt: expected Examples or None as validation, got {validation!r}"
            )
        network = _as_network(self.model)
        if network is None:
            raise ModelError(
                "expected a Network to train further, the cases stand on "
                f"{self.address or self.model}: a logged model stays as it is; run `pipeline "
                "train` with the cases among its headlines"
            )
        labels = self.labels
        if len(labels) < 2:
            raise DataError(f"expected cases of at least two labels to adapt to, got {len(labels)}")
        if validation is None:
            cases, held_out = hold_out_cases([*self], self._first_new, seed)
            deciding = _as_examples(held_out, labels)
        else:
            cases, deciding = [*self], self._check_validation(validation)
        adapted, result = adapt_network(
            network, _as_examples(cases, labels), deciding, options, k=self.k, seed=seed
        )
        if result.kept:
            index = NeighbourIndex()
            index.add(self._cases, adapted.embed([case.text for case in self]))
            self._model, self._index = adapted, index
        self._first_new = self._next_id
        return result

    def _check_validation(self, validation: Examples) -> Examples:
        """The validation texts, with the labels as positions in `labels`."""
        names, labels = [validation.label_names[label] for label in validation.labels], self.labels
        pairs = check_pairs(validation.texts, names)
        unknown = sorted({label for _, label in pairs} - set(labels))
        if unknown or not pairs:
            came = f"{unknown[0]!r}, of which there is no case" if unknown else "none"
            raise DataError(f"expected validation headlines of the labels of the cases, got {came}")
        texts = [text for text, _ in pairs]
        return Examples(texts, [labels.index(label) for _, label in pairs], labels)

    # ------------------------------------------------------------------------------ save and load

    @checked
    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the cases into a folder, and with them the Network that they stand on.

        Of another model only the name is kept. The old content of the folder stays whole until all
        is written. Raises DataError: the folder cannot be written.
        """
        ids = np.array(list(self._cases), np.int64)
        saved = SavedCases(
            self.k,
            self.name,
            self._next_id,
            self._first_new,
            [*self],
            self._index.vectors(ids),
            self._stored,
            self.address,
        )
        write_cases(Path(folder), saved, _as_network(self._model))

    @classmethod
    @checked
    def load(
        cls,
        folder: str | os.PathLike[str],
        model: Embeds | None = None,
        *,
        name: str = "",
        address: str = "",
    ) -> Self:
        """Read what `save` wrote.

        `model`: the model of the cases where the folder does not hold it. `name`, `address`: of it.
        Raises DataError: there are no cases, or the file is damaged; ModelError: the cases were
        made with a model of another name.
        """
        saved = read_cases(Path(folder))
        if model is not None and (saved.network is not None or name != saved.name):
            theirs = saved.address or saved.name
            made = "hold their own model" if saved.network else f"were made with {theirs}"
            raise ModelError(
                f"{folder}: the cases {made}, and cannot be used with "
                f"{address or name or 'another one'}: leave the model out or name theirs, or begin "
                "another folder"
            )
        loaded = cls(model, k=saved.k, name=saved.name, address=saved.address)
        loaded._stored = saved.network
        if saved.cases:
            loaded._insert(saved.cases, saved.vectors)
        loaded._next_id, loaded._first_new = saved.next_id, saved.first_new
        return loaded


def _as_examples(cases: Sequence[Case], labels: tuple[str, ...]) -> Examples:
    texts = [case.text for case in cases]
    return Examples(texts, [labels.index(case.label) for case in cases], labels)


def _as_network(model: Embeds | None) -> Network | None:
    """The network of a model, which can be trained and saved; None where it has none in memory."""
    # Where nobody has imported Keras, the model is no network of it.
    if model is None or "keras" not in sys.modules:
        return None
    from pipeline.classifier.ensemble import Classifier
    from pipeline.classifier.network import Network

    network = model.network if isinstance(model, Classifier) else model
    return network if isinstance(network, Network) else None
