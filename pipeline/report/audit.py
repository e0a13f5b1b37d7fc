"""What an audit logs, and its figure."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from pipeline.insight.audit import Audit
from pipeline.report import style
from pipeline.report.audit_tables import (
    features_table,
    groups_table,
    near_duplicates_table,
    overlaps_table,
    signals_table,
)
from pipeline.report.items import Item, Metric, Picture, Table, Tag


def audit_items(audit: Audit) -> list[Item]:
    """What each signal gets alone, the near-duplicates of each pair of splits, the sources held
    out, and the warning as a tag."""
    items: list[Item] = [Metric("audit/majority_accuracy", audit.signals.majority.accuracy)]
    for name, signal in audit.alone.items():
        items += [
            Metric(f"audit/{name}_accuracy", signal.accuracy),
            Metric(f"audit/{name}_macro_f1", signal.macro_f1),
        ]
    for of in audit.near_duplicates.overlaps:
        pair = f"{of.split}_in_{of.other_split}"
        items += [
            Metric(f"audit/near_duplicates_{pair}", of.found),
            Metric(f"audit/near_duplicates_{pair}_other_label", of.other_label),
        ]
    items += [
        Table("tables/audit_signals.csv", signals_table(audit)),
        Table("tables/audit_features.csv", features_table(audit)),
        Table("tables/audit_overlaps.csv", overlaps_table(audit)),
        Table("tables/near_duplicates.csv", near_duplicates_table(audit)),
    ]
    if audit.groups:
        items += [
            Metric(f"audit/groups_{name}_accuracy", getattr(audit.groups, name))
            for name in ("held_out", "same_labels", "stratified")
        ]
        items.append(Table("tables/audit_groups.csv", groups_table(audit)))
    warnings = audit.warnings()
    return [*items, Tag("audit.warning", "; ".join(warnings))] if warnings else items


def signals_items(audit: Audit, accuracy: float, *, figures: bool = True) -> list[Item]:
    """A picture of the signals beside the model. `accuracy`: that of the model on the test split."""
    if not figures:
        return []
    return [Picture("figures/audit_signals.png", signals_figure(audit, accuracy))]


def signals_figure(audit: Audit, accuracy: float) -> Figure:
    """Test accuracy of each signal alone, between the majority class's and the model's; those that
    are high against the model (`Audit.high`) in another colour, those that it does not see grey."""
    names, high = [*audit.alone][::-1], audit.high(accuracy)
    values = [audit.alone[name].accuracy for name in names]
    colours = [
        style.ACCENT
        if name in high
        else style.QUIET
        if name in audit.signals.unseen
        else style.MAIN
        for name in names
    ]
    figure = style.new_figure(style.SIGNALS)
    axes = figure.subplots()
    axes.barh(np.arange(len(names)), values, color=colours)
    for value, line, name in (
        (audit.signals.majority.accuracy, ":", "majority class"),
        (accuracy, "-", "the model"),
    ):
        axes.axvline(value, color=style.TEXT, linestyle=line, label=f"{name} {value:.3f}")
    labels = [f"{name}  {value:.3f}" for name, value in zip(names, values, strict=True)]
    axes.set_yticks(np.arange(len(names)), labels)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("test accuracy from this alone (orange: high, grey: not seen by the model)")
    figure.legend(loc="outside upper right", ncols=2)
    return figure
