"""Headlines of no label, sets of labels, and texts without a known word: the tables of docs/unsure.md.

    python -m bench.unsure
    python -m bench.unsure --only sets --clickbait FOLDER

`none`: each label in turn is left out of training and validation, and its test headlines are asked
for too. `sets`: how often the set of labels holds the right one, over several draws of the splits.
`words`: the test headlines, changed so that no word is known.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench.measure import table, versions
from pipeline.classifier.export import export_classifier
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.data.sampling import sample_examples
from pipeline.insight.spread import Spread
from pipeline.portable import load_classifier
from pipeline.training.fit import fit

THRESHOLDS = (0.5, 0.7, 0.8, 0.9)
COVERAGES = (0.8, 0.9, 0.95)
DRAWS = {"bbc": 10, "clickbait": 5}
TRAINING, VALIDATION = 6_000, 2_000  # of the headlines of Stop Clickbait
_LEAST = 1e-7  # probability in a log loss


@dataclass(frozen=True, eq=False)
class Asked:
    """A classifier that was exported, and the test headlines that it is asked for."""

    classifier: Any
    test: Examples

    def answers(self, texts: Sequence[str] | None = None, **params: Any) -> list[dict[str, Any]]:
        """One row a text. See `pipeline.portable.answers`."""
        return self.classifier.answer(self.test.texts if texts is None else texts, **params)

    @property
    def names(self) -> list[str]:
        """The right labels."""
        return [self.test.label_names[i] for i in self.test.labels]


def train(training: Examples, validation: Examples, test: Examples, seed: int) -> Asked:
    """Train with the defaults of a run, and export."""
    classifier = fit(training, validation, seed=seed).classifier
    with tempfile.TemporaryDirectory() as folder:
        exported = export_classifier(classifier, Path(folder, "model"))
        return Asked(load_classifier(exported), test)


def without_label(examples: Examples, label: int) -> Examples:
    """The examples of the other labels."""
    pairs = [(t, i) for t, i in zip(examples.texts, examples.labels, strict=True) if i != label]
    names = tuple(name for i, name in enumerate(examples.label_names) if i != label)
    return Examples([t for t, _ in pairs], [i - (i > label) for _, i in pairs], names)


def none_row(asked: Mapping[str, Asked], threshold: float) -> list[str]:
    """A row of the table `none`. `asked`: by the label that was left out."""
    none, answered, right = [], [], []
    for label, each in asked.items():
        given = [row["label"] for row in each.answers(threshold=threshold)]
        pairs = list(zip(each.names, given, strict=True))
        others = [(name, answer) for name, answer in pairs if name != label]
        kept = [(name, answer) for name, answer in others if answer is not None]
        none.append(share(answer is None for name, answer in pairs if name == label))
        answered.append(len(kept) / len(others))
        right.append(share(name == answer for name, answer in kept))
    return [f"{threshold:g}", *map(percent, (none, answered, right))]


def empty_shares(asked: Mapping[str, Asked], coverage: float) -> list[str]:
    """How many sets are empty: of the left-out label, and of the others."""
    empty: tuple[list[float], list[float]] = ([], [])
    for label, each in asked.items():
        rows = zip(each.names, each.answers(coverage=coverage), strict=True)
        pairs = [(name == label, not row["labels"]) for name, row in rows]
        for shares, is_left_out in zip(empty, (True, False), strict=True):
            shares.append(share(none for left_out, none in pairs if left_out == is_left_out))
    return [*map(percent, empty)]


def set_row(asked: Sequence[Asked], coverage: float) -> list[str]:
    """A row of the table `sets`. `asked`: one classifier a draw."""
    held, sizes = [], []
    for each in asked:
        sets = [row["labels"] for row in each.answers(coverage=coverage)]
        held.append(share(name in labels for name, labels in zip(each.names, sets, strict=True)))
        sizes.append(float(np.mean([len(labels) for labels in sets])))
    return [f"{coverage:.0%}", percent(held), Spread.over(sizes).format(2)]


def misspell(word: str, chance: random.Random) -> str:
    """Two letters too many, anywhere."""
    for _ in range(2):
        at = chance.randint(0, len(word))
        word = word[:at] + chance.choice("abcdefghijklmnopqrstuvwxyz") + word[at:]
    return word


CHANGES: Mapping[str, Callable[[str, random.Random], str]] = {
    "two letters too many in each word": lambda text, chance: " ".join(
        misspell(word, chance) for word in text.split()
    ),
    "all spaces left out": lambda text, _: "".join(text.split()),
    "each word written backwards": lambda text, _: " ".join(word[::-1] for word in text.split()),
}


def changed_row(asked: Sequence[Asked], what: str) -> list[str]:
    """A row of the table `words`: of the changed headlines without a known word."""
    results: list[tuple[float, ...]] = []
    for seed, each in enumerate(asked):
        chance = random.Random(seed)
        answers = each.answers([CHANGES[what](text, chance) for text in each.test.texts])
        unknown = [
            (name, row["probabilities"])
            for name, row in zip(each.names, answers, strict=True)
            if row["mark"] == "no_known_word"
        ]
        (prior,) = each.answers([""])
        results.append((
            len(unknown),
            *scored(unknown),
            *scored([(name, prior["probabilities"]) for name, _ in unknown]),
        ))  # fmt: skip
    number, *means = (float(np.mean(column)) for column in zip(*results, strict=True))
    shown = [f"{means[i]:.1%}, {means[i + 1]:.2f}" for i in (0, 2)]
    return [what, f"{number:.0f}", *shown]


def scored(answers: Sequence[tuple[str, Mapping[str, float]]]) -> tuple[float, float]:
    """Accuracy and log loss in nats."""
    right = share(max(shares, key=lambda name: shares[name]) == name for name, shares in answers)
    losses = [-np.log(max(shares[name], _LEAST)) for name, shares in answers]
    return right, float(np.mean(losses))


def share(values: Any) -> float:
    """The share of true values."""
    return float(np.mean([*values]))


def percent(shares: Sequence[float]) -> str:
    """Mean and spread in percent."""
    return f"{Spread.over(100 * each for each in shares).format(1)}%"


def draw(clickbait: str | None, seed: int) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test headlines, split by the seed."""
    if clickbait is None:
        return splits(load_headlines("bbc", seed=seed))
    train, validation, test = splits(
        load_headlines("stop_clickbait", path=clickbait, test=0.75, validation=0.0625, seed=seed)
    )
    return (
        sample_examples(train, TRAINING, seed),
        sample_examples(validation, VALIDATION, seed),
        test,
    )


def splits(headlines: Headlines) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test."""
    train, validation, test = map(headlines.examples, ("train", "validation", "test"))
    return train, validation, test


@click.command()
@click.option("--only", type=click.Choice(["none", "sets", "words"]), help="One of the tables.")
@click.option("--clickbait", help="A folder of Stop Clickbait, for the sets  [default: BBC]")
@click.option("--draws", type=click.IntRange(1), help="Of the sets  [default: 10; Clickbait 5]")
def main(only: str | None, clickbait: str | None, draws: int | None) -> None:
    """Print the tables."""
    click.echo(versions("tensorflow", "keras", "scikit-learn"))
    if only in (None, "none"):
        training, validation, test = draw(None, 0)
        asked = {
            name: train(without_label(training, i), without_label(validation, i), test, 0)
            for i, name in enumerate(training.label_names)
        }
        table(
            [
                "threshold",
                "of the left-out label: none",
                "of the others: answered",
                "of these right",
            ],
            [none_row(asked, threshold) for threshold in THRESHOLDS],
        )
        by_label = [f"{name} {none_row({name: each}, 0.8)[1]}" for name, each in asked.items()]
        click.echo(f"\nNone at 0.8: {', '.join(by_label)}")
        left_out, others = empty_shares(asked, 0.8)
        click.echo(f"Sets for 80% that are empty: left-out label {left_out}, others {others}")
    if only in (None, "sets", "words"):
        number = draws or DRAWS["clickbait" if clickbait else "bbc"]
        drawn = [
            train(*draw(clickbait, seed), seed) for seed in range(number if only != "words" else 3)
        ]
        if only != "words":
            table(
                ["asked for", "held the right label", "labels in a set"],
                [set_row(drawn, coverage) for coverage in COVERAGES],
            )
        if only != "sets":
            table(
                ["headlines changed", "without a known word", "the answer", "label shares alone"],
                [changed_row(drawn[:3], what) for what in CHANGES],
            )


if __name__ == "__main__":
    main()
