"""`pipeline options`."""

from __future__ import annotations

import re

import pytest
from builders import main

from pipeline.config import groups, load_config, options


def listed(out: str) -> dict[str, tuple[str, str]]:
    """The value and the meaning of each option."""
    table = out.partition("option ")[2].rpartition("\n\n")[0].splitlines()[2:]
    cells = [[*re.split(r"  +", line), ""] for line in table]
    return {name: (value, meaning) for name, value, meaning, *_ in cells}


def test_it_lists_choices_values_and_meanings(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "options", "model=mean", "seed=3", "compare.seeds=[1,2]")
    assert code == 0
    choices = " ".join(out.partition("option ")[0].split())
    for group in groups():
        assert f"{group} {', '.join(options(group))}" in choices
    assert max(map(len, out.partition("option ")[0].splitlines())) < 110
    values = listed(out)
    assert values["model.encoder"] == ("mean", "")
    assert values["data.seed"] == ("3", "of the split")
    assert values["tracking.uri"][0] == "null"
    assert values["compare.seeds"][0] == "[1,2]"
    assert values["training.frozen.patience"][1].startswith("the phase ends after")
    assert "data.path" not in values  # data=bbc has none
    assert "model.filters" not in values
    assert not any(".provenance." in name for name in values)


def test_an_option_that_must_be_set_is_listed_too(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "options", "data=file", "vectors=file")
    assert code == 0
    values = listed(out)
    assert values["data.path"] == (
        "null",
        "a file; or a folder with a file train.*, and perhaps validation.* and test.*",
    )
    assert values["vectors.path"][0] == "null"


def test_what_it_lists_can_be_set(capfd: pytest.CaptureFixture[str]) -> None:
    """Each value is written in the form of an override."""
    _, shown, _ = main(capfd, "options", "data=file", "data.path=my.csv")
    overrides = [f"{name}={value}" for name, (value, _) in listed(shown).items()]
    code, again, _ = main(capfd, "options", "data=file", *overrides)
    assert (code, again) == (0, shown)
    load_config(["data=file", *overrides])
