"""An audit as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields

import pandas as pd

from pipeline.insight.audit import Audit
from pipeline.insight.audit.duplicates import Match
from pipeline.insight.audit.groups import HeldOut


def signals_table(audit: Audit, best: float = 1.0) -> pd.DataFrame:
    """A row for the majority class and for each signal: accuracy and macro F1 on test, how much of
    the gap to `best` it closes (`Audit.closed`), and whether that is `high`, or the signal `unseen`
    by the model."""
    high, majority = audit.high(best), audit.signals.majority
    rows = [("majority", majority.accuracy, majority.macro_f1, 0.0, "")]
    for name, signal in audit.alone.items():
        remark = "high" if name in high else "unseen" if name in audit.signals.unseen else ""
        closed = audit.closed(name, best)
        rows.append((name, signal.accuracy, signal.macro_f1, closed, remark))
    return pd.DataFrame(rows, columns=["signal", "accuracy", "macro_f1", "gap_closed", "remark"])


def features_table(audit: Audit) -> pd.DataFrame:
    """A row for each feature of each signal, with its mean over the training headlines of each
    label."""
    rows = [(of.signal, of.name, *of.means) for of in audit.signals.features]
    return pd.DataFrame(rows, columns=["signal", "feature", *audit.label_names])


def overlaps_table(audit: Audit) -> pd.DataFrame:
    """A row for each pair of splits: how many headlines of the one have a near-duplicate in the
    other, and whether that is a `leak`."""
    leaks = audit.leaks()
    return pd.DataFrame(
        {**asdict(of), "share": of.share, "remark": "leak" if of in leaks else ""}
        for of in audit.near_duplicates.overlaps
    )


def near_duplicates_table(audit: Audit) -> pd.DataFrame:
    """A row for each headline with a near-duplicate and each split that has one; those with another
    label come first."""
    rows = sorted(audit.near_duplicates.matches, key=lambda match: match.label == match.other_label)
    columns = [field.name for field in fields(Match)]
    return pd.DataFrame([asdict(row) for row in rows], columns=columns)


def groups_table(audit: Audit) -> pd.DataFrame:
    """A row for each part that was held out."""
    folds = audit.groups.folds if audit.groups else ()
    columns = [field.name for field in fields(HeldOut)]
    rows = [{**asdict(fold), "groups": _some(fold.groups)} for fold in folds]
    return pd.DataFrame(rows, columns=columns)


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(name or "(none)" for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
