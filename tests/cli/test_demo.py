"""`pipeline demo`: what its page is told. The page itself is in tests/browser, bad requests in
tests/robustness."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import main
from portable_folder import small_model, write_folder
from starlette.testclient import TestClient

from pipeline.base.errors import DataError
from pipeline.cases.casebase import CaseBase
from pipeline.cases.storage import FILE
from pipeline.cli.demo.files import label_file
from pipeline.cli.demo.server import application
from pipeline.cli.demo.session import Session
from pipeline.run import RunResult
from pipeline.tracking.addresses import read_run
from pipeline.tracking.models import load_model
from pipeline.tracking.trained import PHASES, TrainingRecord, read_phases

ADDRESS = "http://127.0.0.1:5002"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """That of a model in a folder, of which nothing is known but the classifier."""
    made = Session(load_model(str(write_folder(tmp_path / "model"))), None, tmp_path / "cases")
    made.read_cases()
    return made


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    with TestClient(application(session), ADDRESS) as made:
        yield made


@pytest.fixture
def trained(asked: RunResult) -> Session:
    """That of a registered model. Its run is read in this process."""
    model = load_model("headlines-headlines")
    read = read_run(asked.run_id, PHASES, Path.cwd())
    assert read["digests"]["training"]
    record = TrainingRecord(
        read["options"],
        read["metrics"],
        read["tags"],
        read["digests"]["training"],
        read_phases(Path.cwd(), model.classifier),
    )
    return Session(model, record, Path("kept"))


def ask(client: TestClient, path: str, **content: Any) -> Any:
    answer = client.post(f"/api/{path}", json=content)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_page_and_its_files_allow_nothing_foreign(client: TestClient) -> None:
    styles = (("/page.css", "css"), ("/colours.css", "css"))
    for path, kind in (("/", "html"), *styles, ("/page.js", "javascript")):
        answer = client.get(path)
        assert (answer.status_code, kind in answer.headers["content-type"]) == (200, True)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in policy
        assert "access-control-allow-origin" not in answer.headers
        assert "http://" not in answer.text
        assert "https://" not in answer.text


def test_labels_and_everything_about_one_headline(client: TestClient) -> None:
    rows = ask(client, "labels", texts=["alps snow", "bank profit", ""])
    assert [row["label"] for row in rows] == ["nature", "money", "nature"]
    answer = ask(client, "headline", text="Alps snow <script>")
    assert (answer["label"], answer["labels"]) == ("nature", ["nature", "money"])
    assert [method["name"] for method in answer["methods"]] == ["answer", "network", "n-grams"]
    assert answer["methods"][0]["probabilities"][0] == pytest.approx(
        rows[0]["probability"], abs=0.2
    )
    assert [word["word"] for word in answer["words"]] == ["Alps", "snow", "<script>"]
    assert answer["words"][0]["gives"][0] > 0 > answer["words"][0]["gives"][1]
    assert (answer["mark"], answer["unknown"]) == (None, ["script"])
    assert answer["nearest"] is None
    assert ask(client, "headline", text="阿尔卑斯山")["mark"] == "no_known_word"


def test_a_correction_counts_at_once_and_can_be_undone(
    client: TestClient, session: Session
) -> None:
    about = client.get("/api/about").json()
    assert "pipeline cases add --model" in about["notice"]
    kept = ask(client, "correct", text=" alps  snow", label="ice")
    assert (kept["changed"], kept["cases"], kept["case_labels"], kept["undo"]) == (
        True, 1, ["ice"], 1,
    )  # fmt: skip
    assert ask(client, "correct", text="alps snow", label="ice")["changed"] is False
    nearest = ask(client, "headline", text="alps snow")["nearest"]
    assert (nearest["own"], nearest["votes"]) == ("ice", {"ice": 1})
    assert ask(client, "headline", text="bank")["nearest"]["own"] is None
    again = ask(client, "correct", text="alps snow", label="snow")
    assert (again["cases"], again["case_labels"]) == (1, ["snow"])
    assert [case.label for case in CaseBase.load(session.folder)] == ["snow"]
    assert ask(client, "undo")["case_labels"] == ["ice"]
    assert [case.label for case in CaseBase.load(session.folder)] == ["ice"]
    assert ask(client, "undo")["cases"] == 0
    assert client.post("/api/undo", json={}).json() == {
        "error": "expected a correction to undo, there is none since the demo was started"
    }


def test_corrections_are_undone_at_once(session: Session) -> None:
    for number in range(3):
        session.correct(f"alps {number}", "ice")

    def undo(_: int) -> str:
        try:
            return f"{session.undo()['undo']} left"
        except DataError as error:
            return str(error)[:29]

    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(undo, range(8))]
    assert answers.count("expected a correction to undo") + 3 == 8
    assert session.describe()["undo"] == 0


def test_corrections_are_there_after_a_new_start(client: TestClient, session: Session) -> None:
    ask(client, "correct", text="alps", label="ice")
    later = Session(session.model, None, session.folder)
    later.read_cases()
    assert later.describe()["corrections"] == 1
    assert later.explain("alps")["nearest"]["own"] == "ice"


def test_a_damaged_case_base_of_its_own_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    id_ = load_model(str(write_folder(tmp_path / "model"))).id
    kept = tmp_path / "cases" / f"demo-{id_}" / FILE
    kept.parent.mkdir(parents=True)
    kept.write_text("damaged")
    code, _, err = main(capfd, "demo", "--model", "model", "--port", "5996")
    assert code == 2
    assert err.startswith(f"error: {kept.relative_to(tmp_path)}")
    assert len(err.splitlines()) == 1


def test_a_run_gives_the_training_headlines_the_phases_and_their_accuracy(
    trained: Session, asked: RunResult
) -> None:
    trained.read_cases()
    about = trained.describe()
    assert (about["notice"], about["cases"]) == ("", len(asked.headlines.texts("train")))
    text, label = (asked.headlines.examples("train").texts[0], "new")
    answer = trained.explain(text)
    assert answer["nearest"]["cases"][0]["text"] == text
    assert answer["nearest"]["own"] is None
    accuracies = {method["name"]: method["accuracy"] for method in answer["methods"]}
    assert accuracies["answer"] == asked.evaluation.accuracy
    assert accuracies["network, frozen"] == asked.evaluations["frozen"].accuracy
    assert accuracies["network, fine-tuned"] == asked.evaluations["fine_tuned"].accuracy
    assert all(sum(m["probabilities"]) == pytest.approx(1, abs=1e-3) for m in answer["methods"])
    # The corrected headline takes the place of the training headline, and comes back.
    assert trained.correct(text, label)["cases"] == about["cases"]
    assert trained.explain(text)["nearest"]["own"] == label
    assert trained.undo() == {**about, "undo": 0}
    assert trained.explain(text)["nearest"]["own"] is None


def test_training_headlines_that_changed_are_not_shown(trained: Session) -> None:
    changed = Session(trained.model, replace(trained.record, digest="0" * 16), trained.folder)
    changed.read_cases()
    assert "headlines.csv has changed since the training. Give them once:" in changed.notice
    assert changed.explain("alps")["nearest"] is None


def test_half_of_a_character_in_a_file_can_be_written(session: Session) -> None:
    _, table = label_file(session.classifier, b'[{"text": "alps \\ud83d"}]', "my.json")
    assert table.splitlines()[1].startswith("alps ?,nature,")


def test_a_file_comes_back_with_all_rows_and_columns(session: Session) -> None:
    data = 'id,headline,predicted_label\n7,"alps, ""snow""",=1+1\n8,,x\n9,bank,-0.5\n'
    name, table = label_file(session.classifier, data.encode(), "C:\\my\\new.csv")
    rows = [*csv.reader(io.StringIO(table))]
    assert name == "new-labelled.csv"
    assert rows[0] == [
        "id", "headline", "predicted_label", "predicted_label_", "predicted_probability",
        "predicted_probability_nature", "predicted_probability_money",
    ]  # fmt: skip
    assert [row[:4] for row in rows[1:]] == [
        ["7", 'alps, "snow"', "'=1+1", "nature"],
        ["8", "", "x", ""],
        ["9", "bank", "-0.5", "money"],
    ]
    assert float(rows[1][4]) == pytest.approx(float(rows[1][5]))
    _, lines = label_file(session.classifier, "alps\n\nbank\n".encode("utf-16"), "my.txt")
    assert [row[:2] for row in csv.reader(io.StringIO(lines))] == [
        ["text", "predicted_label"], ["alps", "nature"], ["", ""], ["bank", "money"],
    ]  # fmt: skip
    _, nested = label_file(session.classifier, b'[{"text": "alps", "more": [1, null]}]', "a.json")
    assert [*csv.reader(io.StringIO(nested))][1][:3] == ["alps", "[1, null]", "nature"]


def test_a_file_of_a_model_with_many_labels_has_no_column_for_each(tmp_path: Path) -> None:
    class Many:
        label_names = tuple(f"label {i}" for i in range(60))

        def predict_proba(self, texts: list[str]) -> Any:
            import numpy as np

            return np.eye(60, dtype=np.float32)[: len(texts)]

        def why(self, texts: list[str]) -> list[dict[str, Any]]:
            raise DataError("is not asked")

    _, table = label_file(Many(), b"alps\nbank\n", "my.txt")
    assert table.splitlines()[1:] == ["alps,label 0,1.0000", "bank,label 1,1.0000"]


def test_a_file_over_http(client: TestClient) -> None:
    answer = client.post(
        "/api/file", params={"name": "Ärger.csv", "column": "b"}, content="a;b\n1;alps\n",
        headers={"Content-Type": "application/octet-stream"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].endswith("''%C3%84rger-labelled.csv")
    assert answer.text.splitlines()[1].startswith("1,alps,nature,")


def test_a_port_in_use_and_a_folder_of_another_model(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], session: Session
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = main(capfd, "demo", "--model", "model", "--port", str(port))
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(
        f"error: could not listen on 127.0.0.1:{port} (Address already in use): choose"
    )
    session.correct("alps", "ice")
    elsewhere = write_folder(tmp_path / "other", model={**small_model(), "facts": {"data": "x"}})
    arguments = ["--model", str(elsewhere), "--cases", str(session.folder), "--port", str(port)]
    code, _, err = main(capfd, "demo", *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert "the cases were made with " in err
