"""New headlines come: is it better to go on from the earlier classifier, or to start again?

    python -m bench.going_on
    python -m bench.going_on --headlines FOLDER --vectors glove.6B.100d.txt --most 4000

A seed draws the new headlines: a fifth of the training headlines. The earlier classifier learns from
the others. Then there are three ways: to learn from all headlines again, from all with `start`, and
from the new ones alone with `start`; each with the default schedule, and with one epoch that
fine-tunes. Validation headlines choose in each training; the test headlines report.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click
import numpy as np

from bench.measure import table, versions
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.data.sampling import sample_examples
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import spellings
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.vocabulary import build_vocabularies
from pipeline.insight.spread import Spread
from pipeline.training.options import PhaseOptions, TrainingOptions

_NEW = 0.2  # of the training headlines
_SHORT = TrainingOptions(
    phases=("fine_tuned",), fine_tuned=PhaseOptions(epochs=1, learning_rate=1e-3)
)


def measure(
    headlines: Headlines, vectors: Any, size: int, seed: int
) -> dict[str, dict[str, float]]:
    """By way: seconds, and accuracies in % on validation and test, of the classifier and the network."""
    from pipeline.training.fit import Fitted, fit

    validation, test = map(headlines.examples, ("validation", "test"))
    every = sample_examples(headlines.examples("train"), size, seed)
    old = sample_examples(every, round((1 - _NEW) * len(every)), seed)
    new = _without(every, set(old.texts))

    def timed(call: Callable[[], Fitted]) -> tuple[Fitted, dict[str, float]]:
        started = time.perf_counter()
        fitted = call()
        seconds = time.perf_counter() - started
        return fitted, {
            "seconds": seconds,
            "validation": 100 * fitted.ensemble.accuracy,
            "test": _accuracy(fitted.classifier.predict_proba(test.texts), test),
            "network, test": _accuracy(fitted.network.predict_proba(test.texts), test),
        }

    earlier, before = timed(lambda: fit(old, validation, vectors, seed=seed))
    results = {"the earlier classifier": before}
    start = earlier.classifier
    ways = {
        "all headlines, from the vectors": (every, None, None),
        "all headlines, from the vectors, one epoch": (every, None, _SHORT),
        "all headlines, start": (every, start, None),
        "all headlines, start, one epoch": (every, start, _SHORT),
        "the new headlines alone, start": (new, start, None),
        "the new headlines alone, start, one epoch": (new, start, _SHORT),
    }
    for way, (training, begin, schedule) in ways.items():
        _, results[way] = timed(
            lambda training=training, begin=begin, schedule=schedule: fit(
                training, validation, vectors, schedule=schedule, seed=seed, start=begin
            )
        )
    return results


def _without(examples: Examples, texts: set[str]) -> Examples:
    rows = [i for i, text in enumerate(examples.texts) if text not in texts]
    return Examples(
        [examples.texts[i] for i in rows], [examples.labels[i] for i in rows], examples.label_names
    )


def _accuracy(probabilities: Any, examples: Examples) -> float:
    return float(100 * (probabilities.argmax(axis=1) == np.array(examples.labels)).mean())


@click.command()
@click.option("--headlines", help="A folder of Stop Clickbait  [default: BBC]")
@click.option("--vectors", default="glove_6b_50d", show_default=True)
@click.option("--most", default=20_000, show_default=True, help="Training headlines, old and new.")
@click.option("--seeds", default=5, show_default=True)
def main(headlines: str | None, vectors: str, most: int, seeds: int) -> None:
    """Print the table."""
    loaded = load_headlines(*(("stop_clickbait",) if headlines else ("bbc",)), path=headlines)
    words = {w for v in build_vocabularies(loaded.texts("train")).values() for w in v.words}
    # Read once: what is measured is the training.
    rows = load_vectors(vectors, words=spellings(words), most_frequent=VectorsOptions().extra_words)
    results = []
    measure(loaded, rows, 100, 0)  # what is slow only once in a process
    for seed in range(seeds):
        results.append(measure(loaded, rows, most, seed))
        click.echo(f"seed {seed}: {results[-1]}", err=True)
    click.echo(versions("tensorflow", "keras", "scikit-learn"))
    columns = list(results[0]["the earlier classifier"])
    table(
        ["training", *columns],
        [
            (way, *(Spread.over(r[way][name] for r in results).format(1) for name in columns))
            for way in results[0]
        ],
    )


if __name__ == "__main__":
    main()
