"""The encoders: from the word vectors of a text to logits. One file each, and the table ENCODERS.

A new encoder is one file with its options and its function, and one row here. Keras is imported
when a function is called, so that options can be checked without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from pipeline.classifier.encoders.attention import AttentionOptions, build_attention
from pipeline.classifier.encoders.bigru import BiGruOptions, build_bigru
from pipeline.classifier.encoders.cnn import CnnOptions, build_cnn
from pipeline.classifier.encoders.mean import MeanOptions, build_mean
from pipeline.classifier.encoders.metric import MetricOptions, build_prototype_head
from pipeline.classifier.encoders.parts import Encoded, Seeds, build_dense_head
from pipeline.classifier.options import EncoderOptions

if TYPE_CHECKING:
    import keras

__all__ = [
    "ENCODERS",
    "AttentionOptions",
    "BiGruOptions",
    "CnnOptions",
    "Encoded",
    "Encoder",
    "MeanOptions",
    "MetricOptions",
    "ModelOptions",
    "Seeds",
    "build_encoder",
    "encoder_for",
]


@dataclass(frozen=True)
class Encoder:
    """A row of the table.

    `options`: the class of its options. `build`: (word vectors, present, options, seeds) ->
    `Encoded`, where word vectors are a Keras tensor (n, tokens, width) and `present` a bool tensor
    (n, tokens), False for padding. `piecewise_linear`: between word vectors and logits there are
    only sums, products with weights, maxima and ReLU, so that the gradient explains a logit
    exactly. `build_head`: (features, n_labels, options, seeds) -> (representation, logits); a layer
    named `logits` makes the latter, and may have a method `extra_loss(labels, representation)`.
    """

    options: type[EncoderOptions]
    build: Callable[[Any, Any, Any, Seeds], Encoded]
    piecewise_linear: bool = False
    build_head: Callable[[Any, int, Any, Seeds], tuple[Any, Any]] = build_dense_head


ENCODERS = {
    "attention": Encoder(AttentionOptions, build_attention),
    "bigru": Encoder(BiGruOptions, build_bigru),
    "cnn": Encoder(CnnOptions, build_cnn, piecewise_linear=True),
    "mean": Encoder(MeanOptions, build_mean, piecewise_linear=True),
    "metric": Encoder(MetricOptions, build_cnn, build_head=build_prototype_head),
}

if TYPE_CHECKING:
    ModelOptions = EncoderOptions
else:
    ModelOptions = Annotated[
        reduce(or_, (row.options for row in ENCODERS.values())), Field(discriminator="encoder")
    ]
"""The options of any encoder of the table, told apart by `encoder`."""


def encoder_for(options: EncoderOptions) -> Encoder:
    """The row of the table. Raises KeyError: `options.encoder` is not in it."""
    return ENCODERS[options.encoder]


def build_encoder(width: int, n_labels: int, options: EncoderOptions, seeds: Seeds) -> keras.Model:
    """The network between word vectors and logits.

    Inputs of the model: word vectors, float tensor (n, tokens, width); which of them are no
    padding, bool tensor (n, tokens). Outputs: logits, (n, n_labels); the representation that they
    are made from, (n, features); what the first layer gives for each token,
    (n, tokens, token_features).
    """
    import keras

    row = encoder_for(options)
    tokens = keras.Input((None, width), name="tokens")
    present = keras.Input((None,), dtype="bool", name="present")
    kept = keras.layers.SpatialDropout1D(options.spatial_dropout, seed=seeds())(tokens)
    encoded = row.build(kept, present, options, seeds)
    features = keras.layers.Dropout(options.dropout, seed=seeds())(encoded.features)
    representation, logits = row.build_head(features, n_labels, options, seeds)
    outputs = [logits, representation, encoded.token_features]
    return keras.Model([tokens, present], outputs, name="encoder")
