"""Probe sentences: how close the network puts headlines that mean the same."""

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
from pydantic.dataclasses import dataclass as validated

from pipeline.base.calls import checked
from pipeline.base.errors import DataError
from pipeline.base.files import conf_folder
from pipeline.base.options import Positive
from pipeline.classifier.layers import MaskedPooling
from pipeline.classifier.network import Network
from pipeline.classifier.scoring import as_tuple
from pipeline.data.examples import Examples
from pipeline.data.sampling import sample_positions
from pipeline.embedding.matrix import PADDING, UNKNOWN
from pipeline.embedding.text import tokenize

_BATCH = 512  # headlines at a time: 20 MB of activations at 384 features and 24 tokens
_MAX_HEADLINES = 8_000  # a rank among more test headlines is hardly finer
_STRICT = ConfigDict(extra="forbid")

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


@validated(frozen=True, config=_STRICT)
class Reference:
    """Three headlines: `b` and `c` mean the same, `a` is of another kind. `label`: that of `b`."""

    a: Sentence
    b: Sentence
    c: Sentence
    label: str | None = None


@validated(frozen=True, config=_STRICT)
class Pair:
    """Two headlines that mean the same. `label`: that of the first."""

    first: Sentence
    second: Sentence
    label: str | None = None


@validated(frozen=True, config=_STRICT)
class Sentences:
    """The probe sentences of a file such as conf/probes.yaml."""

    reference: Reference
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, eq=False)
class Activations:
    """The activations of the layer after the embedding.

    `values`: float32 array, (n, tokens, width). `present`: bool array, (n, tokens), False where a
    headline has no token; the values there mean nothing.
    """

    values: NDArray[np.float32]
    present: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ProbedText:
    """A probe sentence as the network sees it.

    `unseen`: the words that were not in training. `unknown`: those among them without a vector of
    their own. `activations`: float32 array, (tokens, width).
    """

    text: str
    tokens: tuple[str, ...]
    unseen: tuple[str, ...]
    unknown: tuple[str, ...]
    activations: NDArray[np.float32]


@dataclass(frozen=True)
class PairRank:
    """How close the two headlines of a pair are.

    `rank`: the fraction of the test headlines with `label` that are closer to `first` than `second`
    is, see `Probes.rank_bc`. `rank_embedding`: the same by averaged word vectors. Both are NaN
    where no test headline has the label. `unseen`: the words of both that were not in training.
    """

    first: str
    second: str
    label: str
    rank: float
    rank_embedding: float
    unseen: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Probes:
    """How close the probe sentences are to each other.

    A headline is represented by the mean of its activations over the tokens.

    `reference`: the sentences a, b and c. `label`: that of b. `headlines`: the number of test
    headlines with it. `centre`: their mean, float32 array, (width,). `cos_ab`, `cos_ac`, `cos_bc`:
    cosines. `rank_bc`: the fraction of these headlines that are closer to b than c is, after the
    centre is subtracted from all. It is 0 where c is the closest; a headline as close as c counts
    half. `rank_bc_max`: the same by activations max-pooled over the tokens. `rank_bc_embedding`:
    the same by averaged word vectors. `pairs`: the ranks of the other pairs.
    """

    reference: tuple[ProbedText, ProbedText, ProbedText]
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
        """The numbers that a run logs, by name. Numbers that are NaN are left out.

        `pairs_...` are medians and means over all pairs, `pairs_unseen_...` over the pairs with a
        word that was not in training.
        """
        names = ("cos_ab", "cos_ac", "cos_bc", "rank_bc", "rank_bc_max", "rank_bc_embedding")
        values = {name: float(getattr(self, name)) for name in names}
        unseen = [pair for pair in self.pairs if pair.unseen]
        for name, pairs in (("pairs", self.pairs), ("pairs_unseen", unseen)):
            for kind in ("rank", "rank_embedding"):
                ranks = [getattr(pair, kind) for pair in pairs]
                ranks = [rank for rank in ranks if not np.isnan(rank)] or [np.nan]
                values[f"{name}_{kind}_median"] = float(np.median(ranks))
                values[f"{name}_{kind}_mean"] = float(np.mean(ranks))
        return {name: value for name, value in values.items() if not np.isnan(value)}


def load_sentences(path: str | Path | None = None) -> Sentences:
    """Read probe sentences from a YAML file.

    `path`: None for conf/probes.yaml.
    Raises DataError: the file is missing, or does not have the form of conf/probes.yaml.
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


@checked
def activations(network: Network, texts: Sequence[str]) -> Activations:
    """Compute the activations of the layer after the embedding, token by token, without dropout.

    For `cnn` they are the outputs of the convolutions after the ReLU, all kernel sizes side by
    side. For `bigru` they are the states of both directions. For `mean` and `attention` they are
    the word vectors. The weights are the present ones of the network.
    """
    return _activations(network, network.token_ids(texts))


@checked
def probe(
    network: Network,
    test: Examples,
    sentences: Sentences | None = None,
    *,
    max_headlines: Positive = _MAX_HEADLINES,
    batch_size: Positive = _BATCH,
) -> Probes:
    """Measure how close sentences of the same meaning are, among test headlines of the same label.

    A network that is trained on labels moves headlines of one label close together. So a plain
    cosine says little about meaning, and the rank among headlines of the same label says more.

    Args:
        network: the network, with its present weights.
        test: the test headlines.
        sentences: the probe sentences; None: those of conf/probes.yaml.
        max_headlines: of more test headlines a sample is taken, always the same.
        batch_size: headlines that are computed at a time.

    Raises ConfigError: a number is below 1.
    """
    sentences = sentences or load_sentences()
    reference, pairs = sentences.reference, sentences.pairs
    asked = [reference.a, reference.b, reference.c]
    asked += [text for pair in pairs for text in (pair.first, pair.second)]
    n, chosen = len(asked), sample_positions(len(test), max_headlines)
    texts = np.array([test.texts[i] for i in chosen], object)
    inputs = network.token_ids([*asked, *texts])
    pooled = _pool(network, inputs, batch_size)

    # The label of b and of the first sentence of each pair: from the file, else from the network.
    given = [None, reference.label, None, *(pair.label for pair in pairs for _ in range(2))]
    predicted = network.head([array[:n] for array in inputs]).numpy().argmax(axis=1)
    position = {name: i for i, name in enumerate(test.label_names)}
    asked_labels = [
        position.get(name or "", int(best)) for name, best in zip(given, predicted, strict=True)
    ]
    rows_by_label = {label: np.asarray(test.labels)[chosen] == label for label in set(asked_labels)}
    crowds = {
        pooling: {
            label: _Crowd(texts[rows], values[n:][rows]) for label, rows in rows_by_label.items()
        }
        for pooling, values in pooled.items()
    }

    def rank(pooling: str, i: int) -> float:
        """The rank of sentence i + 1 by its closeness to sentence i."""
        first, second = pooled[pooling][i : i + 2]
        return crowds[pooling][asked_labels[i]].rank(first, second, asked[i : i + 2])

    probed = _probed_texts(network, asked, [array[:n] for array in inputs])
    directions = _directions(pooled["mean"][:3])
    cosines = directions @ directions.T
    crowd = crowds["mean"][asked_labels[1]]
    return Probes(
        reference=(probed[0], probed[1], probed[2]),
        label=test.label_names[asked_labels[1]],
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
                test.label_names[asked_labels[i]],
                rank("mean", i),
                rank("embedding", i),
                tuple(dict.fromkeys([*probed[i].unseen, *probed[i + 1].unseen])),
            )
            for i, pair in zip(range(3, n, 2), pairs, strict=True)
        ),
    )


class _Crowd:
    """Test headlines of one label, as directions from their mean."""

    def __init__(self, texts: NDArray[np.object_], features: NDArray[np.float32]) -> None:
        self.texts = texts
        self.centre: NDArray[np.float32] = features.sum(axis=0) / max(len(features), 1)
        self.directions = _directions(features - self.centre)

    def rank(
        self, first: NDArray[np.float32], second: NDArray[np.float32], excluded: Sequence[str]
    ) -> float:
        """The fraction of the headlines that is closer to `first` than `second` is, both (width,).

        `excluded`: the two texts themselves, which may be among the headlines.
        """
        query, target = _directions(np.stack([first, second]) - self.centre)
        kept = (self.texts != excluded[0]) & (self.texts != excluded[1])
        cosines, cosine = (self.directions @ query)[kept], float(target @ query)
        if not len(cosines):
            return float("nan")
        return float((cosines > cosine).mean() + (cosines == cosine).mean() / 2)


def _directions(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale rows, (n, width), to length 1. Rows of zeros stay."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return (values / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def _probed_texts(
    network: Network, texts: Sequence[str], inputs: Sequence[NDArray[np.int32]]
) -> list[ProbedText]:
    """Describe each text. Training has not seen the words of the second table, nor unknown ones.

    A token with a letter in it is a word.
    """
    layer, n_trained = network.text, network.embedding.input_dim
    layer_output, probed = _activations(network, inputs), []
    for i, all_tokens in enumerate(tokenize(texts, layer.contractions)):
        tokens = tuple(all_tokens[: layer.max_tokens])
        row_of = {
            token: row
            for token, row in zip(tokens, inputs[0][i], strict=False)
            if any(map(str.isalpha, token))
        }
        unseen = tuple(w for w, row in row_of.items() if row == UNKNOWN or row >= n_trained)
        unknown = tuple(word for word, row in row_of.items() if row == UNKNOWN)
        values = layer_output.values[i][layer_output.present[i]]
        probed.append(ProbedText(texts[i], tokens, unseen, unknown, values))
    return probed


def _activations(network: Network, inputs: Sequence[NDArray[np.int32]]) -> Activations:
    """`inputs`: int32 arrays, (n, tokens), from `Network.token_ids`."""
    values, _ = _forward(network)(inputs)
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


def _pool(
    network: Network, inputs: Sequence[NDArray[np.int32]], batch_size: int
) -> dict[str, NDArray[np.float32]]:
    """Represent each headline by one vector, in three ways: float32 arrays, (n, width).

    `mean`, `max`: the mean and the maximum of the activations over the tokens. `embedding`: the
    mean of the word vectors.
    """
    forward, lengths = _forward(network), (inputs[0] != PADDING).sum(axis=1)
    order = np.argsort(lengths, kind="stable")  # headlines of one length together need no padding
    mean, maximum = MaskedPooling("mean"), MaskedPooling("max")
    batches: dict[str, list[Any]] = {"mean": [], "max": [], "embedding": []}
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = [array[rows, : max(lengths[rows].max(), 1)] for array in inputs]
        values, vectors = forward(batch)
        present = ops.convert_to_tensor(batch[0] != PADDING)
        batches["mean"].append(mean(values, token_mask=present))
        batches["max"].append(maximum(values, token_mask=present))
        batches["embedding"].append(mean(vectors, token_mask=present))
    back = np.argsort(order)
    return {pooling: np.concatenate(arrays)[back] for pooling, arrays in batches.items()}
