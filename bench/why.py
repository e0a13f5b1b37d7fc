"""Whether the words that are said to matter do: what happens when they are taken away.

    python -m bench.why --clickbait FOLDER

The words that give most to the predicted label are left out of validation headlines, and the shorter
headlines are scored again. The further the label falls, the better the words were chosen: DeYoung et
al. 2020, arXiv 1911.03429, call it comprehensiveness. The ways to choose differ only in how they
divide the network's answer among the words. Occlusion scores each headline again without each of its
words.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from bench.measure import table, versions
from pipeline.classifier.encoders import ENCODERS
from pipeline.classifier.ensemble import Classifier
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.attribution import contributions
from pipeline.training.fit import fit

NETWORKS = ("mean", "cnn", "attention", "bigru")
GRADIENTS = {"gradient at the words": 0, "integrated gradients, 16 steps": 16}
TAKEN = (1, 2, 3)  # words
STEPS = (0, 2, 4, 8, 16, 32)  # of integrated gradients
MOST, CHECKED = 1000, 200  # headlines of a split
FEWEST = 5  # words of a headline, so that something is left

Scores = list[NDArray[np.floating[Any]]]
"""For each headline one number a word."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A classifier, and the validation headlines that are scored."""

    classifier: Classifier
    texts: list[str]


def train_classifier(headlines: Headlines, encoder: str, vectors: str, seed: int) -> Trained:
    """Train with the defaults of a run."""
    training, validation = map(headlines.examples, ("train", "validation"))
    fitted = fit(training, validation, vectors, model=ENCODERS[encoder].options(), seed=seed)
    texts = [text for text in validation.texts if len(text.split()) >= FEWEST]
    chosen = np.random.default_rng(seed).permutation(len(texts))[:MOST]
    return Trained(fitted.classifier, [texts[i] for i in chosen])


def log_scores(classifier: Classifier, texts: Sequence[str]) -> NDArray[np.float64]:
    """Log-probabilities less their mean over the labels: float array, (n, n_labels)."""
    logs = np.log(np.maximum(classifier.predict_proba(texts).astype(np.float64), 1e-30))
    return logs - logs.mean(axis=1, keepdims=True)


def ways(trained: Trained, labels: NDArray[np.int64], seed: int) -> Iterator[tuple[str, Scores]]:
    """Each way to choose words: its name, and what each word gives to the label.

    `labels`: int array, (n_headlines,), the predicted ones.
    """
    for name, steps in GRADIENTS.items():
        explained = contributions(trained.classifier, trained.texts, steps=steps)
        pairs = zip(explained, labels, strict=True)
        yield name, [each.word_values[:, label] for each, label in pairs]
    words = [text.split() for text in trained.texts]
    without = [" ".join(w[:i] + w[i + 1 :]) for w in words for i in range(len(w))]
    headline = np.repeat(np.arange(len(words)), [len(w) for w in words])
    before = log_scores(trained.classifier, trained.texts)[headline, labels[headline]]
    after = log_scores(trained.classifier, without)[np.arange(len(without)), labels[headline]]
    yield "occlusion", np.split(before - after, np.cumsum([len(w) for w in words])[:-1])
    random = np.random.default_rng(seed)
    yield "random", [random.random(len(w)) for w in words]


def take_words(
    trained: Trained, labels: NDArray[np.int64], scores: Scores, n: int
) -> NDArray[np.float64]:
    """Leave out the `n` words with the highest scores, and see how far the label falls.

    Returns an array, (n_headlines, 3): the fall of the probability, the fall of the score, and
    whether another label is predicted.
    """
    shorter = [
        " ".join(np.delete(np.array(text.split(), object), np.argsort(-values, kind="stable")[:n]))
        for text, values in zip(trained.texts, scores, strict=True)
    ]
    before, after = (log_scores(trained.classifier, texts) for texts in (trained.texts, shorter))
    row = np.arange(len(labels))
    probability = [np.exp(s[row, labels]) / np.exp(s).sum(axis=1) for s in (before, after)]
    return np.stack(
        [
            probability[0] - probability[1],
            before[row, labels] - after[row, labels],
            after.argmax(axis=1) != labels,
        ],
        axis=1,
    )


def measure_inexactness(trained: Trained, steps: int) -> float:
    """How far the sum over the words is from what the network makes of them.

    That is the difference between its answer to the headline's vectors and to zero vectors. The
    largest distance of all headlines and labels, in nats.
    """
    network, texts = trained.classifier.network, trained.texts[:CHECKED]
    explained = contributions(Classifier(network), texts, steps=steps)
    rows = network.token_ids(texts)[0]
    width = network.embedder.output_shape[0][-1]
    nothing = np.zeros((*rows.shape, width), np.float32)
    at_zero = network.encoder([nothing, rows != 0], training=False)[0].numpy()
    left = np.stack([each.bias for each in explained])
    return float(np.abs(left - (at_zero - at_zero.mean(axis=1, keepdims=True))).max())


def measure_difference(trained: Trained) -> float:
    """How far the sums of contributions are from the classifier's scores.

    The largest distance of all headlines and labels, in nats.
    """
    explained = contributions(trained.classifier, trained.texts)
    sums = np.stack([each.scores for each in explained])
    return float(np.abs(sums - log_scores(trained.classifier, trained.texts)).max())


@click.command()
@click.option("--vectors", default="glove_6b_50d", show_default=True)
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--networks", default=",".join(NETWORKS), show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Seeds of BBC, each of which splits it anew.")  # fmt: skip
def main(vectors: str, clickbait: str | None, networks: str, seeds: int) -> None:
    """Print two tables: what taking words away does, and how exact the numbers are."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.disable()
    click.echo(f"{versions('tensorflow', 'keras')}; vectors {vectors}")
    data = {"BBC": [load_headlines("bbc", seed=seed) for seed in range(seeds)]}
    if clickbait:
        data["Stop Clickbait"] = [load_headlines("stop_clickbait", path=clickbait)]
    taken: list[list[object]] = []
    exact: list[list[object]] = []
    for name, sets in data.items():
        for network in networks.split(","):
            falls: dict[str, list[NDArray[np.float64]]] = {}
            errors = []
            for seed, headlines in enumerate(sets):
                trained = train_classifier(headlines, network, vectors, seed)
                labels = log_scores(trained.classifier, trained.texts).argmax(axis=1)
                for way, scores in ways(trained, labels, seed):
                    by_number = [take_words(trained, labels, scores, n) for n in TAKEN]
                    falls.setdefault(way, []).append(np.stack(by_number))
                inexact = [measure_inexactness(trained, steps) for steps in STEPS]
                errors.append([*inexact, measure_difference(trained)])
            taken += _rows(f"{name}, {network}", falls)
            exact.append([f"{name}, {network}", *(f"{e:.1e}" for e in np.max(errors, axis=0))])
            click.echo(f"{name}, {network}", err=True)
    columns = [f"fall of the probability without {n}" for n in TAKEN]
    table(["validation headlines", "words chosen by", *columns, "further than the gradient's", "fall of the score without 3", "label changes without 3"], taken)  # fmt: skip
    table(["validation headlines", *(f"inexact with {n} steps" for n in STEPS), "sum less score"], exact)  # fmt: skip


def _rows(name: str, falls: dict[str, list[NDArray[np.float64]]]) -> list[list[object]]:
    """`falls`: by way, for each seed an array (len(TAKEN), n_headlines, 3)."""
    joined = {way: np.concatenate(arrays, axis=1) for way, arrays in falls.items()}
    first = next(iter(joined.values()))
    rows: list[list[object]] = []
    for way, values in joined.items():
        further = (values - first)[..., 0].mean(axis=0)  # of each headline
        error = further.std(ddof=1) / len(further) ** 0.5
        rows.append(
            [
                f"{name}, {values.shape[1]:,}",
                way,
                *(f"{fall:.3f}" for fall in values[..., 0].mean(axis=1)),
                f"{further.mean():+.4f} ± {error:.4f}" if rows else "",
                f"{values[-1, :, 1].mean():.2f}",
                f"{values[-1, :, 2].mean():.1%}",
            ]
        )
    return rows


if __name__ == "__main__":
    main()
