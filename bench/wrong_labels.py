"""How many planted wrong labels the audit finds.

    python -m bench.wrong_labels
    python -m bench.wrong_labels --headlines FOLDER --vectors none

A draw gives some of the headlines another label, chosen at random. The table shows how many of the
first headlines on the list were planted. Wrong labels of the data themselves count as not planted.
"""

from __future__ import annotations

from dataclasses import dataclass

import click
import numpy as np

from bench.measure import table, versions
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.insight.audit import CHECKS, AuditBounds, audit
from pipeline.insight.audit.wrong_labels import WrongLabels
from pipeline.insight.spread import Spread

_ALL = AuditBounds(max_label_headlines=10**9)


@dataclass(frozen=True)
class Found:
    """Fractions. `first`, `more`: planted ones among the first 1% and 5% of all headlines on the list
    (or the whole list, where it is shorter). `recall`: of the planted ones, those on the list. `listed`:
    of all headlines."""

    first: float
    more: float
    recall: float
    listed: float


def find_planted(headlines: Headlines, share: float, seed: int, vectors: str | None) -> Found:
    """Plant wrong labels in a share of the headlines, and look for them."""
    names, random = headlines.label_names, np.random.default_rng(seed)
    texts = [text for split in headlines.splits for text in headlines.texts(split)]
    labels = np.array([i for split in headlines.splits for i in headlines.labels(split)])
    wrong = random.choice(len(texts), round(share * len(texts)), replace=False)
    labels[wrong] = (labels[wrong] + random.integers(1, len(names), len(wrong))) % len(names)
    planted = load_headlines(texts, [names[i] for i in labels], seed=seed)
    checks = {"wrong_labels": CHECKS["wrong_labels"]}
    audited = audit(planted, checks=checks, seed=seed, bounds=_ALL, vectors=vectors)
    result = audited.checks["wrong_labels"]
    assert isinstance(result, WrongLabels)
    wrong_texts = {texts[i] for i in wrong}
    hits = np.array([each.text in wrong_texts for each in result.wrong])
    n = len(texts)
    return Found(
        float(hits[: round(0.01 * n)].mean()),
        float(hits[: round(0.05 * n)].mean()),
        float(hits.sum() / len(wrong)),
        len(hits) / n,
    )


@click.command()
@click.option("--headlines", help="A folder of Stop Clickbait  [default: BBC]")
@click.option("--share", default=0.05, show_default=True, help="Wrong labels, as a fraction.")
@click.option("--seeds", default=5, show_default=True, help="Draws.")
@click.option("--vectors", default="glove_6b_50d", show_default=True, help="`none`: words alone.")
def main(headlines: str | None, share: float, seeds: int, vectors: str) -> None:
    """Print the table: mean and standard deviation over the draws, in %."""
    if headlines:
        loaded = load_headlines("stop_clickbait", path=headlines)
    else:
        loaded = load_headlines("bbc")
    name = None if vectors == "none" else vectors
    results = [find_planted(loaded, share, seed, name) for seed in range(seeds)]
    click.echo(versions("scikit-learn", "numpy"))
    cells = [
        Spread.over(100 * getattr(each, field) for each in results).format(1)
        for field in ("first", "more", "recall", "listed")
    ]
    columns = ["planted among the first 1%", "among the first 5%", "planted ones listed", "listed"]
    table(["data", *columns], [(loaded.name, *cells)])


if __name__ == "__main__":
    main()
