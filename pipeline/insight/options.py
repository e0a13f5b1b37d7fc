"""The options of `insight`: what a run looks at beyond accuracy."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT


@dataclass(frozen=True, config=STRICT)
class InsightOptions:
    """What a run looks at beyond accuracy; `insight=none` leaves all of it out.

    `audit`: shortcuts and leaks in the data. `embedding`: what the embedding knows after each
    phase. `attribution`: which words made the labels. `figures`: pictures of all stages.
    `probes`: a file of probe sentences, else conf/probes.yaml. `words`: the words whose neighbours
    are shown before and after training, where they have a vector.
    """

    audit: bool = True
    embedding: bool = True
    attribution: bool = True
    figures: bool = True
    probes: str | None = None
    words: tuple[str, ...] = (
        "alps", "himalaya", "snow", "minister", "bank", "match", "phone", "wow", "you", "recipe",
    )  # fmt: skip
