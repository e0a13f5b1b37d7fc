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
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context

import click
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from bench.measure import table, versions
from pipeline.classifier.encoders import CnnOptions
from pipeline.classifier.network import build_network
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import spellings
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.text import tokenize
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.report import style
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions

STEPS = 150  # at least so many in a phase, however few the headlines


def _schedule(n: int) -> TrainingOptions:
    epochs = max(8, -(-STEPS // -(-n // 16)))
    return TrainingOptions(
        frozen=PhaseOptions(epochs, 2e-3, patience=epochs),
        fine_tuned=PhaseOptions(epochs, 1e-3, patience=epochs),
        batch_size=16,
        embedding_lr_scale=1.0,
        adversarial_epsilon=0.0,
    )


def _some(headlines: Headlines, split: str, n: int, seed: int) -> tuple[list[str], list[int]]:
    texts, labels = headlines.texts(split), headlines.labels(split)
    if n >= len(texts):
        return texts, labels
    texts, _, labels, _ = train_test_split(
        texts, labels, train_size=n, stratify=labels, random_state=seed
    )
    return texts, labels


@cache
def _headlines(source: str, path: str | None, seed: int) -> Headlines:
    return load_headlines(source, path=path, seed=seed)


@cache
def _vectors(source: str) -> WordVectors:
    return load_vectors(source)


@dataclass(frozen=True)
class Trial:
    """One training: the data, how many headlines, how many further words, and the seed."""

    source: str
    path: str | None
    vectors: str
    n: int
    further: int
    seed: int


def accuracies(trial: Trial) -> tuple[float, float, float, float]:
    """Test accuracy on all headlines and on those with unseen words, the share of these, and how
    many training headlines there were."""
    logging.disable()
    # A published split is the same for every seed.
    split_seed = 0 if trial.path else trial.seed
    headlines = _headlines(trial.source, trial.path, split_seed)
    everything, n, further, seed = _vectors(trial.vectors), trial.n, trial.further, trial.seed
    training = _some(headlines, "train", n, seed)
    validation = _some(headlines, "validation", max(n // 4, 20), seed)
    vocabulary = build_vocabulary(training[0], max_tokens=24)
    vectors = everything.subset(spellings(vocabulary.words), further)
    matrix = build_embedding_matrix(
        vocabulary.words,
        vectors,
        counts=vocabulary.counts,
        extra_words=vectors.index_to_key if further else (),
        std=0.4,
        seed=seed,
    )
    config = CnnOptions(kernel_sizes=(1, 2, 3, 4))
    classifier = build_network(matrix, len(headlines.label_names), config, seed=seed)
    train(classifier, training, validation, _schedule(n), seed=seed)
    texts, labels = headlines.texts("test"), np.array(headlines.labels("test"))
    right = classifier.predict_proba(texts).argmax(axis=1) == labels
    seen = set(vocabulary.words)
    unseen = np.array(
        [any(t not in seen and t in everything for t in tokens) for tokens in tokenize(texts)]
    )
    return float(right.mean()), float(right[unseen].mean()), float(unseen.mean()), len(training[0])


@click.command()
@click.option("--vectors", default="glove_6b_50d", show_default=True)
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--sizes", default="50,100,200,500,1000,2000", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--further", default="0,20000,100000", show_default=True, help="Words of the second table.")  # fmt: skip
@click.option("--picture", type=click.Path(dir_okay=False), help="Write the curves there.")
@click.option("--jobs", default=2, show_default=True, help="Processes at a time.")
def main(vectors: str, clickbait: str | None, sizes: str, seeds: int, further: str, picture: str | None, jobs: int) -> None:  # fmt: skip
    """Print the table of test accuracies, mean and standard deviation over the seeds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    click.echo(f"{versions('tensorflow', 'keras')}; vectors {vectors}")
    tables = [int(text) for text in further.split(",")]
    sources = {"BBC": ("bbc", None)} | (
        {"Stop Clickbait": ("stop_clickbait", clickbait)} if clickbait else {}
    )
    cases = [(name, int(n), f) for name in sources for n in sizes.split(",") for f in tables]
    results = {}
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        running = {
            case: [
                pool.submit(accuracies, Trial(*sources[case[0]], vectors, *case[1:], seed))
                for seed in range(seeds)
            ]
            for case in cases
        }
        for case, trials in running.items():
            results[case] = np.array([trial.result() for trial in trials])
            click.echo(f"{case} {results[case].mean(axis=0).round(4)}", err=True)
    rows: list[list[object]] = []
    for name, n in dict.fromkeys(case[:2] for case in cases):
        _, _, unseen, present = results[name, n, tables[0]].mean(axis=0)
        row: list[object] = [name, int(present), f"{unseen:.0%}"]
        for f in tables:
            row += [_shown(results[name, n, f][:, column]) for column in (0, 1)]
        rows.append(row)
    columns = ["data", "training headlines", "test headlines with unseen words"]
    for f in tables:
        columns += [f"{f:,} further words: all", "those with unseen words"]
    table(columns, rows)
    if picture is not None:
        _curves(results, list(sources), tables).savefig(picture, dpi=110)


def _shown(values: NDArray[np.float64]) -> str:
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1):.1f}"


def _curves(
    results: dict[tuple[str, int, int], NDArray[np.float64]], names: list[str], tables: list[int]
) -> Figure:
    figure = style.new_figure(style.UNSEEN_WORDS, columns=len(names))
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        asked = sorted({n for other, n, _ in results if other == name})
        sizes = [int(results[name, n, tables[0]][0, 3]) for n in asked]
        for further in tables:
            accuracy = [100 * results[name, n, further][:, 1] for n in asked]
            axes.errorbar(
                sizes,
                [values.mean() for values in accuracy],
                [values.std(ddof=1) for values in accuracy],
                marker="o",
                capsize=2,
                label=f"{further:,}",
            )
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axes.minorticks_off()
        axes.set_title(name)
        axes.set_xlabel("training headlines")
        axes.set_ylabel("test accuracy (%)")
        axes.legend(title="further words")
    return figure


if __name__ == "__main__":
    main()
