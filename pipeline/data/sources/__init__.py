"""Where headlines come from. A new source is a function and a row in SOURCES.

Nothing here imports pandas or datasets before a source is loaded, because the options of `data`
are checked against this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.data.sources.bbc import load_bbc
from pipeline.data.sources.file import load_file
from pipeline.data.sources.hub import load_hub
from pipeline.data.sources.request import Loaded as Loaded
from pipeline.data.sources.request import Request as Request
from pipeline.data.sources.stop_clickbait import load_stop_clickbait


@dataclass(frozen=True)
class Source:
    """A row of SOURCES.

    `load`: reads the headlines. `needs`: what `path` has to name, as a message says it; empty where
    the source needs no path.
    """

    load: Callable[[Request], Loaded]
    needs: str = ""


SOURCES = {
    "bbc": Source(load_bbc),
    "stop_clickbait": Source(load_stop_clickbait),
    "hub": Source(load_hub, needs="the data set's name"),
    "file": Source(load_file, needs="a file or folder"),
}
