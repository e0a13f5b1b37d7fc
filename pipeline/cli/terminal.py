"""What commands write: tables, where a run is, and the messages of the libraries kept quiet."""

from __future__ import annotations

import io
import json
import logging
import os
import resource
import shlex
import shutil
import sys
import tempfile
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.base.addresses import masked, run_page

ADDRESSES_BYTES = 5_000_000_000  # the smallest training takes 4.6 GB of them, and 1.2 GB of memory
_JOINERS = "\u200c\u200d"  # part of words in Persian and Indian languages


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, width: int | None = None
) -> None:
    """Left-aligned columns under their names.

    `width`: in characters; cells but those of the first column are wrapped to it. None: nothing is
    wrapped or cut, so that a pipe gets everything.
    """
    from rich.cells import cell_len, set_cell_size

    cells = [[escaped(str(value)) for value in row] for row in (columns, *rows)]
    if width is not None:
        _print_wrapped(cells, width)
        return
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in (cells[0], ["-" * width for width in widths], *cells[1:]):
        click.echo("  ".join(map(set_cell_size, row, widths)).rstrip())


def terminal_width() -> int | None:
    """Characters in a line of the terminal. None: the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print_wrapped(cells: Sequence[Sequence[str]], width: int) -> None:
    from rich.box import Box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    line_below_names = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
    table = Table(box=line_below_names, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(cells[0]):
        table.add_column(Text(name), overflow="fold", no_wrap=number == 0)
    for row in cells[1:]:
        table.add_row(*map(Text, row))
    console = Console(width=width, color_system=None)
    with console.capture() as printed:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))


def escaped(text: str) -> str:
    """A text that cannot give orders to the terminal, end its line, or turn what stands around it.

    >>> escaped("Alps\\u202e lose\\x1b snow")
    'Alps\\\\u202e lose\\\\x1b snow'
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in _JOINERS or unicodedata.category(c) == "Zs" else ascii(c)[1:-1]
        for c in text
    )


def print_json(value: object) -> None:
    """An object of JSON in a line, in which other programs see no second line."""
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
    click.echo(text)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """One line a fact: its name, and what it is."""
    for name, value in facts:
        click.echo(f"{name:<10} {escaped(value)}")


def print_run(run_id: str, experiment_id: str, tracking_uri: str) -> None:
    """Where a run is, and how to see it."""
    seen = page_address(run_page(experiment_id, run_id), tracking_uri)
    print_facts([("run", masked(f"{run_id} at {tracking_uri}")), ("see it", seen)])


def print_report(run_id: str, experiment_id: str, tracking_uri: str) -> None:
    """Where the report of a run is: its file, or its page of MLflow."""
    from pipeline.tracking.pages import local_file

    report = local_file(run_id, "report.html", tracking_uri)
    page = run_page(experiment_id, run_id, "artifacts/report.html")
    print_facts([("report", str(report or page_address(page, tracking_uri)))])


def page_address(page: str, tracking_uri: str) -> str:
    """How to open a page of MLflow, such as `run_page` gives."""
    if tracking_uri.startswith("http"):
        return masked(f"{tracking_uri.rstrip('/')}/{page}")
    # Outside of a checkout there is no `make ui`.
    start = (
        "make ui"
        if Path("Makefile").is_file() and Path("conf/config.yaml").is_file()
        else f"mlflow ui --backend-store-uri {shlex.quote(tracking_uri)}"
    )
    return masked(f"{start}, then http://127.0.0.1:5000/{page}")


def set_up_messages(debug: bool) -> None:
    """Show the lines of the stages on standard error, and of the libraries only what matters.

    `debug`: show all messages of the libraries. Everything is written in UTF-8, whatever the locale
    is; what has no form there is escaped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    level = logging.INFO if debug else logging.ERROR
    logging.basicConfig(format="%(message)s", level=level, force=True)
    logging.getLogger("pipeline").setLevel(logging.INFO)
    if debug:
        return
    # They log the traceback of what they raise as well.
    for name in ("mlflow.store.db.utils", "sqlalchemy.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Set before the libraries are imported, as some of them set up their own messages then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore", module=r"(mlflow|keras|datasets|tensorflow|pyspark)\.")


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep aside what TensorFlow's C++ code prints when it is imported, which no setting stops.

    It is shown where the import fails, and with --debug.

    Raises ClickException: `ulimit -v` is so low that TensorFlow would end the process somewhere,
    with a trace of its own.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < ADDRESSES_BYTES:
        raise click.ClickException(
            f"TensorFlow needs {ADDRESSES_BYTES / 1e9:.0f} GB of address space, the limit is "
            f"{limit / 1e9:.1f} GB: raise it, as in ulimit -v unlimited"
        )
    if logging.getLogger().isEnabledFor(logging.INFO):
        yield
        return
    if sys.stderr.isatty():
        click.echo("starting TensorFlow and MLflow ...", err=True)
    with tempfile.TemporaryFile() as aside:
        stderr = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except ImportError:
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
