"""`pipeline options`."""

from __future__ import annotations

import pytest
from builders import main

from pipeline.config import groups, options


def test_it_lists_choices_and_values(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "options", "model=mean", "seed=3", "compare.seeds=[1,2]")
    assert code == 0
    rows = {line.split()[0]: line.split(maxsplit=1)[1:] for line in out.splitlines() if line}
    for group in groups():
        assert rows[group] == [", ".join(options(group))]
    assert rows["model.encoder"] == ["mean"]
    assert rows["data.seed"] == ["3"]
    assert rows["tracking.uri"] == ["null"]
    assert "data.path" not in rows  # data=bbc has none
    assert rows["compare.seeds"] == ["[1,2]"]
    assert "model.filters" not in rows


def test_what_it_lists_can_be_set(capfd: pytest.CaptureFixture[str]) -> None:
    """Each value is written in the form of an override."""
    _, shown, _ = main(capfd, "options", "data=file", "data.path=my.csv")
    lines = shown.partition("option ")[2].splitlines()[2:]
    overrides = ["=".join(line.split(maxsplit=1)) for line in lines]
    code, again, _ = main(capfd, "options", "data=file", *overrides)
    assert (code, again) == (0, shown)
