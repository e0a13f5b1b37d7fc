"""Shortcuts and leaks: what a high accuracy may come from other than meaning.

check.py           what a check takes and gives
words.py           the headlines taken apart into words
duplicates.py      near-duplicates across splits
contradictions.py  headlines with several labels
wrong_labels.py    labels that are probably wrong
spaces.py          headlines without spaces between words
signals.py         how well shallow signals tell the label
shapes.py          their features: length, letter case, digits, punctuation
groups.py          sources held out

A new check is a function from AuditInputs to a CheckResult, and a row in CHECKS.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pipeline.base.calls import checked
from pipeline.base.options import Seed
from pipeline.data.headlines import Headlines
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.audit.check import AuditBounds, AuditInputs, Check, CheckResult, CheckTable
from pipeline.insight.audit.contradictions import list_contradictions
from pipeline.insight.audit.duplicates import NearDuplicates, find_near_duplicates
from pipeline.insight.audit.groups import Groups, hold_groups_out
from pipeline.insight.audit.signals import Signals, measure_signals
from pipeline.insight.audit.spaces import count_unspaced
from pipeline.insight.audit.words import extract_words
from pipeline.insight.audit.wrong_labels import list_wrong_labels
from pipeline.insight.text_views import Vectors

__all__ = [
    "CHECKS",
    "Audit",
    "AuditBounds",
    "AuditInputs",
    "Check",
    "CheckResult",
    "CheckTable",
    "Groups",
    "NearDuplicates",
    "Signals",
    "audit",
]

logger = logging.getLogger(__name__)
Result = TypeVar("Result", bound=CheckResult)

CHECKS: Mapping[str, Check] = {
    "signals": measure_signals,
    "near_duplicates": find_near_duplicates,
    "contradictions": list_contradictions,
    "wrong_labels": list_wrong_labels,
    "spaces": count_unspaced,
    "groups": hold_groups_out,
}
"""The checks by their names, in the order in which they are reported."""

_LARGE = 200_000  # headlines from which the audit says what it is doing


@dataclass(frozen=True)
class Audit:
    """The results of the checks.

    `headlines`: how many there are, by split. `checks`: the results by the names of the checks. A
    check that does not apply, such as `groups` without groups, has none.
    """

    label_names: tuple[str, ...]
    headlines: Mapping[str, int]
    checks: Mapping[str, CheckResult]

    @property
    def signals(self) -> Signals:
        """The result of the check `signals`. Raises KeyError: it was not made."""
        return self._result("signals", Signals)

    @property
    def near_duplicates(self) -> NearDuplicates:
        """The result of the check `near_duplicates`. Raises KeyError: it was not made."""
        return self._result("near_duplicates", NearDuplicates)

    @property
    def groups(self) -> Groups | None:
        """The result of the check `groups`; None where the headlines have no groups."""
        return self._result("groups", Groups) if "groups" in self.checks else None

    def high(self, best: float = 1.0) -> list[str]:
        """The signals that tell too much by themselves, see `Signals.high`."""
        return self.signals.high(best)

    def closed(self, signal: str, best: float = 1.0) -> float:
        """The fraction of the gap to `best` that a signal closes, see `Signals.closed`."""
        return self.signals.closed(signal, best)

    def warnings(self, best: float = 1.0) -> list[str]:
        """The warnings of all checks, one sentence each.

        `best`: the accuracy of a trained model; 1.0 where there is none.
        """
        return [warning for result in self.checks.values() for warning in result.warnings(best)]

    def samples(self) -> list[str]:
        """The parts of the data of which only a sample was looked at, one sentence each."""
        return [sample for result in self.checks.values() for sample in result.samples()]

    def metrics(self) -> dict[str, float]:
        """The numbers of all checks, by name."""
        return {k: v for result in self.checks.values() for k, v in result.metrics().items()}

    def tables(self, best: float = 1.0) -> dict[str, CheckTable]:
        """The tables of all checks, by the names of their files."""
        return {k: v for result in self.checks.values() for k, v in result.tables(best).items()}

    def _result(self, name: str, kind: type[Result]) -> Result:
        result = self.checks[name]
        if not isinstance(result, kind):
            raise TypeError(f"expected {kind.__name__} of the check {name!r}, got {result!r}")
        return result


@checked
def audit(
    headlines: Headlines,
    *,
    letter_case: bool = True,
    seed: Seed = 0,
    checks: Mapping[str, Check] = CHECKS,
    bounds: AuditBounds | None = None,
    vectors: Vectors | None = None,
) -> Audit:
    """Look for shortcuts and leaks in the data: every check of the table is made.

    The warnings of the checks are logged. The result says where only a sample was looked at.

    >>> from pipeline import audit, load_headlines
    >>> audit(load_headlines("bbc")).high()
    []

    Args:
        headlines: in three splits.
        letter_case: whether the model sees how words are capitalised. If not, that signal is
            measured without a warning.
        seed: draws samples.
        checks: the checks by name.
        bounds: the sizes of the samples.
        vectors: a name, a file, WordVectors or options. With them, wrong labels are found better.
            Vectors that would have to be trained first are left out.

    Raises:
        ConfigError: the seed is out of range.
        VectorsError, FetchError: the vectors cannot be used.
    """
    if isinstance(vectors, VectorsOptions) and vectors.is_trained:
        vectors = None
    sizes = {split: len(headlines.splits[split]) for split in headlines.splits}
    level = logging.INFO if sum(sizes.values()) > _LARGE else logging.DEBUG
    logger.log(level, "audit: the words of %s headlines", f"{sum(sizes.values()):,}")
    words = extract_words(headlines)
    by_split = {split: headlines.groups(split) for split in sizes}
    groups = {split: names for split, names in by_split.items() if names is not None}
    inputs = AuditInputs(
        words,
        groups or None,
        letter_case,
        seed,
        bounds or AuditBounds(),
        headlines.contradictions,
        vectors,
    )
    results = {}
    for name, check in checks.items():
        logger.log(level, "audit: %s", name.replace("_", " "))
        result = check(inputs)
        if result is not None:
            results[name] = result
    audited = Audit(headlines.label_names, sizes, results)
    for sample in audited.samples():
        logger.info("audit: %s", sample)
    warnings = audited.warnings()
    if warnings:
        logger.warning("audit: %s", "; ".join(warnings))
    return audited
