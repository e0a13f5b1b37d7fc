"""Bad names of labels and words, for the figures and tables of a run."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from bad_input import BadInput, Trial

from pipeline.data.examples import Examples


def _drawn(name: str) -> Callable[[Trial], object]:
    """The label of a confusion matrix, as it is drawn. A warning of matplotlib is an error."""

    def act(trial: Trial) -> object:
        from pipeline.report.figures import confusion_matrix

        figure = confusion_matrix(_evaluation((name, "other")))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.savefig(io.BytesIO(), format="png")
        return figure.axes[0].get_yticklabels()[0].get_text()

    return act


def _evaluation(names: tuple[str, ...]) -> Any:
    from pipeline.insight.evaluation import evaluate_probabilities

    labels = [*range(len(names)), 0, 0]
    probabilities = np.full((len(labels), len(names)), 0.5 / len(names))
    probabilities[:, 1] += 0.5
    examples = Examples([f"headline {i}" for i in range(len(labels))], labels, names)
    return evaluate_probabilities(probabilities, examples)


def _many_labels(trial: Trial) -> object:
    from pipeline.report.figures import confusion_matrix
    from pipeline.report.tables import predictions_table

    evaluation = _evaluation(tuple(f"label {i}" for i in range(1000)))
    figure = confusion_matrix(evaluation)
    figure.savefig(io.BytesIO(), format="png")
    width, height = figure.get_size_inches()
    pairs = len(figure.axes[0].get_yticklabels())
    columns = len(predictions_table(evaluation).columns)
    return f"{pairs} pairs of labels, {width:.0f} x {height:.0f} inches; predictions in {columns} columns"


def _cell(value: object) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline.report import Table

        return Table("t.csv", pd.DataFrame({"cell": [value]})).csv().splitlines()[1]

    return act


def _missing_font(trial: Trial) -> object:
    from pipeline.report import evaluations_items

    evaluation = _evaluation(("\U0001d800", "other"))
    return trial.warnings(lambda: evaluations_items({"ensemble": evaluation}, "ensemble"))


ROWS = (
    BadInput("a label with dollars, as in a formula", _drawn("$5 to $6"), "$5 to $6"),
    BadInput("a label that is no formula", _drawn("$\\frac{$"), "$\\frac{$"),
    BadInput("a label with underscores and braces", _drawn("a_b^{c}"), "a_b^{c}"),
    BadInput("a label with a backslash at its end", _drawn("C:\\"), "C:\\"),
    BadInput("a label that begins with an underscore", _drawn("_private"), "_private"),
    BadInput("a label in Hebrew, from right to left", _drawn("חדשות"), "חדשות"),
    BadInput("a label in Arabic, from right to left", _drawn("أخبار"), "أخبار"),
    BadInput(
        "a label with a character that no font of the machine has",
        _drawn("\U0001d800 fun"),
        "\\U0001d800 fun",
    ),
    BadInput(
        "the same: what the log says of it",
        _missing_font,
        "figures: no font of this machine has \U0001d800: figures show their codes; install a font that has them, such as Noto Sans (Debian: fonts-noto-core, and fonts-noto-cjk for Chinese, Japanese and Korean)",
    ),
    BadInput("a label with a lone surrogate", _drawn("caf\udce9"), "caf\\udce9"),
    BadInput("a label with a control character", _drawn("a\x07b"), "a\\x07b"),
    BadInput("a label with a sign that turns the text around", _drawn("a\u202eb"), "a\\u202eb"),
    BadInput(
        "a label of 500 characters",
        _drawn("economy and " * 41 + "business"),
        "economy and econ…omy and business",
    ),
    BadInput(
        "1,000 labels",
        _many_labels,
        "25 pairs of labels, 8 x 6 inches; predictions in 14 columns",
    ),
    BadInput(
        "a headline that a spreadsheet would run",
        _cell("=cmd|' /C calc'!A0"),
        "'=cmd|' /C calc'!A0",
    ),
    BadInput("a headline with + in front", _cell("+1 for Alps"), "'+1 for Alps"),
    BadInput("a headline with - in front", _cell("- ice"), "'- ice"),
    BadInput("a headline with @ in front", _cell("@SUM(1)"), "'@SUM(1)"),
    BadInput("a headline with a tab in front", _cell("\t=1"), "'\t=1"),
    BadInput("a headline with a full-width = in front", _cell("＝1+1"), "'＝1+1"),
    BadInput("a number below zero in a table", _cell(-0.5), "-0.5"),
    BadInput("a label that is a number below zero", _cell("-0.5"), "-0.5"),
)
