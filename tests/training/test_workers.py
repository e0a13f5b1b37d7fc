"""Several processes that train together: what TF_CONFIG may say, how they meet, and how they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest
from builders import make_headlines, small_overrides, unused_ports
from mlflow import MlflowClient

from pipeline.base.errors import ConfigError, TrainingError
from pipeline.training.cluster import Cluster, meet, read_cluster

EPOCHS = ("epochs/loss", "epochs/val_loss", "epochs/val_accuracy")


def addresses(n: int) -> tuple[str, ...]:
    return tuple(f"127.0.0.1:{port}" for port in unused_ports(n))


def config(
    workers: tuple[str, ...], index: int | str = 0, kind: str = "worker", **more: list[str]
) -> str:
    return json.dumps(
        {"cluster": {"worker": list(workers), **more}, "task": {"type": kind, "index": index}}
    )


TWO = ("a:1", "b:2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (config(TWO), Cluster(TWO, 0)),
        (config(TWO, 1), Cluster(TWO, 1)),
        (config(TWO, "1"), Cluster(TWO, 1)),
        (config(("b:2",), chief=["a:1"]), Cluster(TWO, 1)),
        (config(("b:2",), kind="chief", chief=["a:1"]), Cluster(TWO, 0)),
    ],
)
def test_tf_config_names_the_workers(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: Cluster
) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    assert read_cluster(2) == expected


def test_without_the_option_tf_config_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TF_CONFIG", config(TWO, 1))
    assert read_cluster(1).is_chief
    assert "this process trains alone" in caplog.text
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(ConfigError, match=r"training.workers=2: .* TF_CONFIG, there is none"):
        read_cluster(2)


def _met(
    clusters: list[Cluster], identities: list[dict[str, str]], wait_seconds: float = 100
) -> list[str]:
    """What each worker gets, as text; nothing where all is well."""

    def meet_as(cluster: Cluster, identity: dict[str, str]) -> str:
        try:
            meet(cluster, identity, wait_seconds)
        except TrainingError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(len(clusters)) as threads:
        return list(threads.map(meet_as, clusters, identities))


def test_workers_with_the_same_meet() -> None:
    names = addresses(3)
    same = {"headlines": "1", "options": "2"}
    assert _met([Cluster(names, i) for i in (2, 1, 0)], [same] * 3) == [""] * 3


def test_workers_with_something_else_all_say_it() -> None:
    names = addresses(3)
    identities = [{"headlines": "1", "options": str(i // 2)} for i in range(3)]
    messages = _met([Cluster(names, i) for i in range(3)], identities)
    assert len(set(messages)) == 1
    assert "has other options than worker 0" in messages[0]


def test_a_missing_worker_is_named_after_a_while() -> None:
    """Where the first one is there, it alone knows who is missing."""
    names = addresses(3)
    for present, missing in (([0], 2), ([1, 2], 0)):
        messages = _met([Cluster(names, i) for i in present], [{}] * len(present), wait_seconds=1)
        assert all(f"worker {missing} ({names[missing]})" in message for message in messages)


def test_a_worker_that_ends_while_another_is_waited_for_is_named() -> None:
    names = addresses(3)
    host, port = names[0].split(":")

    def end_early() -> str:
        for _ in range(1000):
            try:
                with socket.create_connection((host, int(port))) as connection:
                    said_by = {"worker": 1, "addresses": names, "identity": {}}
                    connection.sendall(json.dumps(said_by).encode() + b"\n")
                    return ""
            except OSError:
                time.sleep(0.05)
        return "no chief"

    with ThreadPoolExecutor(2) as threads:
        chief = threads.submit(_met, [Cluster(names, 0)], [{}])
        assert threads.submit(end_early).result() == ""
        last = _met([Cluster(names, 2)], [{}])
        assert chief.result() == last
    assert f"worker 1 ({names[1]}) ended while the others were waited for" in last[0]


def test_a_taken_port_is_named() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("", unused_ports(1)[0]))
        taken.listen()
        names = (f"127.0.0.1:{taken.getsockname()[1]}", *addresses(1))
        with pytest.raises(TrainingError, match=r"worker 0 .*: expected a free port"):
            meet(Cluster(names, 0), {})


@contextmanager
def _processes(folder: Path, overrides: list[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two trainings that are workers, ended with the block. Their messages are in 0.txt and 1.txt."""
    names = addresses(2)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "train", *overrides, "training.workers=2"],
            cwd=folder,
            env={**os.environ, "TF_CONFIG": config(names, i)},
            stdout=subprocess.DEVNULL,
            stderr=(folder / f"{i}.txt").open("wb"),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        for i in range(2)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _run(uri: str) -> tuple[str, dict[str, list[float]], pd.DataFrame]:
    """The status of the only run of a store, its curves, and its answers for the test split."""
    client = MlflowClient(uri)
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    curves = {
        name: [m.value for m in client.get_metric_history(run.info.run_id, name)] for name in EPOCHS
    }
    path = Path(run.info.artifact_uri.removeprefix("file://"), "tables/test_predictions.csv")
    return run.info.status, curves, pd.read_csv(path) if path.exists() else pd.DataFrame()


@pytest.mark.slow
@pytest.mark.timeout(900)  # a busy machine takes minutes
def test_two_processes_give_what_one_gives(small: dict[str, Path], tmp_path: Path) -> None:
    """Without dropout, of which each worker has its own. The last batch has one text: an empty share."""
    from pipeline.config import load_config
    from pipeline.run import run

    uri = f"sqlite:///{tmp_path}/two.db"
    options = (
        "insight=none", "model.dropout=0", "model.spatial_dropout=0", "model.letter_case=true",
        "training.batch_size=11", "data.validation=0.15",
    )  # fmt: skip
    overrides = small_overrides(small, uri, *options)
    with _processes(tmp_path, overrides) as processes:
        for i, process in enumerate(processes):
            assert process.wait(600) == 0, (tmp_path / f"{i}.txt").read_text()
    texts = [(tmp_path / f"{i}.txt").read_text().splitlines() for i in range(2)]
    epochs = [[line for line in lines if ": epoch" in line] for lines in texts]
    assert len(epochs[0]) == 6
    assert epochs[0] == epochs[1]
    alone = f"sqlite:///{tmp_path}/one.db"
    result = run(load_config(small_overrides(small, alone, *options)))
    assert len(result.headlines.texts("train")) % 11 == 1
    (status, curves, answers), (_, expected, expected_answers) = _run(uri), _run(alone)
    assert status == "FINISHED"
    for name in EPOCHS:
        assert curves[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-4), name
    pd.testing.assert_frame_equal(answers, expected_answers, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_go_on_with_weights_and_headlines_without_a_label_as_one_does(
    small: dict[str, Path], tmp_path: Path
) -> None:
    from pipeline.classifier.export import export_classifier
    from pipeline.config import load_config
    from pipeline.run import run

    texts, labels = make_headlines(40)
    frame = pd.DataFrame({"text": texts, "label": labels})
    frame["worth"] = [1 + i % 3 for i in range(len(frame))]
    frame.loc[::4, "label"] = ""
    frame.to_csv(tmp_path / "weighted.csv", index=False)
    options = (
        "insight=none", "model.dropout=0", "model.spatial_dropout=0", "training.batch_size=16",
        f"data.path={tmp_path}/weighted.csv", "data.weight=worth", "training.class_weight=balanced",
        "training.select=macro_f1",
    )  # fmt: skip
    earlier = run(load_config(small_overrides(small, f"sqlite:///{tmp_path}/earlier.db", *options)))
    begin = f"start={export_classifier(earlier.fitted.classifier, tmp_path / 'earlier')}"
    two, alone = (f"sqlite:///{tmp_path}/{name}.db" for name in ("two", "one"))
    with _processes(tmp_path, small_overrides(small, two, *options, begin)) as processes:
        for i, process in enumerate(processes):
            assert process.wait(600) == 0, (tmp_path / f"{i}.txt").read_text()
    result = run(load_config(small_overrides(small, alone, *options, begin)))
    assert result.start is not None
    assert result.fitted.unlabelled is not None
    assert result.fitted.unlabelled.used
    (status, curves, answers), (_, expected, expected_answers) = _run(two), _run(alone)
    assert status == "FINISHED"
    assert expected["epochs/loss"][0] < earlier.fitted.history.epochs[0].loss  # it goes on
    for name in EPOCHS:
        assert curves[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-4), name
    pd.testing.assert_frame_equal(answers, expected_answers, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("ended", "number", "status"), [(1, signal.SIGKILL, "FAILED"), (0, signal.SIGTERM, "KILLED")]
)
def test_where_a_worker_ends_the_others_end_with_one_line(
    small: dict[str, Path], tmp_path: Path, ended: int, number: signal.Signals, status: str
) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    overrides = small_overrides(small, uri, "insight=none", "training.frozen.epochs=100000")
    with _processes(tmp_path, overrides) as processes:
        messages = [tmp_path / f"{i}.txt" for i in range(2)]
        for _ in range(2400):
            if all(": epoch 2 of" in path.read_text() for path in messages):
                break
            assert {process.poll() for process in processes} == {None}, messages[0].read_text()
            time.sleep(0.1)
        processes[ended].send_signal(number)
        assert processes[1 - ended].wait(240) == 2
        (line,) = [
            line for line in messages[1 - ended].read_text().splitlines() if "epoch" not in line
        ][-1:]
        assert line.startswith(f"error: worker {ended} (127.0.0.1:")
        assert "has ended or cannot be reached" in line
        assert "Traceback" not in messages[1 - ended].read_text()
        processes[ended].wait(120)
    assert _run(uri)[0] == status
