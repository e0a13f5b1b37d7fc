"""A copy of what computes a classifier, to go with a logged model."""

from __future__ import annotations

import shutil
from pathlib import Path

RUNTIME = "headline_runtime"
"""The name of the copied package: `from headline_runtime.portable import load_classifier`."""


def requirements() -> list[str]:
    """What the copy needs, with the versions that are installed here."""
    from importlib.metadata import version  # slow to import

    return [f"{name}=={version(name)}" for name in ("numpy", "safetensors", "threadpoolctl")]


def copy_runtime(folder: Path) -> Path:
    """Write the package RUNTIME into a folder, and return its path. Raises OSError."""
    here = Path(__file__).parent
    package = folder / RUNTIME
    for room, names in (
        (here, [path.name for path in here.glob("*.py")]),
        (here.parent / "base", ["errors.py"]),
    ):
        copied = package / room.name
        copied.mkdir(parents=True)
        for name in names:
            shutil.copyfile(room / name, copied / name)
    for empty in (package / "__init__.py", package / "base" / "__init__.py"):
        empty.write_text("", "utf-8")
    return package
