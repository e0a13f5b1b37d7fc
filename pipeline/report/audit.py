"""What an audit logs, and its figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.insight.audit import Audit, Signals
from pipeline.report import style
from pipeline.report.items import BETWEEN_WARNINGS, Item, Picture, Table, Tag


def audit_items(audit: Audit) -> list[Item]:
    """The tables of every check, all of its numbers as a table, and the warnings as a tag."""
    numbers = pd.DataFrame(audit.metrics().items(), columns=["what", "value"])
    items: list[Item] = [Table("tables/audit.csv", numbers)]
    items += [Table(f"tables/{name}.csv", table.frame) for name, table in audit.tables().items()]
    warnings = audit.warnings()
    return [*items, Tag("audit.warning", BETWEEN_WARNINGS.join(warnings))] if warnings else items


def signals_items(
    audit: Audit, accuracy: float | None = None, *, figures: bool = True
) -> list[Item]:
    """A picture of the signals, beside the model where there is one.

    `accuracy`: that of the model on the test split.
    """
    if not figures or "signals" not in audit.checks:
        return []
    return [Picture("figures/audit_signals.png", signals_figure(audit.signals, accuracy))]


def signals_figure(signals: Signals, accuracy: float | None = None) -> Figure:
    """The test accuracy of each signal, beside the majority class's and the model's.

    A signal that is high (`Signals.high`) has another colour and is hatched. One that the model
    does not see is an empty bar.
    """
    high = signals.high() if accuracy is None else signals.high(accuracy)
    names = [*signals.alone][::-1]
    values = [signals.alone[name].accuracy for name in names]

    def look(name: str) -> dict[str, Any]:
        if name in high:
            return {"color": style.ACCENT, "hatch": "//"}
        is_empty = name in signals.unseen
        return {"color": "none" if is_empty else style.MAIN, "edgecolor": style.MAIN}

    figure = style.new_figure(style.SIGNALS)
    axes = figure.subplots()
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        axes.barh(place, value, **look(name))
    for reached, line, name in (
        (signals.majority.accuracy, ":", "commonest label"),
        (accuracy, "-", "the model"),
    ):
        if reached is not None:
            axes.axvline(reached, color=style.TEXT, linestyle=line, label=f"{name} {reached:.3f}")
    labels = [
        f"{name.replace('_', ' ')}  {value:.3f}" for name, value in zip(names, values, strict=True)
    ]
    axes.set_yticks(np.arange(len(names)), labels)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel(
        "test accuracy from this alone "
        f"({style.ACCENT_NAME}, hatched: high; empty: not seen by the model)"
    )
    figure.legend(loc="outside upper right", ncols=2)
    return figure
