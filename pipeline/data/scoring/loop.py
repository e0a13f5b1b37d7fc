"""Score all rows of some files: the next stretch is read, and the last one written, meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import DataError
from pipeline.base.files import file_digest
from pipeline.data.scoring.inputs import find_files, open_table, open_tables
from pipeline.data.scoring.output import OutputFolder, Part
from pipeline.data.scoring.stretches import Answers, OpenTable, Position, Rows

BATCH_ROWS = 16_384
"""Headlines that are scored in one call: the bits of an answer depend on those beside it."""

Score = Callable[[list[str]], NDArray[np.float32]]
"""n headlines -> probabilities, float32 array, (n, n_labels)."""


@dataclass(frozen=True)
class Scoring:
    """What is asked for.

    `inputs`: files, folders and patterns. `output`: the folder to write. `text`: the column of
    headlines. `labels`: the names of the labels. `model_id`: the same for the same model.
    `probabilities`: whether each label has a column. `prefix`: of the names that are added.
    """

    inputs: tuple[str, ...]
    output: Path
    text: str
    labels: tuple[str, ...]
    model_id: str
    probabilities: bool = False
    prefix: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are added."""
        every = [f"probability_{label}" for label in self.labels] if self.probabilities else ()
        return tuple(self.prefix + name for name in ("label", "probability", *every))


@dataclass(frozen=True)
class Scored:
    """What came out. `rows`, `blank`, `unreadable`: of the whole output; `new_rows`: of this
    call."""

    rows: int
    blank: int
    unreadable: int
    parts: int
    new_rows: int


@dataclass(frozen=True, eq=False)
class Stretch:
    """Rows to score. `number`: of the part. `file`: the number of the table. `start`: where in it
    they begin; None: with the first row."""

    number: int
    file: int
    start: Position | None
    rows: Rows


@dataclass(frozen=True)
class Job:
    """A part that another process may make. `path`: of the input file. Others: see `Stretch`."""

    number: int
    file: int
    start: Position | None
    path: Path
    n_rows: int


Show = Callable[[int, float], None]
"""Called with the rows that were scored now, and which fraction of the input is done."""


Spread = Callable[[Scoring, Sequence[Job], Show], None]
"""What makes parts in other processes. It gets them all at once."""


def score_files(
    scoring: Scoring, score: Score, show: Show = lambda *_: None, spread: Spread | None = None
) -> Scored:
    """Score files. What an earlier call finished is not done again.

    `score`: in this process. `show`: is told how far it is. `spread`: makes parts elsewhere first.

    Raises DataError: the input cannot be read, the output is another's, or the prefix is no UTF-8;
    OSError.
    """
    try:
        scoring.prefix.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"--prefix {scoring.prefix!r}: expected UTF-8, got other bytes: name another"
        ) from error
    files = find_files(scoring.inputs, scoring.output)
    tables = open_tables(files, scoring.text, scoring.names)
    output = OutputFolder(scoring.output, tables[0].ending)
    before = [_identity(file) for file in files]
    with output.opened(describe(scoring, files)):
        if counts := output.finished():
            return Scored(**counts, new_rows=0)
        new_rows = 0
        if spread:
            jobs = [
                Job(s.number, s.file, s.start, files[s.file].resolve(), len(s.rows.texts))
                for s in missing_stretches(tables, output)
            ]
            spread(scoring, jobs, show)
            new_rows = sum(job.n_rows for job in jobs if output.part(job.number))
        new_rows += _score_missing(tables, output, scoring, score, show, [s for s, _ in before])
        if changed := [f for f, b in zip(files, before, strict=True) if _identity(f) != b]:
            raise DataError(f"{changed[0]}: it was changed while it was read: score it anew")
        parts = list(written_parts(output))
        if not any(part.rows for part in parts):
            raise DataError(f"{files[0]}: expected rows of headlines, found none that can be read")
        return Scored(**output.finish(parts, list(map(str, files))), new_rows=new_rows)


def describe(scoring: Scoring, files: Sequence[Path]) -> dict[str, Any]:
    """What the parts depend on: a restart has to be the same."""
    return {
        "input": [
            {"name": file.name, "size": file.stat().st_size, "sha256": file_digest(file)}
            for file in files
        ],
        "model": scoring.model_id,
        "option": {"text": scoring.text, "columns": list(scoring.names)},
    }


def written_parts(output: OutputFolder) -> Iterator[Part]:
    """The parts from the first on that are there."""
    number = 0
    while part := output.part(number):
        yield part
        number += 1


def missing_stretches(tables: Sequence[OpenTable], output: OutputFolder) -> Iterator[Stretch]:
    """The rows of the parts that are not there, in order."""
    number = 0
    for file, table in enumerate(tables):
        position: Position | None = None
        reading: Iterator[Rows] | None = None
        while True:
            part = output.part(number)
            if part is not None and part.file == file:
                position, reading = part.end, None
            else:
                reading = reading or table.read(position)
                rows = next(reading, None)
                if rows is None:
                    break
                yield Stretch(number, file, position, rows)
                position = rows.end
            number += 1


def read_job(scoring: Scoring, job: Job) -> tuple[OpenTable, Rows]:
    """The rows of a part, and their table. Raises DataError: the input was changed."""
    table = open_table(job.path, scoring.text)
    rows = next(table.read(job.start), None)
    if rows is None or len(rows.texts) != job.n_rows:
        raise DataError(f"{job.path}: it was changed while it was read: score it anew")
    return table, rows


def score_rows(scoring: Scoring, score: Score, texts: Sequence[str]) -> Answers:
    """The answers for headlines, in batches of always the same size."""
    batches = [
        score(list(texts[start : start + BATCH_ROWS])) for start in range(0, len(texts), BATCH_ROWS)
    ]
    empty = np.zeros((0, len(scoring.labels)), np.float32)
    probabilities = np.concatenate([empty, *batches])
    return Answers(scoring.names, scoring.labels, probabilities, scoring.probabilities)


def _score_missing(
    tables: Sequence[OpenTable],
    output: OutputFolder,
    scoring: Scoring,
    score: Score,
    show: Show,
    sizes: Sequence[int],
) -> int:
    """How many rows were scored."""
    stretches = missing_stretches(tables, output)
    from threadpoolctl import threadpool_limits

    new_rows = 0
    writing: Future[Part] | None = None
    # In few headlines, more threads of BLAS could change the last bit.
    with (
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(1) as reader,
        ThreadPoolExecutor(1) as writer,
    ):
        following = reader.submit(next, stretches, None)
        while (stretch := following.result()) is not None:
            following = reader.submit(next, stretches, None)
            table = tables[stretch.file]
            answers = score_rows(scoring, score, stretch.rows.texts)
            if writing:
                writing.result()
            writing = writer.submit(
                output.write, stretch.number, stretch.file, table, stretch.rows, answers
            )
            new_rows += len(stretch.rows.texts)
            share = stretch.rows.end.offset / table.size if table.size else 0
            done = sum(sizes[: stretch.file]) + share * sizes[stretch.file]
            show(new_rows, done / sum(sizes))
        if writing:
            writing.result()
    return new_rows


def _identity(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
