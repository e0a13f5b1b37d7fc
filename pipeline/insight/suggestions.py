"""What to label next: the texts without a label whose labels would teach most.

The two simple models of `pipeline.classifier.two_views` say how unsure the label of each text is.
The texts are put into clusters of near ones, in which an unsure text counts for more, and of each
cluster the text in the middle is chosen (Zhdanov 2019, "Diverse mini-batch active learning",
arXiv 1901.05954). So the texts are unsure, and differ from each other. `bench/suggest.py` compares
this with other methods.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse
from numpy.typing import NDArray
from scipy.special import softmax

from pipeline.base.calls import checked
from pipeline.base.errors import DataError
from pipeline.base.options import Positive, Seed
from pipeline.classifier.two_views import Views, fit_two_views, score_views_out_of_fold
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines
from pipeline.data.sampling import sample_examples, sample_positions
from pipeline.data.text_column import TextColumn
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.audit.words import count_words, normal_forms
from pipeline.insight.text_views import Vectors, view_texts

MOST_TEXTS = 20_000
"""Of more texts without a label, a random sample of this size is looked at."""
_LEAST_WEIGHT = 1e-6  # of a text whose label is sure


@dataclass(frozen=True)
class Suggestion:
    """A text to label.

    `label`, `probability`: what its label probably is. `other_label`, `other_probability`: the next
    one. `stands_for`: how many other texts are in its cluster.
    """

    text: str
    label: str
    probability: float
    other_label: str
    other_probability: float
    stands_for: int

    @property
    def why(self) -> str:
        """Why its label would teach something, in words.

        >>> Suggestion("Alps lose snow", "sport", 0.45, "nature", 0.4, stands_for=12).why
        'sport 45% or nature 40%; 12 similar headlines'
        """
        first = f"{self.label} {self.probability:.0%}"
        pair = f"{first} or {self.other_label} {self.other_probability:.0%}"
        number = self.stands_for
        return f"{pair}; {number:,} similar headline{'s' * (number > 1)}" if number else pair


@dataclass(frozen=True)
class Suggestions:
    """`suggestions`: those that teach most first. `looked_at`: how many texts without a label were
    looked at, of the `available` ones."""

    suggestions: tuple[Suggestion, ...]
    looked_at: int
    available: int


@checked
def suggest(
    headlines: Headlines,
    n: Positive = 50,
    *,
    vectors: Vectors = VectorsOptions.source,
    seed: Seed = 0,
    most_texts: Positive = MOST_TEXTS,
) -> Suggestions:
    """Choose the headlines without a label whose labels would teach most.

    Args:
        headlines: with `unlabelled`. What is known comes from train and validation.
        n: how many to choose.
        vectors: a name, a file, WordVectors or options.
        seed: of the sample and of the clusters.
        most_texts: of more headlines without a label, so many are drawn, and of more labelled ones.

    Raises:
        DataError: there is no headline without a label.
        ConfigError: a number is out of range.
        VectorsError, FetchError: the vectors cannot be used.
    """
    if not headlines.unlabelled:
        raise DataError(
            "expected headlines without a label to choose from, got none: name a file of them with "
            "data.unlabelled=FILE (in Python: unlabelled), or leave their label empty in the data"
        )
    train, validation = map(headlines.examples, ("train", "validation"))
    labelled = Examples(
        [*train.texts, *validation.texts],
        [*train.labels, *validation.labels],
        headlines.label_names,
    )
    labelled = sample_examples(labelled, most_texts, seed)
    rows = sample_positions(len(headlines.unlabelled), most_texts, seed)
    texts = [headlines.unlabelled[row] for row in rows]
    held_out = [*validation.texts, *headlines.column("test")]
    chosen = suggest_texts(labelled, texts, n, vectors=vectors, held_out=held_out, seed=seed)
    return Suggestions(chosen, len(texts), len(headlines.unlabelled))


@checked
def suggest_texts(
    labelled: Examples,
    texts: Sequence[str],
    n: Positive,
    *,
    vectors: Vectors = VectorsOptions.source,
    held_out: Collection[str] = (),
    seed: Seed = 0,
) -> tuple[Suggestion, ...]:
    """The same for texts in memory: at most `n` of `texts`.

    `held_out`: texts that vectors are never trained on.
    """
    views, asked = view_both(labelled.texts, texts, vectors, held_out)
    probabilities = label_probabilities(views, labelled, asked, seed)
    order = np.sort(probabilities, axis=1)
    unsure = 1 - (order[:, -1] - order[:, -2])
    # Nothing can be learned of words without a vector, where others have one.
    usable = asked.vectors.any(axis=1)
    rows = np.flatnonzero(usable) if usable.any() else np.arange(len(texts))
    names = labelled.label_names
    suggestions = []
    for place, others in choose_diverse(asked.vectors[rows], unsure[rows], n, seed):
        row = rows[place]
        second, first = np.argsort(probabilities[row], kind="stable")[-2:].tolist()
        suggestions.append(
            Suggestion(
                texts[row],
                names[first],
                float(probabilities[row, first]),
                names[second],
                float(probabilities[row, second]),
                others,
            )
        )
    return tuple(suggestions)


def view_both(
    first: Sequence[str], second: Sequence[str], vectors: Vectors, held_out: Collection[str] = ()
) -> tuple[Views, Views]:
    """The views of two lists of texts, with the same words."""
    columns = {str(i): _column(texts) for i, texts in enumerate((first, second))}
    words, counts = count_words({part: normal_forms(texts) for part, texts in columns.items()})
    both = scipy.sparse.vstack([*counts.values()], "csr")
    views = view_texts(words, both, vectors, held_out)
    place = np.arange(len(views))
    return views.rows(place[: len(first)]), views.rows(place[len(first) :])


def label_probabilities(
    views: Views, labelled: Examples, asked: Views, seed: int = 0
) -> NDArray[np.float64]:
    """How probable each label is for the texts `asked`: (n, n_labels), calibrated on the labelled
    ones."""
    labels, n_labels = np.asarray(labelled.labels), len(labelled.label_names)
    _, factor = score_views_out_of_fold(views, labels, n_labels, seed)
    model = fit_two_views(views, labels, n_labels)
    return np.asarray(softmax(factor * model.scores(asked), axis=1))


def choose_diverse(
    vectors: NDArray[Any], unsure: NDArray[Any], n: int, seed: int = 0
) -> list[tuple[int, int]]:
    """Choose texts that are unsure and differ from each other.

    Args:
        vectors: (n_texts, vector_size).
        unsure: how unsure the label of each is, from 0: (n_texts,).
        n: how many to choose; all where there are no more.
        seed: of the clusters.

    Returns:
        The position of each text, and how many others are in its cluster; the cluster that is
        unsure most in all comes first. Where there are fewer different texts than `n`, the texts
        whose label is least sure come after them.
    """
    from sklearn.cluster import KMeans

    n = min(n, len(vectors))
    weights = unsure + _LEAST_WEIGHT
    n_clusters = min(n, len(np.unique(vectors, axis=0)))
    if n == len(vectors):
        n_clusters = 0  # all are chosen
    chosen: list[tuple[int, int]] = []
    if n_clusters > 1:
        clusters = KMeans(n_clusters, n_init=1, random_state=seed).fit(
            vectors, sample_weight=weights
        )
        mass = np.bincount(clusters.labels_, weights=weights, minlength=n_clusters)
        for cluster in np.argsort(-mass, kind="stable"):
            members = np.flatnonzero(clusters.labels_ == cluster)
            if len(members):
                away = ((vectors[members] - clusters.cluster_centers_[cluster]) ** 2).sum(axis=1)
                chosen.append((int(members[away.argmin()]), len(members) - 1))
    taken = {place for place, _ in chosen}
    rest = (place for place in np.argsort(-unsure, kind="stable").tolist() if place not in taken)
    return chosen + [(place, 0) for place, _ in zip(rest, range(n - len(chosen)), strict=False)]


def _column(texts: Sequence[str]) -> TextColumn:
    return TextColumn(pa.chunked_array([pa.array(list(texts), pa.large_string())]))
