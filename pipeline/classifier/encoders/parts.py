"""What the encoders share: seeds, what an encoder returns, and the usual last layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, eq=False)
class Encoded:
    """What an encoder makes of a text, as Keras tensors.

    `features`: (n, width), the text as one vector. `token_features`: (n, tokens, token_width), what
    the layer after the embedding gives for each token; the values of padding mean nothing.
    """

    features: Any
    token_features: Any


class Seeds:
    """A different seed for every layer; all follow from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self) -> int:
        return int(self._random.integers(2**31))

    def glorot(self) -> keras.Initializer:
        """An initialiser with the next seed (Glorot and Bengio 2010)."""
        import keras

        return keras.initializers.GlorotUniform(seed=self())

    def orthogonal(self) -> keras.Initializer:
        """An initialiser of orthogonal matrices with the next seed."""
        import keras

        return keras.initializers.Orthogonal(seed=self())


def build_dense_head(features: Any, n_labels: int, options: Any, seeds: Seeds) -> tuple[Any, Any]:
    """The usual last layer: logits are a linear function of the features."""
    import keras

    layer = keras.layers.Dense(n_labels, kernel_initializer=seeds.glorot(), name="logits")
    return features, layer(features)
