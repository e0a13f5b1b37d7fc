"""`pipeline predict --why`: which words made the label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from pipeline.cli.predict import shown_label
from pipeline.cli.terminal import escaped, print_table

# Fractions of the strongest word of the headline: bold from the first, no colour below the second.
_STRONG, _WEAK = 0.5, 0.1
# The colours of the figures, which are slow to import: blue and orange.
FOR, AGAINST = "#4477aa", "#dd6622"


def print_why(texts: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a block for each headline: its label, and its words, the strongest first.

    `rows`: as `LoadedModel.predict` gives them with `why`. On a terminal, words for the label are
    blue and words against it orange.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for number, (text, row) in enumerate(zip(texts, rows, strict=True)):
        if number:
            click.echo()
        console.print(_headline(text, row))
        _print_words(row)


def _headline(text: str, row: Mapping[str, Any]) -> Any:
    from rich.text import Text

    best = max(row["probabilities"], key=row["probabilities"].__getitem__)
    shown = Text(f"{escaped(shown_label(row))}  {row['probability']:.3f}  ")
    values = [word["contributions"][best] for word in row["why"]["words"]]
    most = max(map(abs, values), default=0.0)
    end = 0
    for word, value in zip(row["why"]["words"], values, strict=True):
        start = text.index(word["word"], end)  # the spaces between them stay as they are
        shown.append(escaped(text[end:start]))
        end = start + len(word["word"])
        look = ""
        if most and abs(value) >= _WEAK * most:
            look = FOR if value > 0 else AGAINST
            look = f"bold {look}" if abs(value) >= _STRONG * most else look
        shown.append(escaped(text[start:end]), look)
    return shown


def _print_words(row: Mapping[str, Any]) -> None:
    """Print what each word gives to the label and, with more than two labels, to the second one."""
    ranked = sorted(row["probabilities"], key=lambda name: -row["probabilities"][name])
    labels = ranked[: 2 if len(ranked) > 2 else 1]
    words, bias = row["why"]["words"], row["why"]["bias"]
    contributions = [word["contributions"] for word in words]

    def numbers(values: Mapping[str, float]) -> list[str]:
        # Adding 0 turns -0.0 into 0.0.
        return [f"{round(values[label], 2) + 0.0:+.2f}" for label in labels]

    order = sorted(range(len(words)), key=lambda i: -abs(contributions[i][labels[0]]))
    total = {name: bias[name] + sum(values[name] for values in contributions) for name in labels}
    print_table(
        ["word", "as tokens", *labels],
        [
            *(
                [words[i]["word"], " ".join(words[i]["tokens"]), *numbers(contributions[i])]
                for i in order
            ),
            ["(no word)", "", *numbers(bias)],
            ["(sum)", "", *numbers(total)],
        ],
    )
