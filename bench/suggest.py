"""What chosen labels are worth against drawn ones, and which way to choose is best.

    python -m bench.suggest
    python -m bench.suggest --methods
    python -m bench.suggest --headlines FOLDER --methods

The first headlines are drawn by label. The others are drawn too, or chosen as `pipeline suggest` does
it: at each size as many as are missing. The classifier is the whole one, which also learns from the
rest of the training headlines without their labels. It is tested on the test headlines.

--methods compares ways to choose, on a third of the training and validation headlines that is held
out, with the two simple models (fitted also to the rest without labels). The test headlines are not
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from bench.measure import table, versions
from pipeline.classifier.two_views import Views, fit_two_views
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.data.sampling import sample_examples, sample_positions
from pipeline.insight.spread import Spread
from pipeline.insight.suggestions import (
    choose_diverse,
    label_probabilities,
    suggest_texts,
    view_both,
)

_FEW_VALIDATION = 20
_MOST = 4_000  # headlines in the comparison of methods
_SIZE = (5.2, 3.8)  # inches

Array = NDArray[Any]
Method = Callable[[Array, Array, Array, int, int], Array]
"""(probabilities of the texts, their vectors, vectors of the labelled ones, n, seed) -> positions."""


def draw(probabilities: Array, vectors: Array, labelled: Array, n: int, seed: int) -> Array:
    """At random."""
    return np.random.default_rng(seed).choice(len(vectors), n, replace=False)


def least_sure(probabilities: Array, vectors: Array, labelled: Array, n: int, seed: int) -> Array:
    """The smallest margin between the two most probable labels (Scheffer, Decomain and Wrobel 2001,
    doi 10.1007/3-540-44816-0_31)."""
    order = np.sort(probabilities, axis=1)
    return np.argsort(order[:, -1] - order[:, -2], kind="stable")[:n]


def most_entropy(probabilities: Array, vectors: Array, labelled: Array, n: int, seed: int) -> Array:
    """The highest entropy, as a form of uncertainty sampling (Lewis and Gale 1994, arXiv cmp-lg/9407020)."""
    logs = np.log(np.maximum(probabilities, 1e-12))
    return np.argsort((probabilities * logs).sum(axis=1), kind="stable")[:n]


def farthest(probabilities: Array, vectors: Array, labelled: Array, n: int, seed: int) -> Array:
    """Each as far as possible from all before: a core-set by k-center greedy (Sener and Savarese 2018,
    arXiv 1708.00489)."""
    away = ((vectors[:, None] - labelled[None]) ** 2).sum(axis=2).min(axis=1)
    chosen = []
    for _ in range(n):
        chosen.append(int(away.argmax()))
        away = np.minimum(away, ((vectors - vectors[chosen[-1]]) ** 2).sum(axis=1))
    return np.array(chosen)


def most_typical(probabilities: Array, vectors: Array, labelled: Array, n: int, seed: int) -> Array:
    """The text with the nearest neighbours of each cluster that has the fewest labels (TypiClust:
    Hacohen, Dekel and Weinshall 2022, arXiv 2202.02794)."""
    from sklearn.cluster import KMeans

    both = np.concatenate([labelled, vectors])
    clusters = KMeans(len(labelled) + n, n_init=1, random_state=seed).fit_predict(both)
    size = np.bincount(clusters)
    labels = np.bincount(clusters[: len(labelled)], minlength=len(size))
    of_texts = clusters[len(labelled) :]
    chosen: list[int] = []
    for cluster in np.lexsort((-size, labels)):
        members = np.flatnonzero(of_texts == cluster)
        if len(members) and len(chosen) < n:
            away = ((vectors[members][:, None] - vectors[members][None]) ** 2).sum(axis=2)
            near = np.sqrt(np.sort(away, axis=1)[:, :20]).mean(axis=1)
            chosen.append(int(members[near.argmin()]))
    return np.array(chosen)


def badge(probabilities: Array, vectors: Array, labelled: Array, n: int, seed: int) -> Array:
    """k-means++ on the gradients that the most probable label would give (BADGE: Ash, Zhang,
    Krishnamurthy, Langford and Agarwal 2020, arXiv 1906.03671)."""
    from sklearn.cluster import kmeans_plusplus

    gaps = probabilities.copy()
    gaps[np.arange(len(gaps)), gaps.argmax(axis=1)] -= 1
    gradients = (gaps[:, :, None] * vectors[:, None, :]).reshape(len(vectors), -1)
    return kmeans_plusplus(gradients, n, random_state=seed)[1]


def clusters(probabilities: Array, vectors: Array, labelled: Array, n: int, seed: int) -> Array:
    """The way of `pipeline suggest` (Zhdanov 2019, arXiv 1901.05954)."""
    order = np.sort(probabilities, axis=1)
    chosen = choose_diverse(vectors, 1 - (order[:, -1] - order[:, -2]), n, seed)
    return np.array([place for place, _ in chosen])


METHODS: Mapping[str, Method] = {
    "drawn": draw,
    "margin": least_sure,
    "entropy": most_entropy,
    "k-center": farthest,
    "TypiClust": most_typical,
    "BADGE": badge,
    "unsure clusters (`pipeline suggest`)": clusters,
}


def compare_methods(headlines: Headlines, sizes: list[int], seed: int) -> dict[str, list[float]]:
    """The accuracy on headlines held out at each size, by method."""
    train, more = headlines.examples("train"), headlines.examples("validation")
    texts, labels = [*train.texts, *more.texts], np.array([*train.labels, *more.labels])
    rows = np.random.default_rng(0).permutation(len(texts))[:_MOST]
    views, _ = view_both([texts[i] for i in rows], [], "glove_6b_50d")
    labels, names = labels[rows], headlines.label_names
    order = np.random.default_rng(seed).permutation(len(rows))
    held_out, pool = np.split(order, [len(rows) // 3])
    start = sample_examples(Examples([str(i) for i in pool], labels[pool].tolist(), names), sizes[0], seed)  # fmt: skip
    accuracies: dict[str, list[float]] = {}
    for name, method in METHODS.items():
        taken, accuracies[name] = np.array([int(i) for i in start.texts]), []
        for size in sizes:
            rest = np.setdiff1d(pool, taken)
            if size > len(taken):
                labelled = Examples([""] * len(taken), labels[taken].tolist(), names)
                probabilities = label_probabilities(views.rows(taken), labelled, views.rows(rest))
                n = size - len(taken)
                vectors = views.vectors
                chosen = method(probabilities, vectors[rest], vectors[taken], n, seed)
                taken = np.concatenate([taken, rest[chosen]])
                rest = np.setdiff1d(pool, taken)
            accuracies[name].append(100 * _accuracy(views, labels, taken, rest, held_out))
    return accuracies


def _accuracy(views: Views, labels: Array, taken: Array, rest: Array, held_out: Array) -> float:
    both = views.rows(taken).stacked(views.rows(rest))
    model = fit_two_views(both, labels[taken], int(labels.max()) + 1)
    right = model.scores(views.rows(held_out)).argmax(axis=1) == labels[held_out]
    return float(right.mean())


def measure(headlines: Headlines, sizes: list[int], seed: int) -> tuple[list[float], list[float]]:
    """The test accuracy of the whole classifier at each size, in %: drawn and chosen."""
    every = headlines.examples("train")
    label_of = dict(zip(every.texts, every.labels, strict=True))
    drawn = [sample_examples(every, size, seed) for size in sizes]
    chosen = [drawn[0]]
    for size in sizes[1:]:
        taken = chosen[-1]
        left = [text for text in every.texts if text not in set(taken.texts)]
        pool = [left[i] for i in sample_positions(len(left), 20_000, seed)]
        # `pipeline suggest` knows the labels of validation too.
        more, names = _validation(headlines, taken, seed), taken.label_names
        labelled = Examples([*taken.texts, *more.texts], [*taken.labels, *more.labels], names)
        new = suggest_texts(labelled, pool, size - len(taken), seed=seed)
        texts = [*taken.texts, *(each.text for each in new)]
        chosen.append(Examples(texts, [label_of[text] for text in texts], names))
    first = _test(headlines, drawn[0], seed)
    by_draw = [first, *(_test(headlines, each, seed) for each in drawn[1:])]
    return by_draw, [first, *(_test(headlines, each, seed) for each in chosen[1:])]


def _validation(headlines: Headlines, training: Examples, seed: int) -> Examples:
    n_validation = max(len(training) // 4, _FEW_VALIDATION)
    return sample_examples(headlines.examples("validation"), n_validation, seed)


def _test(headlines: Headlines, training: Examples, seed: int) -> float:
    from pipeline.training.fit import fit

    validation = _validation(headlines, training, seed)
    labelled, test = set(training.texts), headlines.examples("test")
    rest = [text for text in headlines.texts("train") if text not in labelled]
    texts = [rest[i] for i in sample_positions(len(rest), 20_000, seed)]
    fitted = fit(training, validation, unlabelled=texts, seed=seed)
    right = fitted.classifier.predict_proba(test.texts).argmax(axis=1) == np.array(test.labels)
    return 100 * float(right.mean())


@click.command()
@click.option("--headlines", help="A folder of Stop Clickbait  [default: BBC]")
@click.option("--sizes", default="25,50,100,200", show_default=True)
@click.option("--seeds", default=5, show_default=True, help="Draws.")
@click.option("--methods", is_flag=True, help="Compare ways to choose, on headlines held out.")
@click.option("--picture", type=click.Path(dir_okay=False), help="Write the curves there.")
def main(headlines: str | None, sizes: str, seeds: int, methods: bool, picture: str | None) -> None:
    """Print the table: mean and standard deviation over the draws, in %."""
    if headlines:
        loaded = load_headlines("stop_clickbait", path=headlines)
    else:
        loaded = load_headlines("bbc")
    numbers = [int(size) for size in sizes.split(",")]
    columns = ["labels", *(f"{size:,}" for size in numbers)]
    click.echo(versions("tensorflow", "keras", "scikit-learn"))
    if methods:
        results = [compare_methods(loaded, numbers, seed) for seed in range(seeds)]
        by_name = {name: np.array([each[name] for each in results]) for name in METHODS}
    else:
        pairs = []
        for seed in range(seeds):
            pairs.append(measure(loaded, numbers, seed))
            click.echo(f"{seed} {pairs[-1]}", err=True)
        by_name = {
            name: np.array([pair[i] for pair in pairs])
            for i, name in enumerate(("drawn", "chosen"))
        }
    rows = [
        [name, *(Spread.over(column).format(1) for column in values.T)]
        for name, values in by_name.items()
    ]
    gains = [
        [
            f"{name} - drawn",
            *(Spread.over(column).format(1) for column in (values - by_name["drawn"]).T),
        ]
        for name, values in by_name.items()
        if name != "drawn"
    ]
    table(columns, rows)
    table(columns, gains)
    if picture:
        _curves(by_name, numbers, picture)


def _curves(by_name: Mapping[str, Array], sizes: list[int], path: str) -> None:
    from pipeline.report import style

    figure = style.new_figure(_SIZE)
    axes = figure.subplots()
    for (name, values), colour, marker, line in zip(
        by_name.items(), (style.MAIN, style.ACCENT), ("^", "o"), ("--", "-"), strict=True
    ):
        axes.errorbar(
            sizes,
            values.mean(axis=0),
            values.std(axis=0, ddof=1),
            color=colour,
            marker=marker,
            linestyle=line,
            capsize=3,
            label=name,
        )
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("labelled training headlines")
    axes.set_ylabel("test accuracy (%)")
    axes.legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
