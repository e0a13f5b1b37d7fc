"""Parts of a scoring as Arrow batches, for an engine that moves those between its processes.

Spark imports this file in each of its Python processes. So it imports little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.scoring.loop import BATCH_ROWS, Job, Scoring, read_job
from pipeline.data.scoring.output import OutputFolder
from pipeline.data.scoring.stretches import Answers

if TYPE_CHECKING:
    import pyarrow as pa


def read_texts(
    scoring: Scoring, jobs: Sequence[Job], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The headlines of parts, in batches of always the same size: `id` of the part, and `text`.

    `batches`: with `id`, a place in `jobs`.

    Raises DataError: the input was changed.
    """
    import pyarrow as pa

    for batch in batches:
        for place in batch.column("id").to_pylist():
            texts = read_job(scoring, jobs[place])[1].texts
            for start in range(0, len(texts), BATCH_ROWS):
                part = texts[start : start + BATCH_ROWS]
                yield pa.record_batch({"id": [place] * len(part), "text": part})


def write_answers(
    scoring: Scoring, jobs: Sequence[Job], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Write a part. `batches`: all of the part, with `id` and `probabilities`, maps by label.

    Raises DataError: the input was changed; OSError: it cannot be written.
    """
    import pyarrow as pa

    given = pa.Table.from_batches(list(batches))
    (place,) = given.column("id").unique().to_pylist()
    chunks = given.column("probabilities").chunks
    probabilities = np.concatenate([_probabilities(maps, scoring.labels) for maps in chunks])
    job = jobs[place]
    table, rows = read_job(scoring, job)
    answers = Answers(scoring.names, scoring.labels, probabilities, scoring.probabilities)
    OutputFolder(scoring.output, table.ending).write(job.number, job.file, table, rows, answers)
    yield pa.record_batch({"id": [place]})


def _probabilities(maps: Any, labels: Sequence[str]) -> NDArray[np.float32]:
    """Maps by label, all in one order, as (n, n_labels)."""
    first, end = maps.offsets[0].as_py(), maps.offsets[-1].as_py()
    names = maps.keys[first : first + len(labels)].to_pylist()
    values = maps.items[first:end].to_numpy().astype(np.float32).reshape(-1, len(labels))
    return values[:, [names.index(label) for label in labels]]
