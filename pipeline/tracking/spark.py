"""Parts of a scoring on Spark, with the logged model behind MLflow's `spark_udf`.

A part is a task: it reads its stretch of the input, asks the model, and writes the part, with the
same code as one process. So the result is the same to the byte. Input and output lie where all
executors reach them, and this package is installed there.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import mlflow

from pipeline.base.errors import ConfigError, MissingExtraError, ModelError, TrackingError
from pipeline.data.scoring.arrow import read_texts, write_answers
from pipeline.data.scoring.loop import BATCH_ROWS, Job, Scoring, Show
from pipeline.tracking.java import java_for_spark

_RESULT = "probabilities map<string, double>"
_MASTER = re.compile(r"local(-cluster)?(\[[\w*, ]+\])?|(spark|k8s)://.+|yarn")
_LOOK_SECONDS = 1.0  # between two looks at what is written


def score_on_spark(
    scoring: Scoring, jobs: Sequence[Job], show: Show, model: Path, master: str
) -> None:
    """Make the parts, as `Spread` asks.

    `model`: the folder of the logged model. `master`: the address of Spark, as in `local[2]`.

    Raises ConfigError: it is no address; ModelError: it is no model of MLflow; MissingExtraError:
    there is no Spark; TrackingError: there is no Java, or Spark failed.
    """
    if not _MASTER.fullmatch(master):  # Spark would write a page
        raise ConfigError(
            f"--spark {master}: expected the address of a master of Spark, such as local[2], "
            "spark://HOST:7077 or yarn"
        )
    if not (model / "MLmodel").is_file():
        raise ModelError(
            f"{model}: expected a logged model for Spark, got a folder of `pipeline export`: name "
            "a registered model, or a folder of MLflow"
        )
    jobs = [job for job in jobs if job.n_rows]
    if not jobs:
        return
    # An executor has another current folder.
    scoring = replace(scoring, output=scoring.output.resolve())
    with _session(master) as spark, ThreadPoolExecutor(1) as thread:
        running = thread.submit(_run, spark, scoring, jobs, model)
        while not wait([running], _LOOK_SECONDS).done:
            _show_written(scoring, jobs, show)
        running.result()


def _run(spark: Any, scoring: Scoring, jobs: Sequence[Job], model: Path) -> None:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    answers = mlflow.pyfunc.spark_udf(
        spark, str(model.resolve()), result_type=_RESULT, env_manager="local"
    )
    try:
        (
            spark.range(0, len(jobs), 1, len(jobs))  # the places of jobs, each in a task of its own
            .mapInArrow(partial(read_texts, scoring, jobs), "id long, text string")
            .select("id", answers("text").getField("probabilities").alias("probabilities"))
            .mapInArrow(partial(write_answers, scoring, jobs), "id long")
            .collect()
        )
    except (PySparkException, Py4JError) as error:
        lines = [line.strip() for line in str(error).splitlines() if "Error: " in line]
        reason = (lines or str(error).splitlines())[-1]
        raise TrackingError(f"Spark could not score the headlines: {reason[:500]}") from error


def _show_written(scoring: Scoring, jobs: Sequence[Job], show: Show) -> None:
    written = [job.n_rows for job in jobs if list(scoring.output.glob(f"part-{job.number:05}.*"))]
    show(sum(written), sum(written) / sum(job.n_rows for job in jobs))


@contextmanager
def _session(master: str) -> Iterator[Any]:
    """A session of Spark, which ends with the block."""
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtraError("pyspark", "spark", "scoring on Spark") from error
    settings = {
        "spark.sql.execution.arrow.maxRecordsPerBatch": BATCH_ROWS,
        "spark.executorEnv.OMP_NUM_THREADS": 1,
        "spark.log.level": "ERROR",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local"):
        settings |= dict.fromkeys(("spark.driver.host", "spark.driver.bindAddress"), "127.0.0.1")
    builder = SparkSession.builder.master(master).appName("pipeline score").config(map=settings)
    with java_for_spark(), _python():
        try:
            spark = builder.getOrCreate()
        except (PySparkException, Py4JError, RuntimeError) as error:
            reason = [line for line in str(error).splitlines() if "Exception: " in line] or [
                str(error)
            ]
            raise TrackingError(
                f"Spark did not start at {master!r}, expected such as local[2] or "
                f"spark://HOST:7077: {reason[0][:300]}"
            ) from error
        try:
            yield spark
        finally:
            spark.stop()


@contextmanager
def _python() -> Iterator[None]:
    """Let Spark start the Python that runs."""
    name = "PYSPARK_PYTHON"
    before = os.environ.get(name)
    os.environ[name] = sys.executable
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
