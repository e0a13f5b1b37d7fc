"""What is written: any text in any locale, and no orders to the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.arguments import collect_headlines
from pipeline.cli.terminal import print_table


def test_control_characters_are_shown_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["headline"], [["red \x1b[31m \x07 a\nb"], ["économie 雪"]])
    assert capsys.readouterr().out.splitlines()[2:] == [
        r"red \x1b[31m \x07 a\nb",
        "économie 雪",
    ]


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"LC_ALL": "C.UTF-8"}])
def test_bytes_of_any_kind_are_written_in_any_locale(
    locale: dict[str, str], tmp_path: Path
) -> None:
    """Headlines are UTF-8 in every locale; other bytes become U+FFFD."""
    script = (
        "import sys; from pipeline.cli.terminal import set_up_messages;"
        "from pipeline.cli.arguments import collect_headlines;"
        "set_up_messages(False); print(*collect_headlines(sys.argv[1:]))"
    )
    headlines = [b"caf\xe9", "économie".encode(), "雪".encode()]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}
    ran = subprocess.run(
        [sys.executable, "-c", script, *headlines],
        env={**environment, **locale},
        cwd=Path(__file__).parents[2], capture_output=True, check=False,
    )  # fmt: skip
    assert ran.stderr == b""
    assert ran.stdout.decode() == "caf\ufffd économie 雪\n"


def test_a_very_long_headline_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    headlines = collect_headlines(["Alps", "x" * 20_000])
    assert [len(headline) for headline in headlines] == [4, 10_000]
    assert (
        "a headline of 20,000 characters: those after the first 10,000 are not read" in caplog.text
    )
