"""`model=metric`: labels are told apart by Euclidean distance; a case base stands on it.

The network of López-Sánchez et al. (2017), doi 10.1007/s10489-017-1109-7: the convolutions of
`cnn`, and on them a representation in which texts of one label lie near each other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Positive
from pipeline.classifier.encoders.parts import Seeds
from pipeline.classifier.options import EncoderOptions


@dataclass(frozen=True, config=STRICT)
class MetricOptions(EncoderOptions):
    """Convolutions as in `cnn`, and a representation of `width` numbers on them.

    `margin`: how far texts of two labels are driven apart. `contrastive`: the weight of the loss
    that does it, beside the cross-entropy.
    """

    encoder: Literal["metric"] = "metric"
    filters: Positive = 128
    kernel_sizes: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 3)
    width: Annotated[int, Field(ge=2)] = 100
    margin: Annotated[float, Field(gt=0, le=100)] = 5.0
    contrastive: Annotated[float, Field(ge=0, le=100)] = 0.3


def build_prototype_head(
    features: Any, n_labels: int, options: Any, seeds: Seeds
) -> tuple[Any, Any]:
    """The representation, and logits that fall with the distance to the prototype of a label.

    Its numbers lie between -1 and 1, as in the paper: no text can flee from the others.
    """
    import keras

    from pipeline.classifier.prototypes import Prototypes

    representation = keras.layers.Dense(
        options.width,
        activation="tanh",
        kernel_initializer=seeds.glorot(),
        name="representation",
    )(features)
    head = Prototypes(n_labels, options.margin, options.contrastive, seeds(), name="logits")
    return representation, head(representation)
