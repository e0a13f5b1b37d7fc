"""Contradictions: the same headline with several labels. The data keeps its first label."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.data.cleaning import Contradiction
from pipeline.insight.audit.check import AuditInputs, CheckResult, CheckTable

_EXAMPLES = 4  # contradictions that the terminal shows


@dataclass(frozen=True)
class Contradictions(CheckResult):
    """`contradictions`: the headlines with several labels, those with most dropped rows first.

    `headlines`: how many different headlines the data has.
    """

    contradictions: tuple[Contradiction, ...]
    headlines: int

    def warnings(self, best: float = 1.0) -> list[str]:
        share = len(self.contradictions) / self.headlines
        return [
            f"contradicting labels for {len(self.contradictions):,} of {self.headlines:,} "
            f"headlines ({share:.1%}, label noise)"
        ]

    def metrics(self) -> dict[str, float]:
        return {"contradictions": len(self.contradictions)}

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        frame = pd.DataFrame(
            {
                "label": each.label,
                "other_labels": ", ".join(each.other_labels),
                "dropped": each.headlines,
                "text": each.text,
            }
            for each in self.contradictions
        )
        shown = frame.head(_EXAMPLES)
        return {
            "contradictions": CheckTable(
                f"Headlines with several labels, {len(shown)} of {len(frame):,}", frame, shown
            )
        }


def list_contradictions(inputs: AuditInputs) -> Contradictions | None:
    """List the headlines that came with several labels; None where no headline did."""
    if not inputs.contradictions:
        return None
    return Contradictions(tuple(inputs.contradictions), sum(inputs.words.sizes.values()))
