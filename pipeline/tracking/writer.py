"""From items to MLflow: items become one entry of plain data, and a store takes it whole or again.

An entry can be kept in a file and sent later. It carries its time, so that a store that has a part
of it already notes nothing twice.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, RunTag
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param as MlflowParam
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_LOGGED_ARTIFACTS

from pipeline.base.addresses import masked
from pipeline.report.items import (
    ComparedTable,
    File,
    Input,
    Item,
    Metric,
    Note,
    Param,
    Picture,
    Table,
    Tag,
    Text,
)
from pipeline.tracking.notes import set_run_note

MOST_PARAMS, MOST_METRICS, MOST_TAGS = 100, 1000, 100  # that one request may hold
_TAG_LENGTH = 5000  # characters that MLflow takes as the value of a tag

Entry = Mapping[str, Any]
"""Params and tags as pairs; metrics as name, value, milliseconds, step; files by path as uint8
arrays, and which of them are tables to compare; inputs as MLflow describes them; the description as
a text, empty for none."""


def items_entry(items: Sequence[Item]) -> Entry:
    """Items as plain data. Passwords in params, tags and texts are masked."""
    now = int(time.time() * 1000)
    return {
        "params": [(i.name, masked(str(i.value))) for i in items if isinstance(i, Param)],
        "metrics": [
            (i.name, float(i.value), now, int(i.step)) for i in items if isinstance(i, Metric)
        ],
        "tags": [(i.name, masked(str(i.value))[:_TAG_LENGTH]) for i in items if isinstance(i, Tag)],
        "files": {
            i.path: np.frombuffer(CONTENTS[type(i)](i), np.uint8)
            for i in items
            if isinstance(i, Text | Table | ComparedTable | Picture | File)
        },
        "compared": [i.path for i in items if isinstance(i, ComparedTable)],
        "inputs": [_described(i) for i in items if isinstance(i, Input)],
        "note": next((i.content for i in reversed(items) if isinstance(i, Note)), ""),
    }


def send_items(client: MlflowClient, run_id: str, entry: Entry) -> None:
    """Send an entry of `items_entry` to a run. Raises what MLflow raises."""
    for path, content in entry["files"].items():
        folder, _, name = path.rpartition("/")
        with tempfile.TemporaryDirectory() as temporary:
            Path(temporary, name).write_bytes(content.tobytes())
            client.log_artifact(run_id, str(Path(temporary, name)), folder or None)
    inputs = [
        DatasetInput(Dataset(**i["dataset"]), [InputTag(*tag) for tag in i["tags"].items()])
        for i in entry["inputs"]
    ]
    if inputs:
        client.log_inputs(run_id, inputs)
    for params in _parts([MlflowParam(*row) for row in entry["params"]], MOST_PARAMS):
        client.log_batch(run_id, params=params)
    for metrics in _parts([MlflowMetric(*row) for row in entry["metrics"]], MOST_METRICS):
        client.log_batch(run_id, metrics=metrics)
    for tags in _parts([RunTag(*row) for row in entry["tags"]], MOST_TAGS):
        client.log_batch(run_id, tags=tags)
    if paths := entry.get("compared"):
        _list_tables(client, run_id, paths)
    if note := entry.get("note"):
        set_run_note(client, run_id, note)


def new_in(client: MlflowClient, run_id: str, entry: Entry) -> Entry:
    """What of an entry a run does not have yet: of a run that goes on, which comes by the same
    options and epochs again."""
    data = client.get_run(run_id).data
    history = {
        (name, metric.value, metric.step)
        for name in {name for name, *_ in entry["metrics"]} & data.metrics.keys()
        for metric in client.get_metric_history(run_id, name)
    }
    return {
        **entry,
        "params": [row for row in entry["params"] if row[0] not in data.params],
        "metrics": [row for row in entry["metrics"] if (row[0], row[1], row[3]) not in history],
    }


def _list_tables(client: MlflowClient, run_id: str, paths: Sequence[str]) -> None:
    """Add tables to the list of those that MLflow's page compares, which is a tag."""
    listed = json.loads(client.get_run(run_id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
    new = [{"path": path, "type": "table"} for path in paths]
    listed += [table for table in new if table not in listed]
    client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps(listed))


def _parts(rows: list[Any], most: int) -> list[list[Any]]:
    return [rows[start : start + most] for start in range(0, len(rows), most)]


def _described(item: Input) -> dict[str, Any]:
    """A split of the data as MLflow describes it. The rows are not kept."""
    dataset = mlflow.data.from_huggingface(
        item.rows, targets="label", name=item.name, digest=item.sha256[:16]
    )
    described = json.loads(dataset.to_json())
    names = ("name", "digest", "source_type", "source", "schema", "profile")
    return {
        "dataset": {name: described.get(name) for name in names},
        "tags": {
            MLFLOW_DATASET_CONTEXT: item.context,
            "sha256": item.sha256,
            "address": masked(item.address),
        },
    }


def _picture(item: Picture) -> bytes:
    file = io.BytesIO()
    item.figure.savefig(file, format="png", dpi=item.dpi)
    return file.getvalue()


CONTENTS: Mapping[type, Callable[[Any], bytes]] = {
    Text: lambda item: masked(item.content).encode(),
    Table: lambda item: item.csv().encode(),
    ComparedTable: lambda item: item.json().encode(),
    Picture: _picture,
    File: lambda item: item.content,
}
"""The bytes of the items that are files."""
