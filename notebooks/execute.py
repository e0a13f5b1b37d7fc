"""Run notebooks from top to bottom, and store them with their outputs: `make notebooks`."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import click
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
NOTEBOOKS = tuple(sorted(FOLDER.glob("*.ipynb")))

LARGEST = 300_000  # bytes of a stored notebook
PARAMETERS = "parameters"  # the tag of the cell that says how large the notebook is
_CELL_SECONDS = 600  # on a busy machine
# What TensorFlow's C++ code prints when it is imported, which no setting stops.
_START = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]\d{4} |To enable the following instructions).*\n?",
    re.M,
)
_PATH = re.compile(r"/(home|root|tmp|work|Users|usr|opt)/[^\s\"']+")
# No progress bars and no hints: tqdm asks for a package for its bar (IProgress), and MLflow explains
# whole numbers (Hint).
_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "PYTHONWARNINGS": "ignore:IProgress,ignore:Hint",
}

# The same for everybody, and nothing that only this machine has.
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_KEPT = ("tags", "mystnb")  # of a cell: mystnb has the text alternative of a picture


def run_notebook(path: Path, folder: Path, parameters: str = "") -> nbformat.NotebookNode:
    """Run a notebook in `folder`, and give it with its outputs. The file is not changed.

    `parameters`: Python lines that are added to the cell with the tag `parameters`.
    Raises CellExecutionError: a cell raised an error.
    """
    notebook = nbformat.read(path, as_version=4)
    if parameters:
        (cell,) = [c for c in notebook.cells if PARAMETERS in c.metadata.get("tags", ())]
        cell.source += f"\n{parameters}"
    NotebookClient(
        notebook,
        timeout=_CELL_SECONDS,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute(env={**os.environ, **_QUIET})
    return _tidied(notebook)


def _tidied(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Keep what a reader needs."""
    notebook.metadata = nbformat.from_dict(_METADATA)
    for cell in notebook.cells:
        kept = {name: cell.metadata[name] for name in _KEPT if name in cell.metadata}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})
            if output.get("name") == "stderr":
                output.text = _START.sub("", output.text)
        cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" or o.text]
    return notebook


def faults(notebook: nbformat.NotebookNode) -> list[str]:
    """What a stored notebook must not have, one line for each case."""
    lines = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.execution_count is None:
            lines.append(f"{cell.id}: was not run")
        for output in cell.outputs:
            if output.output_type == "error":
                lines.append(f"{cell.id}: an error, {output.ename}")
            data = output.get("data", {})
            text = output.get("text", "") + "".join(
                content for kind, content in data.items() if kind.startswith("text/")
            )
            if output.get("name") == "stderr" or "WARNING" in text:
                lines.append(f"{cell.id}: a warning or a message: {text[:200]!r}")
            elif path := _PATH.search(text):
                lines.append(f"{cell.id}: a path of one machine, {path[0]}")
    size = len(nbformat.writes(notebook).encode())
    if size > LARGEST:
        lines.append(f"{size:,} bytes, expected at most {LARGEST:,}")
    return lines


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice([path.stem for path in NOTEBOOKS]))
def main(names: tuple[str, ...]) -> None:
    """Run the notebooks NAMES (without one: all), and store them with their outputs."""
    for path in NOTEBOOKS:
        if names and path.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            notebook = run_notebook(path, Path(folder))
        if wrong := faults(notebook):
            raise click.ClickException(f"{path.name} is not stored: {'; '.join(wrong)}")
        nbformat.write(notebook, path)
        click.echo(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
