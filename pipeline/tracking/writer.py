"""From items to MLflow: one writer, and a table from the type of an item to how it is sent."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param as MlflowParam
from mlflow.entities import RunTag

from pipeline.report.items import File, Input, Item, Metric, Param, Picture, Table, Tag, Text


@dataclass(frozen=True)
class Batch:
    """Items that go many in one request. `argument`: of MlflowClient.log_batch; `most`: as many as
    one request may hold; `entity`: from an item and the time in milliseconds to MLflow's own."""

    argument: str
    most: int
    entity: Callable[[Any, int], Any]


BATCHES: Mapping[type, Batch] = {
    Param: Batch("params", 100, lambda item, now: MlflowParam(item.name, str(item.value))),
    Metric: Batch(
        "metrics",
        1000,
        lambda item, now: MlflowMetric(item.name, float(item.value), now, item.step),
    ),
    Tag: Batch("tags", 100, lambda item, now: RunTag(item.name, item.value)),
}


def write_items(run_id: str, items: Sequence[Item]) -> None:
    """Send items to a run. Raises what MLflow raises."""
    client, now = MlflowClient(), int(time.time() * 1000)
    for item in items:
        if type(item) in SENDERS:
            SENDERS[type(item)](client, run_id, item)
    for kind, batch in BATCHES.items():
        rows = [batch.entity(item, now) for item in items if type(item) is kind]
        for start in range(0, len(rows), batch.most):
            client.log_batch(run_id, **{batch.argument: rows[start : start + batch.most]})


def _send_text(client: MlflowClient, run_id: str, item: Text) -> None:
    client.log_text(run_id, item.content, item.path)


def _send_table(client: MlflowClient, run_id: str, item: Table) -> None:
    client.log_text(run_id, item.frame.to_csv(index=False), item.path)


def _send_picture(client: MlflowClient, run_id: str, item: Picture) -> None:
    client.log_figure(run_id, item.figure, item.path)


def _send_file(client: MlflowClient, run_id: str, item: File) -> None:
    folder, _, name = item.path.rpartition("/")
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary, name).write_bytes(item.content)
        client.log_artifact(run_id, str(Path(temporary, name)), folder or None)


def _send_input(client: MlflowClient, run_id: str, item: Input) -> None:
    dataset = mlflow.data.from_huggingface(
        item.rows, targets="label", name=item.name, digest=item.sha256[:16]
    )
    mlflow.log_input(
        dataset, context=item.context, tags={"sha256": item.sha256, "address": item.address}
    )


SENDERS: Mapping[type, Callable[[MlflowClient, str, Any], None]] = {
    Text: _send_text,
    Table: _send_table,
    Picture: _send_picture,
    File: _send_file,
    Input: _send_input,
}
