"""Probe sentences: what the layer after the embedding makes of headlines that mean the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from keras import ops
from numpy.typing import NDArray
from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from pipeline.base.errors import DataError
from pipeline.base.files import conf_folder
from pipeline.classifier.layers import MaskedPooling
from pipeline.classifier.network import Network
from pipeline.classifier.scoring import as_tuple
from pipeline.embedding.matrix import PADDING
from pipeline.embedding.text import tokenize

_BATCH = 512  # headlines at a time: 20 MB of activations at 384 features and 24 tokens
_MOST = 8_000  # test headlines: a rank among more is not much finer
_UNKNOWN = 1  # row of words that the network has no vector for
_STRICT = ConfigDict(extra="forbid")

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


@checked(frozen=True, config=_STRICT)
class Reference:
    """Three headlines: `b` and `c` mean alike, `a` is of another kind. `label`: that of `b`."""

    a: Sentence
    b: Sentence
    c: Sentence
    label: str | None = None


@checked(frozen=True, config=_STRICT)
class Pair:
    """Two headlines that mean alike, and the label of the first."""

    first: Sentence
    second: Sentence
    label: str | None = None


@checked(frozen=True, config=_STRICT)
class Sentences:
    """What a file such as conf/probes.yaml holds."""

    reference: Reference
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, eq=False)
class Activations:
    """`values`: float32 array, (n, tokens, width). `present`: bool array, (n, tokens), False where
    a headline has no token; the values there mean nothing."""

    values: NDArray[np.float32]
    present: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Probed:
    """What the layer makes of one headline. `activations`: float32 array, (tokens, width);
    `unseen`: the words that were not in training; those among them that are `unknown` have no
    vector of their own."""

    text: str
    tokens: tuple[str, ...]
    unseen: tuple[str, ...]
    unknown: tuple[str, ...]
    activations: NDArray[np.float32]


@dataclass(frozen=True)
class PairRank:
    """`rank`: the fraction of the test headlines with `label` that are closer to `first` than
    `second` is, as `rank_bc` of Probes; `rank_embedding`: that of averaged word vectors; NaN where
    there are none. `unseen`: the words of both that were not in training."""

    first: str
    second: str
    label: str
    rank: float
    rank_embedding: float
    unseen: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Probes:
    """What `probe` measured, of activations averaged over the tokens unless said otherwise.

    `cos_ab`, `cos_ac`, `cos_bc`: cosines. `rank_bc`: the fraction of the `headlines` test
    headlines with b's `label` that are closer to b than c is, once their mean is taken off all
    (0: c is the closest; one as close as c counts half). `rank_bc_max`: the same of activations
    max-pooled over the tokens, `rank_bc_embedding` of averaged word vectors. `centre`: the mean
    that is taken off, float32 array, (width,).
    """

    reference: tuple[Probed, Probed, Probed]
    label: str
    headlines: int
    centre: NDArray[np.float32]
    cos_ab: float
    cos_ac: float
    cos_bc: float
    rank_bc: float
    rank_bc_max: float
    rank_bc_embedding: float
    pairs: tuple[PairRank, ...]

    def metrics(self) -> dict[str, float]:
        """The figures by name; those of the pairs are over their ranks, and `unseen` over those of
        pairs with a word that was not in training. What there is nothing to measure of is left
        out."""
        names = ("cos_ab", "cos_ac", "cos_bc", "rank_bc", "rank_bc_max", "rank_bc_embedding")
        values = {name: float(getattr(self, name)) for name in names}
        unseen = [pair for pair in self.pairs if pair.unseen]
        for name, pairs in (("pairs", self.pairs), ("pairs_unseen", unseen)):
            for what in ("rank", "rank_embedding"):
                ranks = [getattr(pair, what) for pair in pairs]
                ranks = [rank for rank in ranks if not np.isnan(rank)] or [np.nan]
                values[f"{name}_{what}_median"] = float(np.median(ranks))
                values[f"{name}_{what}_mean"] = float(np.mean(ranks))
        return {name: value for name, value in values.items() if not np.isnan(value)}


def load_sentences(path: str | Path | None = None) -> Sentences:
    """Read probe sentences from a YAML file (conf/probes.yaml where there is no `path`).

    Raises DataError: no such file, or another form than that of conf/probes.yaml.
    """
    file = conf_folder() / "probes.yaml" if path is None else Path(path)
    try:
        values = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise DataError(f"{file}: expected probe sentences in YAML ({reason})") from error
    try:
        return TypeAdapter(Sentences).validate_python(values)
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        where = ".".join(map(str, finding["loc"])) or "the whole"
        raise DataError(
            f"{file}: {where}: {finding['msg']}: expected the form of conf/probes.yaml"
        ) from error


def activations(classifier: Network, texts: Sequence[str]) -> Activations:
    """The activations of the layer after the embedding, token by token, without dropout.

    `cnn`: the convolutions' outputs behind the ReLU, of all kernel sizes side by side; `bigru`: the
    states of both directions; `mean`, `attention`: the word vectors, as they come into pooling.
    The weights are those that the classifier has at the moment.
    """
    return _activations(classifier, classifier.token_ids(texts))


def probe(
    classifier: Network,
    texts: Sequence[str],
    labels: Sequence[int],
    label_names: Sequence[str],
    sentences: Sentences | None = None,
) -> Probes:
    """Measure how near headlines of like meaning are, against test headlines of the same label.

    `texts`, `labels`: test headlines, and their labels as positions in `label_names`; of more
    than 8,000 a sample is taken, always the same. `sentences`: those of conf/probes.yaml where
    None. In a network that was trained on labels, headlines with one label are alike for that
    alone: so the rank among them tells what the plain cosine does not.
    """
    sentences = sentences or load_sentences()
    reference, pairs = sentences.reference, sentences.pairs
    asked = [reference.a, reference.b, reference.c]
    asked += [text for pair in pairs for text in (pair.first, pair.second)]
    n, chosen = len(asked), sample(len(texts), _MOST)
    others = np.array([texts[i] for i in chosen], object)
    inputs = classifier.token_ids([*asked, *others])
    pooled = _pooled(classifier, inputs)

    # The label of b and of the first of each pair: as the file says, else as the network does.
    given = [None, reference.label, None, *(pair.label for pair in pairs for _ in range(2))]
    predicted = classifier.head([array[:n] for array in inputs]).numpy().argmax(axis=1)
    position = {name: i for i, name in enumerate(label_names)}
    label_of = [
        position.get(name or "", int(best)) for name, best in zip(given, predicted, strict=True)
    ]
    rows_of = {label: np.asarray(labels)[chosen] == label for label in set(label_of)}
    crowds = {
        how: {label: _Crowd(others[rows], values[n:][rows]) for label, rows in rows_of.items()}
        for how, values in pooled.items()
    }

    def rank(how: str, i: int) -> float:
        """That of headline i + 1 by its closeness to headline i."""
        first, second = pooled[how][i : i + 2]
        return crowds[how][label_of[i]].rank(first, second, asked[i : i + 2])

    probed = _probed(classifier, asked, [array[:n] for array in inputs])
    directions = _directions(pooled["mean"][:3])
    cosines = directions @ directions.T
    crowd = crowds["mean"][label_of[1]]
    return Probes(
        reference=(probed[0], probed[1], probed[2]),
        label=label_names[label_of[1]],
        headlines=len(crowd.texts),
        centre=crowd.centre,
        cos_ab=float(cosines[0, 1]),
        cos_ac=float(cosines[0, 2]),
        cos_bc=float(cosines[1, 2]),
        rank_bc=rank("mean", 1),
        rank_bc_max=rank("max", 1),
        rank_bc_embedding=rank("embedding", 1),
        pairs=tuple(
            PairRank(
                pair.first,
                pair.second,
                label_names[label_of[i]],
                rank("mean", i),
                rank("embedding", i),
                tuple(dict.fromkeys([*probed[i].unseen, *probed[i + 1].unseen])),
            )
            for i, pair in zip(range(3, n, 2), pairs, strict=True)
        ),
    )


def sample(n: int, most: int) -> NDArray[np.int64]:
    """Positions of `n` items, or of `most` of them in order, always the same."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))


class _Crowd:
    """Test headlines of one label, as they are seen from their mean."""

    def __init__(self, texts: NDArray[np.object_], features: NDArray[np.float32]) -> None:
        self.texts = texts
        self.centre: NDArray[np.float32] = features.sum(axis=0) / max(len(features), 1)
        self.directions = _directions(features - self.centre)

    def rank(
        self, first: NDArray[np.float32], second: NDArray[np.float32], but: Sequence[str]
    ) -> float:
        """The fraction of the headlines, `but` leaving out, that is closer to `first`."""
        one, other = _directions(np.stack([first, second]) - self.centre)
        kept = (self.texts != but[0]) & (self.texts != but[1])
        cosines, cosine = (self.directions @ one)[kept], float(other @ one)
        if not len(cosines):
            return float("nan")
        return float((cosines > cosine).mean() + (cosines == cosine).mean() / 2)


def _directions(values: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return (values / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def _probed(
    classifier: Network, texts: Sequence[str], inputs: Sequence[NDArray[np.int32]]
) -> list[Probed]:
    """Training has not seen the words of the second table, nor those that are in none. A word has
    a letter in it."""
    layer, n_trained = classifier.text, classifier.embedding.input_dim
    of_layer, probed = _activations(classifier, inputs), []
    for i, tokens in enumerate(tokenize(texts, layer.contractions)):
        known = tokens[: layer.max_tokens]
        row_of = {
            token: row
            for token, row in zip(known, inputs[0][i], strict=False)
            if any(map(str.isalpha, token))
        }
        probed.append(
            Probed(
                texts[i],
                tuple(known),
                tuple(word for word, row in row_of.items() if row == _UNKNOWN or row >= n_trained),
                tuple(word for word, row in row_of.items() if row == _UNKNOWN),
                of_layer.values[i][of_layer.present[i]],
            )
        )
    return probed


def _activations(classifier: Network, inputs: Sequence[NDArray[np.int32]]) -> Activations:
    values, _ = _forward(classifier)(inputs)
    return Activations(values.numpy(), inputs[0] != PADDING)


def _forward(
    network: Network,
) -> Callable[[Sequence[NDArray[np.int32]]], tuple[Any, Any]]:
    """Token ids -> token features, (n, tokens, width), and word vectors, (n, tokens, size)."""

    def forward(inputs: Sequence[NDArray[np.int32]]) -> tuple[Any, Any]:
        vectors = as_tuple(network.embedder([ops.convert_to_tensor(i) for i in inputs]))[0]
        present = ops.convert_to_tensor(inputs[0] != PADDING)
        _, _, token_features = network.encoder([vectors, present], training=False)
        return token_features, vectors

    return forward


def _pooled(
    classifier: Network, inputs: Sequence[NDArray[np.int32]]
) -> dict[str, NDArray[np.float32]]:
    """Float32 arrays, (n, width): activations averaged over the tokens (`mean`) and their maximum
    (`max`), and word vectors averaged (`embedding`)."""
    forward, lengths = _forward(classifier), (inputs[0] != PADDING).sum(axis=1)
    order = np.argsort(lengths, kind="stable")  # those of like length together: less padding
    mean, maximum = MaskedPooling("mean"), MaskedPooling("max")
    parts: dict[str, list[Any]] = {"mean": [], "max": [], "embedding": []}
    for start in range(0, len(order), _BATCH):
        rows = order[start : start + _BATCH]
        batch = [array[rows, : max(lengths[rows].max(), 1)] for array in inputs]
        values, vectors = forward(batch)
        present = ops.convert_to_tensor(batch[0] != PADDING)
        parts["mean"].append(mean(values, token_mask=present))
        parts["max"].append(maximum(values, token_mask=present))
        parts["embedding"].append(mean(vectors, token_mask=present))
    back = np.argsort(order)
    return {how: np.concatenate(several)[back] for how, several in parts.items()}
