"""Write a classifier as a folder that NumPy computes, see `pipeline.portable.folder`.

`export_saved_model` writes it as a TensorFlow SavedModel.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from safetensors.numpy import save

from pipeline.base.errors import ModelError
from pipeline.base.files import atomic_write
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.members import Member
from pipeline.classifier.network import Network
from pipeline.classifier.ngrams import NgramMember
from pipeline.classifier.prototypes import Prototypes
from pipeline.classifier.readme import describe_model
from pipeline.classifier.sif import SifMember
from pipeline.embedding.text import TextLayer, character_table
from pipeline.portable.folder import ARRAYS, FORMAT, MODEL, README, SUMS, VERSION, WORDS
from pipeline.portable.tables import DTYPES, pack
from pipeline.portable.tokens import DIGITS, FIRST_WORD

Arrays = dict[str, NDArray[Any]]

# How tables with few columns are kept: int8 would lose more there than it saves.
_FEW = {"int8": "float16"}


def export_classifier(
    classifier: Classifier,
    folder: str | os.PathLike[str],
    *,
    dtype: str = "float16",
    extra_words: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """Write the classifier to a folder that `load_classifier` reads. Only NumPy computes it there.

    Args:
        classifier: one with label names.
        folder: a new or an empty one. It is there with all files, or not at all.
        dtype: how the tables are kept, `float32`, `float16` or `int8`. They are nearly all there is.
        extra_words: how many of the words that training did not see are kept, the most frequent
            first; None: all.
        facts: what the README tells of the model, as JSON: `data`, `vectors`, `licence`, and
            `metrics`, numbers by name. They are kept in `PortableClassifier.facts`.

    Returns:
        The folder.

    Raises:
        ModelError: no label names, an unknown dtype, or the folder has files.
        OSError: the folder cannot be written.
    """
    path = Path(folder)
    if len(classifier.label_names) != classifier.network.n_labels:
        raise ModelError(
            f"expected a classifier with the names of its {classifier.network.n_labels} labels, this "
            f"one has {len(classifier.label_names)}: give label_names to Classifier"
        )
    if dtype not in DTYPES:
        raise ModelError(f"expected a dtype of {', '.join(DTYPES)}, got {dtype!r}: choose one")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ModelError(f"{path}: expected a new or an empty folder: name another, or remove it")
    model, words, arrays = _parts(classifier, dtype, extra_words, dict(facts or {}))
    contents = {
        MODEL: _as_json(model),
        WORDS: gzip.compress(_as_json(words), mtime=0),
        ARRAYS: save({name: np.ascontiguousarray(array) for name, array in arrays.items()}),
    }
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items()]
    contents[SUMS] = "".join(sums).encode()
    size = sum(map(len, contents.values()))
    contents[README] = describe_model(model, len(words), size).encode()
    with atomic_write(path) as part:
        part.mkdir()
        for name, data in contents.items():
            (part / name).write_bytes(data)
    return path


def _parts(
    classifier: Classifier, dtype: str, extra_words: int | None, facts: dict[str, Any]
) -> tuple[dict[str, Any], list[str], Arrays]:
    """What stands in model.json, the words, and the arrays by name."""
    network = classifier.network
    n_trained = network.embedding.input_dim
    words = list(network.text.words)
    n_rows = len(words) + FIRST_WORD
    if extra_words is not None:
        n_rows = min(n_rows, n_trained + max(extra_words, 0))
    arrays = _network_arrays(network, dtype, n_rows - n_trained)
    for member in classifier.beside:
        arrays |= _member_arrays(member, dtype, n_rows)
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
        "dtype": dtype,
        "facts": facts,
    }
    return model, words[: n_rows - FIRST_WORD], arrays


def _network_arrays(network: Network, dtype: str, n_extra: int) -> Arrays:
    layers = {layer.name: layer for layer in network.embedder.layers}
    arrays = _packed("network/embedding", layers["embedding"].get_weights()[0], dtype)
    if "extra" in layers and n_extra:
        arrays |= _packed("network/extra", layers["extra"].get_weights()[0][:n_extra], dtype)
    if "letter_case" in layers:
        arrays["network/letter_case"] = layers["letter_case"].get_weights()[0]
    for layer in network.encoder.layers:
        weights = layer.get_weights()
        if isinstance(layer, Prototypes):
            arrays["head/prototypes"] = weights[0]
        elif layer.name == "bigru":
            for direction, three in zip(
                ("forward", "backward"), (weights[:3], weights[3:]), strict=True
            ):
                names = (
                    f"encoder/bigru/{direction}/{part}" for part in ("kernel", "recurrent", "bias")
                )
                arrays |= dict(zip(names, three, strict=True))
        elif len(weights) == 2:
            place = {"logits": "head", "representation": "head/representation"}
            name = place.get(layer.name, f"encoder/{layer.name}")
            arrays |= {f"{name}/kernel": weights[0], f"{name}/bias": weights[1]}
    return arrays


def _member_arrays(member: Member, dtype: str, n_rows: int) -> Arrays:
    if isinstance(member, SifMember):
        layer = member.layer
        kernel, bias = layer.scores.get_weights()
        return {
            **_packed("sif/table", layer.table.get_weights()[0], dtype),
            **_packed("sif/rarity", layer.rarity.get_weights()[0][:n_rows], _FEW.get(dtype, dtype)),
            "sif/kernel": kernel,
            "sif/bias": bias,
        }
    if isinstance(member, NgramMember):
        table, bias = member.layer.get_weights()
        kept = table.any(axis=1)
        return {
            "ngrams/kept": np.packbits(kept),
            **_packed("ngrams/table", table[kept], _FEW.get(dtype, dtype)),
            "ngrams/bias": bias,
        }
    raise TypeError(f"expected a member that can be exported, got {member.name}")


def _packed(name: str, numbers: NDArray[np.float32], dtype: str) -> Arrays:
    table = pack(numbers, dtype)
    arrays: Arrays = {name: table.values}
    if table.scale is not None:
        arrays[f"{name}.scale"] = table.scale
    return arrays


def _digits(layer: TextLayer) -> str | None:
    """The name in DIGITS of the layer's patterns."""
    if layer.digits is None:
        return None
    return next(name for name, digits in DIGITS.items() if tuple(layer.digits) == tuple(digits))


def _as_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def export_saved_model(classifier: Classifier, path: str | os.PathLike[str]) -> None:
    """Write the classifier to the folder `path`.

    What `tf.saved_model.load(path)` gives is called with a string tensor (n,) and returns
    float32 probabilities (n, n_labels). Its function `embed` gives what `Classifier.embed` does,
    float32 (n, width); its function `contributions` what `Classifier.explainer` does.
    """
    strings = tf.TensorSpec([None], tf.string, name="texts")
    scorer = tf.Module()
    scorer.model = classifier.model  # holds the variables and tables
    scorer.__call__ = tf.function(
        lambda texts: classifier.model(texts, training=False), input_signature=[strings]
    )
    scorer.embed = tf.function(
        lambda texts: classifier.network.embed_model(texts, training=False),
        input_signature=[strings],
    )
    scorer.contributions = classifier.explainer()
    tf.saved_model.save(scorer, str(path))
