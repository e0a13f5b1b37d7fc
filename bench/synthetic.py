"""Synthetic headlines, as many as wanted: words of real headlines, drawn anew.

    python -m bench.synthetic headlines.csv --rows 5000000

The file has the columns `id`, `text` and `source`. A text has as many words as a real headline, and
words as frequent as there. About one word in fifty has a number appended, so that there are always
words that no model knows. The same rows and seed give the same file.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import click

SOURCES = ("agency", "paper", "radio", "site")


def synthetic_rows(rows: int, seed: int = 0) -> Iterator[tuple[int, str, str]]:
    """Rows of id, text and source. The words are those of BBC News (extra `starter`)."""
    from pipeline.data.headlines import load_headlines

    texts = load_headlines("bbc").examples("train").texts
    words = [word for text in texts for word in text.split()]
    lengths = [len(text.split()) for text in texts]
    chance = random.Random(seed)
    for number in range(rows):
        drawn = chance.choices(words, k=chance.choice(lengths))
        if number % 5 == 0:
            drawn[-1] += str(chance.randrange(1_000_000))
        yield number, " ".join(drawn), chance.choice(SOURCES)


@click.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(path: Path, rows: int, seed: int) -> None:
    """Write synthetic headlines to a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "text", "source"))
        writer.writerows(synthetic_rows(rows, seed))
    click.echo(f"{path}: {rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
