"""Where headlines come from. A new source is a function and a row in SOURCES.

Nothing here imports pandas or datasets before a source is loaded, because the options of `data`
are checked against this table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.content import check_file
from pipeline.data.sources.bbc import check_bbc, load_bbc
from pipeline.data.sources.file import check_file_source, load_file
from pipeline.data.sources.hub import load_hub
from pipeline.data.sources.request import Loaded as Loaded
from pipeline.data.sources.request import Request as Request
from pipeline.data.sources.stop_clickbait import check_stop_clickbait, load_stop_clickbait


@dataclass(frozen=True)
class Source:
    """A row of SOURCES.

    `load`: reads the headlines. `needs`: what `path` has to name, as a message says it; empty where
    the source needs no path. `licence`: what is known about that of the headlines. `check`: looks
    at what `path` names, or at what is installed, in a moment; it raises the error that `load`
    would. `validation`: the usual fraction of the rows for that split, where the source does not
    have it.
    """

    load: Callable[[Request], Loaded]
    needs: str = ""
    check: Callable[[str], None] = lambda path: None
    validation: float = 0.1
    licence: str = ""


SOURCES = {
    "bbc": Source(
        load_bbc, check=check_bbc, licence="the BBC's, released for non-commercial research"
    ),
    "stop_clickbait": Source(
        load_stop_clickbait,
        check=check_stop_clickbait,
        validation=0.2,
        licence="from an MIT repository (Chakraborty et al. 2016)",
    ),
    "hub": Source(load_hub, needs="the data set's name"),
    "file": Source(load_file, needs="a file or folder", check=check_file_source),
}


def check_source(source: str, path: str | None, files: Sequence[str] = ()) -> None:
    """Look whether a source is there, before anything heavy is loaded.

    `source`: a name in SOURCES. `path`: what `data.path` names. `files`: what other options of
    `data` name.

    Raises DataError: there is nothing at a path that can be read; MissingExtraError: a package of
    the source is not installed.
    """
    SOURCES[source].check(path or "")
    for file in files:
        check_file(Path(file))
