"""Where a run comes from: the process, the commit and the versions of packages.

Tags that the machinery needs, and people seldom, begin with `pipeline.`.
"""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import psutil

from pipeline.report.items import Item, Table

_PACKAGES = ("tensorflow", "keras", "mlflow", "datasets", "gensim", "scikit-learn", "numpy")

HOST, PROCESS = "pipeline.host", "pipeline.process"
"""The tags of the process that a run belongs to."""


def run_tags() -> dict[str, str]:
    """The tags of a run: those of the process and of the repository."""
    return process_tags() | _git_tags()


def process_tags() -> dict[str, str]:
    """The machine and the number of this process."""
    return {HOST: host_name(), PROCESS: str(os.getpid())}


def host_name() -> str:
    """Where a process number means something: this machine and, in a container, this container.

    Machines may share their name, and containers their network: neither is enough by itself.
    """
    namespace = Path("/proc/self/ns/pid")
    container = os.readlink(namespace) if namespace.exists() else ""
    name = f"{socket.gethostname()}-{uuid.getnode():x}-{container}"
    return "".join(character for character in name if character not in "'\"[]:")


def process_lives(number: int) -> bool:
    """Whether a process of this machine goes on. One that was killed stays known until its parent
    has asked for its end: it does not go on."""
    try:
        return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def version_items() -> list[Item]:
    """The versions of Python and of the packages that decide the numbers of a run, as a table."""
    rows = [("python", platform.python_version())]
    for package in _PACKAGES:
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            rows.append((package, "not installed"))
    return [Table("tables/versions.csv", pd.DataFrame(rows, columns=["package", "version"]))]


def _git_tags() -> dict[str, str]:
    """The commit of the current folder's repository, and whether it has changes. None outside of a
    repository."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", *arguments], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {
        "pipeline.git_commit": commit,
        "pipeline.git_dirty": str(bool(git("status", "--porcelain"))).lower(),
    }
