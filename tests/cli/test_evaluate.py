"""`pipeline evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import main, make_headlines, write_csv

from pipeline.run import RunResult


def test_it_measures_a_file_of_labelled_headlines(
    asked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts, labels = make_headlines(10, seed=9)
    path = write_csv(tmp_path / "new.csv", texts, labels, "headline,topic")
    columns = ["--file", str(path), "--text", "headline", "--label", "topic"]
    code, out, _ = main(capfd, "evaluate", "--json", *columns, "--model", "headlines-headlines")
    assert code == 0
    values = json.loads(out)
    assert values["headlines"] == 30
    assert 0.3 < values["accuracy"] <= 1
    assert values["model"] == "models:/headlines-headlines/1"
    code, out, _ = main(capfd, "evaluate", *columns)
    assert code == 0
    assert "macro_f1" in out
    assert "the surest headlines, by the share that is answered:" in out
    assert "sets of labels, by how often they shall hold the right one:" in out
    assert {"by_share", "label_sets", "marks"} < set(values)
    assert values["by_share"]["accuracy"][0] == pytest.approx(values["accuracy"])
    page = tmp_path / "page.html"
    code, out, err = main(capfd, "evaluate", *columns, "--report", str(page))
    assert (code, err) == (0, f"evaluate: the page is {page}\n")
    assert "Sets of labels for a coverage of 90%" in page.read_text("utf-8")
    assert out.splitlines()[-1].split() == ["model", "models:/headlines-headlines/1"]
    write_csv(path, texts, labels)
    assert main(capfd, "evaluate", "--file", str(path))[0] == 0

    write_csv(path, texts, ["weather"] * 30)
    code, _, err = main(capfd, "evaluate", "--file", str(path))
    assert code == 2
    assert "expected the labels of the model, money, nature, sport, got 'weather'" in err
    code, _, err = main(capfd, "evaluate", *columns)
    assert code == 2
    assert "there is no column 'headline'" in err
