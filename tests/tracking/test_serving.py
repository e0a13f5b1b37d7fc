"""The logged model as MLflow loads it: any payload, without this package and without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from builders import make_headlines
from mlflow.pyfunc import scoring_server
from networks import NAMES, random_classifier

from pipeline.classifier.encoders import CnnOptions
from pipeline.classifier.ensemble import Classifier
from pipeline.tracking.saving import save_classifier

TEXTS = [*make_headlines(20)[0], "2021-03-04", "true", "null", "5", "http://x.y", "", "économie 雪"]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return random_classifier(CnnOptions(filters=8))


@pytest.fixture(scope="module")
def folder(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "model"
    save_classifier(classifier, folder)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return mlflow.pyfunc.load_model(str(folder))


def test_any_form_of_texts_gets_the_same_answers(classifier: Classifier, model: Any) -> None:
    rows = model.predict(TEXTS)
    given = [[row["probabilities"][name] for name in NAMES] for row in rows]
    np.testing.assert_allclose(given, classifier.predict_proba(TEXTS), atol=1e-3)  # float16
    assert [row["label"] for row in rows] == classifier.predict(TEXTS).tolist()
    for payload in (
        np.array(TEXTS),
        np.array(TEXTS, object).reshape(-1, 1),
        pd.Series(TEXTS, index=[f"id {i}" for i in range(len(TEXTS))]),
        pd.DataFrame({"any name": TEXTS}),
        {"any name": TEXTS},
        [{"any name": text} for text in TEXTS],
    ):
        assert model.predict(payload) == rows
    assert model.predict(TEXTS[0]) == rows[:1]
    for empty in ([], np.array([]), pd.Series([], dtype=str), pd.DataFrame({"text": []})):
        assert model.predict(empty) == []


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (pd.DataFrame({"id": ["x1"], "text": ["Alps"]}), r"one column of texts, got 2 \('id', 'text'\)"),
        (pd.DataFrame({"text": ["Alps", None]}), "got nan in row 2|got None in row 2"),
        (["Alps", 5], "expected texts, got 5 in row 2"),
        (pd.Series(pd.to_datetime(["2021-03-04"])), "expected texts, got Timestamp"),
    ],
    ids=["columns", "missing", "number", "date"],
)  # fmt: skip
def test_anything_else_is_refused(payload: Any, message: str, model: Any) -> None:
    with pytest.raises(mlflow.exceptions.MlflowException, match=message):
        model.predict(payload)


def test_parameters(model: Any) -> None:
    params = {"top_k": 2, "threshold": 1.0, "why": True}
    (row,) = model.predict(["Bank shares"], params=params)
    assert row["label"] is None
    assert len(row["probabilities"]) == 2
    assert row["probability"] == max(row["probabilities"].values())
    assert [word["word"] for word in row["why"]["words"]] == ["Bank", "shares"]
    assert row["mark"] is None
    assert model.predict([""])[0]["mark"] == "empty"
    with pytest.raises(mlflow.exceptions.MlflowException, match="coverage: expected a model with"):
        model.predict(["Bank shares"], params={"coverage": 0.9})
    with pytest.raises(mlflow.exceptions.MlflowException, match="threshold: expected a number"):
        model.predict(["Bank shares"], params={"threshold": 50.0})


@pytest.mark.parametrize(
    ("content_type", "body", "answers"),
    [
        ("application/json", {"inputs": ["Alps", "2021-03-04"]}, 2),
        ("application/json", {"inputs": "Alps"}, 1),
        ("application/json", {"inputs": []}, 0),
        ("application/json", {"instances": ["Alps"]}, 1),
        ("application/json", {"instances": [{"a": "Alps"}, {"a": "true"}]}, 2),
        ("application/json", {"dataframe_split": {"columns": ["a"], "data": [["Alps"]]}}, 1),
        ("application/json", {"dataframe_split": {"columns": ["a"], "data": []}}, 0),
        ("application/json", {"dataframe_records": [{"a": "null"}]}, 1),
        ("application/json", {"dataframe_split": {"columns": ["a", "b"], "data": [["x", "y"]]}}, None),
        ("application/json", {"inputs": [5]}, None),
        ("text/csv", "any\nAlps lose snow\n2021-03-04\n", 2),
        ("text/csv", "id,text\nx1,Alps\n", None),
        ("text/csv", "text\nAlps lose snow, rivers rise\n", None),
        ("text/csv", "text\nAlps\nnull\n", None),
    ],
)  # fmt: skip
def test_the_server_of_mlflow_answers_or_refuses(
    content_type: str, body: Any, answers: int | None, model: Any
) -> None:
    """One answer for each text, or a 400. `answers`: None: it is refused."""
    content = body if isinstance(body, str) else json.dumps(body)
    schema = model.metadata.get_input_schema()
    if answers is None:
        with pytest.raises(mlflow.exceptions.MlflowException) as raised:
            scoring_server.invocations(content, content_type, model, schema)
        assert raised.value.get_http_status_code() == 400
        return
    given = scoring_server.invocations(content, content_type, model, schema)
    assert given.status == 200
    assert len(json.loads(given.response)["predictions"]) == answers


def test_it_needs_neither_this_package_nor_tensorflow(folder: Path) -> None:
    script = (
        "import sys, json; sys.modules['pipeline'] = None\n"  # importing it fails then
        "import mlflow\n"
        "rows = mlflow.pyfunc.load_model(sys.argv[1]).predict(['Bank shares'])\n"
        "print(json.dumps([rows[0]['label'], [m for m in ('tensorflow', 'keras') if m in sys.modules]]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True, text=True, check=True, cwd=folder.parent,
    )  # fmt: skip
    label, loaded = json.loads(ran.stdout.splitlines()[-1])
    assert label in NAMES
    assert loaded == []
    requirements = (folder / "requirements.txt").read_text()
    assert "tensorflow" not in requirements
    assert "numpy" in requirements
