"""`pipeline audit`, and the audit of a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audit_builders import plant, random_texts
from builders import main, small_overrides
from mlflow import MlflowClient


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A file with a shortcut, a leak, and a column of sources."""
    headlines = plant("letter_case", n=300)
    rows = [
        {"headline": text, "topic": headlines.label_names[label]}
        for split in headlines.splits
        for text, label in zip(headlines.texts(split), headlines.labels(split), strict=True)
    ]
    rows += [{**row, "headline": f"{row['headline']} 5"} for row in rows[:150]]
    papers = np.random.default_rng(0).choice(["P", "Q"], len(rows))
    pd.DataFrame(rows).assign(paper=papers).to_csv(tmp_path / "papers.csv", index=False)
    return tmp_path / "papers.csv"


def options(path: Path) -> list[str]:
    return ["data=file", f"data.path={path}", "data.text=headline", "data.label=topic"]


def test_the_command(papers: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = main(capfd, "audit", *options(papers), "data.group=paper")
    assert code == 0
    row = next(line.split() for line in out.splitlines() if line.startswith("letter_case"))
    assert row[-1] == "high"
    assert "is in title case" in out
    assert any(line.split()[-1] == "leak" for line in out.splitlines() if line.startswith("test "))
    assert "all held out 0." in out
    assert "audit: high test accuracy from shallow signals alone: letter_case 0.9" in err
    assert "audit      high test accuracy from shallow signals alone: letter_case 0.9" in out
    assert "note       a model sees letter case only with model.letter_case=true" in out
    assert "near-duplicates across splits" in out


def test_the_command_with_a_page(papers: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = papers.with_name("audit.html")
    code, out, err = main(capfd, "audit", "--report", str(page), *options(papers))
    assert err.splitlines()[-1] == f"audit: the page is {page}"
    assert code == 0
    assert "letter_case" in out
    written = page.read_text("utf-8")
    assert written.index("The audit warns of") < written.index("Shallow signals")
    assert str(papers) in written
    assert {path.name for path in papers.parent.iterdir()} == {"papers.csv", "audit.html"}
    code, _, err = main(capfd, "audit", "--report", str(papers.parent), *options(papers))
    assert code == 2
    assert "is a directory" in err


def test_the_command_with_json(papers: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = main(capfd, "audit", "--json", *options(papers), "data.group=paper")
    assert code == 0
    values = json.loads(out)
    assert values["data"] == "papers"
    assert values["headlines"] == {"train": 315, "validation": 45, "test": 90}
    assert values["signals"]["high"] == ["letter_case", "together"]
    assert values["signals"]["gap_closed"]["letter_case"] > 0.8
    assert values["signals"]["alone"]["letter_case"]["accuracy"] > 0.9
    assert values["near_duplicates"]["overlaps"][1]["other_split"] == "train"
    assert values["near_duplicates"]["matches"][0]["same_letters"] is True
    assert values["groups"]["number"] == 2
    assert len(values["warnings"]) == 2

    unseen = json.loads(
        main(capfd, "audit", "--json", *options(papers), "model.letter_case=false")[1]
    )
    assert unseen["signals"]["high"] == []
    assert "groups" not in unseen


def test_the_command_with_many_labels_and_nothing_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = random_texts(400, seed=3)
    labels = [f"label {i % 8}" for i in range(400)]
    pd.DataFrame({"headline": texts, "topic": labels}).to_csv(tmp_path / "h.csv", index=False)
    code, out, err = main(capfd, "audit", *options(tmp_path / "h.csv"))
    assert code == 0
    assert out.rstrip().endswith("audit      nothing is high, nothing leaks")
    assert "lowest" in out
    assert "audit:" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.group=paper"], "data.group belongs to data="),
        (["data=file"], "data=file needs a file or folder: add data.path="),
        (["data=file", "data.path=nowhere.csv"], "there is none at nowhere.csv"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, "audit", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_it_needs_no_tensorflow(papers: Path) -> None:
    script = (
        "import sys; from pipeline.cli import main\n"
        f"try: main(['audit', *{options(papers)!r}])\n"
        "except SystemExit as ended: print(ended.code, 'tensorflow' in sys.modules, 'mlflow' in sys.modules)"
    )
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.splitlines()[-1] == "0 False False"


def test_a_run_logs_it_and_says_it_at_the_end(
    papers: Path, small: dict[str, Path], store: str, capfd: pytest.CaptureFixture[str]
) -> None:
    overrides = small_overrides(small, store, *options(papers)[1:], "data.group=paper")
    overrides = [*overrides, "model.letter_case=true", "vectors.min_coverage=0"]
    overrides = [*overrides, "insight=none", "insight.audit=true", "insight.figures=true"]
    code, out, err = main(capfd, "train", *overrides)
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("audit ")]
    assert "letter_case 0.9" in line
    assert "near-duplicates across splits" in line
    assert len([line for line in err.splitlines() if line.startswith("audit: ")]) == 1
    client = MlflowClient(store)
    (record,) = client.search_runs(["1"])
    path = client.download_artifacts(record.info.run_id, "tables/audit.csv")
    numbers = pd.read_csv(path).set_index("what")["value"]
    assert numbers["letter_case_accuracy"] > 0.9
    assert numbers["majority_accuracy"] < 0.6
    assert numbers["near_duplicates_test_in_train"] > 9
    assert numbers["near_duplicates_test_in_train_other_label"] == 0
    assert 0 < numbers["groups_held_out_accuracy"] < 1
    assert record.data.params["data.group"] == "paper"
    assert "letter_case" in record.data.tags["audit.warning"]
    for name in (
        "audit_signals",
        "audit_features",
        "audit_overlaps",
        "near_duplicates",
        "audit_groups",
    ):
        path = client.download_artifacts(record.info.run_id, f"tables/{name}.csv")
        assert len(pd.read_csv(path)) > 0, name
    assert client.download_artifacts(record.info.run_id, "figures/audit_signals.png")
