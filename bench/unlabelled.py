"""What headlines without a label are worth: test accuracy with them and without.

    python -m bench.unlabelled
    python -m bench.unlabelled --headlines FOLDER --most 4000 --sizes 50,200,800

A seed draws the labelled headlines, and a quarter as many validation headlines (at least 20), as
`pipeline compare` does. The rest of the training headlines are the ones without a label.
"""

from __future__ import annotations

from typing import Any

import click
import numpy as np

from bench.measure import table, versions
from pipeline.data.examples import Examples
from pipeline.data.headlines import load_headlines
from pipeline.data.sampling import sample_examples, sample_positions
from pipeline.insight.spread import Spread

_FEW_VALIDATION = 20


def measure(headlines: Any, size: int, seed: int, most: int) -> tuple[float, float, bool]:
    """Test accuracy without and with unlabelled headlines, and whether they were learned from."""
    from pipeline.training.fit import fit

    every, test = headlines.examples("train"), headlines.examples("test")
    training = sample_examples(every, size, seed)
    validation = sample_examples(
        headlines.examples("validation"), max(size // 4, _FEW_VALIDATION), seed
    )
    labelled = set(training.texts)
    rest = [text for text in every.texts if text not in labelled]
    texts = [rest[i] for i in sample_positions(len(rest), most, seed)]

    def accuracy(unlabelled: list[str]) -> tuple[float, bool]:
        fitted = fit(training, validation, unlabelled=unlabelled, seed=seed)
        used = fitted.unlabelled is not None and fitted.unlabelled.used
        return _accuracy(fitted.classifier.predict_proba(test.texts), test), used

    (without, _), (with_them, used) = accuracy([]), accuracy(texts)
    return without, with_them, used


def _accuracy(probabilities: Any, examples: Examples) -> float:
    return float((probabilities.argmax(axis=1) == np.array(examples.labels)).mean())


@click.command()
@click.option("--headlines", help="A folder of Stop Clickbait  [default: BBC]")
@click.option("--sizes", default="25,50,100,200,400,800", show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--most", default=20_000, show_default=True, help="Headlines without a label.")
def main(headlines: str | None, sizes: str, seeds: int, most: int) -> None:
    """Print the table."""
    if headlines:
        loaded = load_headlines("stop_clickbait", path=headlines)
    else:
        loaded = load_headlines("bbc")
    rows = []
    for size in map(int, sizes.split(",")):
        results = [measure(loaded, size, seed, most) for seed in range(seeds)]
        without, with_them = (Spread.over(100 * r[i] for r in results).format(1) for i in (0, 1))
        gain = Spread.over(100 * (r[1] - r[0]) for r in results).format(1)
        used = sum(r[2] for r in results)
        rows.append((f"{size:,}", without, with_them, gain, f"{used} of {seeds}"))
        click.echo(" | ".join(rows[-1]), err=True)
    click.echo(versions("tensorflow", "keras", "scikit-learn"))
    table(["labelled", "without, %", "with, %", "gain in points", "used"], rows)


if __name__ == "__main__":
    main()
