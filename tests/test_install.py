"""What others install: the wheel, in a folder without this checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
         "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)],
        check=True,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the wheel comes before the checkout."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--target", str(folder), str(wheel)],
        check=True,
    )  # fmt: skip
    return {**os.environ, "PYTHONPATH": str(folder)}


def python(code: str, env: dict[str, str], cwd: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_wheel_has_the_package_and_conf_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "pipeline/conf/config.yaml" in names
    assert "pipeline/conf/training/scratch.yaml" in names
    assert "pipeline/py.typed" in names
    assert {name.split("/")[0] for name in names} == {
        "pipeline",
        next(name.split("/")[0] for name in names if ".dist-info/" in name),
    }


def test_the_example_of_the_readme_runs_elsewhere(
    installed: dict[str, str], tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (example,) = re.findall(r"<!-- reuse -->\n```python\n(.*?)```", readme, re.S)
    check = "import pipeline; print(pipeline.__file__)"
    assert python(check, installed, tmp_path).startswith(installed["PYTHONPATH"])
    shown = python(example, installed, tmp_path)
    assert re.search(r"test accuracy 0\.[6-9]", shown), shown


def test_the_command_line_finds_its_configuration(
    installed: dict[str, str], tmp_path: Path
) -> None:
    code = "import pipeline.config as c; print(c.conf_dir()); print(c.load_config(['model=mean']).model)"
    where, model = python(code, installed, tmp_path).splitlines()
    assert where == str(Path(installed["PYTHONPATH"], "pipeline", "conf"))
    assert model.startswith("MeanConfig(")
