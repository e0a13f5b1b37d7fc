"""Downloads and the folder that keeps them."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Where what was fetched or computed is kept: HEADLINE_TRANSFER_CACHE, or the user's cache."""
    chosen = os.environ.get("HEADLINE_TRANSFER_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("headline-transfer")
