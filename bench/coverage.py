"""How many words of headlines have a vector: as tutorials look them up, and with the fallbacks.

    python -m bench.coverage --clickbait FOLDER --vectors glove.6B.100d.txt

Prints a Markdown table with the fraction of the different words (types) and of the running words
(tokens) of the training headlines that have a vector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import click

from pipeline.data.headlines import Headlines, load_headlines
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import FALLBACK_NAMES, MISSING, conventions, match_words, spellings
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabularies


@dataclass(frozen=True)
class Row:
    """A line of the table: how many words have a vector, and how many words there are."""

    name: str
    types: int
    tokens: int
    n_types: int
    n_tokens: int


def _as_is(texts: Sequence[str]) -> Iterable[str]:
    return (word for text in texts for word in text.split())


def _keras(texts: Sequence[str]) -> Iterable[str]:
    """The default of keras.layers.TextVectorization: lower case, punctuation stripped."""
    import keras
    import tensorflow as tf

    layer = keras.layers.TextVectorization()
    layer.adapt(tf.constant(list(texts)))
    words = layer.get_vocabulary()
    rows = layer(tf.constant(list(texts))).numpy()
    return (words[row] for row in rows[rows > 0])


TUTORIALS: Mapping[str, Callable[[Sequence[str]], Iterable[str]]] = {
    "`text.split()`": _as_is,
    "`text.lower().split()`": lambda texts: _as_is([text.lower() for text in texts]),
    "Keras `TextVectorization` as it comes": _keras,
}


def rows(texts: Sequence[str], source: str) -> tuple[list[Row], list[tuple[str, int]]]:
    """The lines for a data set and a set of vectors, and the words that have no vector."""
    counts = {name: Counter(words(texts)) for name, words in TUTORIALS.items()}
    vocabularies = build_vocabularies(texts)
    words = [word for counted in counts.values() for word in counted]
    words += spellings(word for v in vocabularies.values() for word in v.words)
    vectors = load_vectors(source, words=words, most_frequent=10_000)
    table = [_row(name, counted, vectors) for name, counted in counts.items()]

    vocabulary = vocabularies[conventions(vectors.first_words).contractions]
    counted = Counter(dict(zip(vocabulary.words, vocabulary.counts, strict=True)))
    table.append(_row("our tokeniser, exact", counted, vectors))
    matches = match_words(vocabulary.words, vectors)
    found_by = dict(zip(matches.words, matches.found_by, strict=True))
    for fallback in (*FALLBACK_NAMES[1:], MISSING):
        part = Counter({word: n for word, n in counted.items() if found_by[word] == fallback})
        if part:
            name = "**remains missing**" if fallback == MISSING else f"+ {fallback}"
            table.append(Row(name, len(part), part.total(), len(counted), counted.total()))
    misses = [(word, n) for word, n in counted.most_common() if found_by[word] == MISSING]
    return table, misses


def _row(name: str, counted: Counter[str], vectors: WordVectors) -> Row:
    listed = {word: n for word, n in counted.items() if word in vectors}
    return Row(name, len(listed), sum(listed.values()), len(counted), counted.total())


@click.command()
@click.option("--clickbait", metavar="FOLDER", help="Stop Clickbait: train.csv and so on.")
@click.option("--vectors", multiple=True, default=["glove_6b_50d"], show_default=True)
@click.option("--misses", default=8, show_default=True, help="Most frequent misses to print.")
def main(clickbait: str | None, vectors: Sequence[str], misses: int) -> None:
    """Print how many words each way finds, as a Markdown table."""
    data: dict[str, Headlines] = {"BBC": load_headlines("bbc")}
    if clickbait:
        data["Stop Clickbait"] = load_headlines("stop_clickbait", path=clickbait)
    click.echo("| data | vectors | looked up | types | tokens |")
    click.echo("|---|---|---|---|---|")
    remain = []
    for name, headlines in data.items():
        for source in vectors:
            table, missing = rows(headlines.texts("train"), source)
            label = source.rsplit("/", 1)[-1]
            for row in table:
                click.echo(
                    f"| {name} | {label} | {row.name} "
                    f"| {row.types / row.n_types:.2%} ({row.types:,} of {row.n_types:,}) "
                    f"| {row.tokens / row.n_tokens:.2%} |"
                )
            remain.append(f"{name}, {label}: " + ", ".join(f"{w} {n}" for w, n in missing[:misses]))
    click.echo("\nMost frequent misses:\n")
    for line in remain:
        click.echo(f"- {line}")


if __name__ == "__main__":
    main()
