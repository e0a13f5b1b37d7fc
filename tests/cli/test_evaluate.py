"""`pipeline evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import all_texts, main, make_headlines, write_csv

from pipeline.run import RunResult


def unseen(asked: RunResult) -> tuple[list[str], list[str]]:
    """Labelled headlines that are in no split of the training."""
    present = set(all_texts(asked.headlines))
    rows = zip(*make_headlines(10, seed=9), strict=True)
    texts, labels = zip(*[row for row in rows if row[0] not in present], strict=True)
    return [*texts], [*labels]


def test_it_measures_a_file_of_labelled_headlines(
    asked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts, labels = unseen(asked)
    path = write_csv(tmp_path / "new.csv", texts, labels, "headline,topic")
    columns = ["--file", str(path), "--text", "headline", "--label", "topic"]
    code, out, _ = main(capfd, "evaluate", "--json", *columns, "--model", "headlines-headlines")
    assert code == 0
    values = json.loads(out)
    assert values["headlines"] == len(texts)
    assert 0.3 < values["accuracy"] <= 1
    assert values["model"] == "models:/headlines-headlines/1"
    code, out, _ = main(capfd, "evaluate", *columns)
    assert code == 0
    assert "macro_f1" in out
    assert "Only the surest headlines answered, as by predict --threshold:" in out
    assert "coverage_asked  coverage_reached  worst_label_coverage" in out
    assert values["seen_in_training"] == 0
    assert {"by_share", "label_sets", "marks"} < set(values)
    assert values["by_share"]["accuracy"][0] == pytest.approx(values["accuracy"])
    page = tmp_path / "page.html"
    code, out, err = main(capfd, "evaluate", *columns, "--report", str(page))
    assert (code, err) == (0, f"evaluate: the page is {page}\n")
    assert "Sets of labels for a coverage of 90%" in page.read_text("utf-8")
    assert out.splitlines()[-1].split() == ["model", "models:/headlines-headlines/1"]
    write_csv(path, texts, labels)
    assert main(capfd, "evaluate", "--file", str(path))[0] == 0

    write_csv(path, texts, ["weather"] * len(texts))
    code, _, err = main(capfd, "evaluate", "--file", str(path))
    assert code == 2
    assert (
        "expected the labels of the model, money, nature, sport, got others for 30 of 30 headlines, such as 'weather': "
        in err
    )
    code, _, err = main(capfd, "evaluate", *columns)
    assert code == 2
    assert "there is no column 'headline'" in err


def test_it_warns_of_headlines_from_training(
    asked: RunResult, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    headlines = asked.headlines
    names = [headlines.label_names[label] for label in headlines.labels("train")]
    path = write_csv(tmp_path / "old.csv", headlines.texts("train"), names)
    page = tmp_path / "page.html"
    code, out, err = main(capfd, "evaluate", "--file", str(path), "--json", "--report", str(page))
    assert code == 0
    assert json.loads(out)["seen_in_training"] == 1
    warning = f"100% of the headlines of {path} were in training or validation"
    assert err.startswith(f"evaluate: {warning}: expect a lower accuracy on new headlines")
    content = page.read_text("utf-8")
    assert f"<strong>Warning:</strong> {warning}" in content
    assert "it did not learn from" not in content
    assert f"of {len(names)} headlines" in content
