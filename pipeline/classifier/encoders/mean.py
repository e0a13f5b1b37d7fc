"""`model=mean`: mean and maximum over the words of the text."""

from __future__ import annotations

from typing import Any, Literal

from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT
from pipeline.classifier.encoders.parts import Encoded, Seeds
from pipeline.classifier.options import EncoderOptions


@dataclass(frozen=True, config=STRICT)
class MeanOptions(EncoderOptions):
    """Mean and maximum over the words of the text."""

    encoder: Literal["mean"] = "mean"


def build_mean(tokens: Any, present: Any, options: Any, seeds: Seeds) -> Encoded:
    """Mean and maximum side by side. Token features: the word vectors themselves."""
    from keras import ops

    from pipeline.classifier.layers import MaskedPooling

    pooled = [MaskedPooling(how, name=how)(tokens, token_mask=present) for how in ("mean", "max")]
    return Encoded(ops.concatenate(pooled, axis=-1), tokens)
