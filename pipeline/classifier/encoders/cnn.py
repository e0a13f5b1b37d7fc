"""`model=cnn`: one layer of convolutions, max-pooled over the text (Kim 2014, arXiv 1408.5882)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive
from pipeline.classifier.encoders.parts import Encoded, Seeds
from pipeline.classifier.options import EncoderOptions


@dataclass(frozen=True, config=STRICT)
class CnnOptions(EncoderOptions):
    """Convolutions of several widths. `filters`: for each of `kernel_sizes`, which count words."""

    encoder: Literal["cnn"] = "cnn"
    filters: Positive = 128
    kernel_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 3)


def build_cnn(tokens: Any, present: Any, options: Any, seeds: Seeds) -> Encoded:
    """The maximum of each convolution. Token features: the convolutions' outputs behind the ReLU.

    Behind a ReLU nothing is below zero. So zeros are enough to leave padding out of the maximum.
    """
    import keras
    from keras import ops

    kept = ops.expand_dims(ops.cast(present, tokens.dtype), -1)
    convolved, pooled = [], []
    for size in options.kernel_sizes:
        layer = keras.layers.Conv1D(
            options.filters,
            size,
            padding="same",
            activation="relu",
            kernel_initializer=seeds.glorot(),
            name=f"convolution_{size}",
        )
        convolved.append(layer(tokens))
        pooled.append(ops.max(convolved[-1] * kept, axis=1))
    if len(pooled) == 1:
        return Encoded(pooled[0], convolved[0])
    return Encoded(ops.concatenate(pooled, axis=-1), ops.concatenate(convolved, axis=-1))
