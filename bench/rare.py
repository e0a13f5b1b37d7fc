"""Whether weights help where a label is rare: BBC News with one label cut to a part of its texts.

    python -m bench.rare
    python -m bench.rare --labelled 100 --part 0.2

With --labelled the other training headlines have no label, and are learned from too. Validation and test headlines keep all labels. Each draw cuts another label. Validation chooses the way,
test reports it.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace

import click
import numpy as np

from bench.measure import table, versions
from pipeline.data.examples import Examples
from pipeline.data.headlines import load_headlines
from pipeline.data.sampling import sample_examples, take_examples
from pipeline.embedding.loading import load_vectors
from pipeline.insight.evaluation import evaluate
from pipeline.insight.spread import Spread
from pipeline.training.fit import fit
from pipeline.training.options import TrainingOptions

_FEW_VALIDATION = 20

WAYS = {
    "no weights": TrainingOptions(),
    "no weights, macro F1 decides": TrainingOptions(select="macro_f1"),
    "balanced": TrainingOptions(class_weight="balanced"),
    "balanced, macro F1 decides": TrainingOptions(class_weight="balanced", select="macro_f1"),
}


def cut(examples: Examples, label: int, part: float, seed: int) -> Examples:
    """The examples, of which those of `label` are only a `part`, at least one, drawn by `seed`."""
    labels = np.asarray(examples.labels)
    mine, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
    few = np.random.default_rng(seed).choice(mine, max(round(part * len(mine)), 1), replace=False)
    return take_examples(examples, np.sort(np.concatenate([others, few])))


@click.command()
@click.option("--part", default=0.05, show_default=True, help="Of the label's training headlines.")
@click.option("--labelled", type=int, help="Training headlines with a label, drawn after the cut  [default: all]")  # fmt: skip
@click.option("--seeds", default=5, show_default=True)
@click.option("--validation/--whole-validation", "cut_validation", default=False, show_default=True, help="Cut validation too, as it is where all data have a rare label.")  # fmt: skip
def main(part: float, labelled: int | None, seeds: int, cut_validation: bool) -> None:
    """Print macro F1 on validation and test, and the recall of the rare label: mean and spread."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.disable()
    vectors = load_vectors("glove_6b_50d")
    figures: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for seed in range(seeds):
        headlines = load_headlines("bbc", seed=seed)
        label = seed % len(headlines.label_names)
        training = cut(headlines.examples("train"), label, part, seed)
        whole, test = map(headlines.examples, ("validation", "test"))
        choosing = cut(whole, label, part, seed) if cut_validation else whole
        test = replace(test, texts=[*test.texts])
        others: list[str] = []
        if labelled is not None:
            every, training = training, sample_examples(training, labelled, seed)
            others = [text for text in every.texts if text not in set(training.texts)]
            choosing = sample_examples(choosing, max(labelled // 4, _FEW_VALIDATION), seed)
        for way, schedule in WAYS.items():
            fitted = fit(
                training, choosing, vectors, schedule=schedule, seed=seed, unlabelled=others
            )
            on_validation = evaluate(fitted.classifier, choosing)
            on_test = evaluate(fitted.classifier, test)
            figures[way].append(
                [
                    on_validation.macro_f1,
                    on_test.macro_f1,
                    on_test.accuracy,
                    on_test.per_class()["recall"][label],
                    on_test.per_class()["precision"][label],
                ]
            )
            click.echo(f"{seed} {way} {np.round(figures[way][-1], 4)}", err=True)
    columns = [
        "way", "macro F1, validation", "macro F1, test", "accuracy, test",
        "recall of the rare label", "its precision",
    ]  # fmt: skip
    rows: list[list[object]] = [
        [way, *(_shown(Spread.over(list(values))) for values in zip(*results, strict=True))]
        for way, results in figures.items()
    ]
    table(columns, rows)
    click.echo(f"\n{seeds} draws, {part:.0%} of one label; {versions('tensorflow', 'keras')}")


def _shown(spread: Spread) -> str:
    return f"{spread.mean:.4f} ± {spread.std:.4f}"


if __name__ == "__main__":
    main()
