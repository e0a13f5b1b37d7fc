"""Whether the words that are said to matter do: what happens when they are taken away.

    python -m bench.why --clickbait FOLDER

Of validation headlines, the words that give most to the predicted label are left out, and the
shorter headlines are scored again: the further the label falls, the better the words were chosen
(DeYoung et al. 2020, arXiv 1911.03429, call it comprehensiveness). The ways to choose differ only in
how the network is divided; occlusion scores each headline again without each of its words.
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
from pipeline.classifier.encoders import (
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    MeanOptions,
    ModelOptions,
)
from pipeline.data.headlines import Headlines, load_headlines

CONFIGS: dict[str, ModelOptions] = {
    "mean": MeanOptions(),
    "cnn": CnnOptions(),
    "attention": AttentionOptions(),
    "bigru": BiGruOptions(),
}
GRADIENTS = {"gradient at the words": 0, "integrated gradients, 16 steps": 16}
TAKEN = (1, 2, 3)  # words
STEPS = (0, 2, 4, 8, 16, 32)  # of integrated gradients
MOST, CHECKED = 1000, 200  # headlines of a split
FEWEST = 5  # words of a headline, so that something is left

Scores = list[NDArray[np.floating[Any]]]  # for each headline one number a word


@dataclass(frozen=True)
class Trained:
    """`network`: by itself; `classifier`: blended; `texts`: validation headlines."""

    network: Any
    classifier: Any
    texts: list[str]


def trained(headlines: Headlines, config: ModelOptions, vectors: str, seed: int) -> Trained:
    """The stages with their defaults."""
    from pipeline import (
        blend,
        build_embedding_matrix,
        build_network,
        build_vocabulary,
        candidates,
        load_vectors,
        train,
    )

    splits = {name: (headlines.texts(name), headlines.labels(name)) for name in headlines.splits}
    vocabulary = build_vocabulary(splits["train"][0], max_tokens=config.max_tokens)
    words = load_vectors(vectors, words=candidates(vocabulary.words), most_frequent=100_000)
    matrix = build_embedding_matrix(
        vocabulary.words,
        words,
        counts=vocabulary.counts,
        extra_words=words.index_to_key,
        std=0.4,
        seed=seed,
    )
    network = build_network(matrix, len(headlines.label_names), config, seed=seed)
    train(network, splits["train"], splits["validation"], seed=seed)
    parts = blend(network, matrix, splits["train"], splits["validation"], config, seed=seed)
    texts = [text for text in splits["validation"][0] if len(text.split()) >= FEWEST]
    chosen = np.random.default_rng(seed).permutation(len(texts))[:MOST]
    return Trained(network, parts.classifier, [texts[i] for i in chosen])


def scores_of(classifier: Any, texts: Sequence[str]) -> NDArray[np.float64]:
    """Log-probabilities less their mean over the labels: (n, n_labels)."""

    logs = np.log(np.maximum(classifier.predict_proba(texts).astype(np.float64), 1e-30))
    return logs - logs.mean(axis=1, keepdims=True)


def ways(one: Trained, labels: NDArray[np.int64], seed: int) -> Iterator[tuple[str, Scores]]:
    """Each way to choose, with what it says that each word gives to the label."""
    from pipeline import contributions

    for name, steps in GRADIENTS.items():
        given = contributions(one.classifier, one.texts, steps=steps)
        yield name, [c.of_words[:, label] for c, label in zip(given, labels, strict=True)]
    words = [text.split() for text in one.texts]
    without = [" ".join(w[:i] + w[i + 1 :]) for w in words for i in range(len(w))]
    headline = np.repeat(np.arange(len(words)), [len(w) for w in words])
    before = scores_of(one.classifier, one.texts)[headline, labels[headline]]
    falls = before - scores_of(one.classifier, without)[np.arange(len(without)), labels[headline]]
    yield "occlusion", np.split(falls, np.cumsum([len(w) for w in words])[:-1])
    random = np.random.default_rng(seed)
    yield "random", [random.random(len(w)) for w in words]


def falls_of(one: Trained, labels: NDArray[np.int64], scores: Scores, n: int) -> NDArray[Any]:
    """What the `n` words with the highest scores took with them: of the probability, of the score,
    and whether the label changed: (n_headlines, 3)."""
    shorter = [
        " ".join(np.delete(np.array(text.split(), object), np.argsort(-of, kind="stable")[:n]))
        for text, of in zip(one.texts, scores, strict=True)
    ]
    before, after = (scores_of(one.classifier, texts) for texts in (one.texts, shorter))
    row = np.arange(len(labels))
    probability = [
        np.exp(scores[row, labels]) / np.exp(scores).sum(axis=1) for scores in (before, after)
    ]
    return np.stack(
        [
            probability[0] - probability[1],
            before[row, labels] - after[row, labels],
            after.argmax(axis=1) != labels,
        ],
        axis=1,
    )


def inexactness(one: Trained, steps: int) -> float:
    """How far the sum over the words is from the difference that the network makes between the
    headline's vectors and zero vectors: the most of all headlines and labels, in nats."""
    from pipeline import contributions

    texts = one.texts[:CHECKED]
    given = contributions(one.network, texts, steps=steps)
    rows = one.network.token_ids(texts)[0]
    width = one.network.embedder.output_shape[0][-1]
    nothing = np.zeros((*rows.shape, width), np.float32)
    at_zero = one.network.encoder([nothing, rows != 0], training=False).numpy()
    left = np.stack([c.bias for c in given])
    return float(np.abs(left - (at_zero - at_zero.mean(axis=1, keepdims=True))).max())


def difference(one: Trained) -> float:
    """How far sums of contributions, with the bias, are from the model's log-probabilities less
    their mean: the most of all headlines and labels, in nats."""
    from pipeline import contributions

    sums = np.stack([c.scores for c in contributions(one.classifier, one.texts)])
    return float(np.abs(sums - scores_of(one.classifier, one.texts)).max())


@click.command()
@click.option("--vectors", default="glove_6b_50d", show_default=True)
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--networks", default=",".join(CONFIGS), show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Of BBC, whose split follows from the seed.")  # fmt: skip
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
            falls: dict[str, list[NDArray[Any]]] = {}
            errors = []
            for seed, headlines in enumerate(sets):
                one = trained(headlines, CONFIGS[network], vectors, seed)
                labels = scores_of(one.classifier, one.texts).argmax(axis=1)
                for way, scores in ways(one, labels, seed):
                    by_number = [falls_of(one, labels, scores, n) for n in TAKEN]
                    falls.setdefault(way, []).append(np.stack(by_number))
                errors.append([*(inexactness(one, steps) for steps in STEPS), difference(one)])
            taken += _rows(f"{name}, {network}", falls)
            exact.append([f"{name}, {network}", *(f"{e:.1e}" for e in np.max(errors, axis=0))])
            click.echo(f"{name}, {network}", err=True)
    columns = [f"probability, without {n}" for n in TAKEN]
    table(["validation headlines of", "words chosen by", *columns, "against the first", "score, without 3", "label changes"], taken)  # fmt: skip
    table(["validation headlines of", *(f"{n} steps" for n in STEPS), "sum and score"], exact)


def _rows(name: str, falls: dict[str, list[NDArray[Any]]]) -> list[list[object]]:
    """`falls`: by way, for each seed an array (len(TAKEN), n_headlines, 3)."""
    joined = {way: np.concatenate(found, axis=1) for way, found in falls.items()}
    first = next(iter(joined.values()))
    rows: list[list[object]] = []
    for way, found in joined.items():
        further = (found - first)[..., 0].mean(axis=0)  # of each headline
        error = further.std(ddof=1) / len(further) ** 0.5
        rows.append(
            [
                "" if rows else f"{name}, {found.shape[1]:,}",
                way,
                *(f"{fall:.3f}" for fall in found[..., 0].mean(axis=1)),
                f"{further.mean():+.4f} ± {error:.4f}" if rows else "",
                f"{found[-1, :, 1].mean():.2f}",
                f"{found[-1, :, 2].mean():.1%}",
            ]
        )
    return rows


if __name__ == "__main__":
    main()
