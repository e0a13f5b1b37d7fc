"""What the extra words of the embedding bring: words that no training headline has.

    python -m bench.unseen --clickbait FOLDER

From few headlines a model learns few words. With extra words it also has the pretrained rows of
other words of the set, frozen. Without them, all those words are the unknown word. Networks are
trained with and without, from the same headlines and seeds. The accuracy is also given for the test
headlines with at least one word that the set has and the training headlines do not have.
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
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.text import tokenize
from pipeline.embedding.vectors import WordVectors
from pipeline.report import style
from pipeline.training.fit import fit
from pipeline.training.options import PhaseOptions, TrainingOptions

SIZE = (4.6, 3.6)  # inches, of a data set's part of the figure
LINES = ("-", "--", "-.")  # of the curves
STEPS = 150  # the smallest number of steps in a phase, for few headlines


def _schedule(n: int) -> TrainingOptions:
    epochs = max(8, -(-STEPS // -(-n // 16)))
    return TrainingOptions(
        frozen=PhaseOptions(epochs, 2e-3, patience=epochs),
        fine_tuned=PhaseOptions(epochs, 1e-3, patience=epochs),
        batch_size=16,
        embedding_lr_scale=1.0,
        adversarial_epsilon=0.0,
    )


def _some(examples: Examples, n: int, seed: int) -> Examples:
    if n >= len(examples):
        return examples
    texts, _, labels, _ = train_test_split(
        examples.texts, examples.labels, train_size=n, stratify=examples.labels, random_state=seed
    )
    return Examples(texts, labels, examples.label_names)


@cache
def _headlines(source: str, path: str | None, seed: int) -> Headlines:
    return load_headlines(source, path=path, seed=seed)


@cache
def _vectors(source: str) -> WordVectors:
    return load_vectors(source)


@dataclass(frozen=True)
class Trial:
    """One training: the data, the number of training headlines and of extra words, and the seed."""

    source: str
    path: str | None
    vectors: str
    n: int
    extra_words: int
    seed: int


def accuracies(trial: Trial) -> tuple[float, float, float, float]:
    """Train a network and test it.

    Returns the test accuracy on all headlines, that on headlines with unseen words, the fraction of
    these headlines, and the number of training headlines.
    """
    logging.disable()
    # A published split is the same for every seed.
    split_seed = 0 if trial.path else trial.seed
    headlines = _headlines(trial.source, trial.path, split_seed)
    vectors, seed = _vectors(trial.vectors), trial.seed
    training = _some(headlines.examples("train"), trial.n, seed)
    validation = _some(headlines.examples("validation"), max(trial.n // 4, 20), seed)
    fitted = fit(
        training,
        validation,
        vectors,
        embedding=VectorsOptions(extra_words=trial.extra_words),
        model=CnnOptions(kernel_sizes=(1, 2, 3, 4), sif=False, ngrams=False),
        schedule=_schedule(trial.n),
        seed=seed,
    )
    test = headlines.examples("test")
    right = fitted.network.predict_proba(test.texts).argmax(axis=1) == np.array(test.labels)
    seen = set(fitted.vocabulary.words)
    unseen = np.array(
        [any(t not in seen and t in vectors for t in tokens) for tokens in tokenize(test.texts)]
    )
    return float(right.mean()), float(right[unseen].mean()), float(unseen.mean()), len(training)


@click.command()
@click.option("--vectors", default="glove_6b_50d", show_default=True)
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--sizes", default="50,100,200,500,1000,2000", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--extra-words", default="0,20000,100000", show_default=True, help="How many extra words.")  # fmt: skip
@click.option("--picture", type=click.Path(dir_okay=False), help="Write the curves there.")
@click.option("--jobs", default=2, show_default=True, help="Processes at a time.")
def main(vectors: str, clickbait: str | None, sizes: str, seeds: int, extra_words: str, picture: str | None, jobs: int) -> None:  # fmt: skip
    """Print the table of test accuracies, mean and standard deviation over the seeds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    click.echo(f"{versions('tensorflow', 'keras')}; vectors {vectors}")
    extra = [int(text) for text in extra_words.split(",")]
    sources = {"BBC": ("bbc", None)} | (
        {"Stop Clickbait": ("stop_clickbait", clickbait)} if clickbait else {}
    )
    cases = [(name, int(n), e) for name in sources for n in sizes.split(",") for e in extra]
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
        _, _, unseen, present = results[name, n, extra[0]].mean(axis=0)
        row: list[object] = [name, int(present), f"{unseen:.0%}"]
        for e in extra:
            row += [_shown(results[name, n, e][:, column]) for column in (0, 1)]
        rows.append(row)
    columns = ["data", "training headlines", "test headlines with unseen words"]
    for e in extra:
        columns += [f"{e:,} extra words: all", "those with unseen words"]
    table(columns, rows)
    if picture is not None:
        _curves(results, list(sources), extra).savefig(picture, dpi=110)


def _shown(values: NDArray[np.float64]) -> str:
    return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1):.1f}"


def _curves(
    results: dict[tuple[str, int, int], NDArray[np.float64]], names: list[str], extra: list[int]
) -> Figure:
    figure = style.new_figure(SIZE, columns=len(names))
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        asked = sorted({n for source, n, _ in results if source == name})
        sizes = [int(results[name, n, extra[0]][0, 3]) for n in asked]
        for i, n_words in enumerate(extra):
            accuracy = [100 * results[name, n, n_words][:, 1] for n in asked]
            axes.errorbar(
                sizes,
                [values.mean() for values in accuracy],
                [values.std(ddof=1) for values in accuracy],
                marker=style.label_marker(i),
                color=style.label_colour(i),
                linestyle=LINES[i % len(LINES)],
                capsize=2,
                label=f"{n_words:,}",
            )
        axes.set_xscale("log")
        axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axes.minorticks_off()
        axes.set_title(name)
        axes.set_xlabel("training headlines")
        axes.set_ylabel("test accuracy (%)")
        axes.legend(title="extra words")
    return figure


if __name__ == "__main__":
    main()
