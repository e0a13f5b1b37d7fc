"""What a run logs, on its way to the store: it is written to a folder, sent, and removed.

Whatever fails or is killed, the rest stays in the folder, and is sent later in the same order. The
folder also holds what the run needs to go on: how far its training came, and its model.

    runs/RUN_ID/run.json        which run it is, and the process that it belongs to
                0000000012.npz  an entry that was not sent yet
                model/          the model as MLflow loads it
                training/       how far the training came
"""

from __future__ import annotations

import errno
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from pipeline.base.addresses import masked
from pipeline.base.archive import load_archive, save_archive
from pipeline.base.errors import TrackingError
from pipeline.base.files import atomic_write, runs_folder, temporary_files, training_folder
from pipeline.insight.search import ACCURACY
from pipeline.report.items import LINE
from pipeline.tracking.connection import ask_server, first_line, is_server, waits_for
from pipeline.tracking.provenance import process_tags
from pipeline.tracking.registry import RegisteredModel, promote_version, register_version
from pipeline.tracking.saving import logged_models, send_model
from pipeline.tracking.writer import new_in, send_items

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 30  # between two tries while the run goes on
KEEP_SECONDS = 7 * 24 * 3600  # after which a run is no longer expected to go on
END_REASON = "pipeline.end_reason"
GOES_ON = ": the same command goes on with it"  # the end of a message about a run that was cut off
_ROOM_BYTES = 65536  # that must be free: what a run logs before its training
MAKE_ROOM = ": make room there, or choose another folder with HEADLINE_TRANSFER_CACHE"
_REASON_LENGTH = 5000  # characters that MLflow takes as the value of a tag
_TRIES = 5  # for an entry that another process wrote a part of at the same moment
_COLLISION = ("IntegrityError", "UniqueViolation")  # as the drivers of databases say
# What a store answers that it will not take an entry at all. Anything else may pass.
_REFUSED = {
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "RESOURCE_DOES_NOT_EXIST",
    "RESOURCE_ALREADY_EXISTS",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "CUSTOMER_UNAUTHORIZED",
    "INVALID_STATE",
}


class RefusedError(TrackingError):
    """The store answers, and does not take an entry."""


@dataclass(eq=False)
class Outbox:
    """The folder of one run, which belongs to this process.

    `reason`: why something could not be sent, the last time; empty: all was sent. `registered`:
    what became of the model. `again`: when the store is asked again, in seconds of
    `time.monotonic`.
    """

    folder: Path
    uri: str
    run_id: str
    name: str
    lock: FileLock
    pause_seconds: float = PAUSE_SECONDS
    reason: str = ""
    registered: RegisteredModel | None = None
    again: float = field(default=0.0, repr=False)

    @classmethod
    def create(cls, uri: str, run_id: str, name: str) -> Outbox | None:
        """Make the folder of a run, or take it over from a process that is gone.

        None: another process has it. Raises TrackingError: the folder cannot be written.
        """
        folder = runs_folder() / run_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / "lock", timeout=0)
            lock.acquire()
            _sweep(folder)
            content = {"uri": masked(_absolute(uri)), "run_id": run_id, "name": name}
            with atomic_write(folder / "run.json") as part:
                part.write_text(json.dumps(content | process_tags()), "utf-8")
        except Timeout:
            return None
        except OSError as error:
            raise _no_room(folder, error) from error
        return cls(folder, uri, run_id, name, lock)

    @property
    def model_folder(self) -> Path:
        return self.folder / "model"

    @property
    def training_folder(self) -> Path:
        return training_folder(self.run_id)

    @property
    def pending(self) -> list[Path]:
        """The entries that were not sent yet, in their order."""
        return sorted(self.folder.glob("[0-9]*.npz"))

    def add(self, kind: str, **entry: Any) -> None:
        """Write an entry down. Raises TrackingError: the folder cannot be written."""
        last = self.pending[-1:]
        number = int(last[0].stem) + 1 if last else 1
        try:
            save_archive(self.folder / f"{number:010d}.npz", {"kind": kind, **entry})
        except OSError as error:
            raise _no_room(self.folder, error) from error

    def send(self) -> bool:
        """Send what is there, in order. Gives whether all was sent; `reason` says why not.

        Raises RefusedError: the store answers, and does not take an entry; the entry is removed.
        """
        if time.monotonic() < self.again:
            return False
        client = MlflowClient(self.uri)
        with waits_for(self.uri), temporary_files(self.folder):
            for file in self.pending:
                try:
                    if self.reason and is_server(self.uri):  # it failed the last time
                        ask_server(self.uri)
                    self._send_entry(client, load_archive(file))
                except (MlflowException, SQLAlchemyError, RequestException, OSError) as error:
                    self.reason = masked(first_line(error)) + self._where_full(error)
                    if getattr(error, "error_code", None) in _REFUSED:
                        file.unlink()
                        raise RefusedError(
                            f"{masked(self.uri)} did not take the results: {self.reason}"
                        ) from error
                    self.again = time.monotonic() + self.pause_seconds
                    return False
                file.unlink()
        self.reason = ""
        return True

    def _send_entry(self, client: MlflowClient, entry: Mapping[str, Any]) -> None:
        """Send one entry. Two runs that begin on the same data at once both note that data in the
        store, and it refuses one of them. At the next try it is there already."""
        for tries_left in range(_TRIES - 1, -1, -1):
            try:
                SENDERS[entry["kind"]](self, client, entry)
            except MlflowException as error:
                if tries_left and any(name in str(error) for name in _COLLISION):
                    continue
                raise
            return

    def _where_full(self, error: Exception) -> str:
        """What is sent lies in this folder meanwhile: its disk can be the full one."""
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        if full and shutil.disk_usage(self.folder).free < _ROOM_BYTES:
            return f" in {self.folder}"
        return ""

    def add_end(self, status: str, reason: str) -> None:
        """Note the end of the run. Where nothing can be written, the store gets it at once."""
        end = {"status": status, "reason": masked(reason), "time": int(time.time() * 1000)}
        try:
            self.add("end", **end)
        except TrackingError:
            with suppress(MlflowException, SQLAlchemyError, RequestException, OSError):
                _send_end(self, MlflowClient(self.uri), end)
            raise

    def insist(self, patience_seconds: float) -> bool:
        """Send everything, and wait for a store that does not answer. Gives whether all was
        sent."""
        self.again = 0
        if self.send():
            return True
        deadline = time.monotonic() + patience_seconds
        if patience_seconds:
            logger.warning(
                "tracking: %s does not take the end of the run (%s): waiting for it for %.0f s",
                masked(self.uri),
                self.reason,
                patience_seconds,
            )
        while time.monotonic() < deadline:
            time.sleep(min(2, max(deadline - time.monotonic(), 0)))
            self.again = 0
            if self.send():
                return True
        return False

    def holds(self, kind: str) -> bool:
        """Whether an entry of this kind was not sent yet."""
        return any(load_archive(file)["kind"] == kind for file in self.pending)

    def drop(self, *kinds: str) -> None:
        """Forget the entries of some kinds, as the end of a run that goes on after all."""
        for file in self.pending:
            if load_archive(file)["kind"] in kinds:
                file.unlink()

    def close(self) -> None:
        """Give the folder up. It stays where something in it is still needed."""
        needed = self.pending or self.model_folder.exists() or self.training_folder.exists()
        if needed:
            self.lock.release()
        else:
            self.remove()

    def remove(self) -> None:
        """Remove the folder of a run that is in the store as a whole.

        It is renamed first. So a folder that was removed in part is known by its name.
        """
        gone = self.folder.with_name(f".part-{self.run_id}")
        with suppress(OSError):
            self.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        self.lock.release()


def _send_items(outbox: Outbox, client: MlflowClient, entry: Mapping[str, Any]) -> None:
    """What a run that goes on comes by again is not sent twice."""
    send_items(
        client, outbox.run_id, new_in(client, outbox.run_id, entry) if entry["goes_on"] else entry
    )


def _send_child(outbox: Outbox, client: MlflowClient, entry: Mapping[str, Any]) -> None:
    """A whole run below this one. One that was begun before is taken up."""
    parent = client.get_run(outbox.run_id)
    name, below = entry["name"], f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{outbox.run_id}'"

    def same(query: str) -> Run | None:
        runs = client.search_runs([parent.info.experiment_id], f"{below} and {query}")
        return next((run for run in runs if run.info.run_name == name), None)

    # A study that goes on after it was cut off at its very end comes by its lines again.
    line = f"attributes.status = 'FINISHED' and tags.kind = '{LINE}'"
    if ["kind", LINE] in map(list, entry["tags"]) and same(line):
        return
    child = same("attributes.status = 'RUNNING'") or client.create_run(
        parent.info.experiment_id,
        run_name=name,
        tags={MLFLOW_PARENT_RUN_ID: outbox.run_id, **process_tags()},
    )
    send_items(client, child.info.run_id, entry)
    client.set_terminated(child.info.run_id)


def _send_model(outbox: Outbox, client: MlflowClient, entry: Mapping[str, Any]) -> None:
    model_id = send_model(client, outbox.run_id, outbox.model_folder)
    register_version(
        outbox.uri,
        entry["names"],
        outbox.run_id,
        model_id,
        origin=entry["origin"],
        # An earlier version of this package noted the accuracy alone.
        validation=entry.get("validation") or {ACCURACY: entry["accuracy"]},
        sha256=entry["sha256"],
        description=entry.get("description", ""),
    )


def _send_end(outbox: Outbox, client: MlflowClient, entry: Mapping[str, Any]) -> None:
    """End the run. A model that was cut off on its way is marked as what it is."""
    if entry["reason"]:
        client.log_batch(outbox.run_id, tags=[RunTag(END_REASON, entry["reason"][:_REASON_LENGTH])])
    for model in logged_models(client, outbox.run_id):
        if model.status == LoggedModelStatus.PENDING:
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
    client.set_terminated(outbox.run_id, entry["status"], entry["time"])


def _send_promotion(outbox: Outbox, client: MlflowClient, entry: Mapping[str, Any]) -> None:
    """After the end: a champion belongs to a run that has finished."""
    versions = client.search_model_versions(f"run_id = '{outbox.run_id}'")
    name, version = next((v.name, v.version) for v in versions if v.name in entry["names"])
    select = entry.get("select", ACCURACY)
    outbox.registered = promote_version(outbox.uri, name, str(version), entry["promote"], select)


SENDERS: Mapping[str, Callable[[Outbox, MlflowClient, Mapping[str, Any]], None]] = {
    "items": _send_items,
    "child": _send_child,
    "model": _send_model,
    "end": _send_end,
    "promotion": _send_promotion,
}


def left_outboxes(uri: str | None = None) -> Iterator[Outbox]:
    """The outboxes whose process is gone. Each is given up again afterwards.

    `uri`: those for this store; None: for every store whose address has no password. Those that
    nobody took up for a week, and that have nothing to send, are removed.
    """
    for removed in runs_folder().glob(".part-*"):
        shutil.rmtree(removed, ignore_errors=True)
    for file in sorted(runs_folder().glob("[!.]*/run.json")):
        with suppress(OSError, ValueError, LookupError):
            run = json.loads(file.read_text("utf-8"))
            if uri is None and "***" in run["uri"]:
                logger.warning(
                    "tracking: the run %s waits for %s: give that address with its password, as in "
                    "pipeline sync --tracking-uri",
                    run["name"],
                    run["uri"],
                )
                continue
            if uri is not None and run["uri"] != masked(_absolute(uri)):
                continue
            age = time.time() - file.stat().st_mtime
            lock = FileLock(file.parent / "lock", timeout=0)
            with suppress(Timeout):
                lock.acquire()
                outbox = Outbox(file.parent, uri or run["uri"], run["run_id"], run["name"], lock)
                if age > KEEP_SECONDS and not outbox.pending:
                    outbox.remove()
                    continue
                try:
                    yield outbox
                finally:
                    outbox.close()


def check_room() -> None:
    """Look whether a run can keep what it logs. Raises TrackingError: nothing can be written."""
    folder = runs_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM_BYTES))
    except OSError as error:
        raise _no_room(folder, error) from error


def _sweep(folder: Path) -> None:
    """Remove the temporary files of a process that was killed."""
    for left in [*folder.glob(".part-*"), *folder.glob("tmp*"), *folder.glob("training/.part-*")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _absolute(uri: str) -> str:
    """The address of a store, wherever the process is."""
    from pipeline.tracking.database import database_file

    path = database_file(uri)
    return uri if path is None else f"sqlite:///{path.absolute()}"


def _no_room(folder: Path, error: OSError) -> TrackingError:
    return TrackingError(
        f"could not keep what the run logs in {folder}: {error.strerror or error}{MAKE_ROOM}"
    )
