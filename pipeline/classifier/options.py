"""The options of `model`: the network, and what stands beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive, Rate


@dataclass(frozen=True, config=STRICT)
class EncoderOptions:
    """What all encoders have in common.

    `letter_case`: the network also sees how each word was capitalised, and the n-grams keep their
    capitals. `sif`, `ngrams`: the linear members that stand beside the network.
    """

    max_tokens: Positive = 24
    min_count: Positive = 1
    spatial_dropout: Rate = 0.2
    dropout: Rate = 0.3
    letter_case: bool = False
    sif: bool = True
    ngrams: bool = True


@dataclass(frozen=True, config=STRICT)
class CnnOptions(EncoderOptions):
    """Convolutions of several widths, each max-pooled over the headline (Kim 2014)."""

    encoder: Literal["cnn"] = "cnn"
    filters: Positive = 128
    kernel_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 3)


@dataclass(frozen=True, config=STRICT)
class MeanOptions(EncoderOptions):
    """Mean and maximum over the words of the headline."""

    encoder: Literal["mean"] = "mean"


@dataclass(frozen=True, config=STRICT)
class BiGruOptions(EncoderOptions):
    """A gated recurrent network in both directions, max-pooled over the headline."""

    encoder: Literal["bigru"] = "bigru"
    units: Positive = 64


@dataclass(frozen=True, config=STRICT)
class AttentionOptions(EncoderOptions):
    """Several learned weighted means over the words (`heads`), and their maximum."""

    encoder: Literal["attention"] = "attention"
    heads: Positive = 4


@dataclass(frozen=True, config=STRICT)
class MetricOptions(EncoderOptions):
    """Convolutions as in `cnn`, and on them a representation of `width` numbers, in which labels
    are told apart by Euclidean distance. `margin`: how far headlines of two labels are driven
    apart; `contrastive`: the weight of the loss that does it (pipeline/classifier/prototypes.py)."""

    encoder: Literal["metric"] = "metric"
    filters: Positive = 128
    kernel_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 3)
    width: Annotated[int, Field(ge=2)] = 100
    margin: Annotated[float, Field(gt=0, le=100)] = 5.0
    contrastive: Annotated[float, Field(ge=0, le=100)] = 0.3


ModelOptions = CnnOptions | MeanOptions | BiGruOptions | AttentionOptions | MetricOptions
