"""A real server under mixed load: every answer right, and the memory comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from networks import random_classifier

from bench.load import main, measure_load, rows, serving
from pipeline.classifier.encoders import CnnOptions
from pipeline.classifier.export import export_classifier


@pytest.mark.slow
def test_every_answer_is_right_under_load(tmp_path: Path) -> None:
    export_classifier(random_classifier(CnnOptions(filters=8)), tmp_path / "model")
    with serving(str(tmp_path / "model")) as (port, process, seconds):
        assert seconds < 10
        measure_load(port, process, 3)  # what is loaded with the first requests stays
        load = measure_load(port, process, 15)
    assert load.wrong == []
    assert set(load.statuses) == {200, 400}
    assert sum(load.statuses.values()) > 500
    assert load.memory["after"] < load.memory["before"] + 50e6
    assert load.memory["after"] < 250e6
    assert rows(load)[-1][0] == "all"


def test_its_options() -> None:
    shown = CliRunner().invoke(main, ["--seconds", "1"])
    assert shown.exit_code == 2
    assert "Missing option '--model'" in shown.output
