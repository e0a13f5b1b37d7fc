"""The whole run against a real store, and what it leaves there."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from builders import make_headlines, small_overrides, write_csv
from mlflow import MlflowClient

from pipeline import report
from pipeline.base.errors import DataError, TrackingError, VectorsError
from pipeline.classifier.scoring import compile_scorer, score_texts
from pipeline.config import load_config
from pipeline.report.page_sections import RUN_SECTIONS
from pipeline.run import RunResult, run
from pipeline.tracking.models import find_model, load_model
from pipeline.tracking.trained import PHASES, read_phases

# One epoch of the network alone, and nothing beside it: for tests of something else.
QUICK = (
    "insight=none", "model.sif=false", "model.ngrams=false", "training.frozen.epochs=1",
    "training.fine_tuned.epochs=0",
)  # fmt: skip


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


@pytest.fixture(scope="module")
def quick(done: Done, small: dict[str, Path]) -> Done:
    """The same run without a look beyond accuracy, in the same store."""
    overrides = small_overrides(small, done.result.tracking_uri, "insight=none")
    return Done(run(load_config(overrides)), done.client, done.folder)


def test_the_run_is_finished_and_named(done: Done) -> None:
    assert done.record.info.status == "FINISHED"
    assert done.record.info.run_name == "headlines-vectors.txt-mean-0"


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
        for name in ("epochs/loss", "epochs/val_accuracy")
    }
    assert steps["epochs/loss"] == steps["epochs/val_accuracy"] == [1, 2, 3, 4, 5, 6]
    values = [m.value for m in done.client.get_metric_history(done.result.run_id, "epochs/loss")]
    assert values == [epoch.loss for epoch in done.result.fitted.history.epochs]
    table = pd.read_csv(io.StringIO(done.text("tables/epochs.csv")))
    assert table["phase"].tolist() == 3 * ["frozen"] + 3 * ["fine_tuned"]
    assert table["loss"].tolist() == pytest.approx(values)


def test_metrics_of_the_result(done: Done) -> None:
    metrics, evaluation = done.record.data.metrics, done.result.evaluation
    assert metrics["test/accuracy"] == evaluation.accuracy
    assert metrics["test/macro_f1"] == evaluation.macro_f1
    assert metrics["test/log_loss"] == evaluation.log_loss
    assert metrics["test/ece"] == evaluation.ece
    assert metrics["test/accuracy/frozen"] == done.result.evaluations["frozen"].accuracy
    assert metrics["vectors/coverage"] == 1
    stages = (
        "data", "audit", "fit", "fit: vocabulary", "fit: vectors", "fit: matrix", "fit: network",
        "fit: training", "fit: ensemble", "model_saving", "evaluation", "embedding", "attribution",
        "model_logging", "total",
    )  # fmt: skip
    seconds = pd.read_csv(io.StringIO(done.text("tables/seconds.csv"))).set_index("stage")
    assert all(seconds["seconds"][stage] > 0 for stage in stages)


def test_what_a_newcomer_reads(done: Done, quick: Done) -> None:
    """The descriptions of the run, of its model and of that version, and what they link to."""
    note = done.record.data.tags["mlflow.note.content"]
    result = report.result_sentence(done.result.evaluation)
    assert note.splitlines()[0] == result
    for method in done.result.evaluations:
        assert f"{method} (kept)" in note or f"| {method} |" in note
    assert "| commonest label |" in note
    for path in re.findall(r"runs/\w+/artifacts/([^?]+)\?", note):
        assert done.text(path)
    (picture,) = re.findall(r"get-artifact\?path=([^&]+)&run_uuid=", note)
    path = done.client.download_artifacts(done.result.run_id, unquote(picture))
    assert Path(path).stat().st_size > 1000
    assert "not audited" in quick.record.data.tags["mlflow.note.content"]
    # The card of the version and the README of its folder have the same facts.
    name, version = done.result.registered.name, done.result.registered.version
    card = done.client.get_model_version(name, version).description
    assert f"models:/{name}/{version}" in card
    champion = done.client.get_registered_model(name).description
    assert champion == card.replace(f"models:/{name}/{version}", f"models:/{name}@champion")
    with find_model(name, done.result.tracking_uri) as folder:
        assert folder.classifier is not None
        readme = (folder.classifier / "README.md").read_text("utf-8")
    facts = card[card.index("| | |") :]
    assert "test accuracy" in facts
    assert "95% interval" in facts
    assert facts.strip() in readme


def test_data_sets_are_inputs_with_their_digest(done: Done) -> None:
    inputs = done.record.inputs.dataset_inputs
    tags = [{tag.key: tag.value for tag in i.tags} for i in inputs]
    assert {t["mlflow.data.context"] for t in tags} == {"training", "validation", "test"}
    digests = done.result.headlines.sha256
    assert {t["sha256"] for t in tags} == set(digests.values())
    table = pd.read_csv(io.StringIO(done.text("tables/data.csv"))).set_index("part")
    assert table["sha256"]["test"] == digests["test"]


ALWAYS = {
    "keras/classifier.keras",
    "tables/data.csv",
    "tables/epochs.csv",
    "tables/length.csv",
    "tables/members.csv",
    "tables/results.csv",
    "tables/seconds.csv",
    "tables/vectors.csv",
    "tables/versions.csv",
    "tables/per_class.csv",
    "tables/thresholds.csv",
    "tables/answered.csv",
    "tables/label_sets.csv",
    "tables/marks.csv",
    "tables/test_predictions.csv",
    "tables/misclassified.csv",
    "tables/missing_words.csv",
    "tables/coverage.csv",
}
# What each switch of `insight` adds to a run, without and with pictures.
ADDED = {
    "audit": {
        "tables/audit.csv",
        "tables/audit_signals.csv",
        "tables/audit_features.csv",
        "tables/audit_overlaps.csv",
        "tables/near_duplicates.csv",
        "tables/wrong_labels.csv",
    },
    "embedding": {
        "tables/embedding.csv",
        "tables/probe_headlines.csv",
        "tables/probes.csv",
        "tables/probe_pairs.csv",
        "tables/probe_pairs_by_label.csv",
        "tables/drift.csv",
        "tables/neighbours.csv",
        "projector/before.tsv",
        "projector/after.tsv",
        "projector/metadata.tsv",
        "projector/projector_config.pbtxt",
    },
    "attribution": {"tables/why_misclassified.csv", "tables/words_by_label.csv"},
    "figures": {
        "figures/learning_curves.png",
        "figures/confusion_matrix.png",
        "figures/reliability.png",
        "figures/unsure.png",
        "figures/coverage.png",
    },
}
PICTURES = {
    "figures/audit_signals.png",
    "figures/probes.png",
    "figures/drift.png",
    "figures/headline_map.png",
}


def artifacts(client: MlflowClient, run_id: str) -> set[str]:
    """All files of a run but config.yaml and its phases."""
    folders = [item.path for item in client.list_artifacts(run_id) if item.is_dir]
    folders = [folder for folder in folders if folder != PHASES]
    return {item.path for folder in folders for item in client.list_artifacts(run_id, folder)}


def test_figures_and_tables(done: Done) -> None:
    everything = ALWAYS.union(PICTURES, *ADDED.values())
    assert artifacts(done.client, done.result.run_id) == everything
    picture = Path(done.client.download_artifacts(done.result.run_id, "figures/reliability.png"))
    assert picture.read_bytes().startswith(b"\x89PNG")
    predictions = pd.read_csv(io.StringIO(done.text("tables/test_predictions.csv")))
    assert (predictions["label"] == predictions["predicted"]).mean() == pytest.approx(
        done.result.evaluation.accuracy
    )
    wrong = pd.read_csv(io.StringIO(done.text("tables/misclassified.csv")))
    assert len(wrong) == (predictions["label"] != predictions["predicted"]).sum()
    assert wrong["confidence"].is_monotonic_decreasing


def test_the_report_is_a_page_of_all_of_it(done: Done, quick: Done) -> None:
    page = done.text("report.html")
    accuracy = done.result.evaluation.accuracy
    assert f"Right on {accuracy:.1%} of {len(done.result.evaluation.labels)} test headlines" in page
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert titles == [section.title for section in RUN_SECTIONS]
    assert len(page) < 2_000_000
    assert page.count("<img") == len(PICTURES | ADDED["figures"])
    assert not re.findall(r">(?:nan|NaN|None%?)<|\{\{", page.split("How it was made</h2>")[0])
    assert f"runs:/{done.result.run_id}/model" in page
    # Without a look beyond accuracy it has no pictures, and no empty section.
    short = quick.text("report.html")
    assert "<img" not in short
    assert "What the embedding knows" not in short


def test_the_phases_that_were_not_kept_are_there_without_tensorflow(done: Done) -> None:
    history, headlines = done.result.fitted.history, done.result.headlines
    (second,) = {phase.name for phase in history.phases} - {history.best.name}
    done.client.download_artifacts(done.result.run_id, PHASES, str(done.folder))
    kept = load_model(done.result.registered.name, done.result.tracking_uri).classifier
    phases = read_phases(done.folder, kept)
    assert list(phases) == [second]
    predicted = phases[second].predict_proba(headlines.texts("test"))
    expected = done.result.evaluations[second].probabilities
    np.testing.assert_allclose(predicted, expected, atol=2e-3)  # they are kept in float16


LOOKS = {
    "audit": (),
    "embedding": ("words/",),
    "attribution": (),
}  # metrics beyond accuracy, by the switch of `insight`


def beyond_accuracy(metrics: dict[str, float], looks: tuple[str, ...] = tuple(LOOKS)) -> set[str]:
    prefixes = tuple(prefix for look in looks for prefix in LOOKS[look])
    return {name for name in metrics if name.startswith(prefixes)} if prefixes else set()


def test_without_a_look_beyond_accuracy_the_result_is_the_same(done: Done, quick: Done) -> None:
    result = quick.result
    assert (result.audit, result.embedding, result.attribution) == (None, None, None)
    assert artifacts(quick.client, result.run_id) == ALWAYS
    metrics, whole = quick.record.data.metrics, done.record.data.metrics
    timed, looked = (
        set(pd.read_csv(io.StringIO(each.text("tables/seconds.csv")))["stage"])
        for each in (quick, done)
    )
    assert looked - timed == set(LOOKS)
    assert beyond_accuracy(whole)
    assert set(metrics) == set(whole) - beyond_accuracy(whole)
    assert all(metrics[name] == whole[name] for name in metrics)
    texts = result.headlines.texts("test")
    first, second = (each.result.fitted.classifier.predict_proba(texts) for each in (done, quick))
    assert first.tobytes() == second.tobytes()
    assert result.registered.name == done.result.registered.name
    assert result.registered.uri != done.result.registered.uri


@pytest.mark.parametrize("switch", [*ADDED])
def test_each_look_beyond_accuracy_by_itself(
    small: dict[str, Path], store: str, switch: str
) -> None:
    result = run(load_config(small_overrides(small, store, *QUICK, f"insight.{switch}=true")))
    client = MlflowClient(store)
    assert artifacts(client, result.run_id) == ALWAYS | ADDED[switch]
    # Without members the best phase is kept.
    assert result.fitted.kept == "frozen"
    assert list(result.evaluations) == ["frozen"]
    assert (result.audit is not None) == (switch == "audit")
    assert (result.embedding is not None) == (switch == "embedding")
    assert (result.attribution is not None) == (switch == "attribution")
    metrics = client.get_run(result.run_id).data.metrics
    looks = (switch,) if switch in LOOKS else ()
    assert beyond_accuracy(metrics) == beyond_accuracy(metrics, looks)
    assert bool(beyond_accuracy(metrics)) == any(LOOKS[look] for look in looks)


def test_the_kept_classifier_is_the_one_that_is_reported(done: Done) -> None:
    fitted, evaluations = done.result.fitted, done.result.evaluations
    assert fitted.kept == "ensemble"
    assert list(evaluations) == ["frozen", "fine_tuned", "ensemble"]
    assert done.result.evaluation is evaluations["ensemble"]
    texts = done.result.headlines.texts("test")
    probabilities = fitted.classifier.predict_proba(texts)
    np.testing.assert_allclose(probabilities, done.result.evaluation.probabilities, rtol=1e-5)
    metrics = done.record.data.metrics
    assert metrics["test/accuracy"] == metrics["test/accuracy/ensemble"]
    # The network by itself has the weights of the best phase.
    best = evaluations[fitted.history.best.name]
    probabilities = fitted.network.predict_proba(texts)
    np.testing.assert_allclose(probabilities, best.probabilities, rtol=1e-5)


def test_what_the_embedding_knows_after_each_phase(done: Done) -> None:
    metrics, reports = done.record.data.metrics, done.result.embedding
    assert [each.method for each in reports] == ["frozen", "fine_tuned"]
    for each in reports:
        for name in ("rank_bc", "pairs_rank_mean"):
            assert metrics[f"words/{name}/{each.method}"] == each.probes.metrics()[name]
    assert metrics["words/moved/fine_tuned"] == reports[1].drift.metrics()["relative"] > 0
    numbers = pd.read_csv(io.StringIO(done.text("tables/embedding.csv"))).set_index("metric")
    for each in reports:
        for name in ("cos_ab", "cos_ac", "cos_bc", "rank_bc", "pairs_rank_median"):
            expected = each.probes.metrics()[name]
            assert numbers["mean"][f"probe/{each.method}/{name}"] == pytest.approx(expected)
        assert numbers["mean"][f"semantics/{each.method}/wordsim353_pairs"] < 10
    probes = pd.read_csv(io.StringIO(done.text("tables/probes.csv")))
    assert probes["rank_bc"].tolist() == [each.probes.rank_bc for each in reports]
    assert set(probes["unseen_c"].str.split().str[0]) == {"(lose)"}  # the set knows no such word
    drift = pd.read_csv(io.StringIO(done.text("tables/drift.csv")))
    assert set(drift["word"]) == set(done.result.fitted.matrix.words)
    names = {
        Path(item.path).name for item in done.client.list_artifacts(done.result.run_id, "projector")
    }
    assert names == {"before.tsv", "after.tsv", "metadata.tsv", "projector_config.pbtxt"}
    shape = (len(done.result.fitted.matrix.words), 8)
    assert np.loadtxt(io.StringIO(done.text("projector/after.tsv"))).shape == shape


def test_looking_at_it_leaves_the_classifier_alone(done: Done) -> None:
    """The weights that are logged are those of the best phase, whichever was looked at last."""
    fitted = done.result.fitted
    kept, trained = fitted.history.best.weights, fitted.network.get_weights()
    assert [w.tobytes() for w in kept] == [w.tobytes() for w in trained]


def test_probe_sentences_of_ones_own(small: dict[str, Path], store: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    sentences = (
        "reference: {a: the bank, b: alps loses ice, c: snow of the himalaya, label: nature}"
    )
    path.write_text(sentences)
    more = (*QUICK, "insight.embedding=true", f"insight.probes={path}", "insight.words=[goal]")
    result = run(load_config(small_overrides(small, store, *more)))
    (only,) = result.embedding
    assert only.probes.label == "nature"
    assert only.probes.pairs == ()
    assert [near.word for near in only.drift.neighbours] == ["goal"]
    # A file that cannot be used is found out before anything is read or trained.
    path.write_text(sentences.replace("c:", "d:"))
    with pytest.raises(DataError, match=r"mine\.yaml: reference\.c: "):
        run(load_config(small_overrides(small, store, *more, "vectors.path=nowhere.txt")))


def test_the_logged_model_gives_the_same_probabilities(done: Done) -> None:
    model = load_model(done.result.registered.name, done.result.tracking_uri)
    texts = done.result.headlines.texts("test")
    rows = model.predict(texts)
    names = done.result.headlines.label_names
    logged = np.array([[row["probabilities"][name] for name in names] for row in rows], np.float32)
    classifier = done.result.fitted.classifier
    np.testing.assert_allclose(logged, classifier.predict_proba(texts), atol=1e-5)
    assert [row["label"] for row in rows] == classifier.predict(texts).tolist()


def test_the_run_has_the_model_of_keras(done: Done, tmp_path: Path) -> None:
    """For those who train on."""
    client = MlflowClient(done.result.tracking_uri)
    path = client.download_artifacts(
        done.result.run_id, "keras/classifier.keras", dst_path=str(tmp_path)
    )
    texts = done.result.headlines.texts("test")
    scored = score_texts(compile_scorer(keras.saving.load_model(path)), texts, 3)
    expected = done.result.fitted.classifier.predict_proba(texts)
    assert scored.tobytes() == expected.tobytes()


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
    assert "tensorflow" not in requirements
    assert "headline-transfer" not in requirements


def test_the_registry_gets_the_validation_result_and_its_headlines(
    done: Done, quick: Done, small: dict[str, Path], tmp_path: Path
) -> None:
    """With them it decides on the champion."""
    assert done.result.registered.champion
    # As good as the champion on the same headlines is not better.
    assert not quick.result.registered.champion
    accuracy = f"{done.result.fitted.ensemble.accuracy:.4f}"
    assert f"{accuracy}, no better than {accuracy}" in quick.result.registered.reason
    texts, labels = make_headlines(40)
    path = write_csv(tmp_path / "headlines.csv", texts + texts, labels + labels)
    # Another file gets a name of its own, unless the user chooses the name.
    same = f"tracking.registered_model={done.result.registered.name}"
    weighed = ("training.select=macro_f1", "training.class_weight={sport: 2}")
    more = (f"data.path={path}", "data.seed=5", *weighed, same, *QUICK)
    second = run(load_config(small_overrides(small, done.result.tracking_uri, *more)))
    assert not second.registered.champion
    assert "other headlines" in second.registered.reason
    # A version has all that can decide. What does is a metric.
    version = done.client.get_model_version(second.registered.name, second.registered.version)
    results = second.fitted.ensemble.validation
    for name, value in results.items():
        assert version.tags[f"pipeline.validation_{name}"] == repr(value)
    metrics = done.client.get_run(second.run_id).data.metrics
    assert metrics["validation/macro_f1"] == results["macro_f1"]
    # Repeated headlines are counted in the run.
    counts = pd.read_csv(done.client.download_artifacts(second.run_id, "tables/data.csv"))
    assert counts.set_index("part")["headlines"]["dropped: duplicates"] == 120
    # So are the weights of the labels.
    file = done.client.download_artifacts(second.run_id, "tables/label_weights.csv")
    table = pd.read_csv(file)
    assert dict(zip(table["label"], table["weight"], strict=True))["sport"] == 2


def test_the_seed_decides_the_bits(
    done: Done, quick: Done, small: dict[str, Path], store: str
) -> None:
    second = run(load_config(small_overrides(small, store, "insight=none", "seed=1"))).fitted
    first, again = done.result.fitted, quick.result.fitted
    assert again.history.epochs == first.history.epochs != second.history.epochs
    assert again.ensemble.loss == first.ensemble.loss != second.ensemble.loss


def test_scratch_and_random(small: dict[str, Path], store: str) -> None:
    result = run(
        load_config(
            ["data=file", f"data.path={small['csv']}", "training=scratch", "model=mean",
             "training.scratch.epochs=2", "vectors.vector_size=8", "insight=none",
             f"tracking.uri={store}"]
        )
    )  # fmt: skip
    assert [phase.name for phase in result.fitted.history.phases] == ["scratch"]
    assert result.fitted.matrix.coverage.tokens == 0
    assert result.fitted.kept == "scratch"
    assert list(result.evaluations) == ["scratch"]


def test_a_failed_run_says_why(small: dict[str, Path], store: str) -> None:
    message = "expected vectors of dimension 50"
    with pytest.raises(VectorsError, match=message):
        run(load_config(small_overrides(small, store, "vectors.vector_size=50")))
    (record,) = MlflowClient(store).search_runs(["1"])
    assert record.info.status == "FAILED"
    assert message in record.data.tags["pipeline.end_reason"]
    assert MlflowClient(store).search_registered_models() == []


@pytest.mark.parametrize(
    ("override", "error", "message"),
    [
        ("data.path=nowhere.csv", DataError, r"there is none at nowhere\.csv"),
        ("vectors.path=nowhere.txt", VectorsError, r"nowhere\.txt: expected a file of vectors"),
    ],
)
def test_files_that_are_not_there_are_found_out_before_the_run(
    small: dict[str, Path], tmp_path: Path, override: str, error: type[Exception], message: str
) -> None:
    """Not even the database of the store is made."""
    with pytest.raises(error, match=message):
        run(load_config(small_overrides(small, f"sqlite:///{tmp_path / 'mlflow.db'}", override)))
    assert not [*tmp_path.iterdir()]


def test_inside_of_an_active_run_it_is_a_run_below(small: dict[str, Path], store: str) -> None:
    """And everything that MLflow keeps for the process is as it was."""
    mlflow.set_tracking_uri(store)
    mlflow.set_experiment("mine")
    before = (mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI"))
    seen = []
    with mlflow.start_run() as parent:
        overrides = small_overrides(small, f"'{store}?timeout=30'", *QUICK)
        result = run(
            load_config(overrides), on_epoch=lambda _: seen.append(mlflow.get_tracking_uri())
        )
        assert mlflow.active_run().info.run_id == parent.info.run_id
        assert (mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")) == before
        assert set(seen) == {store}
        mlflow.log_param("after", 1)
        with mlflow.start_run(nested=True) as sibling:
            pass
    client = MlflowClient(store)
    record = client.get_run(result.run_id)
    assert record.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert record.info.status == client.get_run(parent.info.run_id).info.status == "FINISHED"
    mine = client.get_experiment_by_name("mine").experiment_id
    assert {record.info.experiment_id, sibling.info.experiment_id} == {mine}
    assert client.get_run(parent.info.run_id).data.params == {"after": "1"}
    mlflow.set_tracking_uri(None)


def test_vectors_of_another_casing(small: dict[str, Path], store: str, tmp_path: Path) -> None:
    lines = small["vectors"].read_text().splitlines()
    capitals = tmp_path / "capitals.txt"
    capitals.write_text("\n".join(line[0].upper() + line[1:] for line in lines))
    overrides = small_overrides(small, store, f"vectors.path={capitals}", *QUICK)
    result = run(load_config(overrides))
    assert result.fitted.matrix.coverage.tokens == 1
    table = pd.read_csv(
        MlflowClient(store).download_artifacts(result.run_id, "tables/coverage.csv")
    ).set_index("fallback")
    assert table["tokens_share"]["capitalised"] == 1
    assert table["tokens_share"]["exact"] == table["tokens_share"]["missing"] == 0
    with pytest.raises(VectorsError, match=r"with capitals, and vectors\.fallbacks leaves"):
        run(load_config([*overrides, "vectors.fallbacks=[exact,lower]"]))


def test_the_tokeniser_follows_the_vectors(
    small: dict[str, Path], store: str, tmp_path: Path
) -> None:
    """Of a set with `don't` and without `n't`, in the vocabulary and in the model."""
    texts, labels = make_headlines(40)
    csv = write_csv(tmp_path / "dont.csv", [f"Don't {text}" for text in texts], labels)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text(f"don't {' '.join(['0.5'] * 8)}\n" + small["vectors"].read_text())
    more = (f"data.path={csv}", f"vectors.path={vectors}", *QUICK)
    result = run(load_config(small_overrides(small, store, *more)))
    assert {"do", "n't", "don't"} & set(result.fitted.matrix.words) == {"don't"}
    row = 2 + result.fitted.matrix.words.index("don't")
    assert result.fitted.network.token_ids(["Don’t"])[0].tolist() == [[row]]


def test_no_tracking_server_is_found_out_first(small: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match=r"expected an MLflow server at http://127\.0\.0\.1:9"):
        run(load_config(small_overrides(small, "http://127.0.0.1:9", "vectors.path=nowhere.txt")))


def test_reports_need_no_server(done: Done) -> None:
    result, fitted = done.result, done.result.fitted
    items = report.evaluations_items(result.evaluations, fitted.kept)
    metrics = {item.name: item.value for item in items if isinstance(item, report.Metric)}
    assert metrics["test/accuracy"] == result.evaluation.accuracy
    items = report.ensemble_items(fitted.ensemble)
    metrics = {item.name: item.value for item in items if isinstance(item, report.Metric)}
    assert metrics["validation/accuracy"] == fitted.ensemble.accuracy
    (members,) = [item.frame for item in items if isinstance(item, report.Table)]
    assert members["member"].tolist() == ["network", "sif", "ngrams"]
    facts, rows = report.summary(
        result.headlines,
        fitted.matrix,
        fitted.history,
        fitted.ensemble,
        result.evaluations,
        result.seconds,
    )
    assert dict(facts)["data"] == "headlines, 3 labels"
    assert dict(facts)["ensemble"].startswith("weights network ")
    loss = done.result.fitted.ensemble.loss
    assert dict(facts)["kept"].startswith(f"the ensemble: validation loss {loss:.4f}, ")
    assert rows["classifier"].tolist() == ["frozen", "fine_tuned", "ensemble (kept)"]
