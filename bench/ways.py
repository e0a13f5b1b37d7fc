"""The ways to read vectors that are compared.

Each function imports what it needs and returns the call that is timed. That call returns the rows of
`words` ("0" where there are none).
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rows:
    """The vectors that were read. As text it is a digest of those of `wanted`, to compare ways.

    `wanted`: words. `words`: those that were read. `rows`: the vector of each.
    """

    wanted: Sequence[str]
    words: Sequence[str]
    rows: Any

    def __str__(self) -> str:
        place = {word: i for i, word in enumerate(self.words)}
        present = [place[word] for word in self.wanted if word in place]
        matrix = np.ascontiguousarray(np.asarray(self.rows, np.float32)[present])
        return f"{len(present)} {hashlib.sha256(matrix.tobytes()).hexdigest()[:16]}"


Timed = Callable[[], Rows | str]


def _words(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines()


def ours(path: str, words: str) -> Timed:
    """`load_vectors`."""
    import pyarrow.compute  # noqa: F401 what the reader of text imports when it is first used

    from pipeline.embedding.loading import load_vectors

    wanted = _words(words)

    def call() -> Rows | str:
        vectors = load_vectors(path, words=wanted)
        return Rows(wanted, vectors.index_to_key, vectors.vectors)

    return call


def gensim(path: str, words: str, binary: bool = False, no_header: bool = True) -> Timed:
    """gensim's reader, which reads all vectors."""
    from gensim.models import KeyedVectors

    wanted = _words(words)

    def call() -> Rows | str:
        keyed = KeyedVectors.load_word2vec_format(path, binary=binary, no_header=no_header)
        return Rows(wanted, keyed.index_to_key, keyed.vectors)

    return call


def keras_tutorial(path: str, words: str) -> Timed:
    """The loop of keras.io's example: every line into a dict of arrays, then the matrix."""
    wanted = _words(words)

    def call() -> Rows | str:
        index = {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                word, numbers = line.split(maxsplit=1)
                index[word] = np.fromstring(numbers, "f", sep=" ")
        present = [word for word in wanted if word in index]
        return Rows(wanted, present, np.stack([index[word] for word in present]))

    return call


def polars(path: str, words: str, size: int) -> Timed:
    """polars as a lazy scan, which reads only the rows of the words."""
    import polars as pl

    wanted = _words(words)

    def call() -> Rows | str:
        schema = {"word": pl.String, **{f"v{i}": pl.Float64 for i in range(size)}}
        frame = (
            pl.scan_csv(path, separator=" ", has_header=False, quote_char=None, schema=schema)
            .filter(pl.col("word").is_in(wanted))
            .collect()
        )
        rows = frame.drop("word").to_numpy()
        return Rows(wanted, frame["word"].to_list(), rows)

    return call


def polars_read(path: str, words: str, size: int) -> Timed:
    """polars, which reads all rows and then drops those of other words."""
    import polars as pl

    wanted = _words(words)

    def call() -> Rows | str:
        schema = {"word": pl.String, **{f"v{i}": pl.Float64 for i in range(size)}}
        frame = pl.read_csv(path, separator=" ", has_header=False, quote_char=None, schema=schema)
        frame = frame.filter(pl.col("word").is_in(wanted))
        return Rows(wanted, frame["word"].to_list(), frame.drop("word").to_numpy())

    return call


def pyarrow(path: str, words: str, size: int) -> Timed:
    """pyarrow's reader of CSV."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    wanted = _words(words)

    def call() -> Rows | str:
        names = ["word", *(f"v{i}" for i in range(size))]
        types = {"word": pa.string(), **{name: pa.float64() for name in names[1:]}}
        read = csv.read_csv(
            path,
            read_options=csv.ReadOptions(column_names=names),
            parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
            convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
        )
        read = read.filter(pc.is_in(read["word"], value_set=pa.array(wanted)))
        rows = np.stack([read[name].to_numpy() for name in names[1:]], axis=1)
        return Rows(wanted, read["word"].to_pylist(), rows)

    return call


def lines(path: str) -> Timed:
    """Nothing but iterating over the lines."""

    def call() -> Rows | str:
        with open(path, "rb", buffering=1 << 18) as file:
            for _ in file:
                pass
        return "0"

    return call


def gzip_wc(path: str) -> Timed:
    """gzip -dc FILE | wc -l"""

    def call() -> Rows | str:
        with subprocess.Popen(["gzip", "-dc", path], stdout=subprocess.PIPE) as unpacking:
            subprocess.run(["wc", "-l"], stdin=unpacking.stdout, check=True, capture_output=True)
        return "0"

    return call


def cached(path: str) -> Timed:
    """All vectors of a text that was read before."""
    from pipeline.embedding import formats  # noqa: F401
    from pipeline.embedding.loading import load_vectors

    def call() -> Rows | str:
        return f"{len(load_vectors(path).vectors)}"

    return call


def cached_and_found(path: str, word: str) -> Timed:
    """The same, and one word looked up."""
    from pipeline.embedding import formats  # noqa: F401
    from pipeline.embedding.loading import load_vectors

    def call() -> Rows | str:
        return str(float(load_vectors(path)[word][0]))

    return call


def everything(path: str) -> Timed:
    """All vectors of a text for the first time, into an empty cache."""
    import os
    import tempfile

    from pipeline.embedding import formats  # noqa: F401
    from pipeline.embedding.loading import load_vectors

    folder = tempfile.mkdtemp()
    os.environ["HEADLINE_TRANSFER_CACHE"] = folder

    def call() -> Rows | str:
        vectors = load_vectors(path)
        shape = str(len(vectors.vectors))
        subprocess.run(["rm", "-r", folder], check=True)
        return shape

    return call


def fasttext(path: str, words: str) -> Timed:
    """`load_vectors` of a fastText binary, with vectors of words that it does not list."""
    from gensim.models.fasttext import ft_ngram_hashes  # noqa: F401 used by the reader

    from pipeline.embedding.loading import load_vectors

    wanted = _words(words)

    def call() -> Rows | str:
        vectors = load_vectors(path, words=wanted)
        others = [word for word in wanted if word not in vectors]
        assert vectors.subwords is not None
        rows = np.concatenate([vectors.vectors, vectors.subwords(others)])
        return Rows(wanted, [*vectors.index_to_key, *others], rows)

    return call


def gensim_fasttext(path: str, words: str) -> Timed:
    """gensim's reader of fastText binaries."""
    from gensim.models.fasttext import load_facebook_vectors

    wanted = _words(words)

    def call() -> Rows | str:
        keyed = load_facebook_vectors(path)
        return Rows(wanted, wanted, np.stack([keyed[word] for word in wanted]))

    return call
