"""Logged models: which one a name stands for, what it says, and which is the champion."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from builders import make_headlines
from mlflow import MlflowClient
from mlflow.pyfunc import scoring_server
from networks import NAMES, built

from pipeline.base.errors import ModelError
from pipeline.classifier.ensemble import Classifier
from pipeline.insight.attribution import contributions
from pipeline.tracking.models import LoadedModel, load_model
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.registry import (
    RegisteredModel,
    promote_version,
    registered_models,
    registered_name,
)
from pipeline.tracking.runs import tracked_run

TEXTS = make_headlines(20)[0]


@dataclass(frozen=True)
class Store:
    """A store with one model of the name `headlines-one`, logged from `classifier`."""

    uri: str
    run_id: str
    classifier: Classifier
    registered: RegisteredModel

    def load(self, model: str | None = None) -> LoadedModel:
        return load_model(model, self.uri)


@pytest.fixture(scope="module")
def logged(store_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("models")
    shutil.copy(store_template, folder / "mlflow.db")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    classifier = Classifier(built(), label_names=tuple(NAMES))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with tracked_run(TrackingOptions(uri=uri), "one") as tracked:
            tracked.keep_model(classifier)
            tracked.log_model(
                registered_model="headlines-one",
                validation_accuracy=0.5,
                validation_sha256="a",
            )
        assert tracked.registered is not None
        yield Store(uri, tracked.run_id, classifier, tracked.registered)


def test_the_first_version_is_the_champion(logged: Store) -> None:
    assert logged.registered == RegisteredModel(
        "models:/headlines-one@champion", "headlines-one", "1", True, "it is the first"
    )


def test_the_ways_to_name_a_model(logged: Store, tmp_path: Path) -> None:
    version = "models:/headlines-one/1"
    for model in (None, "headlines-one", "models:/headlines-one@champion", version):
        assert logged.load(model).address == version
    run = logged.load(f"runs:/{logged.run_id}/model")
    assert run.address == f"runs:/{logged.run_id}/model"
    folder = mlflow.artifacts.download_artifacts(version, dst_path=str(tmp_path))
    # A folder needs no store, and is the same model.
    assert load_model(folder, "http://127.0.0.1:9").id == run.id == logged.load().id
    assert logged.load(f"models:/{run.id}").id == run.id


def test_it_gives_the_same_bits(logged: Store) -> None:
    rows = logged.load().predict(TEXTS)
    given = np.array([[row["probabilities"][name] for name in NAMES] for row in rows], np.float32)
    assert given.tobytes() == logged.classifier.predict_proba(TEXTS).tobytes()
    assert [row["label"] for row in rows] == [NAMES[i] for i in given.argmax(axis=1)]
    embedded = logged.load().embed(TEXTS)
    np.testing.assert_allclose(embedded, logged.classifier.embed(TEXTS), rtol=1e-5, atol=1e-6)
    with pytest.raises(mlflow.exceptions.MlflowException):
        logged.load().pyfunc.predict([5])


def test_it_says_what_each_word_gives(logged: Store) -> None:
    texts = ["Bank shares, the Alps", "", *(TEXTS * 2)[:70]]
    model = logged.load()
    plain, rows = model.predict(texts), model.why(texts)
    assert [{k: v for k, v in row.items() if k != "why"} for row in rows] == plain
    for row, given in zip(rows, contributions(logged.classifier, texts), strict=True):
        words = row["why"]["words"]
        assert [word["word"] for word in words] == list(given.words)
        assert [token for word in words for token in word["tokens"]] == list(given.tokens)
        numbers = [[word["contributions"][name] for name in NAMES] for word in words]
        np.testing.assert_allclose(np.reshape(numbers, (-1, 3)), given.word_values, atol=1e-4)
        np.testing.assert_allclose(list(row["why"]["bias"].values()), given.bias, atol=1e-4)


def test_the_scoring_server_says_it_too(logged: Store) -> None:
    model = logged.load().pyfunc

    def answer(body: dict[str, Any]) -> list[dict[str, Any]]:
        schema = model.metadata.get_input_schema()
        given = scoring_server.invocations(json.dumps(body), "application/json", model, schema)
        assert given.status == 200
        return json.loads(given.response)["predictions"]

    (row,) = answer({"inputs": ["Bank shares"], "params": {"why": True}})
    assert [word["word"] for word in row["why"]["words"]] == ["Bank", "shares"]
    assert "why" not in answer({"inputs": ["Bank shares"]})[0]
    with pytest.raises(mlflow.exceptions.MlflowException, match="why"):
        answer({"inputs": ["Bank shares"], "params": {"why": "perhaps"}})


def test_a_model_of_someone_else(tmp_path: Path) -> None:
    class Foreign(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[str]) -> list[str]:
            return model_input

    mlflow.pyfunc.save_model(tmp_path / "foreign", python_model=Foreign())
    model = load_model(str(tmp_path / "foreign"))
    with pytest.raises(ModelError, match="expected a model that says what each word gives"):
        model.why(["Alps"])
    with pytest.raises(ModelError, match="expected a model that gives a representation"):
        model.embed(["Alps"])


def test_no_such_model(logged: Store, tmp_path: Path) -> None:
    for model, message in (
        (str(tmp_path), "a folder with a file MLmodel"),
        ("headlines-two", r"no model 'headlines-two' in .*, it has headlines-one; did you mean"),
        ("models:/nothing@champion", "could not find models:/nothing@champion"),
        ("models:/headlines-one/7", "could not load the model models:/headlines-one/7"),
        ("runs:/0123456789abcdef0123456789abcdef/model", "could not load the model runs:/0123"),
    ):
        with pytest.raises(ModelError, match=message) as raised:
            logged.load(model)
        assert "\n" not in str(raised.value)
    (tmp_path / "MLmodel").write_text("{ junk")
    with pytest.raises(ModelError, match="could not load the model"):
        logged.load(str(tmp_path))


def test_without_a_name(store: str, tmp_path: Path) -> None:
    """An empty store, none at all, and one with several models."""
    for uri in (store, f"sqlite:///{tmp_path / 'none.db'}"):
        with pytest.raises(ModelError, match=r"no model in .*: train one first \(pipeline train\)"):
            load_model(None, uri)
    assert not (tmp_path / "none.db").exists()
    client = MlflowClient(store)
    for name in ("headlines-two", "headlines-one"):
        client.create_registered_model(name)
    message = "has headlines-one, headlines-two: choose one, as in --model headlines-one$"
    with pytest.raises(ModelError, match=message):
        load_model(None, store)


def test_all_registered_models_are_listed(store: str) -> None:
    """Also where the store gives them in several pages of 100."""
    client = MlflowClient(store)
    names = [f"model-{number:03}" for number in range(120)]
    for name in reversed(names):
        client.create_registered_model(name)
    mlflow.set_tracking_uri(store)
    assert registered_models() == names


def test_names_in_the_registry() -> None:
    assert registered_name(TrackingOptions(), "bbc") == "headlines-bbc"
    assert registered_name(TrackingOptions(experiment="a/b"), "c:d") == "a-b-c-d"
    assert registered_name(TrackingOptions(registered_model="mine"), "bbc") == "mine"


def test_the_champion_changes_only_for_a_better_one_on_the_same_headlines(store: str) -> None:
    client = MlflowClient(store)
    client.create_registered_model("m")

    def add(accuracy: float, sha256: str, promote: str = "auto") -> RegisteredModel:
        tags = {"validation_accuracy": repr(accuracy), "validation_sha256": sha256}
        version = client.create_model_version("m", "/nowhere", tags=tags).version
        return promote_version(store, "m", str(version), promote)

    assert not add(0.9, "a", "never").champion
    assert add(0.5, "a").champion
    better, same, worse = add(0.6, "a"), add(0.6, "a"), add(0.4, "a")
    assert [m.champion for m in (better, same, worse)] == [True, False, False]
    assert worse.reason == "validation accuracy 0.4000, no better than 0.6000 of version 3"
    assert worse.uri == "models:/m/5"
    elsewhere = add(0.9, "b")
    assert not elsewhere.champion
    assert "other headlines" in elsewhere.reason
    forced = add(0.1, "b", "always")
    assert (forced.champion, forced.uri) == (True, "models:/m@champion")
    assert str(client.get_model_version_by_alias("m", "champion").version) == forced.version
    again = promote_version(store, "m", forced.version)
    assert (again.champion, again.reason) == (True, "it was the champion already")
