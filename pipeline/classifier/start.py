"""An earlier classifier from which a training begins.

What was learned goes on: the rows of its words, the weights of its encoder, and the last layer of
the labels that are still there. The linear members are fitted anew, as that is fast and exact.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import ConfigError, ModelError, VectorsError
from pipeline.base.files import file_digest
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.export import classifier_parts, network_variables
from pipeline.classifier.network import Network
from pipeline.classifier.options import EncoderOptions
from pipeline.classifier.repacking import read_whole
from pipeline.embedding.matrix import FIRST_WORD, UNKNOWN, EmbeddingMatrix
from pipeline.portable.folder import SUMS

logger = logging.getLogger(__name__)

_EMBEDDING, _EXTRA = "network/embedding", "network/extra"
_LABELS = {"head/kernel": 1, "head/bias": 0, "head/prototypes": 0}  # the axis of the labels
_SIZES = {
    "heads": "encoder/scores/bias",
    "units": "encoder/bigru/forward/recurrent",
    "width": "head/representation/bias",
}  # the array whose length is this option of the encoder
_OTHER = 0.01  # share of the squares of all rows; tables of whole numbers (int8) lose less
_NAMED = 3  # labels that a warning names


@dataclass(frozen=True, eq=False)
class Start:
    """What goes on of an earlier classifier.

    `label_names`: label i is `label_names[i]`. `words`: those of the trained rows. `extra_words`:
    those of the rows that are only looked up. `options`: of the encoder, those that decide the
    shape of an array. `arrays`: float32 arrays by their names in the folder of a portable
    classifier. `facts`: what the folder says of the classifier. `sha256`: of the folder; empty for
    a classifier in memory.
    """

    label_names: tuple[str, ...]
    words: tuple[str, ...]
    extra_words: tuple[str, ...]
    options: Mapping[str, Any]
    arrays: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any]
    sha256: str = ""

    def check(self, options: EncoderOptions) -> None:
        """Raises ConfigError: an option of the encoder gives other shapes."""
        for name, value in self.options.items():
            given = getattr(options, name, None)
            if given != value:
                expected = _written(name, value)
                raise ConfigError(
                    f"start: expected {expected}, as the earlier classifier has, got "
                    f"{_written(name, given)}: set {expected}, or leave start out"
                )

    def scaled(self, matrix: EmbeddingMatrix) -> EmbeddingMatrix:
        """The matrix at the scale of the earlier one, which followed from other words.

        The rows that both only look up tell the scale. Where there are none, the matrix stays.

        Raises VectorsError: the rows are of other vectors.
        """
        size, width = matrix.weights.shape[1], self.arrays[_EMBEDDING].shape[1]
        if size != width:
            raise VectorsError(
                f"start: expected vectors of {width} dimensions, as the earlier classifier has, "
                f"got {size}: choose the vectors that it was trained with"
            )
        place = {word: i for i, word in enumerate(matrix.extra_words)}
        both = [(i, place[word]) for i, word in enumerate(self.extra_words) if word in place]
        if not both:
            return matrix
        earlier_rows, rows = map(list, zip(*both, strict=True))
        earlier = self.arrays[_EXTRA][earlier_rows].astype(np.float64)
        present = matrix.extra_weights[rows].astype(np.float64)
        scale = float((earlier * present).sum() / max(float((present**2).sum()), 1e-30))
        if ((earlier - scale * present) ** 2).sum() > _OTHER * (earlier**2).sum():
            raise VectorsError(
                "start: expected the vectors that the earlier classifier was trained with, got "
                f"other rows for {len(both):,} words: choose the same vectors and "
                "vectors.postprocess, or leave start out"
            )
        factor = np.float32(scale)
        return replace(
            matrix, weights=matrix.weights * factor, extra_weights=matrix.extra_weights * factor
        )

    def pass_on(self, network: Network, label_names: Sequence[str]) -> None:
        """Set the weights of a new network. What is new in it stays: rows of new words, labels.

        Raises ModelError: an array has another shape than the network's.
        """
        variables = network_variables(network)
        words = network.text.words[: network.embedding.input_dim - FIRST_WORD]
        rows = _places(words, self.words)
        rows = [array + FIRST_WORD for array in rows]
        labels = _places(label_names, self.label_names)
        for name in sorted(variables.keys() - {_EXTRA}):
            value, earlier = variables[name].numpy(), self.arrays.get(name)
            axis = 0 if name == _EMBEDDING else _LABELS.get(name)
            if earlier is None or _without(earlier.shape, axis) != _without(value.shape, axis):
                raise ModelError(
                    f"start: expected the array {name} of shape {value.shape}, got "
                    f"{'none' if earlier is None else earlier.shape}: train without start"
                )
            if name == _EMBEDDING:
                value[UNKNOWN] = earlier[UNKNOWN]
                value[rows[0]] = earlier[rows[1]]
            elif axis is None:
                value = earlier
            else:
                by_label, earlier = (np.moveaxis(array, axis, 0) for array in (value, earlier))
                by_label[labels[0]] = earlier[labels[1]]
            variables[name].assign(value)
        logger.info(
            "start: %s of %s words and %d of %d labels are those of the earlier classifier",
            f"{len(rows[0]):,}", f"{len(words):,}", len(labels[0]), len(label_names),
        )  # fmt: skip
        gone = [label for label in self.label_names if label not in label_names]
        if gone:
            logger.warning(
                "start: no headline has %d labels of the earlier classifier (%s): they are left "
                "out",
                len(gone),
                ", ".join(map(repr, gone[:_NAMED])) + (", ..." if len(gone) > _NAMED else ""),
            )


@checked
def read_start(source: Start | Classifier | str | os.PathLike[str]) -> Start:
    """What goes on of a classifier.

    `source`: the classifier, or the folder of a portable one (`pipeline export`, or the one inside
    of a logged model). Its digests are checked, and nothing in it is executed.

    Raises ModelError: the folder is no such one, or it is damaged.
    """
    if isinstance(source, Start):
        return source
    if isinstance(source, Classifier):
        (model, words, arrays), sha256 = classifier_parts(source, {}), ""
    else:
        (model, words, arrays), sha256 = read_whole(source), file_digest(Path(source, SUMS))
    n_words = len(arrays[_EMBEDDING]) - FIRST_WORD
    return Start(
        tuple(model["labels"]),
        tuple(words[:n_words]),
        tuple(words[n_words:]),
        _options(model, arrays),
        arrays,
        model["facts"],
        sha256,
    )


def _options(model: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The options of the encoder that decide the shapes: those that are written, and those that the
    arrays tell."""
    options = {"encoder": model["encoder"]["name"]}
    # A forged folder may name arrays that its encoder does not have, or have single numbers there.
    lists = {name: array for name, array in arrays.items() if array.ndim}
    sizes = model["encoder"].get("kernel_sizes")
    if sizes and (first := f"encoder/convolution_{sizes[0]}/bias") in lists:
        options |= {"kernel_sizes": tuple(sizes), "filters": len(lists[first])}
    options |= {name: len(lists[array]) for name, array in _SIZES.items() if array in lists}
    return {**options, "letter_case": model["tokeniser"]["letter_case"]}


def _written(name: str, value: Any) -> str:
    """An option as the command line takes it."""
    if name == "encoder":
        return f"model={value}"
    text = f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
    return f"model.{name}={text.lower()}"


def _places(names: Sequence[str], earlier: Sequence[str]) -> list[NDArray[np.int64]]:
    """Where the names that both have are: in `names`, and in `earlier`."""
    place = {name: i for i, name in enumerate(earlier)}
    both = [(i, place[name]) for i, name in enumerate(names) if name in place]
    return list(np.array(both, np.int64).reshape(-1, 2).T)


def _without(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])
