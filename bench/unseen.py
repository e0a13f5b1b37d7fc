"""What the second table of the embedding brings: words that no training headline has.

    python -m bench.unseen --clickbait FOLDER

From few headlines a model learns few words. With the second table it also has the pretrained rows
of the set's other words, frozen; without it every one of them is the unknown word. Trained with
both, from the same headlines and seeds; the test headlines that count are those with at least one
word that is in the set of vectors and not in the training headlines.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split

from bench.measure import table, versions
from pipeline.config import PhaseConfig, TrainingConfig
from pipeline.data import Headlines, load_headlines
from pipeline.matching import candidates
from pipeline.matrix import build_embedding_matrix
from pipeline.model import build_classifier, predict_probabilities
from pipeline.text import build_vocabulary, tokenize
from pipeline.training import train
from pipeline.vectors import WordVectors, load_vectors

STEPS = 150  # at least so many in a phase, however few the headlines


def _schedule(n: int) -> TrainingConfig:
    epochs = max(8, -(-STEPS // -(-n // 16)))
    return TrainingConfig(
        frozen=PhaseConfig(epochs, 2e-3, patience=epochs),
        fine_tuned=PhaseConfig(epochs, 1e-3, patience=epochs),
        batch_size=16,
    )


def _some(headlines: Headlines, split: str, n: int, seed: int) -> tuple[list[str], list[int]]:
    texts, labels = headlines.texts(split), headlines.labels(split)
    if n >= len(texts):
        return texts, labels
    texts, _, labels, _ = train_test_split(
        texts, labels, train_size=n, stratify=labels, random_state=seed
    )
    return texts, labels


def accuracies(
    headlines: Headlines, everything: WordVectors, n: int, further: int, seed: int
) -> tuple[float, float, float]:
    """Test accuracy on all headlines and on those with unseen words, and the share of these."""
    training = _some(headlines, "train", n, seed)
    validation = _some(headlines, "validation", max(n // 4, 20), seed)
    vocabulary = build_vocabulary(training[0], max_tokens=24)
    vectors = everything.subset(candidates(vocabulary.words), further)
    matrix = build_embedding_matrix(
        vocabulary.words,
        vectors,
        counts=vocabulary.counts,
        further_words=vectors.index_to_key if further else (),
        std=0.4,
        seed=seed,
    )
    classifier = build_classifier(matrix, len(headlines.label_names), seed=seed)
    train(classifier, training, validation, _schedule(n), seed=seed)
    texts, labels = headlines.texts("test"), np.array(headlines.labels("test"))
    right = predict_probabilities(classifier, texts).argmax(axis=1) == labels
    seen = set(vocabulary.words)
    unseen = np.array(
        [any(t not in seen and t in everything for t in tokens) for tokens in tokenize(texts)]
    )
    return float(right.mean()), float(right[unseen].mean()), float(unseen.mean())


@click.command()
@click.option("--vectors", default="glove_6b_50d", show_default=True)
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--sizes", default="50,100,200,500,1000,2000", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--further", default="0,20000,100000", show_default=True, help="Words of the second table.")  # fmt: skip
@click.option("--picture", type=click.Path(dir_okay=False), help="Write the curves there.")
def main(vectors: str, clickbait: str | None, sizes: str, seeds: int, further: str, picture: str | None) -> None:  # fmt: skip
    """Print the table of test accuracies, mean and standard deviation over the seeds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.disable()
    click.echo(f"{versions('tensorflow', 'keras')}; vectors {vectors}")
    everything = load_vectors(vectors)
    tables = [int(text) for text in further.split(",")]
    sources: dict[str, Callable[[int], Headlines]] = {
        "BBC": lambda seed: load_headlines("bbc", seed=seed)
    }
    if clickbait is not None:
        published = load_headlines("stop_clickbait", path=Path(clickbait))
        sources["Stop Clickbait"] = lambda _: published
    curves: dict[tuple[str, int], list[tuple[int, float, float]]] = defaultdict(list)
    rows: list[list[object]] = []
    for name, load in sources.items():
        for n in map(int, sizes.split(",")):
            results = {
                f: np.array([accuracies(load(s), everything, n, f, s) for s in range(seeds)])
                for f in tables
            }
            row: list[object] = [name, n, f"{results[tables[0]][:, 2].mean():.0%}"]
            for f in tables:
                whole, unseen = results[f][:, 0], results[f][:, 1]
                row += [f"{100 * whole.mean():.1f} ± {100 * whole.std():.1f}",
                        f"{100 * unseen.mean():.1f} ± {100 * unseen.std():.1f}"]  # fmt: skip
                curves[name, f].append((n, 100 * unseen.mean(), 100 * unseen.std()))
            rows.append(row)
            click.echo(" ".join(map(str, row)), err=True)
    columns = ["data", "training headlines", "test headlines with unseen words"]
    for f in tables:
        columns += [f"{f:,} further words: all", "those with unseen words"]
    table(columns, rows)
    if picture is not None:
        _curves(curves, list(sources), tables).savefig(picture, dpi=110)


def _curves(
    curves: dict[tuple[str, int], list[tuple[int, float, float]]],
    names: list[str],
    tables: list[int],
) -> Figure:
    figure = Figure(figsize=(4.6 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for further in tables:
            n, mean, spread = zip(*curves[name, further], strict=True)
            axes.errorbar(n, mean, spread, marker="o", capsize=2, label=f"{further:,}")
        axes.set_xscale("log")
        axes.set_xticks(n, [f"{x:,}" for x in n], minor=False)
        axes.minorticks_off()
        axes.set_title(name)
        axes.set_xlabel("training headlines")
        axes.set_ylabel("test accuracy (%), headlines with unseen words")
        axes.legend(title="further words")
    return figure


if __name__ == "__main__":
    main()
