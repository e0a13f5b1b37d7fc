"""Damaged vector files. Damage to compressed bytes must never give other bits.

A word that is asked for, or any word where all are read, must be there with all its bits unless its
own bytes are damaged. The line feed before it, which ends the row before, is one of them; in binary
data a row ends by its length alone, so all bytes of the row before are. A text that is only spaced
or composed in another way must give every row.
"""

from __future__ import annotations

import io
import json
import random
import re
import struct
import tempfile
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.fuzz.frame import CHECKED, COMPRESSIONS, Outcome, attempt, damage
from pipeline.embedding.keys import normal_word
from pipeline.embedding.loading import load_vectors

Range = tuple[int, int]
WORDS = ["alps", "snow", "ice", "Himalaya", "naïve", "n't", "98%", "日本", "at name@domain", "the"]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Written:
    """A file's bytes.

    `records`: the range of bytes that belongs to each word. `names`: the range with its name, where
    that is another. `free`: ranges whose damage may change any row, as nothing can show it.
    `beside`: the file beside it, such as the list of words, and `ending` what stands behind the
    name of the file there.
    """

    content: bytes
    records: dict[str, Range]
    free: tuple[Range, ...] = ()
    beside: Written | None = None
    ending: str = ""
    names: dict[str, Range] = field(default_factory=dict)


def _records(parts: list[bytes], words: list[str], start: int) -> dict[str, Range]:
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
    names = _records(entries, words, len(header))
    return Written(content, _records(rows, words, start + len(matrix)), names=names)


def numpy_and_words(words: list[str], values: Values) -> Written:
    file = io.BytesIO()
    np.save(file, values)
    content = file.getvalue()
    start = len(content) - values.nbytes
    rows = [row.tobytes() for row in values]
    # A single bit in the header decides the byte order, `<f4` or `>f4`.
    records = _records(rows, words, start)
    return Written(content, records, ((0, start),), _list_of(words), ".txt")


def safetensors_and_words(words: list[str], values: Values) -> Written:
    about = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}
    header = json.dumps({"embeddings": about}).encode()
    start = 8 + len(header)
    content = struct.pack("<Q", len(header)) + header + values.tobytes()
    rows = [row.tobytes() for row in values]
    return Written(content, _records(rows, words, start), (), _list_of(words), ".txt")


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


def keyed_vectors_beside(words: list[str], values: Values) -> Written:
    """The array in a file of its own, as gensim writes large ones."""
    from gensim.models import KeyedVectors

    made = KeyedVectors(values.shape[1])
    made.add_vectors(words, values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "v")
        made.save(str(path), sep_limit=0)
        content = path.read_bytes()
    matrix = numpy_and_words(words, values)
    beside = Written(matrix.content, matrix.records, matrix.free)
    return Written(content, {}, ((0, len(content)),), beside, ".vectors.npy")


def _list_of(words: list[str]) -> Written:
    lines = [word.encode() + b"\n" for word in words]
    return Written(b"".join(lines), _records(lines, words, 0))


FORMATS: dict[str, Callable[[list[str], Values], Written]] = {
    "GloVe text": glove,
    "word2vec text": word2vec_text,
    "word2vec binary": word2vec_binary,
    "word2vec binary, line feeds": word2vec_binary_lf,
    "fastText binary": fasttext,
    "NumPy + words": numpy_and_words,
    "safetensors + words": safetensors_and_words,
    "gensim KeyedVectors": keyed_vectors,
    "gensim KeyedVectors + .npy": keyed_vectors_beside,
}
TEXTS, BINARY = list(FORMATS)[:2], list(FORMATS)[2:4]
STREAMED = list(FORMATS)[:5]


def trial(seed: int, folder: Path) -> Outcome:
    """Write, damage and read one file."""
    random_ = random.Random(seed)
    name = random_.choice(list(FORMATS))
    words = random_.sample(WORDS, random_.randint(1, len(WORDS)))
    size = random_.randint(2, 9)
    values = np.random.default_rng(seed).normal(0, 1, (len(words), size)).astype(np.float32)
    written = FORMATS[name](words, values)
    names = [word.replace(" ", "_") if name in BINARY else word for word in words]
    original = {word: row.tobytes() for word, row in zip(names, values, strict=True)}
    compression = random_.choice([None, None, *COMPRESSIONS]) if name in STREAMED else None
    outside = compression in CHECKED and random_.random() < 0.5
    target, untouched = written, written.beside
    if written.beside is not None and random_.random() < 0.5:
        target, untouched = written.beside, written
    content = plain = target.content
    touched: list[Range] = []
    if outside:
        assert compression is not None
        content, *_ = damage(COMPRESSIONS[compression](content), random_)
    else:
        plain, touched = _damage(name, target, random_)
        content = COMPRESSIONS[compression](plain) if compression else plain
    path = folder / "vectors"
    beside = path.with_name(f"vectors{written.ending}")
    (path if target is written else beside).write_bytes(content)
    if untouched is not None:
        (beside if target is written else path).write_bytes(untouched.content)
    wanted = None if random_.random() < 0.5 else [*random_.sample(names, len(names) // 2), "xx"]
    kind = compression or name

    def damaged(word: str) -> bool:
        """Whether the bytes of a word are damaged, or those of all words may be."""
        own = list(target.free)
        for ranges in (target.records, target.names):
            if word in ranges:
                first, last = ranges[word]
                starts = [start for start, _ in ranges.values() if start < first]
                # In binary data a row ends by its length alone, and so another row may begin there.
                own.append((first - 1 if name in TEXTS else max(starts, default=0), last))
        return any(a < last and first < b for a, b in touched for first, last in own)

    def read() -> Outcome:
        loaded = load_vectors(path, words=wanted)
        result = "right"
        for word in loaded.index_to_key:
            row = loaded[word].tobytes()
            if original.get(word) == row:
                continue
            # A word that was not written is a damaged word, and its row must be the row of another.
            renamed = word not in original and not outside and row in original.values()
            stands = word not in original and _stands(word, row, plain, name)
            if not (damaged(word) or renamed or stands):
                return Outcome(kind, "wrong", f"{word!r}: {row.hex()}")
            result = "own"
        for word in names if wanted is None else wanted[:-1]:
            if word not in loaded and not damaged(word):
                return Outcome(kind, "wrong", f"{word!r} is missing")
        return Outcome(kind, result)

    return attempt(kind, read)


def _damage(name: str, target: Written, random_: random.Random) -> tuple[bytes, list[Range]]:
    """Damaged bytes, and the ranges of the original that were changed."""
    content, records = target.content, list(target.records.values())
    draw = random_.random()
    if draw < 0.1 and len(records) > 1:
        (a, b), (c, d) = sorted(random_.sample(records, 2))
        swapped = content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]
        # Rows that change places with their words are as good as before.
        return swapped, [] if name in TEXTS + BINARY else [(a, b), (c, d)]
    if name in TEXTS and draw < 0.2:
        a, b = random_.choice(records)
        fields = content[a : b - 1].split(b" ")
        i, j = random_.sample(range(len(fields)), 2)
        fields[i], fields[j] = fields[j], fields[i]
        return content[:a] + b" ".join(fields) + content[b - 1 :], [(a, b)]
    if name in TEXTS and draw < 0.4:
        a, b = random_.choice(records)
        return content[:a] + _in_another_way(content[a:b], random_) + content[b:], []
    damaged, start, end = damage(content, random_)
    return damaged, [(start, end)]


def _in_another_way(line: bytes, random_: random.Random) -> bytes:
    """The same row with other space, a byte order mark, or letters in parts."""
    row = re.fullmatch(r"(.*?) ([-0-9.e ]+)\n", line.decode())
    assert row is not None
    word, text = row.groups()
    ways = [
        f"{word}\t{text}\n",
        f"{word}  {text}\n",
        f"\t {word} {text}\n",
        f"{word} {text} \t\n",
        f"{word} {text}\r\n",
        f"{word}\t" + text.replace(" ", "\t") + "\n",
        f"\ufeff{word} {text}\n",
        f"{word}\ufeff {text}\n",
        f"{word}\u00a0 {text}\n",
        f"{unicodedata.normalize('NFD', word)} {text}\n",
        f"{word} {text}\n\n \n",
    ]
    return random_.choice(ways).encode()


def _stands(word: str, row: bytes, content: bytes, name: str) -> bool:
    """Whether the damaged text itself has a line with this word and these numbers."""
    numbers = np.frombuffer(row, np.float32)
    for line in content.split(b"\n") if "text" in name else []:
        fields = line.rstrip(b" \r").rsplit(None, len(numbers))
        if fields and normal_word(fields[0].decode(errors="replace")) == word:
            try:
                return bool((np.array([float(f) for f in fields[1:]], np.float32) == numbers).all())
            except ValueError:
                return False
    return "binary" in name
