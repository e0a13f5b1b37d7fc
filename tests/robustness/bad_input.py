"""Bad inputs and what they get: the rows behind docs/robustness.md.

A room has a file `inputs_ROOM.py` with ROWS. test_robustness.py tries each row, and compares what it
gets with `gets`, letter by letter. `python tests/robustness/bad_input.py` writes the page.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "robustness.md"


@dataclass(frozen=True)
class Trial:
    """Where a bad input is tried. `folder`: empty, and the current folder."""

    folder: Path
    capfd: pytest.CaptureFixture[str]

    def write(self, name: str, content: str | bytes) -> Path:
        """A file of the folder, with exactly these bytes. Text is written as UTF-8."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def command(self, *arguments: str) -> str:
        """Run the command line in this process: what it prints, or its error line.

        An error ends with another exit code than 0, in exactly one line.
        """
        from builders import main

        code, out, err = main(self.capfd, *arguments)
        if code == 0:
            return out.strip()
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, err
        assert "Traceback" not in err, err
        return lines[0]

    def warnings(self, action: Callable[[], object]) -> str:
        """Call a function: the warnings that it logs, one a line. Those of a slow machine are left out."""
        messages: list[str] = []

        class Keep(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if "waiting for the store" not in record.getMessage():
                    messages.append(record.getMessage())

        logger, handler = logging.getLogger("pipeline"), Keep(logging.WARNING)
        logger.addHandler(handler)
        try:
            action()
        finally:
            logger.removeHandler(handler)
        return "\n".join(messages)


@dataclass(frozen=True)
class BadInput:
    """A row of the page.

    `what`: the input, in plain words: "a quote that opens and is never closed". `act`: tries it,
    and returns what a user gets; an error that the user can mend may be raised. `gets`: what is
    expected, letter by letter; the folder of the trial and numbers of ports are left out.
    """

    what: str
    act: Callable[[Trial], object]
    gets: str


def attempt(row: BadInput, trial: Trial) -> str:
    """What the input of a row gets. Any error but one that the user can mend goes through."""
    from pipeline.base.errors import PipelineError

    try:
        result = str(row.act(trial))
    except PipelineError as error:
        result = f"error: {error}"
    result = result.replace(f"{trial.folder}/", "").replace(str(trial.folder), ".")
    return re.sub(r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT", result).strip()


def page(rooms: Mapping[str, Sequence[BadInput]], figures: str) -> str:
    """The page as Markdown. `figures`: its part that long measurements fill."""

    def cell(text: str) -> str:
        return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")

    parts = [
        "# Bad input, and what it gets",
        "",
        f"Each of the {sum(map(len, rooms.values()))} rows is a test: `tests/robustness` tries it and\n"
        "compares the text. An `error:` is one line, with exit code 2, and nothing is written.",
    ]
    for room, rows in rooms.items():
        parts += ["", f"## {room}", "", "| Input | What it gets |", "|---|---|"]
        parts += [f"| {cell(row.what)} | {cell(row.gets)} |" for row in rows]
    return "\n".join(parts) + "\n" + figures


def all_rooms() -> dict[str, Sequence[BadInput]]:
    """The rows of every room, by the title of its section."""
    import inputs_command_line
    import inputs_configuration
    import inputs_data
    import inputs_demo
    import inputs_estimator
    import inputs_http
    import inputs_labels
    import inputs_models
    import inputs_opponents
    import inputs_python
    import inputs_report
    import inputs_scoring
    import inputs_sets
    import inputs_start
    import inputs_stores
    import inputs_sweep
    import inputs_unsure
    import inputs_vectors
    import inputs_weights
    import inputs_workers

    return {
        "Data": inputs_data.ROWS,
        "Labels": inputs_labels.ROWS,
        "Weights and rare labels": inputs_weights.ROWS,
        "Vectors": inputs_vectors.ROWS,
        "Vectors from elsewhere": inputs_sets.ROWS,
        "Configuration": inputs_configuration.ROWS,
        "Command line": inputs_command_line.ROWS,
        "HTTP": inputs_http.ROWS,
        "The demo": inputs_demo.ROWS,
        "Portable classifiers": inputs_models.ROWS,
        "How sure an answer is": inputs_unsure.ROWS,
        "Scoring of files": inputs_scoring.ROWS,
        "Training in Python": inputs_estimator.ROWS,
        "Functions in Python": inputs_python.ROWS,
        "Several workers": inputs_workers.ROWS,
        "Going on from an earlier classifier": inputs_start.ROWS,
        "Opponents in a comparison": inputs_opponents.ROWS,
        "Figures and tables": inputs_report.ROWS,
        "Stores": inputs_stores.ROWS,
        "Search": inputs_sweep.ROWS,
    }


def figures() -> str:
    """The part of the page that long measurements fill: it is kept as it stands."""
    _, mark, rest = PAGE.read_text("utf-8").partition("\n## Figures\n")
    return mark + rest


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.path.insert(0, str(Path(__file__).parents[2]))
    PAGE.write_text(page(all_rooms(), figures()), "utf-8")
