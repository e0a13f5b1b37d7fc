"""Runs whose process is gone: they are ended, and what they could not send is sent."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from mlflow import MlflowClient

from pipeline.base.addresses import masked
from pipeline.base.errors import TrackingError
from pipeline.base.files import runs_folder
from pipeline.tracking.connection import few_retries, mlflow_errors, waits_for
from pipeline.tracking.outbox import END_REASON, GOES_ON, Outbox, left_outboxes
from pipeline.tracking.provenance import (
    HOST,
    PROCESS,
    host_name,
    process_lives,
    process_tags,
)

logger = logging.getLogger(__name__)

_ABANDONED = "its process disappeared"


@dataclass(frozen=True)
class Sent:
    """What became of a run whose process is gone. `status`: in the store; `left`: why something of
    it could not be sent, or nothing."""

    name: str
    run_id: str
    status: str
    left: str

    def __str__(self) -> str:
        end = f"not all of it could be sent: {self.left}" if self.left else "its results were sent"
        return f"run {self.name} ({self.run_id}), {self.status}: {end}"


def send_left(uri: str | None = None) -> list[Sent]:
    """Send what earlier processes could not send to a store. `uri`: None: to every store.

    A run whose process disappeared before its end is ended as KILLED.
    """
    with few_retries():
        return [sent for outbox in left_outboxes(uri) if (sent := _settle(outbox)) is not None]


def kill_own_runs(reason: str) -> None:
    """End the runs of this process as KILLED at once, where its main thread cannot do it."""
    for file in runs_folder().glob("*/run.json"):
        run = json.loads(file.read_text("utf-8"))
        client = MlflowClient(run["uri"])
        own = process_tags().items() <= run.items()
        if own and client.get_run(run["run_id"]).info.status == "RUNNING":
            client.set_tag(run["run_id"], END_REASON, reason)
            client.set_terminated(run["run_id"], "KILLED")
            logger.warning("tracking: the run %s ended as KILLED%s", run["name"], GOES_ON)


def _settle(outbox: Outbox) -> Sent | None:
    """Send what is left of a run. None: there was nothing."""
    client, status, left = MlflowClient(outbox.uri), "unknown", ""
    try:
        with mlflow_errors(f"{masked(outbox.uri)} did not take the run"), waits_for(outbox.uri):
            status = client.get_run(outbox.run_id).info.status
            abandoned = status == "RUNNING" and not outbox.holds("end")
            if abandoned:
                outbox.add_end("KILLED", _ABANDONED)
            if not outbox.pending:
                if status == "FINISHED":  # killed before its folder was removed
                    outbox.remove()
                return None
            if not outbox.send():
                left = outbox.reason
            status = client.get_run(outbox.run_id).info.status
            if abandoned and status == "KILLED":
                _say_abandoned(outbox.name)
            if status == "FINISHED" and not outbox.pending:
                outbox.remove()
    except TrackingError as error:
        left = str(error)
    return Sent(outbox.name, outbox.run_id, status, left)


def end_abandoned_runs(client: MlflowClient, experiment_id: str) -> None:
    """End the runs of an experiment that processes of this machine left, also without a folder."""
    query = f"attributes.status = 'RUNNING' and tags.`{HOST}` = '{host_name()}'"
    for run in client.search_runs([experiment_id], query):
        process = run.data.tags.get(PROCESS, "")
        if process.isdigit() and not process_lives(int(process)):
            client.set_tag(run.info.run_id, END_REASON, _ABANDONED)
            client.set_terminated(run.info.run_id, "KILLED")
            _say_abandoned(run.info.run_name)


def _say_abandoned(name: str) -> None:
    logger.warning("tracking: run %s was abandoned, marked as KILLED", name)
