"""The notebooks: stored as they ran, and they run."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from notebooks.execute import NOTEBOOKS, faults, run_notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_as_it_ran(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert faults(notebook) == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == [*range(1, len(counts) + 1)]  # from top to bottom
    assert "Afterwards you will know" in notebook.cells[0].source
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert (path.parent / target).exists(), target
    pictures = [
        cell
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert all(cell.metadata["mystnb"]["image"]["alt"] for cell in pictures)


def test_what_a_stored_notebook_must_not_have() -> None:
    new = nbformat.v4
    warning = new.new_output("stream", name="stderr", text="UserWarning: no")
    printed = new.new_output("stream", name="stdout", text="written to /home/somebody/model")
    notebook = new.new_notebook(
        cells=[
            new.new_markdown_cell("Text about /home/somebody/model is no output."),
            new.new_code_cell("f()", id="warns", execution_count=1, outputs=[warning]),
            new.new_code_cell("f()", id="path", execution_count=2, outputs=[printed]),
            new.new_code_cell("f()", id="waits"),
            new.new_code_cell("x" * 300_000, id="large", execution_count=4),
        ]
    )
    shown = faults(notebook)
    assert [line.split(":")[0] for line in shown[:-1]] == ["warns", "path", "waits"]
    assert "expected at most 300,000" in shown[-1]


def test_a_small_notebook_runs(tmp_path: Path) -> None:
    """All of them, at their full size, are slow."""
    (path,) = [path for path in NOTEBOOKS if path.stem == "reuse_a_stage"]
    assert faults(run_notebook(path, tmp_path, "n_headlines, epochs = 100, 1")) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = run_notebook(path, tmp_path)
    assert faults(notebook) == []
    stored = nbformat.read(path, as_version=4)
    assert [shape(cell) for cell in notebook.cells] == [shape(cell) for cell in stored.cells]


def shape(cell: nbformat.NotebookNode) -> tuple[str, list[str]]:
    """A cell's source, and the kinds of its outputs: the numbers differ between machines, and text
    comes in one piece or in several."""
    kinds = {kind for o in cell.get("outputs", ()) for kind in o.get("data", {"text": None})}
    return cell.source, sorted(kinds)
