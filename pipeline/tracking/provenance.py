"""Where a run comes from, as tags: the process, the versions of packages, the commit."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("tensorflow", "keras", "mlflow", "datasets", "gensim", "scikit-learn", "numpy")


def run_tags() -> dict[str, str]:
    """The tags of a run: those of the process, of packages and of the repository."""
    return process_tags() | _version_tags() | _git_tags()


def process_tags() -> dict[str, str]:
    """The machine and the number of this process."""
    return {"process.host": host_name(), "process.id": str(os.getpid())}


def host_name() -> str:
    """Where a process number means something: this machine and, in a container, this container.

    Machines may share their name, and containers their network: neither is enough by itself.
    """
    namespace = Path("/proc/self/ns/pid")
    container = os.readlink(namespace) if namespace.exists() else ""
    name = f"{socket.gethostname()}-{uuid.getnode():x}-{container}"
    return "".join(character for character in name if character not in "'\"[]:")


def _version_tags() -> dict[str, str]:
    tags = {}
    for package in _PACKAGES:
        try:
            tags[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            tags[f"version.{package}"] = "not installed"
    return tags


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
    return {"git.commit": commit, "git.dirty": str(bool(git("status", "--porcelain"))).lower()}
