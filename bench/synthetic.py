"""Synthetic headlines, as many as wanted: words of real headlines, drawn anew.

    python -m bench.synthetic headlines.csv --rows 5000000
    python -m bench.synthetic labelled.csv --rows 5000000 --labels

The file has the columns `id`, `text` and `source`. A text has as many words as a real headline, and
words as frequent as there. About one word in fifty has a number appended, so that there are always
words that no model knows. With `--labels` there is a fourth column, `label`: the label that its words
have most often in the real headlines. The same rows and seed give the same file, and the same
texts with labels as without.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

SOURCES = ("agency", "paper", "radio", "site")


COLUMNS = ("id", "text", "source", "label")


def synthetic_rows(rows: int, seed: int = 0) -> Iterator[tuple[int, str, str, str]]:
    """Rows of id, text, source and label. The words are those of BBC News (extra `starter`)."""
    from pipeline.data.headlines import load_headlines

    headlines = load_headlines("bbc").examples("train")
    texts = [text.split() for text in headlines.texts]
    words = [word for text in texts for word in text]
    lengths = [len(text) for text in texts]
    leanings = _leanings(words, np.repeat(headlines.labels, lengths))
    chance = random.Random(seed)
    for number in range(rows):
        drawn = chance.choices(range(len(words)), k=chance.choice(lengths))
        label = headlines.label_names[leanings[drawn].sum(axis=0).argmax()]
        text = " ".join([words[place] for place in drawn])
        if number % 5 == 0:
            text += str(chance.randrange(1_000_000))
        yield number, text, chance.choice(SOURCES), label


def _leanings(words: Sequence[str], labels: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """How often each word stands in a headline of each label, as fractions: (n_words, n_labels)."""
    _, codes = np.unique(words, return_inverse=True)
    counts = np.zeros((codes.max() + 1, labels.max() + 1))
    np.add.at(counts, (codes, labels), 1)
    return (counts / counts.sum(axis=1, keepdims=True))[codes]


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--labels", is_flag=True, help="Write the column `label` too.")
def main(path: Path, rows: int, seed: int, labels: bool) -> None:
    """Write synthetic headlines to a CSV file."""
    columns = len(COLUMNS) - (not labels)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS[:columns])
        writer.writerows(row[:columns] for row in synthetic_rows(rows, seed))
    click.echo(f"{path}: {rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
