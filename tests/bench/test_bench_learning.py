from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import learners
from bench.__main__ import main
from bench.learning import compare_ways, figures
from pipeline.data.examples import Examples


@pytest.fixture
def task(small: dict[str, Path]) -> learners.Task:
    data = {"source": "file", "path": str(small["csv"]), "validation": 0.3}
    return {"data": data, "vectors": str(small["vectors"])}


def test_sections_that_there_are_not() -> None:
    shown = CliRunner().invoke(main, ["--only", "training,reeding"])
    assert shown.exit_code == 2
    expected = "expected some of reading,training,steps,level,prediction,accuracy, got 'reeding'"
    assert expected in " ".join(shown.output.replace("│", " ").split())


def test_ratios_are_ours_over_theirs() -> None:
    ours = {"per_second": 6000.0}
    ways = {"ours": ours, "Keras": {"per_second": 1000.0}, "fastText": None}
    assert compare_ways("mean", ours, ways) == [
        ["mean", "ours", "6,000", "1.00 x"],
        ["mean", "Keras", "1,000", "6.00 x"],
        ["mean", "fastText", "not installed", ""],
    ]


@pytest.mark.slow
def test_epochs_after_the_first_are_timed_in_a_process(task: learners.Task) -> None:
    values = figures("bench.learners:train_ours", task, "mean", 32, 0.0, None, 200)
    assert values is not None
    assert 0 < values["step"] < 10
    assert values["per_second"] == pytest.approx(200 / (7 * values["step"]))


def test_the_trained_table_has_as_many_rows_as_asked_for(task: learners.Task) -> None:
    for rows in (10, 1_000):
        network = learners.build(learners.load(task), learners.network_only("mean"), rows)
        assert network.embedding.embeddings.shape == (rows, 100)


def test_the_clock_stops_at_the_level(task: learners.Task) -> None:
    reached = json.loads(learners.reach_ours(task, "mean", 0.4)())
    assert reached["seconds"] > 0
    assert reached["best"] >= 0.4
    missed = json.loads(learners.reach_svc(task, 1.1)())
    assert missed["seconds"] is None
    assert 0 < missed["best"] <= 1


def test_plain_keras_pads_to_one_width(task: learners.Task) -> None:
    network = learners.build(learners.load(task), learners.network_only("mean"))
    (rows,) = learners.padded(network, ["Alps lose snow", "the"])
    assert rows.shape == (2, 24)
    assert [(row != 0).sum() for row in rows] == [3, 1]
    assert json.loads(learners.reach_keras(task, "mean", 0.1, epochs=1)())["seconds"] > 0


def test_fasttext_gets_labels_and_lower_case(tmp_path: Path) -> None:
    examples = learners.repeat(Examples(["Alps lose SNOW"], [1], ("news", "sport")), 2)
    learners.write_fasttext(examples, tmp_path / "train.txt")
    assert (tmp_path / "train.txt").read_text() == "__label__1 alps lose snow\n" * 2
