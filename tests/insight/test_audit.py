"""The audit goes through a table of checks; a new check is a function and a row."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest
from audit_builders import (
    headlines_in_splits,
)

from pipeline import report
from pipeline.insight.audit import CHECKS, AuditInputs, CheckResult, audit
from pipeline.report.page_words import Logged, warnings


@dataclass(frozen=True)
class Shouting(CheckResult):
    headlines: int

    def warnings(self, best: float = 1.0) -> list[str]:
        return [f"{self.headlines} headlines shout"] if self.headlines else []

    def metrics(self) -> dict[str, float]:
        return {"shouting": self.headlines}


def count_shouting(inputs: AuditInputs) -> Shouting:
    texts = [text for texts in inputs.words.texts.values() for text in texts]
    return Shouting(sum(text.isupper() for text in texts))


def test_a_check_is_a_function_and_a_row(caplog: pytest.LogCaptureFixture) -> None:
    headlines = headlines_in_splits(train=[("ALPS LOSE SNOW", "a")])
    with caplog.at_level(logging.WARNING):
        audited = audit(headlines, checks={**CHECKS, "shouting": count_shouting})
    assert audited.warnings() == ["1 headlines shout"]
    warned = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert warned == ["audit: 1 headlines shout"]
    items = report.audit_items(audited)
    (numbers,) = [item.frame for item in items if getattr(item, "path", "") == "tables/audit.csv"]
    assert ["shouting", 1] in numbers.to_numpy().tolist()
    assert report.Tag("audit.warning", "1 headlines shout") in items
    assert [*audited.checks] == ["signals", "near_duplicates", "wrong_labels", "shouting"]


def test_a_warning_with_a_semicolon_stays_one() -> None:
    class Semicolon(CheckResult):
        def warnings(self, best: float = 1.0) -> list[str]:
            return ["the word 'a; b'"]

    audited = audit(headlines_in_splits(), checks=dict.fromkeys("xy", lambda _: Semicolon()))
    logged = Logged.from_items(report.audit_items(audited))
    assert warnings(logged) == audited.warnings() == ["the word 'a; b'"] * 2


def test_some_checks_may_be_made_alone() -> None:
    audited = audit(headlines_in_splits(), checks={"shouting": count_shouting})
    (numbers,) = report.audit_items(audited)
    assert numbers.frame.to_numpy().tolist() == [["shouting", 0]]
    assert report.signals_items(audited, 0.9) == []
    assert audited.groups is None
    with pytest.raises(KeyError):
        audited.high()
