"""The encoders: from the word vectors of a headline to logits. One function each, and a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from pipeline.classifier.options import (
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    MeanOptions,
    MetricOptions,
    ModelOptions,
)
from pipeline.classifier.prototypes import Prototypes


@keras.saving.register_keras_serializable(package="pipeline")
class MaskedPooling(keras.layers.Layer):
    """Pool over the tokens of a headline, leaving padding out.

    `how`: `mean` or `max`. Inputs: float tensor (n, tokens, width) and mask, bool tensor
    (n, tokens); output (n, width), zeros for a headline without tokens.
    """

    def __init__(self, how: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how
        self.supports_masking = True  # the mask comes as `token_mask`, and ends here

    def call(self, inputs: Any, token_mask: Any) -> Any:
        present = ops.expand_dims(ops.cast(token_mask, inputs.dtype), -1)
        count = ops.sum(present, axis=1)
        if self.how == "mean":
            return ops.sum(inputs * present, axis=1) / ops.maximum(count, 1)
        highest = ops.max(inputs - 1e9 * (1 - present), axis=1)
        return ops.where(count > 0, highest, ops.zeros_like(highest))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "how": self.how}


def build_encoder(width: int, n_classes: int, config: ModelOptions, seeds: Seeds) -> keras.Model:
    """Word vectors, float tensor (n, tokens, width), and which of them are no padding, bool tensor
    (n, tokens), to logits, (n, n_classes). The layer `logits` makes them of the representation.
    """
    tokens = keras.Input((None, width), name="tokens")
    present = keras.Input((None,), dtype="bool", name="present")
    kept = keras.layers.SpatialDropout1D(config.spatial_dropout, seed=seeds())(tokens)
    features = _ENCODERS[type(config)](kept, present, config, seeds)
    features = keras.layers.Dropout(config.dropout, seed=seeds())(features)
    if isinstance(config, MetricOptions):
        # Between -1 and 1, as in the paper, so that no headline can flee from the others.
        features = keras.layers.Dense(
            config.width,
            activation="tanh",
            kernel_initializer=seeds.glorot(),
            name="representation",
        )(features)
        head: keras.layers.Layer = Prototypes(
            n_classes, config.margin, config.contrastive, seeds(), name="logits"
        )
    else:
        head = keras.layers.Dense(n_classes, kernel_initializer=seeds.glorot(), name="logits")
    return keras.Model([tokens, present], head(features), name="encoder")


class Seeds:
    """A different seed for every layer, all following from one."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self) -> int:
        return int(self._random.integers(2**31))

    def glorot(self) -> keras.Initializer:
        return keras.initializers.GlorotUniform(seed=self())

    def orthogonal(self) -> keras.Initializer:
        return keras.initializers.Orthogonal(seed=self())


def _cnn(tokens: Any, present: Any, config: CnnOptions | MetricOptions, seeds: Seeds) -> Any:
    # Kim (2014), arXiv 1408.5882: one layer of convolutions, max-pooled over time. Behind a ReLU
    # nothing is below zero, so that zeros are enough to leave padding out.
    kept = ops.expand_dims(ops.cast(present, tokens.dtype), -1)
    pooled = []
    for size in config.kernel_sizes:
        features = keras.layers.Conv1D(
            config.filters,
            size,
            padding="same",
            activation="relu",
            kernel_initializer=seeds.glorot(),
            name=f"convolution_{size}",
        )(tokens)
        pooled.append(ops.max(features * kept, axis=1))
    return pooled[0] if len(pooled) == 1 else ops.concatenate(pooled, axis=-1)


def _mean(tokens: Any, present: Any, config: MeanOptions, seeds: Seeds) -> Any:
    pooled = [MaskedPooling(how, name=how)(tokens, token_mask=present) for how in ("mean", "max")]
    return ops.concatenate(pooled, axis=-1)


def _bigru(tokens: Any, present: Any, config: BiGruOptions, seeds: Seeds) -> Any:
    def gru(backwards: bool) -> keras.layers.GRU:
        return keras.layers.GRU(
            config.units,
            return_sequences=True,
            go_backwards=backwards,
            kernel_initializer=seeds.glorot(),
            recurrent_initializer=seeds.orthogonal(),
        )

    # Both directions are given, as Bidirectional would copy the seed of one into the other.
    # With the mask it does not matter how much padding a headline has.
    states = keras.layers.Bidirectional(gru(False), backward_layer=gru(True), name="bigru")(
        tokens, mask=present
    )
    return MaskedPooling("max", name="max")(states, token_mask=present)


def _attention(tokens: Any, present: Any, config: AttentionOptions, seeds: Seeds) -> Any:
    # Lin et al. (2017), arXiv 1703.03130, with linear scores. From zero, every head starts as
    # the mean.
    scores = keras.layers.Dense(config.heads, kernel_initializer="zeros", name="scores")(tokens)
    kept = ops.expand_dims(ops.cast(present, tokens.dtype), -1)
    shares = ops.softmax(scores - 1e9 * (1 - kept), axis=1) * kept
    means = ops.einsum("nth,ntw->nhw", shares, tokens)
    flat = keras.layers.Reshape((config.heads * tokens.shape[-1],))(means)
    highest = MaskedPooling("max", name="max")(tokens, token_mask=present)
    return ops.concatenate([flat, highest], axis=-1)


_ENCODERS: dict[type, Callable[[Any, Any, Any, Seeds], Any]] = {
    AttentionOptions: _attention,
    CnnOptions: _cnn,
    MeanOptions: _mean,
    BiGruOptions: _bigru,
    MetricOptions: _cnn,
}
