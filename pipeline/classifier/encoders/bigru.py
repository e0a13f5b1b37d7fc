"""`model=bigru`: a gated recurrent network in both directions, max-pooled over the text."""

from __future__ import annotations

from typing import Any, Literal

from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive
from pipeline.classifier.encoders.parts import Encoded, Seeds
from pipeline.classifier.options import EncoderOptions


@dataclass(frozen=True, config=STRICT)
class BiGruOptions(EncoderOptions):
    """A gated recurrent network. `units`: in each direction."""

    encoder: Literal["bigru"] = "bigru"
    units: Positive = 64


def build_bigru(tokens: Any, present: Any, options: Any, seeds: Seeds) -> Encoded:
    """The maximum over the states. Token features: the states of both directions."""
    import keras

    from pipeline.classifier.layers import MaskedPooling

    def gru(backwards: bool) -> keras.layers.GRU:
        return keras.layers.GRU(
            options.units,
            return_sequences=True,
            go_backwards=backwards,
            kernel_initializer=seeds.glorot(),
            recurrent_initializer=seeds.orthogonal(),
        )

    # Both directions are given, as Bidirectional would copy the seed of the first into the second.
    # With the mask, the amount of padding makes no difference.
    states = keras.layers.Bidirectional(gru(False), backward_layer=gru(True), name="bigru")(
        tokens, mask=present
    )
    return Encoded(MaskedPooling("max", name="max")(states, token_mask=present), states)
