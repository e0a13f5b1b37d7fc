"""The network and the parts beside it, blended into one classifier."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from pipeline.classifier.calibration import log_loss
from pipeline.classifier.network import Network, apply_network, in_parts
from pipeline.classifier.ngrams import fit_wide
from pipeline.classifier.options import CnnOptions, ModelOptions
from pipeline.classifier.sif import apply_pooled, fit_pooled
from pipeline.embedding.matrix import EmbeddingMatrix

logger = logging.getLogger(__name__)

# How many validation headlines it takes to move the weights from equal ones by about 0.2: so they
# stay equal where there are few. Chosen on validation data, between 1 and 30.
_PRIOR = 10.0
_LEAST = 0.02  # a part with a smaller weight is left out
FLOOR = -15.0  # log-probabilities below it count as it: one certain mistake should not decide


@dataclass(frozen=True)
class PartResult:
    """What one part is worth by itself: `weight` in the blend, and on the validation headlines
    `accuracy` (a fraction) and `loss` (mean cross-entropy in nats)."""

    weight: float
    accuracy: float
    loss: float


@dataclass(frozen=True, eq=False)
class Blend:
    """`classifier`: strings to probabilities through all parts that are kept. `parts`: by name,
    `network` first. `accuracy`, `loss`: of the whole on the validation headlines. `seconds`: taken
    to fit and weigh the parts."""

    classifier: Network
    parts: Mapping[str, PartResult]
    accuracy: float
    loss: float
    seconds: float

    @property
    def alone(self) -> bool:
        """Whether the network has nothing beside it."""
        return not any(part.weight for name, part in self.parts.items() if name != "network")


@keras.saving.register_keras_serializable(package="pipeline")
class LogLinear(keras.layers.Layer):
    """Probabilities in proportion to the product of the parts' probabilities, each to the power
    of its weight: log-probabilities, several of (n, n_classes) -> (n, n_classes)."""

    def __init__(self, weights: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.part_weights = tuple(weights)

    def call(self, logs: Any) -> Any:
        weighed = [w * part for w, part in zip(self.part_weights, logs, strict=True)]
        return ops.softmax(sum(weighed[1:], start=weighed[0]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weights": self.part_weights}


def blend(
    classifier: Network,
    matrix: EmbeddingMatrix,
    train: tuple[Sequence[str], Sequence[int]],
    validation: tuple[Sequence[str], Sequence[int]],
    config: ModelOptions | None = None,
    *,
    seed: int = 0,
) -> Blend:
    """Fit the parts that `config` asks for and weigh them against the trained network.

    `matrix`: the one that the classifier was built from; `train`, `validation`: headlines and
    labels as for `training.train`. The parts are experts whose probabilities are multiplied
    (Hinton 2002, doi 10.1162/089976602760128018). Their weights minimise the log loss of the
    validation headlines and a penalty on the distance from equal weights: with few validation
    headlines they stay about equal, with many the data decide. Where the blend's loss is not
    below that of the network alone, the network stays alone.
    """
    config = config or CnnOptions()
    started = time.perf_counter()
    inputs, held_out = classifier.token_ids(train[0]), classifier.token_ids(validation[0])
    labels, truth = np.asarray(train[1]), np.asarray(validation[1])
    n_classes = classifier.head.output_shape[-1]
    parts: dict[str, keras.layers.Layer] = {}
    logits = classifier.head.predict(list(held_out), batch_size=256, verbose=0)
    logs = {"network": log_softmax(logits.astype(np.float64), axis=1)}
    n_present = len(np.unique(labels))
    several = n_present > 1
    if several and (config.sif or config.ngrams):
        logger.info("blending: fitting the parts to %s headlines", f"{len(labels):,}")
    if config.sif and several and len(labels) > n_present:
        parts["pooled"] = fit_pooled(classifier, matrix, inputs, labels, n_classes, seed=seed)
        logs["pooled"] = apply_pooled(classifier, parts["pooled"], held_out)
    if config.ngrams and several:
        wide = fit_wide(joined(classifier, train[0]), labels, n_classes, seed=seed)
        parts["wide"] = wide.layer()
        logs["wide"] = wide.log_probabilities(joined(classifier, validation[0]))

    weights = _weigh(list(logs.values()), truth) if parts else np.ones(1)
    weights[weights < _LEAST] = 0
    whole = log_softmax(_weighed(weights, list(logs.values())), axis=1)
    alone = log_loss(logs["network"], truth)
    if log_loss(whole, truth) > alone:
        weights, whole = np.array([1.0] + [0.0] * len(parts)), logs["network"]
    result = Blend(
        _blended(classifier, parts, dict(zip(logs, weights.tolist(), strict=True))),
        {
            name: PartResult(float(weight), _accuracy(log, truth), log_loss(log, truth))
            for (name, log), weight in zip(logs.items(), weights, strict=True)
        },
        _accuracy(whole, truth),
        log_loss(whole, truth),
        time.perf_counter() - started,
    )
    logger.info(
        "blending: %s, validation accuracy %.4f, %.1f s",
        ", ".join(f"{name} {part.weight:.2f}" for name, part in result.parts.items()),
        result.accuracy,
        result.seconds,
    )
    return result


def joined(classifier: Network, texts: Sequence[str]) -> NDArray[Any]:
    """The tokens of each headline with spaces between: object array of bytes, (n,)."""
    chunks = [
        in_parts(classifier.text(ops.convert_to_tensor(list(texts[i : i + 10_000]), "string")))
        for i in range(0, max(len(texts), 1), 10_000)
    ]
    return np.concatenate([np.atleast_1d(chunk[-1].numpy()) for chunk in chunks])


def _weigh(logs: list[NDArray[Any]], truth: NDArray[np.integer]) -> NDArray[np.float64]:
    equal = np.full(len(logs), 1 / len(logs))

    def cost(weights: NDArray[np.float64]) -> float:
        loss = log_loss(log_softmax(_weighed(weights, logs), axis=1), truth)
        return len(truth) * loss + _PRIOR * float(((weights - equal) ** 2).sum())

    return minimize(cost, equal, bounds=[(0, None)] * len(logs), method="L-BFGS-B").x


def _weighed(weights: NDArray[np.float64], logs: list[NDArray[Any]]) -> NDArray[np.float64]:
    return sum(w * np.maximum(log, FLOOR) for w, log in zip(weights, logs, strict=True))


def _accuracy(logs: NDArray[Any], truth: NDArray[np.integer]) -> float:
    return float((logs.argmax(axis=1) == truth).mean())


def _blended(
    classifier: Network, parts: Mapping[str, keras.layers.Layer], weights: Mapping[str, float]
) -> Network:
    kept = {name: part for name, part in parts.items() if weights[name]}
    if not kept:
        return classifier
    texts = keras.Input((), dtype="string", name="texts")
    outputs = in_parts(classifier.text(texts))
    n_inputs = len(classifier.head.inputs)
    embedder, encoder = classifier.embedder, classifier.encoder
    logits, vectors = apply_network(embedder, encoder, outputs[:n_inputs])
    logs = [ops.log_softmax(logits)]
    if "pooled" in kept:
        logs.append(kept["pooled"]([outputs[0], *vectors[1:]]))
    if "wide" in kept:
        logs.append(kept["wide"](outputs[-1]))
    powers = [weights["network"], *(weights[name] for name in kept)]
    floored = [ops.maximum(log, FLOOR) for log in logs]
    probabilities = LogLinear(powers, name="blend")(floored)
    return replace(classifier, model=keras.Model(texts, probabilities, name="classifier"))
