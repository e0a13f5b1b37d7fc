"""Damaged vector files. Damage to compressed bytes must never give other bits."""

from __future__ import annotations

import io
import json
import random
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.fuzz.frame import CHECKED, COMPRESSIONS, Outcome, attempt, damage
from pipeline.embedding.loading import load_vectors

WORDS = ["alps", "snow", "ice", "Himalaya", "naïve", "n't", "98%", "日本", "at name@domain", "the"]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Written:
    """A file's bytes.

    `records`: the range of bytes that belongs to each word. `free`: ranges whose damage may change
    any row, as nothing can show it. `beside`: the list of words, where that is a separate file.
    """

    content: bytes
    records: dict[str, tuple[int, int]]
    free: tuple[tuple[int, int], ...] = ()
    beside: bytes | None = None


def _records(parts: list[bytes], words: list[str], start: int) -> dict[str, tuple[int, int]]:
    records, position = {}, start
    for word, part in zip(words, parts, strict=True):
        records[word] = (position, position + len(part))
        position += len(part)
    return records


def _text(words: list[str], values: Values, header: bytes) -> Written:
    lines = [
        f"{w} {' '.join(map(repr, r.tolist()))}\n".encode()
        for w, r in zip(words, values, strict=True)
    ]
    return Written(header + b"".join(lines), _records(lines, words, len(header)))


def glove(words: list[str], values: Values) -> Written:
    return _text(words, values, b"")


def word2vec_text(words: list[str], values: Values) -> Written:
    return _text(words, values, f"{len(words)} {values.shape[1]}\n".encode())


def word2vec_binary(words: list[str], values: Values, end: bytes = b"") -> Written:
    words = [word.replace(" ", "_") for word in words]
    header = f"{len(words)} {values.shape[1]}\n".encode()
    parts = [
        w.encode() + b" " + r.astype("<f4").tobytes() + end
        for w, r in zip(words, values, strict=True)
    ]
    return Written(header + b"".join(parts), _records(parts, words, len(header)))


def word2vec_binary_lf(words: list[str], values: Values) -> Written:
    return word2vec_binary(words, values, b"\n")


def fasttext(words: list[str], values: Values) -> Written:
    """A model without n-grams of its own: rows and n-grams are checked by the tests."""
    size = values.shape[1]
    header = struct.pack(
        "<14i d 3i 2q", 793712314, 12, size, 5, 1, 1, 5, 1, 1, 2, 0, 0, 0, 100, 1e-4,
        len(words), len(words), 0, 100, -1,
    )  # fmt: skip
    entries = [w.encode() + b"\0" + struct.pack("<qb", 1, 0) for w in words]
    start = len(header) + sum(map(len, entries))
    matrix = struct.pack("<? 2q", False, len(words), size)
    rows = [r.astype("<f4").tobytes() for r in values]
    content = header + b"".join(entries) + matrix + b"".join(rows)
    content += struct.pack("<? 2q", False, len(words), size) + bytes(4 * size * len(words))
    return Written(content, _records(rows, words, start + len(matrix)))


def numpy_and_words(words: list[str], values: Values) -> Written:
    file = io.BytesIO()
    np.save(file, values)
    content = file.getvalue()
    start = len(content) - values.nbytes
    rows = [row.tobytes() for row in values]
    # A single bit in the header decides the byte order, `<f4` or `>f4`.
    return Written(content, _records(rows, words, start), ((0, start),), _list_of(words))


def safetensors_and_words(words: list[str], values: Values) -> Written:
    about = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}
    header = json.dumps({"embeddings": about}).encode()
    start = 8 + len(header)
    content = struct.pack("<Q", len(header)) + header + values.tobytes()
    rows = [row.tobytes() for row in values]
    return Written(content, _records(rows, words, start), (), _list_of(words))


def keyed_vectors(words: list[str], values: Values) -> Written:
    from gensim.models import KeyedVectors

    made = KeyedVectors(values.shape[1])
    made.add_vectors(words, values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "v")
        made.save(str(path))
        content = path.read_bytes()
    start = content.index(values.tobytes())
    rows = [row.tobytes() for row in values]
    # Nothing checks which word a pickle puts where.
    return Written(content, _records(rows, words, start), ((0, len(content)),))


def _list_of(words: list[str]) -> bytes:
    return "\n".join(words).encode() + b"\n"


FORMATS: dict[str, Callable[[list[str], Values], Written]] = {
    "GloVe text": glove,
    "word2vec text": word2vec_text,
    "word2vec binary": word2vec_binary,
    "word2vec binary, line feeds": word2vec_binary_lf,
    "fastText binary": fasttext,
    "NumPy + words": numpy_and_words,
    "safetensors + words": safetensors_and_words,
    "gensim KeyedVectors": keyed_vectors,
}
STREAMED = list(FORMATS)[:5]


def trial(seed: int, folder: Path) -> Outcome:
    """Write, damage and read one file."""
    random_ = random.Random(seed)
    name = random_.choice(list(FORMATS))
    words = random_.sample(WORDS, random_.randint(1, len(WORDS)))
    size = random_.randint(2, 9)
    values = np.random.default_rng(seed).normal(0, 1, (len(words), size)).astype(np.float32)
    written = FORMATS[name](words, values)
    names = list(written.records)
    original = {word: row.tobytes() for word, row in zip(names, values, strict=True)}
    compression = random_.choice([None, None, *COMPRESSIONS]) if name in STREAMED else None
    outside = compression in CHECKED and random_.random() < 0.5
    content = plain = written.content
    if outside:
        assert compression is not None
        content, start, end = damage(COMPRESSIONS[compression](content), random_)
    else:
        plain, start, end = damage(content, random_)
        content = plain
        if compression is not None:
            content = COMPRESSIONS[compression](content)
    path = folder / "vectors"
    path.write_bytes(content)
    if written.beside is not None:
        path.with_suffix(".txt").write_bytes(written.beside)
    wanted = None if random_.random() < 0.5 else [*random_.sample(names, len(names) // 2), "xx"]
    kind = compression or name

    def read() -> Outcome:
        loaded = load_vectors(path, words=wanted)
        result = "right"
        for word in loaded.index_to_key:
            row = loaded[word].tobytes()
            if original.get(word) == row:
                continue
            touched = [(start, end)] if not outside else []
            first, last = written.records.get(word, (0, 0))
            own = any(a < last and first < b for a, b in touched)
            free = any(a < y and x < b for a, b in touched for x, y in written.free)
            # A word that was not written is a damaged word, and its row must be the row of another.
            renamed = word not in original and not outside and row in original.values()
            stands = word not in original and _stands(word, row, plain, name)
            if not (own or free or renamed or stands):
                return Outcome(kind, "wrong", f"{word!r}: {row.hex()}")
            result = "own"
        return Outcome(kind, result)

    return attempt(kind, read)


def _stands(word: str, row: bytes, content: bytes, name: str) -> bool:
    """Whether the damaged text itself has a line with this word and these numbers."""
    numbers = np.frombuffer(row, np.float32)
    for line in content.split(b"\n") if "text" in name else []:
        fields = line.rstrip(b" \r").rsplit(b" ", len(numbers))
        if fields[0].decode(errors="replace") == word:
            try:
                return bool((np.array([float(f) for f in fields[1:]], np.float32) == numbers).all())
            except ValueError:
                return False
    return "binary" in name
