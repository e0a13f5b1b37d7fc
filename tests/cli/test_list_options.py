"""`pipeline options`."""

from __future__ import annotations

import pytest
from builders import main

from pipeline.config import groups, load_config, options


def listed(out: str) -> dict[str, tuple[str, str]]:
    """The value and the meaning of each option: on its line, or on the next one."""
    options: dict[str, tuple[str, str]] = {}
    name = ""
    for line in out.partition("\nOther choices")[0].splitlines():
        first, _, meaning = line.partition("  ")
        if line.startswith(" ") and name:
            options[name] = (options[name][0], line.strip())
        elif "=" in first:
            name, _, value = first.partition("=")
            options[name] = (value, meaning.strip())
    return options


def test_it_lists_choices_values_and_meanings(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "options", "model=mean", "seed=3", "compare.seeds=[1,2]")
    assert code == 0
    table = out.partition("\n\n")[0]
    choices = " ".join(table.split())
    for group in groups():
        assert f"{group} {', '.join(options(group))}" in choices
    assert max(map(len, table.splitlines())) <= 100
    values = listed(out)
    assert values["model.encoder"] == ("mean", "the kind of network, set by model=mean")
    assert all(meaning for _, meaning in values.values())
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
    # The meaning is that with this choice.
    assert values["data.test"][1].endswith("where there is no file of that split")


def test_what_it_lists_can_be_set(capfd: pytest.CaptureFixture[str]) -> None:
    """Each value is written in the form of an override."""
    _, shown, _ = main(capfd, "options", "data=file", "data.path=my.csv")
    overrides = [f"{name}={value}" for name, (value, _) in listed(shown).items()]
    code, again, _ = main(capfd, "options", "data=file", *overrides)
    assert (code, again) == (0, shown)
    load_config(["data=file", *overrides])


def test_a_word_picks_options(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "options", "Epochs")
    assert code == 0
    assert {"training.frozen.epochs", "training.fine_tuned.epochs"} <= set(listed(out))
    assert all("epochs" in name for name in listed(out))
    assert "vectors.epochs" in out
    assert "with vectors=corpus: passes over the text" in out  # not chosen
    code, out, _ = main(capfd, "options", "model", "model=mean")
    assert code == 0
    assert out.splitlines()[2].split(maxsplit=1) == ["model", ", ".join(options("model"))]
    assert listed(out)["model.encoder"][0] == "mean"


def test_a_word_that_no_option_has_gets_the_nearest(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = main(capfd, "options", "drpout")
    assert (code, out) == (2, "")
    assert err == (
        "error: no option has 'drpout' in its name; near are model.dropout: `pipeline options` "
        "lists all\n"
    )


def test_a_narrow_terminal_shows_it_whole(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = main(capfd, "options", "training")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
