"""`pipeline train start=...`: a run that begins from an earlier classifier."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from builders import main, make_headlines, small_overrides, write_csv
from mlflow import MlflowClient

from pipeline.base.errors import ConfigError
from pipeline.config import load_config
from pipeline.run import run
from pipeline.tracking.models import find_model
from pipeline.training.history import Epoch

# One epoch of the network alone, and nothing beside it.
QUICK = (
    "insight=none", "model.sif=false", "model.ngrams=false", "training.frozen.epochs=1",
    "training.fine_tuned.epochs=0", "training.frozen.learning_rate=0.05",
)  # fmt: skip


def stop(epoch: Epoch) -> None:
    raise ConfigError("stopped")


def test_a_run_begins_from_a_run_a_name_or_a_folder(
    small: dict[str, Path], store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    overrides = small_overrides(small, store, *QUICK)
    first = run(load_config(overrides))
    champion = "models:/headlines-headlines@champion"
    code, out, err = main(capfd, "train", *overrides, f"start={champion}")
    assert code == 0, err
    assert "start      models:/headlines-headlines/1\n" in out
    assert "other test headlines" not in err
    client = MlflowClient(store)
    second = client.search_runs(["1"], order_by=["start_time DESC"])[0]
    assert second.data.tags["start"] == "models:/headlines-headlines/1"
    assert second.data.params["start"] == champion
    assert "models:/headlines-headlines/1" in second.data.tags["mlflow.note.content"]
    # It begins where the first one ended.
    (loss,) = client.get_metric_history(second.info.run_id, "epochs/loss")
    assert loss.value < first.fitted.history.epochs[0].loss - 0.05

    # More headlines are another split. The same content by another address is the same run.
    more = write_csv(tmp_path / "more.csv", *make_headlines(45))
    begin = [*overrides, f"data.path={more}"]
    ids = set()
    with find_model(f"runs:/{first.run_id}/model", store) as folder:
        for address in (first.run_id, str(folder.classifier)):
            caplog.clear()
            with (
                pytest.raises(ConfigError, match="stopped"),
                caplog.at_level(logging.WARNING, "pipeline"),
            ):
                run(load_config([*begin, f"start='{address}'"]), on_epoch=stop)
            assert "start: the earlier classifier had other test headlines" in caplog.text
            latest = client.search_runs(["1"], order_by=["start_time DESC"])[0]
            assert latest.info.status == "FAILED"
            ids.add(latest.info.run_id)
    assert len(ids) == 1
