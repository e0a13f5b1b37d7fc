"""The folder of a portable classifier: what is in it, and how it is read.

    README.md          for people
    model.json         labels, tokeniser, encoder, members, facts; the format and its version
    words.json.gz      the words of the matrix, in the order of their rows
    model.safetensors  the arrays; with whole numbers it is compressed, as model.safetensors.gz
    SHA256SUMS         the digests of the three above, as `sha256sum --check` reads them

Nothing in it is executed. What is read is compared with its digest and its shape first.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from ..base.errors import ModelError
from .arrays import ANOTHER, ArraysFile, expect
from .characters import KIND, N_CODES, SPACE, CharacterTable
from .classifier import PortableClassifier
from .conformal import Calibration
from .encoders import ENCODERS, Array
from .members import STEPS, Head, Member, NetworkMember, NgramMember, PrototypeHead, SifMember
from .tables import Table
from .tokens import CONTRACTIONS, DIGITS, FIRST_WORD, Tokeniser

FORMAT = "headline-transfer portable classifier"
VERSION = 1
MODEL, WORDS, SUMS = "model.json", "words.json.gz", "SHA256SUMS"
_ARRAY_FILES = ARRAYS, SMALL_ARRAYS = "model.safetensors", "model.safetensors.gz"
README = "README.md"

_MOST_BYTES = 4 << 30  # of a file
_MOST_SUMS = 4_096  # bytes of the file of digests
_MOST_WORDS = 256 << 20  # bytes of all words
_MOST_ARRAYS = 1 << 30  # bytes of arrays that were compressed
_MOST_BUCKETS = 1 << 24
_LARGEST_WEIGHT = 1_000  # of a member; those of a trained ensemble are about 1
_LARGEST_KERNEL = 1_000  # words; an array without filters can name any number
_CASES = 5  # kinds of letter case, padding among them
_SURROGATE = re.compile("[\ud800-\udfff]")
_SUM = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\n]+)")

# What Python raises for JSON of another form than ours.
_FOREIGN = (ValueError, TypeError, LookupError, AttributeError, OverflowError,
            RecursionError)  # fmt: skip


def load_classifier(folder: str | os.PathLike[str]) -> PortableClassifier:
    """Read a classifier that `pipeline export` wrote. Nothing in the folder is executed.

    Raises ModelError: the folder is not such a one, or it is damaged.
    """
    return _checked(_as_path(folder))[1]


def _as_path(folder: str | os.PathLike[str]) -> Path:
    if not isinstance(folder, str | os.PathLike):
        raise ModelError(f"expected the path of a folder of `pipeline export`, got {folder!r}")
    return Path(folder)


class Parts(NamedTuple):
    """What the files hold: `model.json`, the words in the order of the rows, the arrays by name."""

    model: dict[str, Any]
    words: list[str]
    arrays: dict[str, NDArray[Any]]


def read_parts(folder: str | os.PathLike[str]) -> Parts:
    """Read what a folder holds, as it is kept. Raises ModelError as `load_classifier` does."""
    return _checked(_as_path(folder))[0]


def _checked(path: Path) -> tuple[Parts, PortableClassifier]:
    contents = _read_files(path)
    arrays_name = next(name for name in _ARRAY_FILES if name in contents)
    try:
        model = json.loads(contents[MODEL])
        if model.get("format") != FORMAT:
            raise ModelError(f"{path / MODEL}: expected {FORMAT!r} as the format: {ANOTHER}")
        if type(model.get("version")) is not int or model["version"] != VERSION:
            raise ModelError(
                f"{path / MODEL}: expected version {VERSION} of the format, got "
                f"{model.get('version')!r}: export the model again with the package that reads it"
            )
        words = json.loads(_unzip(path / WORDS, contents[WORDS], _MOST_WORDS))
        data = contents.pop(arrays_name)
        if arrays_name == SMALL_ARRAYS:
            data = _unzip(path / arrays_name, data, _MOST_ARRAYS)
        arrays = load(data)
        return Parts(model, words, arrays), _build(
            model, words, ArraysFile(path / arrays_name, arrays)
        )
    except SafetensorError as error:
        raise ModelError(
            f"{path / arrays_name}: expected safetensors ({error}): {ANOTHER}"
        ) from error
    except _FOREIGN as error:
        text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__} {error}"
        reason = " ".join(text.split())[:200]
        raise ModelError(
            f"{path}: expected a classifier of `pipeline export`, {MODEL} or {WORDS} has another "
            f"form ({reason}): {ANOTHER}"
        ) from error


def _read_files(path: Path) -> dict[str, bytes]:
    """The files by name, with the digests that stand in SHA256SUMS."""
    if not path.is_dir():
        raise ModelError(f"{path}: expected a folder of `pipeline export`, there is none")
    sums = {
        match[2]: match[1]
        for line in _read(path, SUMS, _MOST_SUMS).decode(errors="replace").splitlines()
        if (match := _SUM.fullmatch(line))
    }
    contents = {}
    for name in (MODEL, WORDS, SMALL_ARRAYS if SMALL_ARRAYS in sums else ARRAYS):
        contents[name] = _read(path, name, _MOST_BYTES)
        if hashlib.sha256(contents[name]).hexdigest() != sums.get(name):
            raise ModelError(
                f"{path / name}: expected the digest in {SUMS}, the file has another: it is "
                "damaged or was changed: export the model again, or copy the folder again"
            )
    return contents


def _read(path: Path, name: str, most: int) -> bytes:
    file = path / name
    try:
        if not file.is_file():  # a pipe would never end
            raise ModelError(
                f"{path}: expected a folder of `pipeline export`, it has no file {name}: name "
                "another"
            )
        if file.stat().st_size > most:
            raise ModelError(f"{file}: expected at most {most:,} bytes, it has more: {ANOTHER}")
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror or error})") from error


def _unzip(file: Path, data: bytes, most: int) -> bytes:
    """What a gzip file holds, up to so many bytes."""
    unzipper = zlib.decompressobj(wbits=31)
    try:
        content = unzipper.decompress(data, most)
    except zlib.error:
        content = b""
    if not unzipper.eof:
        raise ModelError(f"{file}: expected a gzip file of at most {most:,} bytes: {ANOTHER}")
    return content


def _build(model: Mapping[str, Any], words: Any, arrays: ArraysFile) -> PortableClassifier:
    _check_types(model)
    labels = tuple(model["labels"])
    expect(
        bool(labels) and len(set(labels)) == len(labels) and _are_strings(labels),
        "labels that are different strings",
    )
    embedding = arrays.table("network/embedding", None, None)
    expect(embedding.n_rows >= FIRST_WORD, f"{FIRST_WORD} rows or more in network/embedding")
    width = embedding.values.shape[1]
    extra = None
    if "network/extra" in arrays.by_name:
        extra = arrays.table("network/extra", None, width)
    n_rows = embedding.n_rows + (extra.n_rows if extra else 0)
    expect(
        isinstance(words, list) and _are_strings(words) and len(words) + FIRST_WORD == n_rows,
        f"{n_rows - FIRST_WORD:,} words in {WORDS}",
    )
    tokeniser = _tokeniser(model["tokeniser"], words, arrays)
    network = _network(model, embedding, extra, tokeniser.letter_case, len(labels), arrays)
    members: list[Member] = []
    for name in model["members"]:
        expect(name in _MEMBERS, f"a member of {', '.join(_MEMBERS)}, got {name!r}")
        members.append(_MEMBERS[name](network, len(labels), n_rows, arrays))
    weights, floor = tuple(map(float, model["weights"])), float(model["floor"])
    expect(
        list(model["members"])[:1] == ["network"] and len(weights) == len(members),
        "a weight for each member, the network first",
    )
    expect(bool(np.isfinite([*weights, floor]).all()), "finite weights")
    expect(
        min(weights) >= 0 and max(weights) <= _LARGEST_WEIGHT and floor < 0,
        f"weights from 0 to {_LARGEST_WEIGHT:,}, and a floor below 0",
    )
    return PortableClassifier(
        labels, tokeniser, network, tuple(members), weights, floor, model["facts"],
        _prior(len(labels), arrays), _calibration(len(labels), arrays),
    )  # fmt: skip


_FIELDS = {"labels": list, "tokeniser": dict, "encoder": dict, "members": list, "weights": list,
           "facts": dict}  # fmt: skip


def _check_types(model: Mapping[str, Any]) -> None:
    """JSON of another type could be taken for what it is not: "xyz" for three labels."""
    texts = json.dumps(model, ensure_ascii=False)
    expect(not _SURROGATE.search(texts), "text without lone surrogates, which nothing can show")
    for name, kind in _FIELDS.items():
        what = "a list" if kind is list else "an object"
        expect(type(model[name]) is kind, f"{what} as {name}, got {str(model[name])[:60]!r}")
    expect(
        {type(number) for number in (*model["weights"], model["floor"])} <= {int, float},
        "numbers as weights and floor",
    )
    sizes = model["encoder"].get("kernel_sizes", [])
    expect(type(sizes) is list and {*map(type, sizes)} <= {int}, "whole numbers as kernel_sizes")
    expect(
        all(0 < size <= _LARGEST_KERNEL for size in sizes),
        f"numbers from 1 to {_LARGEST_KERNEL:,} as kernel_sizes",
    )
    facts = model["facts"]
    counts, metrics = facts.get("headlines", {}), facts.get("metrics", {})
    expect(
        type(counts) is dict
        and all(type(number) is int and 0 <= number < 2**53 for number in counts.values()),
        "whole numbers by name as headlines in facts",
    )
    expect(
        type(metrics) is dict
        and all(map(_is_number, (*metrics.values(), facts.get("majority", 0))))
        and 0 <= metrics.get("test/accuracy", 0) <= 1,
        "numbers by name as metrics in facts, and a number as majority",
    )
    warnings = facts.get("warnings", [])
    expect(
        type(warnings) is list and _are_strings(warnings), "a list of texts as warnings in facts"
    )


def _tokeniser(options: Mapping[str, Any], words: list[str], arrays: ArraysFile) -> Tokeniser:
    starts = arrays.checked("characters/starts", ("int32",), None)
    kinds = arrays.checked("characters/kinds", ("uint8",), len(starts))
    lower = options["lower"]
    expect(
        len(starts) > 0
        and starts[0] == 0
        and bool((np.diff(starts) > 0).all())
        and starts[-1] < N_CODES
        and int((kinds & KIND).max()) <= SPACE
        and isinstance(lower, dict)
        and _are_strings(lower.values())
        and all(len(letter) == 1 and len(lower[letter]) <= 3 for letter in lower),
        "a table of characters",
    )
    expect(
        type(options["max_tokens"]) is int
        and 0 < options["max_tokens"] < 2**31
        and type(options["letter_case"]) is bool
        and options["contractions"] in CONTRACTIONS
        and options["digits"] in (None, *DIGITS),
        "the options of a tokeniser",
    )
    return Tokeniser(
        words,
        CharacterTable(starts, kinds, lower),
        options["max_tokens"],
        options["contractions"],
        options["digits"],
        options["letter_case"],
    )


def _network(
    model: Mapping[str, Any],
    embedding: Table,
    extra: Table | None,
    letter_case: bool,
    n_labels: int,
    arrays: ArraysFile,
) -> NetworkMember:
    name = model["encoder"]["name"]
    expect(name in ENCODERS, f"an encoder of {', '.join(ENCODERS)}, got {name!r}")
    kind = ENCODERS[name]
    cases = arrays.take("network/letter_case", _CASES, None) if letter_case else None
    width = embedding.values.shape[1] + (0 if cases is None else cases.shape[1])
    encoder = kind.read(arrays.take, width, model["encoder"])
    # A text of one token of zeros says how many features there are.
    n_features = encoder.features(np.zeros((1, 1, width), np.float32)).shape[1]
    head: Head | PrototypeHead
    if kind.prototypes:
        kernel = arrays.take("head/representation/kernel", n_features, None)
        head = PrototypeHead(
            kernel,
            arrays.take("head/representation/bias", kernel.shape[1]),
            arrays.take("head/prototypes", n_labels, kernel.shape[1]),
        )
    else:
        head = Head(
            arrays.take("head/kernel", n_features, n_labels), arrays.take("head/bias", n_labels)
        )
    steps = 0 if kind.piecewise_linear else STEPS
    return NetworkMember(embedding, extra, cases, encoder, head, steps)


def _sif(network: NetworkMember, n_labels: int, n_rows: int, arrays: ArraysFile) -> Member:
    n_trained, vector_size = network.embedding.values.shape
    return SifMember(
        arrays.table("sif/table", n_trained, vector_size),
        network.extra,
        arrays.table("sif/rarity", n_rows, 1),
        arrays.take("sif/kernel", vector_size, n_labels),
        arrays.take("sif/bias", n_labels),
    )


def _ngrams(network: NetworkMember, n_labels: int, n_rows: int, arrays: ArraysFile) -> Member:
    kept = arrays.checked("ngrams/kept", ("uint8",), None)
    n_buckets, n_kept = 8 * len(kept), int(np.bitwise_count(kept).sum(dtype=np.int64))
    expect(
        n_buckets <= _MOST_BUCKETS and n_buckets.bit_count() == 1 and kept[0] < 128,
        "a power of two of buckets, without the first",
    )
    n_outputs = 1 if n_labels == 2 else n_labels
    return NgramMember(
        kept,
        arrays.table("ngrams/table", n_kept, 1 + n_outputs),
        arrays.take("ngrams/bias", n_outputs),
    )


def _prior(n_labels: int, arrays: ArraysFile) -> Array | None:
    """None: an earlier version wrote the folder."""
    if "prior" not in arrays.by_name:
        return None
    prior = arrays.take("prior", n_labels)
    expect(
        bool((prior >= 0).all()) and abs(float(prior.sum()) - 1) < 1e-3,
        "shares of the labels in prior, which add up to 1",
    )
    return prior


def _calibration(n_labels: int, arrays: ArraysFile) -> Calibration | None:
    """None: an earlier version wrote the folder."""
    if "calibration/right" not in arrays.by_name:
        return None
    right = arrays.take("calibration/right", None)
    sizes = arrays.checked("calibration/sizes", ("int32",), None)
    group_of = arrays.checked("calibration/group_of", ("int32",), n_labels)
    expect(
        int(sizes.min(initial=0 if not len(sizes) else 1)) > 0
        and int(sizes.sum(dtype=np.int64)) == len(right),
        "calibration/sizes above 0 that add up to the numbers of calibration/right",
    )
    expect(
        bool((group_of >= 0).all()) and int(group_of.max()) < len(sizes),
        "a group of calibration/sizes for each label in calibration/group_of",
    )
    groups = tuple(np.split(right, sizes.cumsum()[:-1]))
    expect(
        all(bool((np.diff(group) >= 0).all()) for group in groups)
        and right.min() >= 0
        and right.max() <= 1 + 1e-6,
        "probabilities in calibration/right that rise in each group",
    )
    return Calibration(groups, group_of.astype(np.intp))


_MEMBERS = {
    "network": lambda network, n_labels, n_rows, arrays: network,
    "sif": _sif,
    "ngrams": _ngrams,
}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 2**53  # which a NaN is not


def _are_strings(values: Any) -> bool:
    return set(map(type, values)) <= {str}
