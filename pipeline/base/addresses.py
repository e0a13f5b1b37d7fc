"""Addresses as they may be shown: without passwords; and those of MLflow's pages."""

from __future__ import annotations

import re
from urllib.parse import quote

MODEL_ADDRESS = "MODEL_ADDRESS"
"""What stands in the description of a model for its address, which is known once it is
registered."""

# What an address has before its host, and what its query calls so.
_SECRETS = (
    (re.compile(r"(?<=://)([^/\s:@]*):[^/\s]*@"), r"\1:***@"),
    (re.compile(r"(?<=://)[^/\s:@]+@"), "***@"),
    # MLflow's pages are sorted by an `orderByKey`, which is no secret.
    (re.compile(r"(?i)(?<=[?&])(?!orderByKey=)([^=&\s]*(?:password|passwd|pwd|secret|token|key)[^=&\s]*)=[^&\s]+"), r"\1=***"),
)  # fmt: skip


def masked(text: str) -> str:
    """The text without the passwords of the addresses in it.

    >>> masked("no server at http://alice:secret@localhost:5000")
    'no server at http://alice:***@localhost:5000'
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def run_page(experiment_id: str, run_id: str, path: str = "") -> str:
    """The page of a run in MLflow, or of one of its tabs or files, below the address of the server.

    Without the last part MLflow opens its pages for language models.

    >>> run_page("1", "abc", "artifacts/report.html")
    '#/experiments/1/runs/abc/artifacts/report.html?workflowType=machine_learning'
    """
    place = f"{path and '/'}{quote(path)}"
    return f"#/experiments/{experiment_id}/runs/{run_id}{place}?workflowType=machine_learning"
