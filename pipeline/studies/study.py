"""Several trainings under one MLflow run, which goes on where it was cut off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, TypeVar

from pipeline import report
from pipeline.data.headlines import Headlines
from pipeline.data.weighting import check_class_weight
from pipeline.embedding.loading import vectors_name
from pipeline.studies.trials import Trial
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.provenance import version_items
from pipeline.tracking.runs import Child, TrackedRun, tracked_run

Result = TypeVar("Result")
BUDGET = ("trials", "minutes", "processes")
"""Options of `sweep` that say how long it goes on, and not what it is."""

OnTrial = Callable[[int, int, str], None]
"""Called after each trial: how many are done, how many there are, and what the last one gave."""


@dataclass(frozen=True, eq=False)
class Study:
    """A finished study: its run, and where that is. `headlines`: what it is about."""

    run_id: str
    experiment_id: str
    tracking_uri: str
    headlines: Headlines


@contextmanager
def study_run(
    kind: str,
    headlines: Headlines,
    options: Mapping[str, Any],
    tracking: TrackingOptions,
    parameters: Mapping[str, Any] | None = None,
    run_id: str | None = None,
) -> Iterator[tuple[TrackedRun, list[report.Item]]]:
    """The run that holds all trials: a new one, or one with the same options that did not finish.

    Gives the run, and the items that it has logged about the options and the headlines.

    `options`: by name, everything that decides the results, as plain values or dataclasses.
    `parameters`: what is logged instead of `options`, as the whole configuration of a command. Its
    `tracking` is left out: where a run is logged does not make it another one. `run_id`: the only
    run that may go on.
    """
    values = _plain(options)
    vectors = options["vectors"]
    shown = vectors["source"] if isinstance(vectors, Mapping) else vectors_name(vectors)
    name = f"{kind}-{headlines.name}-{shown}-{values['model']['encoder']}"
    class_weight = values.get("training", {}).get("class_weight")
    check_class_weight(class_weight, headlines.label_names)
    key = study_key(kind, headlines, options, parameters)
    tags = {"kind": kind, "data": headlines.name}
    with tracked_run(tracking, name, resume_key=key, run_id=run_id, tags=tags) as tracked:
        described = [
            *report.config_items(_logged(parameters or values)),
            *report.headlines_items(headlines),
            *version_items(),
            *report.started_items(f"A study of several trainings: {kind}.", headlines),
        ]
        tracked.log(described)
        yield tracked, described


def study_key(
    kind: str,
    headlines: Headlines,
    options: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """What two processes, or two starts, with the same study have in common: 64 digits.

    The arguments are those of `study_run`. How long a search goes on makes it no other one.
    """
    values = _plain(options)
    logged = _logged(parameters or values)
    if "sweep" in logged:
        logged["sweep"] = {k: v for k, v in logged["sweep"].items() if k not in BUDGET}
    identity = json.dumps(
        [kind, values, logged, dict(headlines.sha256)], sort_keys=True, default=str
    )
    return hashlib.sha256(identity.encode()).hexdigest()


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        for name, value in options.items()
    }


def _logged(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name != "tracking"}


def run_trials(
    tracked: TrackedRun,
    trials: Sequence[Trial],
    *,
    names: Callable[[Trial], list[str]],
    run: Callable[[Trial], Mapping[str, Result]],
    items: Callable[[Result], list[report.Item]],
    read: Callable[[Child], Result],
    file: str,
    describe: Callable[[Sequence[Result]], str],
    on_trial: OnTrial | None,
) -> list[Result]:
    """The results of all trials. Each result is a run below the study's.

    What is there already is read and not done again.

    Args:
        tracked: the run of the study.
        trials: in their order.
        names: of the results that a trial gives.
        run: does a trial; gives its results by name.
        items: what the run of one result logs.
        read: a result from such a run.
        file: that run's file, which `read` needs.
        describe: a line about the results of one trial.
        on_trial: called after each trial.
    """
    finished = {child.name: read(child) for child in tracked.children(file)}
    results: list[Result] = []
    for number, trial in enumerate(trials, start=1):
        by_name = {name: finished[name] for name in names(trial) if name in finished}
        if len(by_name) < len(names(trial)):
            by_name = dict(run(trial))
            for name, result in by_name.items():
                if name not in finished:
                    tracked.log_child(name, items(result))
        results += by_name.values()
        if on_trial:
            on_trial(number, len(trials), describe([*by_name.values()]))
    return results
