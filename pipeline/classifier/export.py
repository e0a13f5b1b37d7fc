"""Write a classifier as a folder that NumPy computes, see `pipeline.portable.folder`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.calls import checked
from pipeline.base.errors import ModelError
from pipeline.base.options import Count
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.members import Member
from pipeline.classifier.network import Network
from pipeline.classifier.ngrams import NgramMember
from pipeline.classifier.prototypes import Prototypes
from pipeline.classifier.repacking import Arrays, check_new, write_folder
from pipeline.classifier.sif import SifMember
from pipeline.embedding.text import TextLayer, character_table
from pipeline.portable.folder import FORMAT, VERSION, Parts
from pipeline.portable.tokens import DIGITS


@checked
def export_classifier(
    classifier: Classifier,
    folder: str | os.PathLike[str],
    *,
    dtype: str = "float16",
    extra_words: Count | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write the classifier to a folder that `load_classifier` reads. Only NumPy computes it there.

    Args:
        classifier: one with label names.
        folder: a new or an empty one. It is there with all files, or not at all.
        dtype: how the tables are kept, `float32`, `float16` or `int8`. They are nearly all there
            is.
        extra_words: how many of the words that training did not see are kept, the most frequent
            first; None: all.
        facts: what the README tells of the model, as JSON: `data`, `vectors`, `data_licence`,
            `vectors_licence`; `metrics`, numbers by name; `headlines`, how many by split;
            `majority`, the test accuracy of the commonest label; `warnings`, texts. They are kept
            in `PortableClassifier.facts`.

    Returns:
        The folder.

    Raises:
        ModelError: no label names, an unknown dtype, or the folder has files.
        ConfigError: `extra_words` is below 0.
        OSError: the folder cannot be written.
    """
    path = Path(folder)
    check_new(path, dtype)
    parts = classifier_parts(classifier, facts or {})
    write_folder(path, *parts, dtype=dtype, extra_words=extra_words)
    return path


def classifier_parts(classifier: Classifier, facts: Mapping[str, Any]) -> Parts:
    """What a folder of the classifier holds, with tables of whole numbers (float32).

    `facts`, and errors: as for `export_classifier`.
    """
    network = classifier.network
    if len(classifier.label_names) != network.n_labels:
        raise ModelError(
            f"expected a classifier with the names of its {network.n_labels} labels, this "
            f"one has {len(classifier.label_names)}: give label_names to Classifier"
        )
    arrays = {name: variable.numpy() for name, variable in network_variables(network).items()}
    for member in classifier.beside:
        arrays |= _member_arrays(member)
    arrays |= _unsure_arrays(classifier)
    table = character_table()
    arrays |= {"characters/starts": table.starts, "characters/kinds": table.kinds}
    options = network.options
    model = {
        "format": FORMAT,
        "version": VERSION,
        "labels": list(classifier.label_names),
        "tokeniser": {
            "max_tokens": options.max_tokens,
            "contractions": network.text.contractions,
            "digits": _digits(network.text),
            "letter_case": options.letter_case,
            "lower": dict(table.lower),
        },
        "encoder": {
            "name": options.encoder,
            "kernel_sizes": list(getattr(options, "kernel_sizes", ())),
        },
        "members": [member.name for member in classifier.members],
        "weights": list(classifier.weights),
        "floor": classifier.floor,
        "facts": dict(facts),
    }
    return Parts(model, list(network.text.words), arrays)


def network_variables(network: Network) -> dict[str, Any]:
    """The variables of a network, by the names that their values have in a folder."""
    variables = {
        f"network/{layer.name}": layer.weights[0]
        for layer in network.embedder.layers
        if layer.name in ("embedding", "extra", "letter_case")
    }
    for layer in network.encoder.layers:
        weights = layer.weights
        if isinstance(layer, Prototypes):
            variables["head/prototypes"] = weights[0]
        elif layer.name == "bigru":
            for direction, three in zip(
                ("forward", "backward"), (weights[:3], weights[3:]), strict=True
            ):
                names = (
                    f"encoder/bigru/{direction}/{part}" for part in ("kernel", "recurrent", "bias")
                )
                variables |= dict(zip(names, three, strict=True))
        elif len(weights) == 2:
            place = {"logits": "head", "representation": "head/representation"}
            name = place.get(layer.name, f"encoder/{layer.name}")
            variables |= {f"{name}/kernel": weights[0], f"{name}/bias": weights[1]}
    return variables


def _member_arrays(member: Member) -> Arrays:
    if isinstance(member, SifMember):
        layer = member.layer
        kernel, bias = layer.scores.get_weights()
        return {
            "sif/table": layer.table.get_weights()[0],
            "sif/rarity": layer.rarity.get_weights()[0],
            "sif/kernel": kernel,
            "sif/bias": bias,
        }
    if isinstance(member, NgramMember):
        table, bias = member.layer.get_weights()
        kept = table.any(axis=1)
        return {
            "ngrams/kept": np.packbits(kept),
            "ngrams/table": table[kept],
            "ngrams/bias": bias,
        }
    raise TypeError(f"expected a member that can be exported, got {member.name}")


def _unsure_arrays(classifier: Classifier) -> Arrays:
    """What tells how sure an answer is."""
    arrays: Arrays = {}
    if classifier.prior:
        arrays["prior"] = np.array(classifier.prior, np.float32)
    if classifier.calibration is not None:
        right = classifier.calibration.right
        arrays |= {
            "calibration/right": np.concatenate(right),
            "calibration/sizes": np.array([*map(len, right)], np.int32),
            "calibration/group_of": classifier.calibration.group_of.astype(np.int32),
        }
    return arrays


def _digits(layer: TextLayer) -> str | None:
    """The name in DIGITS of the layer's patterns."""
    if layer.digits is None:
        return None
    return next(name for name, digits in DIGITS.items() if tuple(layer.digits) == tuple(digits))


def exported_files(classifier: Classifier, *, extra_words: int | None = None) -> dict[str, bytes]:
    """The files of `export_classifier` by name, for those who keep them elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = export_classifier(classifier, Path(folder, "model"), extra_words=extra_words)
        return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def keras_file(classifier: Classifier) -> bytes:
    """The classifier as a file of Keras, for those who train it further.

    `keras.saving.load_model` reads it where this package was imported: strings (n,) ->
    probabilities. Call `pipeline.portable.text.normalize(texts)` first: Keras reads them as they
    are.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "classifier.keras")
        classifier.model.save(path)
        return path.read_bytes()
