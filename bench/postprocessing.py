"""Whether post-processing of the vectors helps: accuracy on headlines that no training has seen.

    python -m bench.postprocessing --clickbait FOLDER

Test headlines are not touched: the accuracy is that on validation headlines, and with few labels
also on the training headlines that were not drawn. The headlines that choose the epoch and weigh
the members are not among them.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import click
import numpy as np
from sklearn.model_selection import train_test_split

from bench.measure import table, versions
from pipeline.data.examples import Examples
from pipeline.data.headlines import load_headlines
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.postprocessing import METHODS
from pipeline.insight.spread import Spread
from pipeline.training.fit import fit

ALL = "all"
_MOST = 4_000  # headlines on which the accuracy is measured, where there are more


@dataclass(frozen=True)
class Draw:
    """Training headlines: `n` of them, or as many as there are for `all`, drawn by `seed`."""

    source: str
    path: str | None
    vectors: str
    n: str
    seed: int


def accuracies(draw: Draw) -> list[float]:
    """The accuracy with each method, in their order: they learn from the same headlines."""
    logging.disable()
    headlines = load_headlines(draw.source, path=draw.path, seed=0 if draw.path else draw.seed)
    training, rest = headlines.examples("train"), headlines.examples("validation")
    if draw.n != ALL:
        training, left = _split(training, int(draw.n), draw.seed)
        rest = Examples([*rest.texts, *left.texts], [*rest.labels, *left.labels], rest.label_names)
        choosing, rest = _split(rest, max(int(draw.n) // 4, 20), draw.seed)
    else:
        choosing, training = _split(training, len(training) // 10, draw.seed)
    if len(rest) > _MOST:
        rest, _ = _split(rest, _MOST, draw.seed)
    measured = []
    for method in METHODS:
        options = VectorsOptions(postprocess=method)
        fitted = fit(training, choosing, draw.vectors, embedding=options, seed=draw.seed)
        best = fitted.classifier.predict_proba(rest.texts).argmax(axis=1)
        measured.append(float((best == np.array(rest.labels)).mean()))
    return measured


def _split(examples: Examples, n: int, seed: int) -> tuple[Examples, Examples]:
    texts, others, labels, other_labels = train_test_split(
        examples.texts, examples.labels, train_size=n, stratify=examples.labels, random_state=seed
    )
    names = examples.label_names
    return Examples(texts, labels, names), Examples(others, other_labels, names)


@click.command()
@click.option("--vectors", default="glove_6b_50d", show_default=True)
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--only", type=click.Choice(["bbc", "stop_clickbait"]), help="One of the two data sets.")  # fmt: skip
@click.option("--sizes", default=f"50,200,{ALL}", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Processes at a time.")
def main(vectors: str, clickbait: str | None, only: str | None, sizes: str, seeds: int, jobs: int) -> None:  # fmt: skip
    """Print the accuracy with no method, and what each method adds: mean and standard deviation."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sources = {"bbc": None} | ({"stop_clickbait": clickbait} if clickbait else {})
    cases = [(name, n) for name in sources if only in (None, name) for n in sizes.split(",")]
    draws = [Draw(name, sources[name], vectors, n, seed) for name, n in cases for seed in range(seeds)]  # fmt: skip
    results = []
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        for draw, result in zip(draws, pool.map(accuracies, draws), strict=True):
            click.echo(f"{draw.source} {draw.n} {draw.seed} {np.round(result, 4)}", err=True)
            results.append(result)
    outcomes = np.array(results).reshape(len(cases), seeds, -1)
    rows: list[list[object]] = []
    for (name, n), values in zip(cases, 100 * outcomes, strict=True):
        gains = (values[:, 1:] - values[:, :1]).T
        cells = [Spread.over(values[:, 0].tolist()), *(Spread.over(g.tolist()) for g in gains)]
        rows.append([name, n, *(_shown(cell, signed=i > 0) for i, cell in enumerate(cells))])
    first, *others = METHODS
    table(["data", "labels", f"{first} (%)", *(f"{method} (points)" for method in others)], rows)
    click.echo(f"\n{seeds} draws; {versions('tensorflow', 'keras', 'scikit-learn')}; {vectors}")


def _shown(spread: Spread, *, signed: bool) -> str:
    sign = "+" if signed else ""
    return f"{spread.mean:{sign}.1f} ± {spread.std:.1f}"


if __name__ == "__main__":
    main()
