"""Which options are better than the defaults? Optuna proposes them, and `fit` tries them.

A search is one MLflow run, with a run below it for each trial. It looks at validation headlines
only.
"""

from __future__ import annotations

import gc
import json
import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from threadpoolctl import threadpool_limits

from pipeline import report
from pipeline.base.calls import checked
from pipeline.base.errors import (
    ConfigError,
    DataError,
    TrainingError,
    VectorsError,
)
from pipeline.base.options import Seed
from pipeline.classifier.export import export_classifier
from pipeline.classifier.options import AUTO
from pipeline.data.headlines import Headlines
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.search import ACCURACY, LOG_LOSS, SearchedTrial, State, best_trial
from pipeline.portable import load_classifier
from pipeline.studies.options import SweepOptions
from pipeline.studies.space import (
    Compose,
    Space,
    TrialOptions,
    check_optuna,
    check_space,
    overrides_of,
)
from pipeline.studies.study import OnTrial, Study, study_key, study_run
from pipeline.studies.trials import load_once
from pipeline.tracking.joining import JoinedRun, one_at_a_time, running_elsewhere
from pipeline.tracking.options import TrackingOptions
from pipeline.tracking.runs import TrackedRun, tracked_run
from pipeline.training.fit import Fitted, fit
from pipeline.training.history import Epoch

if TYPE_CHECKING:
    from optuna.trial import Trial

    from pipeline.studies.journal import Journal

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5  # between two looks at what other processes do
_TIMED_TEXTS, _TIMES = 64, 20  # a thread scores so many texts, so often
_JOURNAL = "journal.log"
# A trial that raises one of these has failed, and the search goes on.
_FAILURES = (
    ConfigError,
    DataError,
    TrainingError,
    VectorsError,
    MemoryError,
    tf.errors.ResourceExhaustedError,
)


@dataclass(frozen=True, eq=False)
class Search(Study):
    """A finished search. `result`: its trials, and the best one as `best_trial` chooses it."""

    result: report.SearchReport


@dataclass(frozen=True)
class Joined:
    """What this process did for a search that another process has: so many trials.

    `process`: the number of the other one.
    """

    run_id: str
    experiment_id: str
    tracking_uri: str
    process: int
    n_trials: int


OnStart = Callable[[], AbstractContextManager[object]]
"""Called once the run of the search has begun. What it gives is left before the run ends."""


@checked
def sweep(
    headlines: Headlines,
    space: Space,
    compose: Compose,
    options: SweepOptions,
    *,
    tracking: TrackingOptions,
    seed: Seed = 0,
    given: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    run_id: str | None = None,
    on_start: OnStart | None = None,
    on_trial: OnTrial | None = None,
) -> Search | Joined:
    """Search a space for the options with the best validation results.

    It is one MLflow run. A search with the same space, options and data that was cut off goes on,
    and a trial whose process disappeared is tried once more. Where another process of this machine
    has the same search going on, this one does trials for it. The first trial has the options as
    they are.

    Where accuracy is the only objective, a trial ends early whose validation accuracy is below the
    median of the earlier trials at the same epoch, counted through all phases. The first epochs are
    left to it.

    Args:
        headlines: in three splits. The test headlines are not looked at.
        space: what is tried.
        compose: overrides -> the options of a training, from which the search starts.
        options: how many trials, and how long. `processes` is up to the caller.
        tracking: where the runs are logged.
        seed: of the search, and of every training.
        given: the overrides that are in `compose` already, to be found again by `pipeline train`.
        parameters: what the run logs as parameters, where that is more than these options.
        run_id: only this run goes on.
        on_start: called when the run has begun, as to start processes that join.
        on_trial: called after each trial.

    Raises:
        ConfigError: the space does not fit the options.
        MissingExtraError: Optuna is not installed.
        TrainingError: no trial has finished.
        PipelineError: anything else that the user can mend; the run is then FAILED.
    """
    check_optuna()
    defaults = check_space(space, compose)
    base = compose(())
    values = {
        "vectors": base.vectors, "model": base.model, "training": base.training,
        "space": space.options, "objectives": space.objectives, "seed": seed,
    }  # fmt: skip
    key = study_key("sweep", headlines, values, parameters)
    job = _Job(headlines, space, compose, options, tracking, seed, key, defaults, on_trial)
    while True:
        with ExitStack() as stack:
            with one_at_a_time(key):
                joined = running_elsewhere(tracking, key)
                if joined is None:
                    begun = study_run("sweep", headlines, values, tracking, parameters, run_id)
                    tracked, described = stack.enter_context(begun)
            if joined is None:
                tracked.log([report.Text(report.START, json.dumps(list(given)))])
                with on_start() if on_start else nullcontext():
                    journal = job.work(tracked, wait=True)
                return _finish(job, journal, tracked, described, given)
            logger.info(
                "sweep: process %d has this search going on: this one joins", joined.process
            )
            job.work(joined, wait=False)
            if joined.status() != "LEFT":
                where = (joined.run_id, joined.experiment_id, joined.uri, joined.process)
                return Joined(*where, job.n_trials)
            logger.warning("sweep: process %d has disappeared: this one goes on", joined.process)


@dataclass(eq=False)
class _Job:
    """What the trials of this process have in common. `n_trials`: how many it has done."""

    headlines: Headlines
    space: Space
    compose: Compose
    options: SweepOptions
    tracking: TrackingOptions
    seed: int
    key: str
    defaults: Mapping[str, str]
    on_trial: OnTrial | None
    n_trials: int = 0
    loaded: dict[str, WordVectors] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def work(self, run: TrackedRun | JoinedRun, *, wait: bool) -> Journal:
        """Do trials until there are enough. `wait`: for those of other processes, too."""
        from pipeline.studies.journal import Journal

        path = run.training_folder / _JOURNAL
        if isinstance(run, TrackedRun) and run.goes_on and not path.exists():
            logger.warning(
                "sweep: the journal of the run %s is not on this machine: the search begins again "
                "below it",
                run.run_id,
            )
        journal = Journal(path, self.space, self.key, self.seed, self.defaults)
        minutes, most = self.options.minutes, self.options.trials
        while isinstance(run, TrackedRun) or run.status() == "RUNNING":
            late = minutes is not None and time.monotonic() - self.started >= 60 * minutes
            trial = None if late else journal.claim(most)
            if trial is not None:
                result = self._try(journal, trial, run)
                self.n_trials += 1
                done = sum(t.state != "cut off" for t in journal.trials)
                if self.on_trial:
                    self.on_trial(done, most, report.searched_trial_sentence(result))
            elif wait and journal.others_running():
                time.sleep(PAUSE_SECONDS)
            else:
                break
        return journal

    def _try(self, journal: Journal, trial: Trial, run: TrackedRun | JoinedRun) -> SearchedTrial:
        """Do one trial, as a run below that of the search."""
        options = journal.options(trial)
        tags = {"kind": report.TRIAL, "data": self.headlines.name}
        state: State = "complete"
        values: dict[str, float] = {}
        reason, child_id, started = "", "", time.monotonic()
        try:
            with tracked_run(
                self.tracking, f"trial-{trial.number}", parent=run.run_id, tags=tags
            ) as child:
                child_id = child.run_id
                child.log(report.trial_options_items(options))
                try:
                    fitted = self._fit(trial, options, child)
                    values = _measure(fitted, self.headlines, self.space.objectives)
                except _Pruned:
                    state = "pruned"
                seconds = time.monotonic() - started
                ended = SearchedTrial(trial.number, state, options, values, seconds, child_id)
                child.log(report.trial_result_items(ended))
        except _FAILURES as error:
            state, reason = "failed", " ".join(str(error).split()) or type(error).__name__
            logger.warning("sweep: trial %d failed: %s", trial.number, reason)
        seconds = time.monotonic() - started
        return journal.end(trial, state, values, seconds, child_id, reason)

    def _fit(self, trial: Trial, options: Mapping[str, str], child: TrackedRun) -> Fitted:
        gc.collect()  # models refer to themselves; those of finished trials would add up
        config = self.compose(overrides_of(options))
        steps, highest = count(1), 0.0

        def on_epoch(epoch: Epoch) -> None:
            nonlocal highest
            step, highest = next(steps), max(highest, epoch.val_accuracy)
            child.log(report.epoch_items(epoch, step))
            if tuple(self.space.objectives) == (ACCURACY,):
                trial.report(highest, step)
                if trial.should_prune():
                    raise _Pruned

        return fit(
            self.headlines.examples("train"),
            self.headlines.examples("validation"),
            self._vectors(config),
            embedding=config.vectors,
            model=config.model,
            schedule=config.training,
            seed=self.seed,
            unlabelled=self.headlines.unlabelled,
            on_epoch=on_epoch,
        )

    def _vectors(self, config: TrialOptions) -> WordVectors:
        """The vectors of a trial, with all words that a trial may ask for. The last ones are
        kept."""
        embedding = replace(
            config.vectors,
            extra_words=self._largest("vectors.extra_words", config.vectors.extra_words),
            std=None,
            min_coverage=0.0,
            fallbacks="auto",
            missing="zeros",
        )
        if repr(embedding) not in self.loaded:
            self.loaded.clear()  # they are large
            model = replace(config.model, max_tokens=AUTO)  # the words of whole texts
            self.loaded[repr(embedding)] = load_once(self.headlines, embedding, model)
        return self.loaded[repr(embedding)]

    def _largest(self, option: str, value: int) -> int:
        """The largest number of an option that a trial may have."""
        dimension = self.space.options.get(option)
        return max(value, *map(int, dimension.values)) if dimension else value


class _Pruned(Exception):  # noqa: N818  it is no error
    """A trial is not worth going on with."""


def _measure(fitted: Fitted, headlines: Headlines, objectives: Sequence[str]) -> dict[str, float]:
    """The values of a trial, on the validation headlines. Size and speed are those of the
    classifier that `pipeline export` writes, on one thread. Other processes make it slower: search
    with one."""
    values = {
        name: value
        for name, value in fitted.ensemble.validation.items()
        if name in (ACCURACY, LOG_LOSS, *objectives)
    }
    if set(objectives) <= values.keys():
        return values
    with tempfile.TemporaryDirectory() as temporary:
        folder = export_classifier(fitted.classifier, Path(temporary, "model"))
        values["megabytes"] = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        classifier = load_classifier(folder)
        texts = list(headlines.texts("validation"))
        texts = (texts * (_TIMED_TEXTS // len(texts) + 1))[:_TIMED_TEXTS]
        seconds = []
        with threadpool_limits(1):
            for _ in range(_TIMES):
                started = time.perf_counter()
                classifier.predict_proba(texts)
                seconds.append(time.perf_counter() - started)
        values["milliseconds"] = 1000 * min(seconds) * 1000 / _TIMED_TEXTS
    return values


def _finish(
    job: _Job,
    journal: Journal,
    tracked: TrackedRun,
    described: list[report.Item],
    given: Sequence[str],
) -> Search:
    """Report what all processes found."""
    trials, headlines, space = journal.trials, job.headlines, job.space
    best = best_trial(trials, space.objectives, len(headlines.splits["validation"]))
    if best is None:
        reasons = [trial.reason for trial in trials if trial.reason]
        raise TrainingError(
            f"none of {len(trials)} trials finished: "
            + (f"the last one failed: {reasons[-1]}" if reasons else "give sweep.minutes more")
        )
    result = report.SearchReport(
        space.objectives, trials, best, journal.importances(), len(headlines.splits["validation"])
    )
    items = report.search_items(result, given, journal.path.read_bytes())
    page = report.search_page_items([*described, *items], result, headlines)
    note = report.study_items(
        report.search_sentence(result),
        report.search_rows(result),
        headlines,
        tracked.address,
        report.shown_picture(items, "figures/search_history.png"),
        charted=report.TRIAL,
    )
    tracked.log([*items, *page, *note])
    return Search(tracked.run_id, tracked.experiment_id, tracked.uri, headlines, result)
