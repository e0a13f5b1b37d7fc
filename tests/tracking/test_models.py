"""Logged models: which one a name stands for, what it says, and which is the champion."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import psutil
import pytest
from builders import make_headlines
from mlflow import MlflowClient
from networks import NAMES, built

from pipeline.base.errors import DataError, ModelError, TrackingError
from pipeline.classifier.ensemble import Classifier
from pipeline.insight.attribution import contributions
from pipeline.tracking.models import LoadedModel, load_model, run_apart
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.registry import (
    RegisteredModel,
    other_names,
    promote_version,
    registered_models,
    registered_name,
)
from pipeline.tracking.runs import tracked_run
from pipeline.tracking.saving import logged_models, send_model

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
                validation={"accuracy": 0.5},
                validation_sha256="a",
            )
        assert tracked.registered is not None
        yield Store(uri, tracked.run_id, classifier, tracked.registered)


def test_the_first_version_is_the_champion(logged: Store) -> None:
    assert logged.registered == RegisteredModel(
        "models:/headlines-one@champion", "headlines-one", "1", True, "it is the first"
    )


def test_a_model_that_was_cut_off_on_its_way_is_sent_again(logged: Store, tmp_path: Path) -> None:
    client = MlflowClient(logged.uri)
    (model,) = logged_models(client, logged.run_id)
    folder = Path(shutil.copytree(model.artifact_location, tmp_path / "model"))
    client.finalize_logged_model(model.model_id, "FAILED")
    assert send_model(client, logged.run_id, folder) == model.model_id
    (again,) = logged_models(client, logged.run_id)
    assert (again.model_id, again.status) == (model.model_id, "READY")
    (output,) = client.get_run(logged.run_id).outputs.model_outputs
    assert output.model_id == model.model_id


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


def test_it_gives_the_same_probabilities(logged: Store) -> None:
    model = logged.load()
    rows = model.predict(TEXTS)
    given = np.array([[row["probabilities"][name] for name in NAMES] for row in rows], np.float32)
    np.testing.assert_allclose(given, logged.classifier.predict_proba(TEXTS), atol=1e-5)
    assert [row["label"] for row in rows] == logged.classifier.predict(TEXTS).tolist()
    np.testing.assert_allclose(model.embed(TEXTS), logged.classifier.embed(TEXTS), atol=1e-5)
    with pytest.raises(DataError, match="got int as text 1"):
        model.predict([5])


def test_it_says_what_each_word_gives(logged: Store) -> None:
    texts = ["Bank shares, the Alps", "", *(TEXTS * 2)[:70]]
    model = logged.load()
    plain, rows = model.predict(texts), model.predict(texts, why=True)
    assert [{k: v for k, v in row.items() if k != "why"} for row in rows] == plain
    for row, given in zip(rows, contributions(logged.classifier, texts), strict=True):
        words = row["why"]["words"]
        assert [word["word"] for word in words] == list(given.words)
        assert [token for word in words for token in word["tokens"]] == list(given.tokens)
        numbers = [[word["contributions"][name] for name in NAMES] for word in words]
        np.testing.assert_allclose(np.reshape(numbers, (-1, 3)), given.word_values, atol=1e-4)
        np.testing.assert_allclose(list(row["why"]["bias"].values()), given.bias, atol=1e-4)


class Foreign(mlflow.pyfunc.PythonModel):
    """It leaves a mark where its code runs, and answers with something else."""

    def predict(self, model_input: list[str]) -> list[str]:
        Path("it-ran").touch()
        return model_input


def test_a_model_of_someone_else_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when it is trusted, and then its answers are checked."""
    monkeypatch.chdir(tmp_path)
    mlflow.pyfunc.save_model("foreign", python_model=Foreign(), pip_requirements=["mlflow"])
    with pytest.raises(ModelError, match="it is another: train again; if you trust whoever"):
        load_model("foreign")
    assert not Path("it-ran").exists()
    model = load_model("foreign", trust=True)
    with pytest.raises(
        ModelError, match=r"gives a label, its probability .* it gave str: name another"
    ):
        model.predict(["Alps"])
    assert Path("it-ran").exists()
    with pytest.raises(ModelError, match="expected a model that gives a representation"):
        model.embed(["Alps"])


def test_a_trusted_model_with_our_answers(tmp_path: Path) -> None:
    class Same(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[str]) -> list[dict[str, Any]]:
            return [{"label": "a", "probability": 1.0, "probabilities": {"a": 1.0}}] * len(
                model_input
            )

    mlflow.pyfunc.save_model(tmp_path / "same", python_model=Same(), pip_requirements=["mlflow"])
    model = load_model(str(tmp_path / "same"), trust=True)
    assert [row["label"] for row in model.predict(["Alps", "snow"])] == ["a", "a"]
    with pytest.raises(ModelError, match="it does not say what each word gives: leave --why out"):
        model.predict(["Alps"], why=True)


@pytest.mark.parametrize("file", ["model.json", "words.json.gz", "model.safetensors", "SHA256SUMS"])
def test_a_changed_file_is_refused(file: str, logged: Store, tmp_path: Path) -> None:
    folder = Path(
        mlflow.artifacts.download_artifacts("models:/headlines-one/1", dst_path=str(tmp_path))
    )
    changed = folder / "data" / "classifier" / file
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    with pytest.raises(ModelError, match="digest"):
        load_model(str(folder))


def test_the_code_beside_a_model_is_not_run(logged: Store, tmp_path: Path) -> None:
    """It is there for those who load the model without this package."""
    folder = Path(
        mlflow.artifacts.download_artifacts("models:/headlines-one/1", dst_path=str(tmp_path))
    )
    for path in folder.rglob("*.py"):
        path.write_text("raise SystemExit('it ran')")
    assert len(load_model(str(folder)).predict(["Alps"])) == 1


def test_a_folder_is_read_without_mlflow_and_tensorflow(logged: Store, tmp_path: Path) -> None:
    folder = mlflow.artifacts.download_artifacts("models:/headlines-one/1", dst_path=str(tmp_path))
    script = (
        "import sys; from pipeline.cli import main\n"
        f"try: main(['predict', '--model', {folder!r}, 'Alps'])\n"
        "except SystemExit: print([m for m in ('tensorflow', 'keras', 'mlflow', 'pandas', 'hydra',"
        " 'rich.console', 'scipy', 'sklearn') if m in sys.modules])"
    )
    shown = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert shown.splitlines()[-1] == "[]"
    assert f"model      {folder}" in shown


def test_no_such_model(logged: Store, tmp_path: Path) -> None:
    for model, message in (
        (str(tmp_path), "expected a folder of `pipeline export`, it has no file"),
        (str(tmp_path / "none"), "expected a folder with a model, there is none"),
        ("headlines-two", r"no model 'headlines-two' in .*, it has headlines-one; did you mean"),
        ("models:/nothing@champion", "could not find models:/nothing@champion"),
        (
            "0123456789abcdef" * 2,
            "got 0123456789abcdef0123456789abcdef, which looks like the ID of a run",
        ),
        ("models:/headlines-one/7", "could not load the model models:/headlines-one/7"),
        ("runs:/0123456789abcdef0123456789abcdef/model", "could not load the model runs:/0123"),
    ):
        with pytest.raises(ModelError, match=message) as raised:
            logged.load(model)
        assert "\n" not in str(raised.value)
    (tmp_path / "MLmodel").write_text("{ junk")
    with pytest.raises(ModelError, match="its file MLmodel is damaged"):
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


def test_models_of_other_data_get_another_name(logged: Store) -> None:
    """Two files of one name do not share a registered model, and one file goes on with its own."""

    def register(origin: str) -> RegisteredModel:
        options = TrackingOptions(uri=logged.uri)
        with tracked_run(options, "again") as tracked:
            tracked.keep_model(logged.classifier)
            tracked.log_model(
                registered_model="headlines-my",
                validation={"accuracy": 0.5},
                validation_sha256="a",
                origin=origin,
                other_names=other_names(options, "my", origin),
            )
        assert tracked.registered is not None
        return tracked.registered

    given = [register(f"/news/{folder}/my.csv") for folder in ("2023", "2024", "2023", "2024")]
    assert [(model.name, model.version) for model in given] == [
        ("headlines-my", "1"),
        ("headlines-2024-my", "1"),
        ("headlines-my", "2"),
        ("headlines-2024-my", "2"),
    ]
    assert other_names(TrackingOptions(registered_model="mine"), "my", "/news/my.csv") == []
    assert other_names(TrackingOptions(), "bbc", "bbc") == []


def test_the_champion_changes_only_for_a_better_one_on_the_same_headlines(store: str) -> None:
    client = MlflowClient(store)
    client.create_registered_model("m")

    def add(accuracy: float, sha256: str, promote: str = "auto") -> RegisteredModel:
        tags = {
            "pipeline.validation_accuracy": repr(accuracy),
            "pipeline.validation_sha256": sha256,
        }
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


def test_the_figure_that_the_new_run_selects_decides_on_the_champion(store: str) -> None:
    client = MlflowClient(store)
    client.create_registered_model("m")

    def add(select: str, **results: float) -> RegisteredModel:
        tags = {f"pipeline.validation_{name}": repr(value) for name, value in results.items()}
        tags["pipeline.validation_sha256"] = "a"
        version = client.create_model_version("m", "/nowhere", tags=tags).version
        return promote_version(store, "m", str(version), select=select)

    first = add("accuracy", accuracy=0.9, macro_f1=0.5, log_loss=0.4)
    assert first.champion
    second = add("accuracy", accuracy=0.8, macro_f1=0.7, log_loss=0.3)
    assert not second.champion
    third = add("macro_f1", accuracy=0.8, macro_f1=0.6, log_loss=0.5)
    assert third.champion
    assert third.reason == "validation macro F1 0.6000, better than 0.5000 of version 1"
    fourth = add("log_loss", accuracy=0.1, macro_f1=0.1, log_loss=0.2)  # the lower, the better
    assert fourth.champion
    assert not add("log_loss", accuracy=0.9, macro_f1=0.9, log_loss=0.3).champion
    # An earlier version of this package noted the accuracy alone.
    client.create_registered_model("old")
    tags = {"pipeline.validation_accuracy": "0.8", "pipeline.validation_sha256": "a"}
    for name, more in (("1", {}), ("2", {"pipeline.validation_macro_f1": "0.9"})):
        client.create_model_version("old", "/nowhere", tags=tags | more)
        result = promote_version(store, "old", name, select="macro_f1")
    assert result.reason == "validation accuracy 0.8000, no better than 0.8000 of version 1"


def test_a_name_is_looked_up_without_tensorflow() -> None:
    script = (
        "import sys, pipeline.tracking.addresses\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    shown = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert shown.strip() == "[]"


def test_a_process_apart_gives_its_result_or_its_error_and_is_gone() -> None:
    assert run_apart(os.getpid) != os.getpid()
    with pytest.raises(FileNotFoundError):
        run_apart(os.stat, "/nothing/is/here")
    with pytest.raises(TrackingError, match="ended with code 9: is there enough memory"):
        run_apart(os._exit, 9)
    assert not multiprocessing.active_children()


def test_a_process_apart_ends_when_who_asked_is_killed() -> None:
    code = "import time; from pipeline.tracking.models import run_apart; run_apart(time.sleep, 1)"
    with subprocess.Popen([sys.executable, "-c", code]) as asking:
        started: list[psutil.Process] = []
        while len(started) < 2:  # the process, and the tracker of multiprocessing
            assert asking.poll() is None
            started = psutil.Process(asking.pid).children()
            time.sleep(0.02)
        asking.kill()
    assert psutil.wait_procs(started, 30)[1] == []
