"""`pipeline train`: what it prints, and that it goes on where it was shot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from builders import main, read_terminal, small_overrides
from mlflow import MlflowClient


def test_what_it_prints(
    small: dict[str, Path], store: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = main(capfd, "train", *small_overrides(small, store, "insight=none"))
    assert code == 0
    assert "fine_tuned" in out
    assert "models:/headlines-headlines@champion is the champion" in out
    assert "frozen: epoch 1 of 3" in err  # plain lines where there is no terminal


@pytest.mark.slow
def test_a_training_that_was_shot_goes_on_where_it_stopped(
    small: dict[str, Path], store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """SIGKILL in the middle of a phase. The same command goes on with the same run, and gives what
    an undisturbed one gives."""
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    overrides = small_overrides(small, store, "training.frozen.epochs=60", "seed=7", "insight=none")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "train", *overrides],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "frozen: epoch 10 of 60" in line:
            process.kill()
            break
    process.communicate(timeout=60)
    client = MlflowClient(store)
    assert [r.info.status for r in client.search_runs(["1"])] == ["RUNNING"]
    code, _, resumed = main(capfd, "train", *overrides)
    assert code == 0
    assert "was abandoned, marked as KILLED" in resumed
    (record,) = client.search_runs(["1"])
    assert (record.info.status, record.data.tags["pipeline.end_reason"]) == ("FINISHED", "")
    history = client.get_metric_history(record.info.run_id, "epochs/loss")
    assert [metric.step for metric in history] == [*range(1, 64)]  # each epoch once
    (epoch,) = re.findall(r"goes on after epoch (\d+) of frozen", resumed)
    assert 10 <= int(epoch) < 60
    assert not list((tmp_path / "cache" / "runs").iterdir())
    _, _, again = main(capfd, "train", *overrides)
    assert "goes on" not in again

    def epochs(text: str) -> list[str]:
        return [line for line in text.splitlines() if ": epoch" in line]

    earlier = " (from before)"
    assert [line.removesuffix(earlier) for line in epochs(resumed)] == epochs(again)
    assert [line.endswith(earlier) for line in epochs(resumed)].index(False) == int(epoch)
    assert len(epochs(resumed)) == 63


@pytest.mark.slow
def test_a_run_is_taken_up_by_its_id(
    small: dict[str, Path], store: str, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With the options that it was started with. Nothing that was trained is trained again."""
    overrides = small_overrides(small, store, "insight=none")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("pipeline.run.evaluate", fail)  # the end of a stage that comes after training
        code, _, err = main(capfd, "train", *overrides)
    assert code == 130
    (folder,) = re.findall(r"the model is in (\S+) \(pipeline predict", err)
    assert main(capfd, "predict", "--model", folder, "Alps")[0] == 0
    client = MlflowClient(store)
    (killed,) = client.search_runs(["1"])
    code, _, err = main(capfd, "train", "--resume", killed.info.run_id, "seed=1")
    assert code == 2
    assert "--resume takes the options of the run, 'seed=1' would be another one" in err
    code, out, err = main(capfd, "train", "--resume", killed.info.run_id)
    assert code == 0, err
    assert "goes on after epoch 3 of fine_tuned" in err
    (record,) = client.search_runs(["1"])
    assert (record.info.run_id, record.info.status) == (killed.info.run_id, "FINISHED")
    assert len(client.get_metric_history(record.info.run_id, "epochs/loss")) == 6
    assert "@champion is the champion" in out
    code, _, err = main(capfd, "train", "--resume", killed.info.run_id)
    assert (code, "has finished: start a new one" in err) == (2, True)
    code, _, err = main(capfd, "train", "--resume", "0" * 32)
    assert code == 2
    assert "could not read the options of the run 000" in err


@pytest.mark.slow
def test_a_progress_bar_on_a_terminal(small: dict[str, Path], store: str, tmp_path: Path) -> None:
    import pty

    parent, child = pty.openpty()
    overrides = small_overrides(small, store, "insight=none")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "train", *overrides],
        cwd=tmp_path, env={**os.environ, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=child,
    )  # fmt: skip
    os.close(child)
    shown = read_terminal(parent)
    assert process.wait(60) == 0
    assert "━" in shown.decode()
    assert b"frozen: epoch 1 of 3: loss" not in shown
    assert b"cuda" not in shown.lower()
