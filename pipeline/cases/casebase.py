"""A case base: labelled headlines, and the label of a new one by those that lie nearest to it.

The system of López-Sánchez et al. (2017), doi 10.1007/s10489-017-1109-7: k nearest neighbours on
what a network has learned to see in a headline. Cases come and go without training.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import DataError, MissingExtraError, ModelError
from pipeline.cases.storage import Saved, read, read_model, write
from pipeline.classifier.options import EncoderOptions
from pipeline.data.examples import Examples
from pipeline.insight.evaluation import Evaluation, evaluate_probabilities

if TYPE_CHECKING:
    from pipeline.classifier.network import Network
    from pipeline.training.options import TrainingOptions

K = 5  # neighbours that vote, as in the paper
ENOUGH = 100  # new cases that make it worth to adapt
_HELD_OUT = 0.2  # of the new cases, where `adapt` is given nothing to validate on


class Represents(Protocol):
    """Whatever says where headlines lie: a `Network`, or a logged model."""

    def embed(self, texts: list[str], /) -> NDArray[np.float32]:
        """Headlines to float32 array, (n, width)."""


@dataclass(frozen=True)
class Case:
    """A labelled headline. `id`: its number, which no other case of the base ever gets."""

    id: int
    text: str
    label: str


@dataclass(frozen=True)
class Neighbour(Case):
    """A case and how far it lies from the headline that was asked for (Euclidean distance)."""

    distance: float


@dataclass(frozen=True)
class Answer:
    """What the cases say of a headline: its `label`, how many of the `neighbours` (nearest first)
    voted for each label, and these."""

    label: str
    votes: Mapping[str, int]
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Adaptation:
    """What `adapt` found. `before`, `after`: the fraction of validation headlines of a label that
    their neighbours give this label, averaged over the labels, in the old representation and in
    the new one."""

    before: float
    after: float

    @property
    def kept(self) -> bool:
        """Whether the new representation was better, and has taken the place of the old one."""
        return self.after > self.before


class CaseBase:
    """Labelled headlines; the `k` nearest of them decide on a new one.

    `model`: says where headlines lie, such as a `Network`, best one of `model=metric`; None for
    a look at the cases alone. `texts`, `labels`: cases that the model was trained on. `name`: what
    the model is called, so that saved cases are not used with another one.

    The neighbours are exact, by faiss (Douze et al. 2024, arXiv 2401.08281). A case counts from the
    moment it is added until it is removed. What is added again with the same label stays one case.

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

    Raises MissingExtraError: faiss is not installed.
    """

    def __init__(
        self,
        model: Represents | None,
        texts: Sequence[str] = (),
        labels: Sequence[str] = (),
        *,
        k: int = K,
        name: str = "",
    ) -> None:
        if k < 1:
            raise DataError(f"expected k of 1 or more neighbours, got {k}")
        self._faiss = _faiss()
        self.k, self.name = k, name
        self._model, self._model_file = model, Path()
        self._model_options: EncoderOptions | None = None
        self._cases: dict[int, Case] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._index: Any = None
        self._next_id = 0
        self.add(texts, labels)
        self._first_new = self._next_id  # from here on, the model was not trained on the cases

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
    def holds_model(self) -> bool:
        """Whether the cases were loaded from a folder that holds their model too."""
        return bool(self._model_file.name)

    @property
    def model(self) -> Represents:
        """What says where headlines lie; a new one after `adapt`. Raises ModelError: none does."""
        if self._model is None and self._model_options is not None:
            self._model = read_model(self._model_file, self._model_options)
        if self._model is None:
            raise ModelError(
                f"the cases need {self.name or 'a model'} to tell where a headline lies, and were "
                "loaded without it: give it to CaseBase.load"
            )
        return self._model

    def add(self, texts: Sequence[str], labels: Sequence[str]) -> list[int]:
        """Add cases, of labels old or new, and return their ids, one a text.

        Raises DataError: a text without a label, or either of them empty or no text at all.
        """
        pairs = _pairs(texts, labels)
        fresh = [pair for pair in dict.fromkeys(pairs) if pair not in self._ids]
        if fresh:
            vectors = self._represent([text for text, _ in fresh])
            ids = range(self._next_id, self._next_id + len(fresh))
            self._insert([Case(id_, *pair) for id_, pair in zip(ids, fresh, strict=True)], vectors)
            self._next_id = ids.stop
        return [self._ids[pair] for pair in pairs]

    def remove(self, ids: Sequence[int]) -> None:
        """Remove cases by their ids. Raises DataError: there is no such case; none is removed."""
        unknown = [one for one in ids if one not in self._cases]
        if unknown:
            raise DataError(f"there is no case {unknown[0]} among the {len(self):,} cases")
        if len(ids):
            self._index.remove_ids(np.array(ids, np.int64))
        for one in set(ids):
            case = self._cases.pop(one)
            del self._ids[case.text, case.label]

    def neighbours(self, text: str, k: int | None = None) -> list[Neighbour]:
        """The `k` cases that lie nearest to a headline, nearest first."""
        (found,) = self._nearest([text], k or self.k)
        return list(found)

    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """What the cases say of each headline, and which of them.

        Most votes win; where several labels have most, the one whose voters lie nearer on average.
        Raises DataError: there are no cases.
        """
        return [_answer(near) for near in self._nearest(texts, self.k)]

    def predict(self, texts: Sequence[str]) -> NDArray[np.object_]:
        """The label of each headline: object array, (n,)."""
        return np.array([answer.label for answer in self.answer(texts)], object)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The share of the votes: float array, (n, n_labels), in the order of `labels`. Where
        several have most votes, the label that `predict` gives has a hair more."""
        column = {label: i for i, label in enumerate(self.labels)}
        votes = np.zeros((len(texts), len(column)))
        for row, answer in zip(votes, self.answer(texts), strict=True):
            row[[column[label] for label in answer.votes]] = [*answer.votes.values()]
            row[column[answer.label]] += 1e-6
        return votes / votes.sum(axis=1, keepdims=True)

    # ---------------------------------------------------------------------------------- the index

    def _represent(self, texts: list[str]) -> NDArray[np.float32]:
        vectors = np.ascontiguousarray(self.model.embed(texts), np.float32)
        if self._index is not None and vectors.shape[1] != self._index.d:
            raise ModelError(
                f"expected a model that represents headlines by {self._index.d} numbers, as the "
                f"cases, got {vectors.shape[1]}"
            )
        return vectors

    def _new_index(self, ids: Iterable[int], vectors: NDArray[np.float32]) -> Any:
        index = self._faiss.IndexIDMap2(self._faiss.IndexFlatL2(vectors.shape[1]))
        index.add_with_ids(vectors, np.array([*ids], np.int64))
        return index

    def _insert(self, cases: Sequence[Case], vectors: NDArray[np.float32]) -> None:
        ids = [case.id for case in cases]
        if self._index is None:
            self._index = self._new_index(ids, vectors)
        else:
            self._index.add_with_ids(vectors, np.array(ids, np.int64))
        for case in cases:
            self._cases[case.id] = case
            self._ids[case.text, case.label] = case.id

    def _nearest(self, texts: Sequence[str], k: int) -> list[list[Neighbour]]:
        if not self._cases:
            raise DataError("expected cases to ask, there are none: add some")
        if not len(texts):
            return []
        k = min(k, len(self))
        vectors = self._represent(list(texts))
        # One thread: for one headline several are no faster, and where other work keeps the cores
        # busy they wait for each other, ten times as long.
        threads = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(1)
        try:
            squared, ids = self._index.search(vectors, k)
        finally:
            self._faiss.omp_set_num_threads(threads)
        distances = np.sqrt(np.maximum(squared, 0)).tolist()
        return [
            [Neighbour(**vars(self._cases[id_]), distance=d) for id_, d in zip(*row, strict=True)]
            for row in zip(ids.tolist(), distances, strict=True)
        ]

    # ------------------------------------------------------------------------- learning from cases

    @property
    def n_new(self) -> int:
        """How many of the cases the representation was not trained on: those that have come since
        it was made or `adapt` was last called."""
        return sum(id_ >= self._first_new for id_ in self._cases)

    @property
    def enough(self) -> bool:
        """Whether it is time to `adapt`: at least ENOUGH cases are new."""
        return self.n_new >= ENOUGH

    def adapt(
        self,
        validation: tuple[Sequence[str], Sequence[str]] | None = None,
        config: TrainingOptions | None = None,
        *,
        seed: int = 0,
    ) -> Adaptation:
        """Train a copy of the network further on the cases, and take it if it is better.

        `validation`: headlines and labels that decide on that, which the network must not have been
        trained on; where None, a fifth of the new cases, held out. `config`: the phases, as for
        `training.train`. The last layer begins anew, for the labels that the cases have now, the
        rest goes on from where it is. If the new representation is taken, it is that of all cases.

        Raises ModelError: the model is no Network, such as a logged one, which cannot be
        trained; DataError: too few labels, new cases or validation headlines.
        """
        from pipeline.classifier.network import Network, with_labels
        from pipeline.training.loop import train

        if not isinstance(self.model, Network):
            raise ModelError(
                f"expected a Network to train further, the cases stand on {self.name or self.model}: "
                "a logged model stays as it is; run `pipeline train` with the cases among its headlines"
            )
        labels = self.labels
        if len(labels) < 2:
            raise DataError(f"expected cases of at least two labels to adapt to, got {len(labels)}")
        training, held_out = self._examples(validation, seed)
        network = with_labels(self.model, len(labels))
        examples, others = (
            ([text for text, _ in part], [labels.index(label) for _, label in part])
            for part in (training, held_out)
        )
        names = tuple(labels)
        train(network, Examples(*examples, names), Examples(*others, names), config, seed=seed)
        before, after = (
            _macro_recall(CaseBase(model, *zip(*training, strict=True), k=self.k), held_out)
            for model in (self.model, network)
        )
        result = Adaptation(before, after)
        if result.kept:
            vectors = network.embed([case.text for case in self])
            self._model, self._index = network, self._new_index(self._cases, vectors)
        self._first_new = self._next_id
        return result

    def _examples(
        self, validation: tuple[Sequence[str], Sequence[str]] | None, seed: int
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """What `adapt` trains on and what it validates on: texts with their labels."""
        cases = {case.id: (case.text, case.label) for case in self}
        if validation is None:
            new = [id_ for id_ in cases if id_ >= self._first_new]
            size = round(_HELD_OUT * len(new))
            if not size:
                raise DataError(
                    f"expected at least 3 new cases, of which a fifth is held out, got {len(new)}: add "
                    "some, or give validation headlines"
                )
            chosen = np.random.default_rng(seed).choice(new, size, replace=False).tolist()
            held_out = [cases.pop(id_) for id_ in chosen]
            return [*cases.values()], held_out
        held_out = _pairs(*validation)
        unknown = sorted({label for _, label in held_out} - set(self.labels))
        if unknown or not held_out:
            what = f"{unknown[0]!r}, of which there is no case" if unknown else "none"
            raise DataError(f"expected validation headlines of the labels of the cases, got {what}")
        return [*cases.values()], held_out

    # ------------------------------------------------------------------------------ save and load

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the cases, and with them the `Network` that they stand on, into a folder.

        Of another model only the name is kept. What was there before stays whole until all is
        written. Raises DataError: the folder cannot be written.
        """
        ids = np.array(list(self._cases), np.int64)
        saved = Saved(
            self.k,
            self.name,
            self._next_id,
            self._first_new,
            [(case.text, case.label) for case in self],
            ids,
            self._index.reconstruct_batch(ids) if self._cases else np.zeros((0, 0), np.float32),
            self._model_file,
            self._model_options,
        )
        write(Path(folder), saved, self._classifier())

    def _classifier(self) -> Network | None:
        """The model where it is in memory and can be saved."""
        if self._model is None:
            return None
        from pipeline.classifier.network import Network

        return self._model if isinstance(self._model, Network) else None

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], model: Represents | None = None, *, name: str = ""
    ) -> Self:
        """What `save` wrote, with the model that it wrote or, where it wrote none, with `model`.

        Raises DataError: there is nothing, or it is damaged; ModelError: the cases were made with
        a model of another name.
        """
        saved = read(Path(folder))
        loaded = cls(None, k=saved.k, name=saved.name)
        loaded._model_file, loaded._model_options = saved.model, saved.options
        if model is not None and (loaded.holds_model or name != saved.name):
            made = "hold their own model" if loaded.holds_model else f"were made with {saved.name}"
            raise ModelError(
                f"{folder}: the cases {made}, and cannot be used with {name or 'another one'}: leave the "
                "model out or name theirs, or begin another folder"
            )
        loaded._model = model
        if saved.pairs:
            ids = zip(saved.ids.tolist(), saved.pairs, strict=True)
            loaded._insert([Case(id_, *pair) for id_, pair in ids], saved.vectors)
        loaded._next_id, loaded._first_new = saved.next_id, saved.first_new
        return loaded


def evaluate_cases(network: Represents, training: Examples, test: Examples) -> Evaluation:
    """Let the training texts as cases decide on the test texts.

    Raises MissingExtraError: faiss is not installed.
    """
    names = training.label_names
    cases = CaseBase(network, training.texts, [names[label] for label in training.labels])
    columns = [cases.labels.index(name) for name in names]
    return evaluate_probabilities(cases.predict_proba(test.texts)[:, columns], test)


def _macro_recall(cases: CaseBase, pairs: Sequence[tuple[str, str]]) -> float:
    from sklearn.metrics import recall_score

    texts, labels = zip(*pairs, strict=True)
    predicted = cases.predict(texts)
    return float(recall_score(labels, predicted, labels=sorted(set(labels)), average="macro"))


def _answer(neighbours: Sequence[Neighbour]) -> Answer:
    votes = Counter(case.label for case in neighbours)

    def rank(label: str) -> tuple[int, float]:
        return -votes[label], mean(case.distance for case in neighbours if case.label == label)

    return Answer(min(votes, key=rank), dict(votes.most_common()), tuple(neighbours))


def _pairs(texts: Sequence[str], labels: Sequence[str]) -> list[tuple[str, str]]:
    """Each text with its label, white space folded."""
    if isinstance(texts, str) or isinstance(labels, str):
        raise DataError(
            "expected a list of texts and one of labels, got one text: put it in a list"
        )
    if len(texts) != len(labels):
        raise DataError(
            f"expected one label a text, got {len(texts)} texts and {len(labels)} labels"
        )
    pairs = []
    for i, pair in enumerate(zip(texts, labels, strict=True)):
        for what, value in zip(("text", "label"), pair, strict=True):
            if not isinstance(value, str) or not value.strip():
                raise DataError(f"expected a {what}, got {value!r} at position {i}")
        pairs.append((" ".join(pair[0].split()), " ".join(pair[1].split())))
    return pairs


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("faiss-cpu", "cases", "a case base") from error
    return faiss
