"""`pipeline predict --why`: which words made the label."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from builders import main

from pipeline.cli import why
from pipeline.report import style
from pipeline.run import RunResult


def predict(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    code, out, err = main(capfd, "predict", *arguments)
    assert code == 0, err
    return out


def test_each_word_and_its_numbers(
    asked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = "Bank  shares, the Alps"
    row = json.loads(predict(capfd, "--why", "--json", text))
    assert row["text"] == text
    assert row["model"] == "models:/headlines-headlines/1"
    shown = predict(capfd, "--why", text).splitlines()
    assert shown[0] == f"{row['label']}  {row['probability']:.3f}  {text}"
    second = sorted(row["probabilities"], key=row["probabilities"].get)[-2]
    assert shown[1].split() == ["word", "as", "tokens", row["label"], second]
    lines = {line.split()[0]: line.split() for line in shown[3:] if line}
    assert lines["shares,"][1:3] == ["shares", ","]
    numbers = [float(lines[word][-2]) for word in ("Bank", "shares,", "the", "Alps")]
    expected = {w["word"]: w["contributions"][row["label"]] for w in row["why"]["words"]}
    np.testing.assert_allclose(numbers, list(expected.values()), atol=0.005)
    strongest = [abs(float(line.split()[-2])) for line in shown[3:7]]
    assert strongest == sorted(strongest, reverse=True)
    total = sum(numbers) + float(lines["(no"][-2])
    assert float(lines["(sum)"][-2]) == pytest.approx(total, abs=0.05)
    assert lines["model"] == ["model", "models:/headlines-headlines/1"]

    (tmp_path / "in.txt").write_text("Bank shares\nAlps\n")
    *blocks, model = predict(capfd, "--why", "--file", "in.txt").split("\n\n")
    assert [block.splitlines()[0].split()[-1] for block in blocks] == ["shares", "Alps"]
    assert model.startswith("model ")


def test_colours_on_a_terminal(
    asked: RunResult, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words that count have a colour, and the strongest are bold."""
    text = "Bank  shares again"
    (words,) = [json.loads(predict(capfd, "--why", "--json", text))["why"]["words"]]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    shown, *table = predict(capfd, "--why", text).splitlines()
    label = shown.split()[0]
    given = {word["word"]: word["contributions"][label] for word in words}
    strongest = max(given, key=lambda word: abs(given[word]))
    assert re.search(rf"\x1b\[1;38;\S+m{strongest}\x1b\[0m", shown)
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).endswith(f"  {text}")
    assert "\x1b" not in "".join(table)


def test_a_very_long_headline_gets_a_bounded_answer(
    asked: RunResult, capfd: pytest.CaptureFixture[str]
) -> None:
    """A million characters: the first ten thousand are read."""
    out = predict(capfd, "--why", "--json", "snow " * 200_000)
    row = json.loads(out)
    assert len(row["text"]) == 10_000
    assert len(row["why"]["words"]) == 2000
    assert len(out) < 1_000_000


def test_the_colours_are_those_of_the_figures() -> None:
    assert (why.FOR, why.AGAINST) == (style.MAIN, style.ACCENT)
