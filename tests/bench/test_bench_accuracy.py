from __future__ import annotations

from itertools import chain
from pathlib import Path

import pandas as pd
from click.testing import CliRunner

from bench.accuracy import Outcome, Task, main, outcome_cells, split_headlines, tasks, write_splits


def test_the_folds_are_all_headlines_once() -> None:
    folds = [split_headlines(Task("bbc", "glove_6b_50d", seed=seed)) for seed in range(5)]
    tested = list(chain.from_iterable(fold["test"].texts for fold in folds))
    assert len(tested) == len(set(tested)) == 2096
    for fold in folds:
        parts = [set(fold[name].texts) for name in ("train", "validation", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 2096
        assert 205 <= len(parts[1]) <= 215


def test_few_headlines_are_drawn_from_the_training_split(tmp_path: Path) -> None:
    texts = [f"headline {i}" for i in range(400)]
    for name, rows in (
        ("train", texts[:300]),
        ("validation", texts[300:350]),
        ("test", texts[350:]),
    ):
        labels = ["clickbait" if i % 2 else "news" for i in range(len(rows))]
        frame = pd.DataFrame({"headline": rows, "label": labels})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    task = Task("few", "glove_6b_50d", str(tmp_path), n=40, few_validation=True)
    splits = split_headlines(task)
    assert [len(splits[name]) for name in ("train", "validation", "test")] == [40, 20, 50]
    assert set(splits["train"].texts) < set(texts[:300])
    assert sorted(splits["train"].labels) == [0] * 20 + [1] * 20
    elsewhere = split_headlines(Task("few", "", str(tmp_path), n=40, seed=1))
    assert splits["train"].texts != elsewhere["train"].texts
    write_splits(task, tmp_path / "few")
    written = pd.read_csv(tmp_path / "few" / "train.csv")
    assert written["text"].tolist() == splits["train"].texts
    assert sorted(written["label"]) == ["clickbait"] * 20 + ["news"] * 20


def test_a_row_of_the_table() -> None:
    outcomes = [
        Outcome(
            {"fine_tuned": f, "frozen": 0.8, "ensemble": 0.9},
            {"fine_tuned": 0.7, "frozen": 0.6, "ensemble": 0.8},
            9.6,
        )
        for f in (0.7, 0.85)
    ]
    cells = outcome_cells(outcomes)
    assert cells[:3] == ["0.8000 ± 0.0000", "0.7750 ± 0.1061", "0.9000 ± 0.0000"]
    assert cells[-2:] == ["1 of 2", "10"]


def test_tasks_by_what_is_given() -> None:
    assert [task.name for task in tasks("", None)] == ["bbc", "bbc-100", "bbc-100-few"]
    everything = tasks("/vectors/glove.txt", "folder")
    assert len({task.title for task in everything}) == len(everything) == 12
    titles = {task.name: task.title for task in everything}
    assert titles["bbc"] == "BBC News, glove_6b_50d"
    assert titles["bbc-100-few"] == "BBC News, 100 training, 25 validation, glove.txt"
    assert titles["clickbait-cased"] == "Stop Clickbait, letter case, glove.txt"
    shown = CliRunner().invoke(main, ["--only", "bbbc"])
    assert shown.exit_code == 2
    assert "expected tasks out of bbc, bbc-100, bbc-100-few, got bbbc" in shown.output
