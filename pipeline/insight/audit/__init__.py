"""Shortcuts and leaks: what a high accuracy may come from other than meaning.

words.py        headlines taken apart
duplicates.py   near-duplicates across splits
signals.py      how far length, letter case, digits, punctuation and a few words get alone
groups.py       sources held out
tables.py       all of it as tables
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.data.headlines import Headlines
from pipeline.data.splitting import SPLITS
from pipeline.insight.audit.duplicates import NearDuplicates, Overlap, near_duplicates
from pipeline.insight.audit.groups import Groups, hold_groups_out
from pipeline.insight.audit.signals import Signal, Signals, shallow_signals
from pipeline.insight.audit.words import words_of

logger = logging.getLogger(__name__)

HIGH = 0.5  # of the gap between the majority class and the best, closed by a signal alone
LOST = 0.1  # of the gap between the majority class and perfect, lost on sources held out
CHANCE = 0.01  # p-value from which a result is put down to chance: several are looked at

_LONG = 200_000  # headlines from which the audit says what it is doing


@dataclass(frozen=True)
class Audit:
    """What `audit` found. `headlines`: how many there are, by split; `groups`: None where the
    headlines have no column of groups."""

    label_names: tuple[str, ...]
    headlines: Mapping[str, int]
    near_duplicates: NearDuplicates
    signals: Signals
    groups: Groups | None

    @property
    def alone(self) -> Mapping[str, Signal]:
        """Every signal by its name: the shallow ones, all of those `together`, and the `group`."""
        signals = {**self.signals.alone, "together": self.signals.together}
        return signals | ({"group": self.groups.alone} if self.groups else {})

    def closed(self, signal: str, best: float = 1.0) -> float:
        """How much of the gap between the majority class's accuracy and `best` a signal closes
        alone: 0 for no better than the majority class, 1 for as good as the best.

        `best`: perfect, or the accuracy of a model; one that is no better than the majority class
        has no gap to close, and perfect stands in for it.
        """
        majority = self.signals.majority.accuracy
        best = best if best > majority else 1.0
        return (self.alone[signal].accuracy - majority) / max(best - majority, 1e-9)

    def high(self, best: float = 1.0) -> list[str]:
        """The signals that alone close half of the gap or more, beyond chance (binomial test
        against the majority class, p < 0.01), and that the model sees.

        Half, because then a model may owe more of what it gains over the majority class to that
        signal than to everything else.
        """
        seen = [name for name in self.alone if name not in self.signals.unseen]
        high = HIGH - 1e-9  # a half of counts may be a little less in floating point
        return [n for n in seen if self.closed(n, best) >= high and self._p_value(n) < CHANCE]

    def _p_value(self, signal: str) -> float:
        """How likely a signal is right as often by chance, with the majority class's accuracy."""
        from scipy.stats import binomtest

        headlines = self.signals.headlines["test"]
        hits = round(self.alone[signal].accuracy * headlines)
        majority = self.signals.majority.accuracy
        return float(binomtest(hits, headlines, majority, alternative="greater").pvalue)

    def leaks(self) -> list[Overlap]:
        """The pairs of splits whose near-duplicates can matter: their share is larger than the
        standard error of an accuracy on so many headlines, 0.5 / sqrt(n) at most. Fewer cannot be
        told from chance, even if every one of them is right only because it was seen before.
        """
        overlaps = self.near_duplicates.overlaps
        return [o for o in overlaps if o.share > 0.5 / math.sqrt(o.headlines)]

    def source_matters(self) -> bool:
        """Whether sources held out are predicted worse than as many headlines of the same labels
        drawn at random: by a tenth of the gap between the majority class and perfect or more, and
        beyond chance (sign test, p < 0.01). Random groups lose far less."""
        if self.groups is None:
            return False
        lost = self.groups.same_labels - self.groups.held_out
        return lost >= LOST * (1 - self.groups.majority) and self.groups.p_value < CHANCE

    def samples(self) -> list[str]:
        """What was looked at in part only, a sentence each."""
        said = [
            f"similar headlines were looked for among a random {overlap.compared:,} of "
            f"{overlap.headlines:,} in {overlap.split} (against {overlap.other_split})"
            for overlap in self.near_duplicates.overlaps
            if overlap.sampled
        ]
        for split, number in self.signals.headlines.items():
            if number < self.headlines[split]:
                said.append(
                    f"signals are those of a random {number:,} of {self.headlines[split]:,} "
                    f"headlines in {split}"
                )
        if self.groups and self.groups.headlines < sum(self.headlines.values()):
            said.append(f"groups are those of a random {self.groups.headlines:,} headlines")
        return said

    def warnings(self, best: float = 1.0) -> list[str]:
        """What is high or leaks, a sentence each. `best`: as in `closed`."""
        said = []
        high = self.high(best)
        if high:
            shown = ", ".join(f"{name} {self.alone[name].accuracy:.3f}" for name in high)
            said.append(
                f"high test accuracy from shallow signals alone: {shown} "
                f"(majority class {self.signals.majority.accuracy:.3f})"
            )
        leaks = self.leaks()
        if leaks:
            shown = ", ".join(f"{o.share:.1%} of {o.split} in {o.other_split}" for o in leaks)
            noise = sum(overlap.other_label for overlap in leaks)
            said.append(
                f"near-duplicates across splits: {shown}"
                + f"; {noise:,} of them have another label there (label noise)" * bool(noise)
            )
        if self.groups and self.source_matters():
            said.append(
                f"a linear model's accuracy is {self.groups.held_out:.3f} on sources held out, and "
                f"{self.groups.same_labels:.3f} on as many headlines of the same labels at random"
            )
        return said


def audit(headlines: Headlines, *, letter_case: bool = True, seed: int = 0) -> Audit:
    """Look for near-duplicates across splits, for shallow signals that tell the label, and, where
    the headlines have groups, at how much depends on knowing the source.

    A warning is logged where something is high or leaks (`Audit.warnings`). `letter_case`: whether
    the model sees how words are capitalised; if not, that signal is measured without a warning.
    Large data are looked at in samples, which the results say.

    >>> from pipeline import audit, load_headlines
    >>> audit(load_headlines("bbc")).high()
    []
    """
    number = sum(len(headlines.splits[split]) for split in SPLITS)
    level = logging.INFO if number > _LONG else logging.DEBUG
    logger.log(level, "audit: the words of %s headlines", f"{number:,}")
    words = words_of(headlines)
    logger.log(level, "audit: near-duplicates across splits, shallow signals")
    by_split = {split: headlines.groups(split) for split in SPLITS}
    groups = {split: of for split, of in by_split.items() if of is not None}
    found = Audit(
        headlines.label_names,
        {split: len(headlines.splits[split]) for split in SPLITS},
        near_duplicates(words, seed=seed),
        shallow_signals(words, letter_case=letter_case, seed=seed),
        hold_groups_out(words, groups, seed=seed) if groups else None,
    )
    for sample in found.samples():
        logger.info("audit: %s", sample)
    warnings = found.warnings()
    if warnings:
        logger.warning("audit: %s", "; ".join(warnings))
    return found
