"""The folder of what is scored: whole parts, and records of them.

    part-00000.csv ...  rows with their answers; readers of data sets take these files
    _scoring.json       what is scored, and with what: a restart is compared with it
    _parts/00000.json   what a part has; it is written after the part, and removed at the end
    _unreadable.csv     the rows that are left out
    _SUCCESS            the counts, and what each part has; it is written last
    _lock               nothing: one process at a time writes to the folder

A part is written beside its place and renamed. So each file is whole, or not there. Parts depend on
the input, the model and the options only: whoever writes a part again writes the same bytes.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.base.errors import DataError
from pipeline.base.files import atomic_write, file_digest
from pipeline.data.scoring.stretches import Answers, OpenTable, Position, Rows, Unreadable

MANIFEST, RECORDS, UNREADABLE, SUCCESS = "_scoring.json", "_parts", "_unreadable.csv", "_SUCCESS"
_LOCK = "_lock"


@dataclass(frozen=True)
class Part:
    """What is known of a part.

    `file`: the number of the input file. `end`: where its stretch of it ends. `rows`: how many it
    has; `blank`: how many of them have no headline. `sha256`: of its bytes.
    """

    file: int
    end: Position
    rows: int
    blank: int
    sha256: str
    unreadable: tuple[Unreadable, ...] = ()


class OutputFolder:
    """The folder that a scoring writes. `path`: where it is. `ending`: of its parts."""

    def __init__(self, path: Path, ending: str) -> None:
        self.path, self._ending = path, ending

    @contextmanager
    def opened(self, manifest: Mapping[str, Any]) -> Iterator[None]:
        """Begin, or go on with what is there. Nobody else writes to it meanwhile.

        Raises DataError: the folder is something else, was written for another `manifest`, or
        another process writes it.
        """
        from filelock import FileLock, Timeout

        if self.path.exists() and not self.path.is_dir():
            raise DataError(
                f"{self.path}: expected a new folder for the output, got a file: name another"
            )
        file, is_made = self.path / MANIFEST, not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        names = {each.name for each in self.path.iterdir()} - {_LOCK}
        if not file.is_file() and any(not name.startswith(".part-") for name in names):
            raise DataError(
                f"{self.path}: expected a new folder, or one that `pipeline score` began, it has "
                "other files: name another"
            )
        try:
            with FileLock(self.path / _LOCK, timeout=0):
                is_new = is_made and not file.is_file()
                try:
                    self._begin(manifest)
                    yield
                    is_new = False
                finally:
                    if is_new and not any(self.path.glob("part-*")):  # nothing worth keeping
                        file.unlink(missing_ok=True)
                        shutil.rmtree(self.path, ignore_errors=True)
        except Timeout as error:
            raise DataError(
                f"{self.path}: another `pipeline score` writes here: wait for its end, or name "
                "another"
            ) from error

    def _begin(self, manifest: Mapping[str, Any]) -> None:
        file = self.path / MANIFEST
        if not file.is_file():
            with atomic_write(file) as part:
                part.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
        self._check_manifest(manifest)
        self._remove_leftovers()

    def _check_manifest(self, manifest: Mapping[str, Any]) -> None:
        file = self.path / MANIFEST
        try:
            before = dict(json.loads(file.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise DataError(f"{file}: it is damaged: remove the folder, or name another") from error
        wanted = json.loads(json.dumps(manifest))
        different = [name for name in wanted if before.get(name) != wanted[name]]
        if different:
            raise DataError(
                f"{self.path}: expected a new folder, it was written with another "
                f"{' and another '.join(different)}: name another folder, or remove this one"
            )

    def _remove_leftovers(self) -> None:
        """What a killed process left beside its place."""
        for folder in (self.path, self.path / RECORDS):
            for left in folder.glob(".part-*"):
                left.unlink()

    def finished(self) -> dict[str, int] | None:
        """What the finished output has: rows, blank, unreadable, parts. None: it is not finished.

        If a file was lost or changed since, the output is unfinished again: the other parts stay.
        """
        file = self.path / SUCCESS
        try:
            parts = [_as_part(each) for each in json.loads(file.read_text("utf-8"))["written"]]
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):  # it is damaged
            file.unlink()
            return None
        counts = _counts(parts)
        is_whole = all(self._is_there(number, part) for number, part in enumerate(parts))
        if parts and is_whole and (not counts["unreadable"] or (self.path / UNREADABLE).is_file()):
            return counts
        for number, part in enumerate(parts):
            self._write_record(number, part)
        file.unlink()
        return None

    def part_path(self, number: int) -> Path:
        """Where a part lies."""
        return self.path / f"part-{number:05}{self._ending}"

    def part(self, number: int) -> Part | None:
        """A part that was written; None: it was not, or not wholly."""
        try:
            part = _as_part(json.loads(self._record(number).read_text("utf-8")))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None
        return part if self._is_there(number, part) else None

    def write(self, number: int, file: int, table: OpenTable, rows: Rows, answers: Answers) -> Part:
        """Write a part, and then its record. `file`: the number of the input file.

        Raises OSError: the disk is full, or may not be written.
        """
        path = self.part_path(number)
        try:
            with atomic_write(path) as beside, beside.open("wb") as opened:
                table.write(opened, rows, answers)
        except OSError as error:  # a full disk has no name
            raise OSError(error.errno, error.strerror, str(path)) from error
        blank = rows.texts.count("")
        part = Part(file, rows.end, len(rows.texts), blank, file_digest(path), rows.unreadable)
        self._write_record(number, part)
        return part

    def finish(self, parts: Sequence[Part], names: Sequence[str]) -> dict[str, int]:
        """Write the list of what was left out, and that all is there. `names`: of the input
        files."""
        unreadable = [
            (names[part.file], row.line, row.reason) for part in parts for row in part.unreadable
        ]
        counts = _counts(parts)
        if unreadable:
            with (
                atomic_write(self.path / UNREADABLE) as beside,
                beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as opened,
            ):
                writer = csv.writer(opened, lineterminator="\n")
                writer.writerow(("file", "line", "reason"))
                writer.writerows(unreadable)
        with atomic_write(self.path / SUCCESS) as beside:
            written = {**counts, "written": [asdict(part) for part in parts]}
            beside.write_text(json.dumps(written) + "\n", "utf-8")
        shutil.rmtree(self.path / RECORDS, ignore_errors=True)
        return counts

    def _record(self, number: int) -> Path:
        return self.path / RECORDS / f"{number:05}.json"

    def _write_record(self, number: int, part: Part) -> None:
        with atomic_write(self._record(number)) as beside:
            beside.write_text(json.dumps(asdict(part)), "utf-8")

    def _is_there(self, number: int, part: Part) -> bool:
        path = self.part_path(number)
        return path.is_file() and file_digest(path) == part.sha256


def _counts(parts: Sequence[Part]) -> dict[str, int]:
    return {
        "rows": sum(part.rows for part in parts),
        "blank": sum(part.blank for part in parts),
        "unreadable": sum(len(part.unreadable) for part in parts),
        "parts": len(parts),
    }


def _as_part(record: Any) -> Part:
    """Raises TypeError, KeyError, ValueError: the record has another form."""
    offset, line = record["end"]
    return Part(
        int(record["file"]),
        Position(int(offset), int(line)),
        int(record["rows"]),
        int(record["blank"]),
        record["sha256"],
        tuple(Unreadable(int(number), str(reason)) for number, reason in record["unreadable"]),
    )
