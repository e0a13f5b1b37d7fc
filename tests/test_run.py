"""The whole run against a real store, and what it leaves there."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from builders import make_headlines, small_overrides, write_csv
from mlflow import MlflowClient

from pipeline import report
from pipeline.base.errors import DataError, TrackingError, VectorsError
from pipeline.config import load_config
from pipeline.run import RunResult, run
from pipeline.tracking.models import load_model


@dataclass
class Done:
    """A finished run, its record in the store, and a folder of its own."""

    result: RunResult
    client: MlflowClient
    folder: Path

    @property
    def record(self) -> Any:
        return self.client.get_run(self.result.run_id)

    def text(self, path: str) -> str:
        return Path(self.client.download_artifacts(self.result.run_id, path)).read_text("utf-8")


@pytest.fixture(scope="module")
def done(
    small: dict[str, Path], store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Done]:
    folder = tmp_path_factory.mktemp("done")
    shutil.copy(store_template, folder / "mlflow.db")
    before = Path.cwd()
    os.chdir(folder)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    yield Done(run(load_config(small_overrides(small, uri))), MlflowClient(uri), folder)
    os.chdir(before)


def test_the_run_is_finished_and_named(done: Done) -> None:
    assert done.record.info.status == "FINISHED"
    assert done.record.info.run_name == "file-file-mean-0"


def test_every_option_is_a_parameter(done: Done, small: dict[str, Path]) -> None:
    params = done.record.data.params
    assert params["training.fine_tuned.epochs"] == "3"
    assert params["model.encoder"] == "mean"
    assert params["data.path"] == str(small["csv"])
    config = yaml.safe_load(done.text("config.yaml"))
    assert config["training"]["fine_tuned"]["epochs"] == 3


def test_metrics_of_every_epoch_on_one_axis(done: Done) -> None:
    steps = {
        name: [m.step for m in done.client.get_metric_history(done.result.run_id, name)]
        for name in ("frozen/loss", "frozen/val_accuracy", "fine_tuned/val_loss")
    }
    assert steps["frozen/loss"] == steps["frozen/val_accuracy"] == [1, 2, 3]
    assert steps["fine_tuned/val_loss"] == [4, 5, 6]
    values = [m.value for m in done.client.get_metric_history(done.result.run_id, "frozen/loss")]
    assert values == [epoch.loss for epoch in done.result.history.phases[0].epochs]


def test_metrics_of_the_result(done: Done) -> None:
    metrics, evaluation = done.record.data.metrics, done.result.evaluation
    assert metrics["test/accuracy"] == evaluation.accuracy
    assert metrics["test/macro_f1"] == evaluation.macro_f1
    assert metrics["test/log_loss"] == evaluation.log_loss
    assert metrics["test/ece"] == evaluation.ece
    assert metrics["test/frozen_accuracy"] == done.result.evaluations["frozen"].accuracy
    assert metrics["coverage/tokens"] == metrics["coverage/types"] == 1
    stages = (
        "data", "text", "vectors", "matrix", "model", "training", "evaluation", "semantics", "total"
    )  # fmt: skip
    assert all(metrics[f"seconds/{stage}"] > 0 for stage in stages)


def test_data_sets_are_inputs_with_their_digest(done: Done) -> None:
    inputs = done.record.inputs.dataset_inputs
    tags = [{tag.key: tag.value for tag in i.tags} for i in inputs]
    assert {t["mlflow.data.context"] for t in tags} == {"training", "validation", "test"}
    digests = done.result.headlines.sha256
    assert {t["sha256"] for t in tags} == set(digests.values())
    assert done.record.data.tags["data.sha256.test"] == digests["test"]


def test_figures_and_tables(done: Done) -> None:
    names = {
        item.path
        for folder in ("figures", "tables")
        for item in done.client.list_artifacts(done.result.run_id, folder)
    }
    assert names == {
        "figures/learning_curves.png",
        "figures/confusion_matrix.png",
        "figures/reliability.png",
        "tables/per_class.csv",
        "tables/test_predictions.csv",
        "tables/misclassified.csv",
        "tables/why_misclassified.csv",
        "tables/words_by_label.csv",
        "tables/missing_words.csv",
        "tables/coverage.csv",
        "figures/coverage.png",
        "figures/audit_signals.png",
        "tables/audit_signals.csv",
        "tables/audit_features.csv",
        "tables/audit_overlaps.csv",
        "tables/near_duplicates.csv",
        "figures/probes.png",
        "figures/drift.png",
        "figures/headline_map.png",
        "tables/probes.csv",
        "tables/probe_pairs.csv",
        "tables/probe_pairs_by_label.csv",
        "tables/drift.csv",
        "tables/neighbours.csv",
    }
    picture = Path(done.client.download_artifacts(done.result.run_id, "figures/reliability.png"))
    assert picture.read_bytes().startswith(b"\x89PNG")
    predictions = pd.read_csv(io.StringIO(done.text("tables/test_predictions.csv")))
    assert (predictions["label"] == predictions["predicted"]).mean() == pytest.approx(
        done.result.evaluation.accuracy
    )
    wrong = pd.read_csv(io.StringIO(done.text("tables/misclassified.csv")))
    assert len(wrong) == (predictions["label"] != predictions["predicted"]).sum()
    assert wrong["confidence"].is_monotonic_decreasing


def test_what_the_embedding_knows_after_each_phase(done: Done) -> None:
    metrics, known = done.record.data.metrics, done.result.knowledge
    assert [k.start for k in known] == ["frozen", "fine_tuned"]
    for k in known:
        for name in ("cos_ab", "cos_ac", "cos_bc", "rank_bc", "pairs_rank_median"):
            assert metrics[f"probe/{k.start}/{name}"] == k.probes.metrics()[name]
        assert metrics[f"semantics/{k.start}/wordsim353_pairs"] < 10
    assert metrics["drift/mean"] == known[1].drift.metrics()["mean"] > 0
    probes = pd.read_csv(io.StringIO(done.text("tables/probes.csv")))
    assert probes["rank_bc"].tolist() == [k.probes.rank_bc for k in known]
    assert set(probes["unseen_c"].str.split().str[0]) == {"(lose)"}  # the set knows no such word
    drift = pd.read_csv(io.StringIO(done.text("tables/drift.csv")))
    assert set(drift["word"]) == set(done.result.matrix.words)
    names = {
        Path(item.path).name for item in done.client.list_artifacts(done.result.run_id, "projector")
    }
    assert names == {"before.tsv", "after.tsv", "metadata.tsv", "projector_config.pbtxt"}
    shape = (len(done.result.matrix.words), 8)
    assert np.loadtxt(io.StringIO(done.text("projector/after.tsv"))).shape == shape


def test_looking_at_it_leaves_the_classifier_alone(done: Done) -> None:
    """The weights that are logged are those of the best phase, whichever was looked at last."""
    kept, trained = done.result.history.best.weights, done.result.classifier.get_weights()
    assert [w.tobytes() for w in kept] == [w.tobytes() for w in trained]


def test_probe_sentences_of_ones_own(small: dict[str, Path], store: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    sentences = (
        "reference: {a: the bank, b: alps loses ice, c: snow of the himalaya, label: nature}"
    )
    path.write_text(sentences)
    more = (f"insight.probes={path}", "insight.words=[goal]", "training.fine_tuned.epochs=0")
    result = run(load_config(small_overrides(small, store, *more)))
    (known,) = result.knowledge
    assert known.probes.label == "nature"
    assert known.probes.pairs == ()
    assert [near.word for near in known.drift.neighbours] == ["goal"]
    # A file that cannot be used is found out before anything is read or trained.
    path.write_text(sentences.replace("c:", "d:"))
    with pytest.raises(DataError, match=r"mine\.yaml: reference\.c: "):
        run(load_config(small_overrides(small, store, *more, "data.path=nowhere.csv")))


def test_the_logged_model_gives_the_same_bits(done: Done) -> None:
    model = load_model(done.result.registered.name, done.result.tracking_uri)
    texts = done.result.headlines.texts("test")
    rows = model.predict(texts)
    names = done.result.headlines.label_names
    logged = np.array([[row["probabilities"][name] for name in names] for row in rows], np.float32)
    assert logged.tobytes() == done.result.classifier.predict_proba(texts).tobytes()
    assert [row["label"] for row in rows] == [names[i] for i in logged.argmax(axis=1)]


def test_the_logged_model_needs_nothing_of_this_package(done: Done, tmp_path: Path) -> None:
    """Loaded by a process that cannot import `pipeline`, from a copy of its folder."""
    local = mlflow.artifacts.download_artifacts(
        f"models:/{done.result.registered.name}/1", dst_path=str(tmp_path / "model")
    )
    text = done.result.headlines.texts("test")[0]
    script = f"""
import sys
sys.modules["pipeline"] = None  # importing it fails
import mlflow
(row,) = mlflow.pyfunc.load_model({local!r}).predict([{text!r}], params={{"why": True}})
assert [word["word"] for word in row["why"]["words"]] == {text!r}.split()
print(row["label"])
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() in done.result.headlines.label_names
    requirements = Path(local, "requirements.txt").read_text()
    assert "tensorflow==" in requirements.replace("tensorflow-cpu", "tensorflow")
    assert "headline-transfer" not in requirements


@pytest.mark.usefixtures("plain")
def test_champion_changes_only_for_a_better_one_on_the_same_data(
    small: dict[str, Path], store: str
) -> None:
    client = MlflowClient(store)

    def train(*more: str) -> RunResult:
        alone = ("model.sif=false", "model.ngrams=false")
        return run(load_config(small_overrides(small, store, *alone, *more)))

    first = train("training.frozen.epochs=1", "training.fine_tuned.epochs=0")
    assert first.registered.champion
    name = first.registered.name
    better = train("training.frozen.learning_rate=3e-2", "training.fine_tuned.learning_rate=3e-2")
    assert better.history.best.best.val_accuracy > first.history.best.best.val_accuracy
    assert better.registered.champion
    worse = train("training.frozen.epochs=1", "training.fine_tuned.epochs=0")
    assert not worse.registered.champion
    assert "against" in worse.registered.reason
    elsewhere = train("data.seed=5", "training.frozen.learning_rate=3e-2")
    assert not elsewhere.registered.champion
    assert "other headlines" in elsewhere.registered.reason
    assert (
        str(client.get_model_version_by_alias(name, "champion").version)
        == better.registered.version
    )
    forced = train("data.seed=5", "tracking.promote=always", "training.fine_tuned.epochs=0")
    assert (
        str(client.get_model_version_by_alias(name, "champion").version)
        == forced.registered.version
    )


@pytest.mark.usefixtures("plain")
def test_two_runs_with_one_seed_are_the_same_to_the_bit(
    done: Done, small: dict[str, Path], store: str
) -> None:
    again = run(load_config(small_overrides(small, store)))
    other = run(load_config(small_overrides(small, store, "seed=1")))
    ours, same, different = (
        r.evaluation.probabilities.tobytes() for r in (done.result, again, other)
    )
    assert ours == same != different
    assert [e.loss for e in again.history.epochs] == [e.loss for e in done.result.history.epochs]


@pytest.mark.usefixtures("plain")
def test_scratch_and_random(small: dict[str, Path], store: str) -> None:
    result = run(
        load_config(
            ["data=file", f"data.path={small['csv']}", "training=scratch", "model=mean",
             "training.scratch.epochs=2", f"tracking.uri={store}"]
        )
    )  # fmt: skip
    assert [phase.name for phase in result.history.phases] == ["scratch"]
    assert result.matrix.coverage.tokens == 0


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["data.path=nowhere.csv"], DataError, "there is none at nowhere.csv"),
        (["vectors.path=nowhere.txt"], VectorsError, "nowhere.txt"),
        (["vectors.vector_size=50"], VectorsError, "expected vectors of dimension 50"),
    ],
)
def test_a_failed_run_says_why(
    small: dict[str, Path], store: str, overrides: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(load_config(small_overrides(small, store, *overrides)))
    (record,) = MlflowClient(store).search_runs(["1"])
    assert record.info.status == "FAILED"
    assert message in record.data.tags["end.reason"]
    assert MlflowClient(store).search_registered_models() == []


@pytest.mark.usefixtures("plain")
def test_vectors_of_another_casing(small: dict[str, Path], store: str, tmp_path: Path) -> None:
    lines = small["vectors"].read_text().splitlines()
    capitals = tmp_path / "capitals.txt"
    capitals.write_text("\n".join(line[0].upper() + line[1:] for line in lines))
    overrides = small_overrides(small, store, f"vectors.path={capitals}")
    result = run(load_config(overrides))
    assert result.matrix.coverage.tokens == 1
    metrics = MlflowClient(store).get_run(result.run_id).data.metrics
    assert metrics["coverage/capitalised"] == 1
    assert metrics["coverage/exact"] == metrics["coverage/missing"] == 0
    with pytest.raises(VectorsError, match=r"are there with capitals, which vectors\.match leaves"):
        run(load_config([*overrides, "vectors.fallbacks=[exact,lower]"]))


@pytest.mark.usefixtures("plain")
def test_the_tokeniser_follows_the_vectors(
    small: dict[str, Path], store: str, tmp_path: Path
) -> None:
    """Of a set with `don't` and without `n't`, in the vocabulary and in the model."""
    texts, labels = make_headlines(40)
    csv = write_csv(tmp_path / "dont.csv", [f"Don't {text}" for text in texts], labels)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text(f"don't {' '.join(['0.5'] * 8)}\n" + small["vectors"].read_text())
    more = (f"data.path={csv}", f"vectors.path={vectors}", "training.frozen.epochs=1")
    result = run(load_config(small_overrides(small, store, *more)))
    assert {"do", "n't", "don't"} & set(result.matrix.words) == {"don't"}
    row = 2 + result.matrix.words.index("don't")
    assert result.classifier.token_ids(["Don’t"])[0].tolist() == [[row]]


def test_no_tracking_server_is_found_out_first(small: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"expected an MLflow server at http://127\.0\.0\.1:9"):
        run(load_config(small_overrides(small, "http://127.0.0.1:9", "data.path=nowhere.csv")))


def test_reports_need_no_server(done: Done) -> None:
    result = done.result
    items = report.evaluations_items(result.evaluations, result.kept)
    metrics = {item.name: item.value for item in items if isinstance(item, report.Metric)}
    assert metrics["test/accuracy"] == result.evaluation.accuracy
    items = report.blend_items(result.blend)
    metrics = {item.name: item.value for item in items if isinstance(item, report.Metric)}
    assert metrics["validation/accuracy"] == result.blend.accuracy
    assert {f"blend/{part}_weight" for part in ("network", "pooled", "wide")} < set(metrics)
    facts, rows = report.summary(
        result.headlines,
        result.matrix,
        result.history,
        result.blend,
        result.evaluations,
        result.seconds,
    )
    assert dict(facts)["data"] == "headlines, 3 labels"
    assert dict(facts)["blend"].startswith("network ")
    assert rows["classifier"].tolist() == ["frozen", "fine_tuned", "blend (kept)"]


@pytest.mark.usefixtures("plain")
def test_repeated_headlines_are_counted_in_the_run(
    store: str, small: dict[str, Path], tmp_path: Path
) -> None:
    texts, labels = make_headlines(40)
    path = write_csv(tmp_path / "twice.csv", texts + texts, labels + labels)
    result = run(load_config(small_overrides(small, store, f"data.path={path}")))
    assert MlflowClient(store).get_run(result.run_id).data.metrics["data/dropped_duplicates"] == 120
