"""Addresses as they may be shown: without passwords."""

from __future__ import annotations

import re

# What an address has before its host, and what its query calls so.
_SECRETS = (
    (re.compile(r"(?<=://)([^/\s:@]*):[^/\s]*@"), r"\1:***@"),
    (re.compile(r"(?<=://)[^/\s:@]+@"), "***@"),
    (re.compile(r"(?i)(?<=[?&])([^=&\s]*(?:password|passwd|pwd|secret|token|key)[^=&\s]*)=[^&\s]+"), r"\1=***"),
)  # fmt: skip


def masked(text: str) -> str:
    """The text without the passwords of the addresses in it.

    >>> masked("no server at http://alice:secret@localhost:5000")
    'no server at http://alice:***@localhost:5000'
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
