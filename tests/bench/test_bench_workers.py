from __future__ import annotations

from click.testing import CliRunner

from bench import spark
from bench.workers import row


def test_a_row_compares_workers_with_one_process() -> None:
    assert row(4096, 2000.0, 3200.0, 3000.0) == [
        "4,096", "2,000", "3,200", "3,000", "1.50 x", "0.94 x",
    ]  # fmt: skip


def test_scoring_on_spark_says_what_it_measures() -> None:
    shown = CliRunner().invoke(spark.main, ["--help"])
    assert shown.exit_code == 0
    assert "--rows" in shown.output
