"""The options of `model` that all encoders share. Those of one encoder stand beside it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive, Rate
from pipeline.portable.text import MAX_CHARACTERS

AUTO: Final = "auto"

Select = Literal["accuracy", "balanced_accuracy", "macro_f1", "log_loss"]
"""What decides on the validation texts between epochs, phases, and the ensemble."""


@dataclass(frozen=True, config=STRICT)
class EncoderOptions:
    """What all encoders have in common.

    `encoder`: its name in `pipeline.classifier.encoders.ENCODERS`. `max_tokens`: of a text; what
    comes after is not seen. More than a text has characters would be too many. `auto`: as many as
    nearly all training texts have (`vocabulary.choose_length`). `min_count`: words seen less often
    in training share the row of unknown words. `spatial_dropout`: of whole dimensions of the
    embedding. `dropout`: before the last layer. `letter_case`: the network also sees how each word
    was capitalised, and the n-grams keep their capitals. `sif`, `ngrams`: the linear members that
    stand beside the network.
    """

    encoder: str = ""
    max_tokens: Annotated[int, Field(ge=1, le=MAX_CHARACTERS)] | Literal["auto"] = AUTO
    min_count: Positive = 1
    spatial_dropout: Rate = 0.2
    dropout: Rate = 0.3
    letter_case: bool = False
    sif: bool = True
    ngrams: bool = True
