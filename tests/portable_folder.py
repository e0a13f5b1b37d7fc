"""A portable classifier of five words, written without TensorFlow."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

WORDS = ["alps", "snow", "bank", "profit", "."]


def small_model() -> dict[str, Any]:
    """What stands in its model.json."""
    return {
        "format": "headline-transfer portable classifier",
        "version": 1,
        "labels": ["nature", "money"],
        "tokeniser": {
            "max_tokens": 24,
            "contractions": "split",
            "digits": None,
            "letter_case": False,
            "lower": {"É": "é"},
        },
        "encoder": {"name": "mean", "kernel_sizes": []},
        "members": ["network", "ngrams"],
        "weights": [0.5, 0.5],
        "floor": -15.0,
        "dtype": "float32",
        "facts": {},
    }


def small_arrays() -> dict[str, np.ndarray[Any, Any]]:
    """Its arrays: two dimensions tell the labels apart."""
    vectors = np.array([[0, 0], [0, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 0]], np.float32)
    kept = np.zeros(32, np.uint8)
    kept[5] = 1
    return {
        "characters/starts": np.array([0, 33, 0xC9, 0xCA], np.int32),
        "characters/kinds": np.array([6, 0, 1, 3], np.uint8),
        "network/embedding": vectors,
        "head/kernel": np.array([[3, 0], [0, 3], [1, 0], [0, 1]], np.float32),
        "head/bias": np.zeros(2, np.float32),
        "ngrams/kept": kept,
        "ngrams/table": np.ones((1, 2), np.float32),
        "ngrams/bias": np.zeros(1, np.float32),
    }


def write_folder(
    folder: Path,
    *,
    model: Mapping[str, Any] | bytes | None = None,
    words: bytes | None = None,
    arrays: Mapping[str, Any] | bytes | None = None,
    arrays_file: str = "model.safetensors",
) -> Path:
    """Write it, with right digests. Other content may be given, as values or as bytes."""
    model, arrays = model or small_model(), arrays or small_arrays()
    contents = {
        "model.json": model if isinstance(model, bytes) else json.dumps(model).encode(),
        "words.json.gz": words or gzip.compress(json.dumps(WORDS).encode()),
        arrays_file: arrays if isinstance(arrays, bytes) else save(dict(arrays)),
    }
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    sums = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder
