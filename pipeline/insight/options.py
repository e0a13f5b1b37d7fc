"""The options of `insight`: what a run looks at beyond accuracy."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Text


@dataclass(frozen=True, config=STRICT)
class InsightOptions:
    """What a run looks at beyond accuracy. With `insight=none` it looks at nothing more.

    `audit`: shortcuts and leaks in the data. `embedding`: what the embedding knows after each
    phase. `attribution`: which words made the labels. `figures`: pictures of all stages. `probes`:
    a file of probe sentences; None for conf/probes.yaml. `words`: the words whose neighbours are
    shown before and after training.
    """

    audit: bool = True
    embedding: bool = True
    attribution: bool = True
    figures: bool = True
    probes: Text | None = None
    words: tuple[Text, ...] = (
        "alps", "himalaya", "snow", "minister", "bank", "match", "phone", "wow", "you", "recipe",
    )  # fmt: skip
