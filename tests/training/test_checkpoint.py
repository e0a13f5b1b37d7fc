"""A training that was cut off goes on where it stopped, and gives the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from builders import ROOT
from networks import QUICK, TRAIN, VALIDATION, built, phase, shared

from pipeline.classifier.encoders import MetricOptions
from pipeline.classifier.network import Network
from pipeline.data.examples import Examples
from pipeline.training.checkpoint import Checkpoint
from pipeline.training.history import Epoch, History
from pipeline.training.loop import train
from pipeline.training.options import TrainingOptions

METRIC = MetricOptions(filters=4, width=6, kernel_sizes=(1,))
SHORT = phase("frozen", 2)


class CutOffError(Exception):
    pass


def cut_off(
    folder: Path,
    network: Network,
    schedule: TrainingOptions,
    after: int = 1,
    training: Examples = TRAIN,
    seed: int = 0,
) -> None:
    """Begin a training and stop it after so many epochs."""
    shown: list[Epoch] = []

    def stop(epoch: Epoch) -> None:
        shown.append(epoch)
        if len(shown) == after:
            raise CutOffError

    with pytest.raises(CutOffError):
        train(network, training, VALIDATION, schedule, seed=seed, on_epoch=stop, checkpoints=folder)


def go_on(
    folder: Path, network: Network, schedule: TrainingOptions
) -> tuple[History, tuple[Epoch, ...]]:
    seen: list[Epoch] = []
    history = train(network, TRAIN, VALIDATION, schedule, on_epoch=seen.append, checkpoints=folder)
    return history, tuple(seen)


def assert_same_weights(network: Network, expected: Network) -> None:
    for mine, theirs in zip(network.get_weights(), expected.get_weights(), strict=True):
        assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("after", [2, 3, 6])
def test_taken_up_after_any_epoch_it_gives_the_same_bits(tmp_path: Path, after: int) -> None:
    whole, history = shared(METRIC, QUICK)
    cut_off(tmp_path, built(METRIC), QUICK, after)
    assert len(list(tmp_path.iterdir())) == 1
    network = built(METRIC)
    resumed, seen = go_on(tmp_path, network, QUICK)
    assert seen == resumed.epochs == history.epochs
    assert [epoch.earlier for epoch in seen] == [n < after for n in range(len(seen))]
    assert_same_weights(network, whole)
    again, seen = go_on(tmp_path, trained_again := built(METRIC), QUICK)  # nothing is left to train
    assert seen == again.epochs == history.epochs
    assert [phase.seconds for phase in again.phases] == [p.seconds for p in resumed.phases]
    assert_same_weights(trained_again, whole)


def test_another_training_is_not_taken_up(tmp_path: Path) -> None:
    """One with another seed, schedule, or option that the weights do not show."""
    trainings: list[tuple[Network, TrainingOptions, int]] = [
        (built(), SHORT, 0),
        (built(), SHORT, 1),
        (built(), replace(SHORT, warmup_fraction=0.2), 0),
        (built(METRIC), SHORT, 0),
        (built(replace(METRIC, margin=9.0)), SHORT, 0),
        (built(replace(METRIC, dropout=0.1)), SHORT, 0),
    ]
    for network, schedule, seed in trainings:
        cut_off(tmp_path, network, schedule, seed=seed)
    assert len(list(tmp_path.iterdir())) == len(trainings)
    cut_off(tmp_path, built(), SHORT)  # the first once more
    assert len(list(tmp_path.iterdir())) == len(trainings)


def test_nor_with_other_texts_or_labels(tmp_path: Path) -> None:
    texts, labels = list(TRAIN.texts), list(TRAIN.labels)
    for training in (
        TRAIN,
        replace(TRAIN, texts=texts[::-1], labels=labels[::-1]),
        replace(TRAIN, labels=[(label + 1) % 3 for label in labels]),
    ):
        cut_off(tmp_path, built(), SHORT, training=training)
    assert len(list(tmp_path.iterdir())) == 3


MORE_THREADS = """
import sys
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(7)
from pathlib import Path
from networks import TRAIN, VALIDATION, built, phase
from pipeline.training.loop import train

def stop(epoch):
    raise SystemExit(0)

folder = Path(sys.argv[1])
train(built(), TRAIN, VALIDATION, phase("frozen", 2), on_epoch=stop, checkpoints=folder)
"""


@pytest.mark.slow
def test_another_number_of_threads_is_another_training(tmp_path: Path) -> None:
    """As it gives other bits."""
    cut_off(tmp_path, built(), SHORT)
    subprocess.run(
        [sys.executable, "-c", MORE_THREADS, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        check=True,
        timeout=120,
    )
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    history = train(built(), TRAIN, VALIDATION, SHORT, checkpoints=tmp_path / "file" / "training")
    assert len(history.epochs) == 2
    warnings = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "could not be taken up if it were cut off: Not a directory" in warnings[0]


def test_a_damaged_checkpoint_is_as_good_as_none(tmp_path: Path) -> None:
    network = built()
    cut_off(tmp_path, network, SHORT)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    assert Checkpoint(file).load() is not None
    for damaged in (b"", b"PK", content[: len(content) // 2], content[:-30], b"x" + content[1:]):
        file.write_bytes(damaged)
        assert Checkpoint(file).load() is None
    network, begun_anew = built(), built()
    history, seen = go_on(tmp_path, network, SHORT)
    expected = train(begun_anew, TRAIN, VALIDATION, SHORT)
    assert seen == history.epochs == expected.epochs
    assert_same_weights(network, begun_anew)
