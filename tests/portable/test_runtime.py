"""What computes a classifier is light, and works without this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from builders import ROOT
from portable_folder import write_folder

from pipeline.portable import RUNTIME, copy_runtime, requirements

CODE = """
import sys
from {package} import load_classifier
classifier = load_classifier(sys.argv[1])
print(classifier.predict(["Alps", "bank"] * 100)[:2].tolist())
print(*sorted(sys.modules.keys() & {{"tensorflow", "keras", "mlflow", "pandas", "scipy", "pydantic"}}))
print(sum(name.split(".")[0] == "pipeline" for name in sys.modules))
"""


def answer(package: str, path: Path, folder: Path) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", CODE.format(package=package), str(folder)],
        env={**os.environ, "PYTHONPATH": str(path)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.splitlines()


def test_loading_imports_nothing_that_is_slow(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    labels, slow, _ = answer("pipeline", ROOT, folder)
    assert (labels, slow) == ("['nature', 'money']", "")


def test_a_copy_works_without_the_package(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "model")
    assert copy_runtime(tmp_path / "copied") == tmp_path / "copied" / RUNTIME
    expected = ["['nature', 'money']", "", "0"]
    assert answer(f"{RUNTIME}.portable", tmp_path / "copied", folder) == expected
    assert {line.split("==")[0] for line in requirements()} == {
        "numpy", "safetensors", "threadpoolctl",
    }  # fmt: skip
