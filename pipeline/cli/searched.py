"""What a command takes over from a search that was logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from pipeline.cli.terminal import quiet_start

_PREFIX = "sweep="
_WITH_RESUME = ("tracking.uri=", "sweep.trials=", "sweep.minutes=", "sweep.processes=")


def search_overrides(resume: str | None, overrides: Sequence[str]) -> list[str]:
    """The overrides of `pipeline sweep`. `resume`: the search that goes on with its own ones.

    Raises ConfigError: the run is no search; UsageError: an override that would make it another
    one, or that names no option.
    """
    for override in overrides:
        if override.startswith(_PREFIX):
            name = override.removeprefix(_PREFIX)
            raise click.UsageError(
                f"{override}: a space is named with sweep.space={name}; sweep=RUN_ID belongs to "
                "`pipeline train`"
            )
    if resume is None:
        return list(overrides)
    for override in overrides:
        if not override.startswith(_WITH_RESUME):
            raise click.UsageError(
                f"--resume takes the options of the search, {override!r} would be another one: "
                "leave it out"
            )
    with quiet_start():
        from pipeline.tracking.searches import read_start
    return [*_others(read_start(resume, _uri(overrides)), overrides), *overrides]


def best_overrides(overrides: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The overrides of `pipeline train`, with `sweep=RUN_ID` or `sweep=RUN_ID/TRIAL` replaced by
    those of the best trial, or of that trial, of a search. What else is given wins.

    Also gives tags that say where the options came from; none without `sweep=`.

    Raises ConfigError: the run is no search, or has no such trial; TrackingError: what it gave is
    damaged.
    """
    addresses = [text.removeprefix(_PREFIX) for text in overrides if text.startswith(_PREFIX)]
    if not addresses:
        return list(overrides), {}
    own = [text for text in overrides if not text.startswith(_PREFIX)]
    run_id, _, number = addresses[-1].partition("/")
    with quiet_start():
        from pipeline.report.search import SEARCH
        from pipeline.studies.space import ROOMS
        from pipeline.tracking.searches import damaged, read_search
    search = read_search(run_id, _uri(own))
    try:
        trial = _trial(search, run_id, number)
        given = [text for text in search["given"] if not text.startswith("sweep.")]
        tried = [
            f"{name}={value}"
            for name, value in trial["options"].items()
            if name.partition(".")[0] in ROOMS  # no search tries others
        ]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise damaged(run_id, SEARCH) from error
    # A choice of a group comes first: the options of a trial belong to it.
    taken = _others([*given, *sorted(tried, key=lambda text: "." in text.partition("=")[0])], own)
    source = f"trial {trial['number']} of the search {run_id}"
    tags = {"options_from": source, "search": run_id, "search_trial": str(trial["number"])}
    return [*taken, *own], tags


def _trial(search: dict[str, Any], run_id: str, number: str) -> dict[str, Any]:
    from pipeline.base.errors import ConfigError

    complete = {str(t["number"]): t for t in search["trials"] if t["state"] == "complete"}
    number = number or str(search["best"])
    if number not in complete:
        raise ConfigError(
            f"sweep={run_id}/{number}: expected the number of a complete trial, as one of "
            f"{', '.join(list(complete)[:20])}"
        )
    return dict(complete[number])


def _others(texts: Sequence[str], own: Sequence[str]) -> list[str]:
    """The overrides of which `own` says nothing. A choice such as model=mean says all of its
    group."""
    names = [text.partition("=")[0].lstrip("+~") for text in own]
    return [
        text
        for text in texts
        if not any(f"{text.partition('=')[0]}.".startswith(f"{name}.") for name in names)
    ]


def _uri(overrides: Sequence[str]) -> str | None:
    from pipeline.config import load_config

    return load_config([t for t in overrides if t.startswith("tracking.uri=")]).tracking.uri
