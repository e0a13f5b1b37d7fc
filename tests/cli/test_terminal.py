"""What commands write at their end."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.terminal import print_run, print_table

ROWS = [["data.path", "null", "a file; or a folder [train.*] with files"], ["seed", "0", "of it"]]

PAGE = "/#/experiments/1/runs/abc?workflowType=machine_learning"


@pytest.mark.parametrize(
    ("uri", "in_a_checkout", "seen"),
    [
        ("http://127.0.0.1:5000/", False, f"http://127.0.0.1:5000{PAGE}"),
        ("sqlite:///mlflow.db", True, f"make ui, then http://127.0.0.1:5000{PAGE}"),
        (
            "sqlite:///mlflow.db",
            False,
            f"mlflow ui --backend-store-uri sqlite:///mlflow.db, then http://127.0.0.1:5000{PAGE}",
        ),
    ],
)
def test_how_to_see_a_run(
    uri: str,
    in_a_checkout: bool,
    seen: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Makefile").write_text("")  # every project may have one
    if in_a_checkout:
        (tmp_path / "conf").mkdir()
        (tmp_path / "conf" / "config.yaml").write_text("")
    print_run("abc", "1", uri)
    assert f"see it     {seen}\n" in capsys.readouterr().out


def test_a_table_fits_into_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["option", "value", "meaning"], ROWS, width=40)
    assert capsys.readouterr().out.splitlines() == [
        "option     value  meaning",
        "-" * 40,
        "data.path  null   a file; or a folder",
        "                  [train.*] with files",
        "seed       0      of it",
    ]
    print_table(["option", "value", "meaning"], ROWS)
    assert "a folder [train.*] with files\n" in capsys.readouterr().out
