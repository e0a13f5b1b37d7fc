"""Folders: where the configuration lies, and where what was fetched or computed is kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder that keeps downloads, trained vectors and checkpoints.

    It is HEADLINE_TRANSFER_CACHE, else the user's cache folder.
    """
    chosen = os.environ.get("HEADLINE_TRANSFER_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("headline-transfer")


def conf_folder() -> Path:
    """The folder with config.yaml: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"
