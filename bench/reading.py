"""How fast vectors are read, and in how much memory, against the usual ways.

    python -m bench.reading --vectors glove.6B.100d.txt --headlines train.csv

Each way reads the same file for the same words in processes of its own. The digest of the rows
shows that all ways read the same bits. Files of other formats are made from the same vectors.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path

import click
import numpy as np

from bench.measure import Measured, measure, table, versions
from pipeline.data.headlines import load_headlines
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary

WAYS = "bench.ways"


@click.command()
@click.option(
    "--vectors",
    type=click.Path(exists=True, dir_okay=False),
    help="A GloVe text file  [default: glove_6b_50d, written as text]",
)
@click.option(
    "--headlines",
    type=click.Path(exists=True),
    help="A file or folder of headlines, as data.path  [default: BBC]",
)
@click.option("--text", default="headline", show_default=True, help="Its column.")
@click.option(
    "--repeats",
    default=3,
    show_default=True,
    help="How often each is timed: the best time is shown.",
)
@click.option(
    "--large",
    is_flag=True,
    help="Also files of the size of GoogleNews and GloVe 840B (10 GB of disk).",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False),
    help="Where files are made  [default: a temporary folder]",
)
def main(vectors: str | None, headlines: str | None, text: str, repeats: int, large: bool, folder: str | None) -> None:  # fmt: skip
    """Print the tables."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        os.environ["HEADLINE_TRANSFER_CACHE"] = str(Path(made, "cache"))
        click.echo(versions("numpy", "gensim", "polars", "pyarrow", "isal"))
        words = Path(made, "words.txt")
        loaded = (
            load_headlines("file", path=headlines, text=text)
            if headlines
            else load_headlines("bbc")
        )
        vocabulary = build_vocabulary(loaded.texts("train"))
        words.write_text("\n".join(vocabulary.words), "utf-8")
        path = (
            Path(vectors)
            if vectors
            else _text(Path(made, "glove.txt"), load_vectors("glove_6b_50d"))
        )
        _compare_text(path, words, len(vocabulary), repeats)
        everything = load_vectors(path)
        _compare_others(path, everything, words, Path(made), repeats)
        _scaling(path, vocabulary.words, Path(made), repeats)
        if large:
            _large(everything, words, Path(made))


def _text(path: Path, vectors: WordVectors) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for word, row in zip(vectors.index_to_key, vectors.vectors, strict=True):
            file.write(f"{word} {' '.join(map(repr, row.tolist()))}\n")
    return path


def _row(name: str, measured: Measured, ours: Measured) -> list[object]:
    same = "" if measured.answer == "0" else "yes" if measured.answer == ours.answer else "no"
    return [
        name,
        f"{measured.seconds:.2f}",
        f"{measured.seconds / ours.seconds:.1f} x",
        f"{measured.megabytes:,.0f}",
        same,
    ]


COLUMNS = ["way", "seconds", "against ours", "MB above start", "same bits"]


def _compare_text(path: Path, words: Path, n_words: int, repeats: int) -> None:
    size = load_vectors(path, words=[]).vector_size
    file, wanted = str(path), str(words)
    measure(f"{WAYS}:lines", file, repeats=1)  # into the page cache
    ours = measure(f"{WAYS}:ours", file, wanted, repeats=repeats)
    n_found = int(str(ours.answer).split()[0])
    click.echo(f"\nGloVe text, {path.stat().st_size / 1e6:,.0f} MB, {size} dimensions; "
               f"{n_words:,} words wanted, {n_found:,} found")  # fmt: skip
    rows = [_row("pipeline", ours, ours)]
    for name, way, arguments in (
        ("iterating over the lines", "lines", ()),
        ("pyarrow, read_csv", "pyarrow", (wanted, size)),
        ("polars, scan_csv and filter", "polars", (wanted, size)),
        ("polars, read_csv", "polars_read", (wanted, size)),
        ("Keras tutorial's loop", "keras_tutorial", (wanted,)),
        ("gensim, load_word2vec_format", "gensim", (wanted,)),
    ):
        measured = measure(f"{WAYS}:{way}", file, *arguments, repeats=repeats)
        rows.append(_row(name, measured, ours))
    table(COLUMNS, rows)


def _compare_others(
    path: Path, vectors: WordVectors, words: Path, folder: Path, repeats: int
) -> None:
    rows: list[list[object]] = []
    wanted = str(words)
    packed = folder / "packed.gz"
    with path.open("rb") as plain, gzip.open(packed, "wb", 6) as file:
        shutil.copyfileobj(plain, file, 1 << 20)
    ours = measure(f"{WAYS}:ours", str(packed), wanted, repeats=repeats)
    rows.append(["gzip", *_row("pipeline", ours, ours)])
    rows.append(["", *_row("gzip -dc, wc -l", measure(f"{WAYS}:gzip_wc", str(packed), repeats=repeats), ours)])  # fmt: skip
    packed.unlink()

    everything = measure(f"{WAYS}:everything", str(path), repeats=1)
    rows.append(["all, first time", *_row("pipeline", everything, everything)[:4], ""])
    for name, way, arguments in (
        ("pipeline", "cached", ()),
        ("pipeline, and a look-up", "cached_and_found", (vectors.index_to_key[0],)),
    ):
        measured = measure(f"{WAYS}:{way}", str(path), *arguments, repeats=repeats)
        rows.append(["all, from the cache", name, f"{measured.seconds:.3f}", "", f"{measured.megabytes:,.0f}", ""])  # fmt: skip

    binary = _binary(folder / "vectors.bin", vectors, 300_000, 300)
    ours = measure(f"{WAYS}:ours", str(binary), wanted, repeats=repeats)
    gensim = measure(f"{WAYS}:gensim", str(binary), wanted, True, False, repeats=repeats)
    rows.append(["word2vec binary", *_row("pipeline", ours, ours)])
    rows.append(["300,000 x 300", *_row("gensim", gensim, ours)])
    binary.unlink()

    model = _fasttext(folder / "model.bin", vectors)
    ours = measure(f"{WAYS}:fasttext", str(model), wanted, repeats=repeats)
    gensim = measure(f"{WAYS}:gensim_fasttext", str(model), wanted, repeats=1)
    rows.append(["fastText .bin", *_row("pipeline", ours, ours)])
    rows.append(["200,000 words, 200,000 n-grams, x 100", *_row("gensim", gensim, ours)])
    model.unlink()
    table(["format", *COLUMNS], rows)


def _binary(path: Path, vectors: WordVectors, n_words: int, size: int) -> Path:
    """Random numbers for the words of a set, and for made-up words where the set has too few."""
    random = np.random.default_rng(0)
    words = vectors.index_to_key[:n_words]
    with path.open("wb") as file:
        file.write(f"{n_words} {size}\n".encode())
        for start in range(0, n_words, 10_000):
            block = random.normal(0, 0.4, (min(10_000, n_words - start), size)).astype("<f4")
            for i, row in enumerate(block, start):
                word = words[i].replace(" ", "_") if i < len(words) else f"word_{i}"
                file.write(word.encode() + b" " + row.tobytes())
    return path


def _fasttext(path: Path, vectors: WordVectors, n_words: int = 200_000, size: int = 100) -> Path:
    import struct

    random = np.random.default_rng(0)
    words = vectors.index_to_key[:n_words]
    header = struct.pack(
        "<14i d 3i 2q", 793712314, 12, size, 5, 5, 5, 5, 1, 1, 2, n_words, 3, 6, 100, 1e-4,
        len(words), len(words), 0, 10**9, -1,
    )  # fmt: skip
    with path.open("wb") as file:
        file.write(header)
        for word in words:
            file.write(word.encode() + b"\0" + struct.pack("<qb", 1, 0))
        for n_rows in (len(words) + n_words, len(words)):
            file.write(struct.pack("<? 2q", False, n_rows, size))
            for start in range(0, n_rows, 10_000):
                shape = (min(10_000, n_rows - start), size)
                file.write(random.normal(0, 0.4, shape).astype("<f4").tobytes())
    return path


def _scaling(path: Path, words: tuple[str, ...], folder: Path, repeats: int) -> None:
    n_lines = sum(1 for _ in path.open("rb"))
    some = folder / "some.txt"
    some.write_text("\n".join(words[:2000]), "utf-8")
    rows: list[list[object]] = []
    for times in (1, 2, 4, 8):
        part = folder / "part.txt"
        with path.open("rb") as lines, part.open("wb") as file:
            for number, line in enumerate(lines):
                if number >= n_lines * times // 8:
                    break
                file.write(line)
        measured = measure(f"{WAYS}:ours", str(part), str(some), repeats=repeats)
        rows.append([f"{times} x", f"{n_lines * times // 8:,}", f"{min(2000, len(words)):,}",
                     f"{measured.seconds:.3f}", f"{measured.megabytes:,.0f}"])  # fmt: skip
        part.unlink()
    for share in (8, 4, 2, 1):
        some.write_text("\n".join(words[: len(words) // share]), "utf-8")
        measured = measure(f"{WAYS}:ours", str(path), str(some), repeats=repeats)
        rows.append(["8 x", f"{n_lines:,}", f"{len(words) // share:,}",
                     f"{measured.seconds:.3f}", f"{measured.megabytes:,.0f}"])  # fmt: skip
    table(["file", "lines", "words wanted", "seconds", "MB above start"], rows)


def _large(vectors: WordVectors, words: Path, folder: Path) -> None:
    """Files of the shape of GoogleNews (3,000,000 x 300) and GloVe 840B (2,200,000 x 300)."""
    rows: list[list[object]] = []
    free = shutil.disk_usage(folder).free / 1e9
    n_words = 3_000_000 if free > 8 else int(free / 8 * 3_000_000)
    binary = _binary(folder / "large.bin", vectors, n_words, 300)
    ours = measure(f"{WAYS}:ours", str(binary), str(words), repeats=2)
    gensim = measure(f"{WAYS}:gensim", str(binary), str(words), True, False, repeats=1)
    rows.append([f"word2vec binary, {n_words:,} x 300", *_row("pipeline", ours, ours)])
    rows.append([f"{binary.stat().st_size / 1e9:.1f} GB", *_row("gensim", gensim, ours)])
    binary.unlink()
    n_lines = 2_200_000 if free > 12 else int(free / 12 * 2_200_000)
    # The same 10,000 lines of numbers again and again, with different words.
    values = np.random.default_rng(0).normal(0, 0.4, (10_000, 300))
    numbers = [" ".join(row) for row in np.char.mod("%.5f", values).tolist()]
    text = folder / "large.txt"
    with text.open("w", encoding="utf-8") as file:
        for i in range(n_lines):
            word = vectors.index_to_key[i] if i < len(vectors) else f"word_{i}"
            file.write(f"{word} {numbers[i % len(numbers)]}\n")
    iterated = measure(f"{WAYS}:lines", str(text), repeats=2)
    ours = measure(f"{WAYS}:ours", str(text), str(words), repeats=2)
    rows.append([f"GloVe text, {n_lines:,} x 300", *_row("pipeline", ours, ours)])
    rows.append([f"{text.stat().st_size / 1e9:.1f} GB", *_row("iterating over the lines", iterated, ours)])  # fmt: skip
    text.unlink()
    table(["format", *COLUMNS], rows)


if __name__ == "__main__":
    main()
