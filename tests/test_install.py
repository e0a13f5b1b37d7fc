"""What others install: the wheel, in a folder without this checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from builders import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


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
    conf = {path.relative_to(ROOT) for path in (ROOT / "conf").rglob("*.yaml")}
    assert conf <= {Path(name).relative_to("pipeline") for name in names if "/conf/" in name}
    assert "pipeline/py.typed" in names
    assert {name.split("/")[0] for name in names} == {
        "pipeline",
        next(name.split("/")[0] for name in names if ".dist-info/" in name),
    }


@pytest.mark.slow
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
    folder = Path(installed["PYTHONPATH"])
    code = "from pipeline.base.files import conf_folder; print(conf_folder())"
    assert python(code, installed, tmp_path).strip() == str(folder / "pipeline" / "conf")
    for arguments, shown in ((["--help"], "train"), (["options", "model=mean"], "training.frozen")):
        ran = subprocess.run(
            [folder / "bin" / "pipeline", *arguments],
            env=installed,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert shown in ran.stdout


def test_every_package_is_pinned_and_no_index_is_named() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    pinned = {canonicalize_name(pin.split("==")[0]) for pin in pins}
    assert "uv" in pinned  # which installs all others
    extras = ("starter", "cases", "dev", "browser", "docs", "bench")
    todo = [("headline-transfer", extra) for extra in extras]
    seen = set()
    while todo:
        name, extra = item = todo.pop()
        if item in seen:
            continue
        seen.add(item)
        for text in (_is_installed(name) and requires(name)) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                extras = requirement.extras or {""}
                todo += [(canonicalize_name(requirement.name), e) for e in extras]
                assert canonicalize_name(requirement.name) in pinned, f"{name} needs {text}"
    assert len(seen) > 100


def _is_installed(name: str) -> bool:
    """False for `tensorflow` where `tensorflow-cpu` has its place."""
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
