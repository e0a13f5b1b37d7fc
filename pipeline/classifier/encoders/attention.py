"""`model=attention`: learned weighted means over the words (Lin et al. 2017, arXiv 1703.03130)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive
from pipeline.classifier.encoders.parts import Encoded, Seeds
from pipeline.classifier.options import EncoderOptions


@dataclass(frozen=True, config=STRICT)
class AttentionOptions(EncoderOptions):
    """Learned weighted means over the words, and their maximum. `heads`: how many means."""

    encoder: Literal["attention"] = "attention"
    heads: Positive = 4


def build_attention(tokens: Any, present: Any, options: Any, seeds: Seeds) -> Encoded:
    """The means and the maximum. Token features: the word vectors themselves.

    The scores are linear. They start from zero, so that every head starts as the plain mean.
    """
    import keras
    from keras import ops

    from pipeline.classifier.layers import MaskedPooling

    scores = keras.layers.Dense(options.heads, kernel_initializer="zeros", name="scores")(tokens)
    kept = ops.expand_dims(ops.cast(present, tokens.dtype), -1)
    attention = ops.softmax(scores - 1e9 * (1 - kept), axis=1) * kept
    means = ops.einsum("nth,ntw->nhw", attention, tokens)
    flat = keras.layers.Reshape((options.heads * tokens.shape[-1],))(means)
    highest = MaskedPooling("max", name="max")(tokens, token_mask=present)
    return Encoded(ops.concatenate([flat, highest], axis=-1), tokens)
