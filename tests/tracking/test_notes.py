"""Descriptions in a store: they are there, and never break a run."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from pipeline.report.items import Note
from pipeline.tracking.notes import LONGEST_NOTE, cut_note, set_run_note
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.registry import promote_version
from pipeline.tracking.runs import tracked_run

NOTE = "mlflow.note.content"


def test_a_run_and_its_experiment(store: str) -> None:
    client, options = MlflowClient(store), TrackingOptions(uri=store)
    with tracked_run(options, "noted", tags={"kind": "train", "data": "bbc"}) as tracked:
        tracked.log([Note("It has no result yet.")])
        assert client.get_run(tracked.run_id).data.tags[NOTE] == "It has no result yet."
        tracked.log([Note("first"), Note("http://alice:secret@host\n" + "x\n" * LONGEST_NOTE)])
    tags = client.get_run(tracked.run_id).data.tags
    assert tags[NOTE].startswith("http://alice:***@host\nx\n")
    assert len(tags[NOTE]) <= LONGEST_NOTE
    shown = [name for name in tags if not name.startswith("mlflow.")]
    assert shown[:2] == ["kind", "data"]
    assert all(name.startswith("pipeline.") for name in shown[2:])
    assert "workflowType" in client.get_experiment(tracked.experiment_id).tags[NOTE]
    # What a person writes stays.
    client.set_experiment_tag(tracked.experiment_id, NOTE, "mine")
    with tracked_run(options, "again"):
        pass
    assert client.get_experiment(tracked.experiment_id).tags[NOTE] == "mine"


def test_a_refused_description_is_left_out(store: str, caplog: pytest.LogCaptureFixture) -> None:
    with tracked_run(TrackingOptions(uri=store), "deleted") as tracked:
        pass
    client = MlflowClient(store)
    client.delete_run(tracked.run_id)  # MLflow lets nobody describe it now
    set_run_note(client, tracked.run_id, "late")
    assert "a description was refused and is left out" in caplog.text


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("short", 10, "short"),
        ("one\ntwo\nthree", 10, "one\ntwo\n…"),
        ("0123456789ab", 10, "01234567\n…"),
    ],
)
def test_a_long_description_is_cut(text: str, most: int, shown: str) -> None:
    assert cut_note(text, most) == shown


def test_a_registered_model_has_the_description_of_its_champion(store: str) -> None:
    client = MlflowClient(store)
    client.create_registered_model("m")

    def add(accuracy: float) -> str:
        tags = {
            "pipeline.validation_accuracy": repr(accuracy),
            "pipeline.validation_sha256": "a",
        }
        version = str(client.create_model_version("m", "/nowhere", tags=tags).version)
        client.update_model_version("m", version, f"right on {accuracy}: models:/m/{version}")
        promote_version(store, "m", version)
        return client.get_registered_model("m").description

    assert add(0.5) == "right on 0.5: models:/m@champion"
    assert add(0.4) == "right on 0.5: models:/m@champion"
    assert add(0.6) == "right on 0.6: models:/m@champion"
    client.update_registered_model("m", "mine")
    assert add(0.7) == "mine"
