"""Headlines without spaces between words, as in Thai, Chinese and Japanese: each is one unknown
word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow.compute as pc

from pipeline.data.spaces import lacks_spaces
from pipeline.data.text_column import TextColumn
from pipeline.insight.audit.check import AuditInputs, CheckResult, CheckTable


@dataclass(frozen=True)
class Unspaced(CheckResult):
    """`unspaced`: how many headlines of each split have no spaces between words. `headlines`: of
    how many. `example`: one of them.
    """

    unspaced: Mapping[str, int]
    headlines: Mapping[str, int]
    example: str

    def warnings(self, best: float = 1.0) -> list[str]:
        return [
            f"no spaces between words in {sum(self.unspaced.values()):,} of "
            f"{sum(self.headlines.values()):,} headlines, each of which is one unknown word: "
            "segment them first"
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
    # Only other letters than ASCII's are written without spaces.
    unspaced = {
        split: [text for text in _beyond_ascii(texts) if lacks_spaces(text)]
        for split, texts in inputs.words.texts.items()
    }
    examples = [text for texts in unspaced.values() for text in texts[:1]]
    if not examples:
        return None
    counts = {split: len(texts) for split, texts in unspaced.items()}
    return Unspaced(counts, inputs.words.sizes, examples[0])


def _beyond_ascii(texts: TextColumn) -> TextColumn:
    return TextColumn(texts.column.filter(pc.invert(pc.string_is_ascii(texts.column))))
