"""`model=metric`: its loss, what it learns, and the run around it."""

from __future__ import annotations

import copy
import math
import os
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from builders import make_headlines, small_overrides
from mlflow import MlflowClient
from networks import TEST, TRAIN, VALIDATION, built, trained

from pipeline import EmbeddingClassifier, run
from pipeline.base.errors import MissingExtraError
from pipeline.cases import casebase
from pipeline.classifier.encoders import CnnOptions, MeanOptions, MetricOptions
from pipeline.classifier.network import export_saved_model, with_labels
from pipeline.classifier.prototypes import Prototypes, pair_loss
from pipeline.config import load_config
from pipeline.training.loop import train
from pipeline.training.options import PhaseOptions, TrainingOptions

SMALL = MetricOptions(filters=16, width=10)
SHORT = TrainingOptions(fine_tuned=PhaseOptions(1, 5e-3), batch_size=16)


def slow_loss(labels: list[int], vectors: np.ndarray, margin: float) -> float:
    """Equation 4 of Hadsell, Chopra and LeCun (2006), pair by pair."""
    losses = []
    for i, j in combinations(range(len(labels)), 2):
        distance = math.sqrt(sum((vectors[i] - vectors[j]) ** 2))
        apart = max(0.0, margin - distance)
        losses.append((distance if labels[i] == labels[j] else apart) ** 2 / 2)
    return sum(losses) / len(losses)


def some_vectors(n: int, width: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (n, width)).astype(np.float32)


# ------------------------------------------------------------------------------------- the loss


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 0, 1], [0, 0], [0, 1, 2], [3, 1, 1, 1]])
@pytest.mark.parametrize("margin", [0.5, 2.0, 9.0])
def test_the_loss_is_that_of_the_paper(labels: list[int], margin: float) -> None:
    vectors = some_vectors(len(labels))
    loss = pair_loss(tf.constant(labels), tf.constant(vectors), margin)
    assert float(loss) == pytest.approx(slow_loss(labels, vectors, margin), rel=1e-4, abs=1e-6)


def test_its_gradient() -> None:
    """Against differences of the slow one."""
    labels, vectors = [0, 0, 1, 1, 1], some_vectors(5).astype(np.float64)
    variable = tf.Variable(vectors.astype(np.float32))
    with tf.GradientTape() as tape:
        loss = pair_loss(tf.constant(labels), variable, 3.0)
    gradient = tape.gradient(loss, variable).numpy()
    step = 1e-5
    for place in np.ndindex(vectors.shape):
        moved = [vectors.copy(), vectors.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        slope = (slow_loss(labels, moved[0], 3.0) - slow_loss(labels, moved[1], 3.0)) / (2 * step)
        assert gradient[place] == pytest.approx(slope, abs=1e-4)


def test_headlines_in_one_place_and_one_alone_do_no_harm() -> None:
    vectors = tf.Variable([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]])
    with tf.GradientTape() as tape:
        loss = pair_loss(tf.constant([0, 0, 1]), vectors, 3.0)
    assert float(loss) == pytest.approx(slow_loss([0, 0, 1], vectors.numpy(), 3.0), rel=1e-2)
    assert np.isfinite(tape.gradient(loss, vectors).numpy()).all()
    assert float(pair_loss(tf.constant([4]), vectors[:1], 3.0)) == 0


def test_logits_are_distances_to_the_centres() -> None:
    layer = Prototypes(3, margin=5.0, contrastive=0.5, seed=4)
    vectors, labels = some_vectors(5), tf.constant([0, 1, 1, 2, 0])
    logits = layer(vectors).numpy()
    centres = layer.get_weights()[0]
    distances = np.linalg.norm(vectors[:, None] - centres[None], axis=2)
    np.testing.assert_allclose(logits, -(distances**2) / 2, rtol=1e-4, atol=1e-6)
    assert float(layer.loss(labels, vectors)) == pytest.approx(
        float(0.5 * pair_loss(labels, tf.constant(vectors), 5.0))
    )
    again = Prototypes.from_config(layer.get_config())
    again.build((None, 6))
    assert again.get_weights()[0].tobytes() == centres.tobytes()


# ----------------------------------------------------------------------------------- the network


def separation(vectors: np.ndarray, labels: list[int]) -> float:
    """Mean distance between headlines of two labels, in multiples of that within one."""
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    same = np.equal.outer(labels, labels)
    return float(
        distances[~same].mean() / distances[same & ~np.eye(len(labels), dtype=bool)].mean()
    )


def test_it_separates_labels_by_distance() -> None:
    # The loss between headlines does it, and not the centres alone.
    schedule = TrainingOptions(fine_tuned=PhaseOptions(6, 1e-2), batch_size=16)
    ratios = {}
    for weight in (0.0, 1.0):
        config = MetricOptions(filters=16, width=10, contrastive=weight)
        classifier, history = trained(config, schedule)
        ratios[weight] = separation(classifier.embed(TEST.texts), TEST.labels)
        assert history.best.best.val_accuracy > 0.9
    untrained = separation(built(SMALL).embed(TEST.texts), TEST.labels)
    assert ratios[1.0] > ratios[0.0] > untrained
    assert ratios[1.0] > 2


def test_the_logged_loss_is_the_cross_entropy() -> None:
    """Comparable with the validation loss, whatever the weight of the other loss."""
    still = TrainingOptions(frozen=PhaseOptions(1, 1e-12), batch_size=120, adversarial_epsilon=0)
    losses = [
        trained(MetricOptions(filters=8, contrastive=w, dropout=0, spatial_dropout=0), still)[1]
        .epochs[0].loss
        for w in (0.0, 5.0)
    ]  # fmt: skip
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    results = []
    for seed in (1, 1, 2):
        classifier = built(SMALL, seed)
        before = classifier.embed(TEST.texts)  # compiled now, it still sees what training does
        train(classifier, TRAIN, VALIDATION, SHORT, seed=seed)
        results.append(classifier.embed(TEST.texts).tobytes())
        assert results[-1] != before.tobytes()
    assert results[0] == results[1] != results[2]


@pytest.mark.parametrize(
    ("config", "width"), [(SMALL, 10), (CnnOptions(filters=8), 24), (MeanOptions(), 16)],
    ids=["metric", "cnn", "mean"],
)  # fmt: skip
def test_every_classifier_gives_its_representation(
    config: MetricOptions | CnnOptions | MeanOptions, width: int, tmp_path: Path
) -> None:
    """It is what the last layer makes the logits from; the exported model gives the same bits."""
    classifier = built(config)
    vectors = classifier.embed(iter(TEST.texts))
    assert vectors.shape == (len(TEST.texts), width)
    assert vectors.dtype == np.float32
    last = classifier.encoder.get_layer("logits")
    probabilities = tf.nn.softmax(last(tf.constant(vectors))).numpy()
    np.testing.assert_allclose(
        probabilities, classifier.predict_proba(TEST.texts), rtol=1e-4, atol=1e-6
    )
    assert classifier.embed([]).shape == (0, width)
    export_saved_model(classifier, tmp_path / "model")
    loaded = tf.saved_model.load(tmp_path / "model")
    assert loaded.embed(tf.constant(TEST.texts)).numpy().tobytes() == vectors.tobytes()
    if config is SMALL:
        assert (np.abs(vectors) <= 1).all()


def test_other_classes_under_the_same_weights() -> None:
    classifier = built(SMALL)
    weights = classifier.get_weights()
    classifier.predict_proba(TEST.texts)  # what is compiled stays with the first one
    more = with_labels(classifier, 5)
    assert more.predict_proba(TEST.texts).shape == (len(TEST.texts), 5)
    assert more.embed(TEST.texts).tobytes() == classifier.embed(TEST.texts).tobytes()
    train(more, TRAIN, VALIDATION, SHORT)
    for mine, theirs in zip(classifier.get_weights(), weights, strict=True):
        assert mine.tobytes() == theirs.tobytes()  # the copy was trained, and nothing else
    copied = copy.deepcopy(more)
    assert copied.embed(TEST.texts).tobytes() == more.embed(TEST.texts).tobytes()


def test_behind_the_estimator(small: dict[str, Path]) -> None:
    texts, labels = make_headlines(30)
    estimator = EmbeddingClassifier(
        str(small["vectors"]), encoder="metric", frozen_epochs=2, fine_tuned_epochs=2,
        frozen_learning_rate=1e-2,
    ).fit(texts, labels)  # fmt: skip
    assert estimator.classifier_.embed(texts).shape == (90, 100)
    assert estimator.score(texts, labels) > 0.9


# --------------------------------------------------------------------------------------- the run


@pytest.fixture(scope="module")
def store_with_run(
    small: dict[str, Path], store_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[run.RunResult, MlflowClient]]:
    folder = tmp_path_factory.mktemp("metric")
    shutil.copy(store_template, folder / "mlflow.db")
    uri, before = f"sqlite:///{folder / 'mlflow.db'}", Path.cwd()
    os.chdir(folder)
    overrides = small_overrides(small, uri, "model=metric", "model.width=10")
    yield run.run(load_config(overrides)), MlflowClient(uri)
    os.chdir(before)


def test_a_run_logs_what_its_cases_say(
    store_with_run: tuple[run.RunResult, MlflowClient],
) -> None:
    result, client = store_with_run
    metrics = client.get_run(result.run_id).data.metrics
    cases = result.evaluations["knn"]
    assert metrics["test/knn_accuracy"] == cases.accuracy > 0.8
    assert metrics["test/fine_tuned_accuracy"] == result.evaluations["fine_tuned"].accuracy
    picture = Path(client.download_artifacts(result.run_id, "figures/cases.png"))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_without_the_extra_a_run_goes_on(
    store_with_run: tuple[run.RunResult, MlflowClient],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def missing() -> None:
        raise MissingExtraError("faiss-cpu", "cases", "a case base")

    monkeypatch.setattr(casebase, "_faiss", missing)
    result, _ = store_with_run
    evaluations = run._with_cases(result.classifier, result.headlines, {})
    assert evaluations == {}
    assert "pip install 'headline-transfer[cases]'" in caplog.text
