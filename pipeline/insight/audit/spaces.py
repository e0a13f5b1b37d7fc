"""Headlines without spaces between words, as in Thai, Chinese and Japanese: each is one unknown word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.data.spaces import lacks_spaces
from pipeline.insight.audit.check import AuditInputs, CheckResult, CheckTable


@dataclass(frozen=True)
class Unspaced(CheckResult):
    """`unspaced`: how many headlines of each split have no spaces between words. `headlines`: of how
    many. `example`: one of them.
    """

    unspaced: Mapping[str, int]
    headlines: Mapping[str, int]
    example: str

    def warnings(self, best: float = 1.0) -> list[str]:
        return [
            f"no spaces between words in {sum(self.unspaced.values()):,} of "
            f"{sum(self.headlines.values()):,} headlines, each of which is one unknown word: segment "
            "them first"
        ]

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        frame = pd.DataFrame(
            {
                "split": split,
                "headlines": self.headlines[split],
                "without_spaces": count,
                "fraction": count / self.headlines[split],
            }
            for split, count in self.unspaced.items()
        )
        note = f"Such as: {self.example}"
        return {
            "audit_spaces": CheckTable("Headlines without spaces between words", frame, note=note)
        }


def count_unspaced(inputs: AuditInputs) -> Unspaced | None:
    """Count the headlines without spaces between words; None where all have them."""
    texts = inputs.words.texts
    examples = (text for split in texts for text in texts[split] if lacks_spaces(text))
    example = next(examples, None)
    if example is None:
        return None
    counts = {split: sum(map(lacks_spaces, texts[split])) for split in texts}
    return Unspaced(counts, inputs.words.sizes, example)
