"""The trials of a search in a file of Optuna, which several processes of one machine share.

The file belongs to Optuna (`JournalStorage`). Here it is opened, and its trials are handed out. A
trial whose process has disappeared is tried once more.
"""

from __future__ import annotations

import json
import logging
import math
import os
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import psutil
from filelock import FileLock
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from pipeline.base.errors import ConfigError, TrackingError
from pipeline.insight.search import ACCURACY, OBJECTIVES, SearchedTrial, State
from pipeline.studies.space import Range, Space, written
from pipeline.tracking.provenance import host_name, process_lives

logger = logging.getLogger(__name__)

_NAME = "search"
_WARMUP_EPOCHS = 4  # in which nothing is pruned: small learning rates begin slowly
_RETRIES = 1  # of a trial whose process has disappeared
_STATES: Mapping[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)
# What is noted about a trial.
_PROCESS, _CUT_OFF, _RESULT = "process", "cut_off", "result"


class Journal:
    """The trials of one search.

    `path`: of the file. `key`: of the search; a file with another one is not taken. `defaults`: the
    values of the first trial, where the space has one for every option.
    """

    def __init__(
        self, path: Path, space: Space, key: str, seed: int, defaults: Mapping[str, str]
    ) -> None:
        self.path, self._space, self._seed = path, space, seed
        self._own = [*_process(os.getpid()), uuid.uuid4().hex]
        path.parent.mkdir(parents=True, exist_ok=True)
        # The lock of the system: unlike Optuna's own it is given up when the process is killed.
        self._lock = FileLock(path.with_suffix(".lock"))
        self._claims = FileLock(path.with_suffix(".claims"))
        with self._claims:
            _mend(path)
            with _quiet():
                self._study = self._open(key, defaults)

    def _open(self, key: str, defaults: Mapping[str, str]) -> optuna.Study:
        try:
            backend = JournalFileBackend(str(self.path), lock_obj=self._lock)
            study = optuna.create_study(
                storage=JournalStorage(backend),
                study_name=_NAME,
                directions=[
                    "maximize" if OBJECTIVES[name].maximise else "minimize"
                    for name in self._space.objectives
                ],
                # Trials report their accuracy, which says nothing about other objectives.
                pruner=optuna.pruners.MedianPruner(n_warmup_steps=_WARMUP_EPOCHS)
                if tuple(self._space.objectives) == (ACCURACY,)
                else optuna.pruners.NopPruner(),
                load_if_exists=True,
            )
            earlier = study.user_attrs.get("key")
        except (LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
            raise _damaged(self.path, f"{type(error).__name__}: {error}") from error
        if earlier is None:
            study.set_user_attr("key", key)
            if len(defaults) == len(self._space.options):
                values = {name: self._value(name, text) for name, text in defaults.items()}
                study.enqueue_trial(values, user_attrs={"default": True})
        elif earlier != key:
            raise ConfigError(
                f"{self.path}: the journal belongs to a search with another space, other data or "
                "other options: remove it, and the search begins again"
            )
        return study

    @property
    def trials(self) -> list[SearchedTrial]:
        """All trials that have ended."""
        cut_off = self._cut_off
        return [
            replace(searched, state="cut off") if searched.number in cut_off else searched
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state not in _UNFINISHED
            for searched in [_searched(trial, self._space)]
        ]

    def claim(self, most: int) -> Trial | None:
        """Begin a trial of this process; None: there are `most` already.

        Trials that were cut off do not count.
        """
        with self._claims:
            self._retry_cut_off()
            trials = self._study.get_trials(deepcopy=False)
            cut_off = self._cut_off
            begun = [
                trial
                for trial in trials
                if trial.state != TrialState.WAITING and trial.number not in cut_off
            ]
            if len(begun) >= most:
                return None
            # A search that goes on proposes what it would have proposed.
            self._study.sampler = optuna.samplers.TPESampler(
                seed=(self._seed * 100_003 + len(begun)) % 2**31
            )
            trial = self._study.ask(
                {name: _distribution(row) for name, row in self._space.options.items()}
            )
            trial.set_user_attr(_PROCESS, self._own)
            return trial

    def others_running(self) -> bool:
        """Whether another process has a trial going on, or had one that was cut off just now."""
        with self._claims:
            states = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            running = bool(states)
            self._retry_cut_off()
        return running

    def options(self, trial: Trial) -> dict[str, str]:
        """The values of a trial as overrides have them."""
        return {name: written(trial.params[name]) for name in self._space.options}

    def end(
        self,
        trial: Trial,
        state: State,
        values: Mapping[str, float],
        seconds: float,
        run_id: str,
        reason: str = "",
    ) -> SearchedTrial:
        """Note how a trial ended. `values`: by objective, and more."""
        result = {"values": dict(values), "seconds": seconds, "run_id": run_id, "reason": reason}
        trial.set_user_attr(_RESULT, result)
        if state == "complete":
            ended = self._study.tell(trial, [values[name] for name in self._space.objectives])
        elif state == "pruned":
            ended = self._study.tell(trial, state=TrialState.PRUNED)
        else:
            ended = self._study.tell(trial, state=TrialState.FAIL)
        return _searched(ended, self._space)

    def importances(self) -> dict[str, float]:
        """How much of the differences in the first objective each option explains, from 0 to 1.

        PED-ANOVA (Watanabe et al. 2023, arXiv 2304.10255), as Optuna has it. Nothing where there
        are too few different trials.
        """
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        first = [trial.values[0] for trial in complete]
        if len(complete) < 4 or len(set(first)) < 2:
            return {}
        several = len(self._space.objectives) > 1
        return dict(
            optuna.importance.get_param_importances(
                self._study, target=(lambda trial: trial.values[0]) if several else None
            )
        )

    def _retry_cut_off(self) -> None:
        """Mark the trials whose process has disappeared as failed, and try them once more."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self._lives(trial.user_attrs.get(_PROCESS)):
                continue
            again = len(trial.system_attrs.get("retry_history", [])) < _RETRIES
            if again:
                self._study.set_user_attr(_CUT_OFF, [*self._cut_off, trial.number])
            self._study.tell(trial.number, state=TrialState.FAIL)
            if again:
                with _quiet():
                    RetryHeartbeatStaleTrialCallback()(self._study, trial)
            logger.warning(
                "sweep: trial %d was cut off%s",
                trial.number,
                ": it is tried again" if again else " twice",
            )

    @property
    def _cut_off(self) -> list[int]:
        """The numbers of the trials that are tried again."""
        return list(self._study.user_attrs.get(_CUT_OFF, []))

    def _lives(self, process: Sequence[Any] | None) -> bool:
        """Whether the process of a trial goes on with it."""
        if not process or process == self._own:
            return bool(process)
        return process[1] != os.getpid() and process[:3] == _process(process[1])

    def _value(self, name: str, text: str) -> Any:
        """The value of an option as Optuna has it."""
        if isinstance(self._space.options[name], Range):
            return json.loads(text)
        return text


@contextmanager
def _quiet() -> Iterator[None]:
    """Let Optuna say only what matters meanwhile."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(dimension: Any) -> BaseDistribution:
    if not isinstance(dimension, Range):
        return CategoricalDistribution(dimension.values)
    low, high, step = dimension.low, dimension.high, dimension.step
    if dimension.whole:
        return IntDistribution(int(low), int(high), log=dimension.log, step=int(step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=step)


def _searched(trial: FrozenTrial, space: Space) -> SearchedTrial:
    result = trial.user_attrs.get(_RESULT, {"reason": "its process disappeared"})
    values = dict(result.get("values", {}))
    if trial.state == TrialState.PRUNED and trial.intermediate_values:
        values[ACCURACY] = max(trial.intermediate_values.values())
    return SearchedTrial(
        number=trial.number,
        state=_STATES[trial.state],
        options={
            name: written(trial.params[name]) for name in space.options if name in trial.params
        },
        values=values,
        seconds=result.get("seconds", math.nan),
        run_id=result.get("run_id", ""),
        reason=result.get("reason", ""),
        default=bool(trial.user_attrs.get("default")),
    )


def _process(number: int) -> list[Any]:
    """A process: its machine, its number, and when it began, as numbers are given again."""
    try:
        began = psutil.Process(number).create_time() if process_lives(number) else None
    except psutil.NoSuchProcess:
        began = None
    return [host_name(), number, began]


def _mend(path: Path) -> None:
    """Look whether every line is whole. A last line that was cut off, as on a full disk, goes away.

    Raises TrackingError: another line is damaged.
    """
    if not path.exists():
        return
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            logger.warning("sweep: the last line of %s was cut off, and is left out", path)
            with path.open("r+b") as file:
                file.truncate(len(whole))
    except OSError as error:
        raise TrackingError(f"could not read {path}: {error.strerror}") from error
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            json.loads(line)
        except ValueError as error:
            raise _damaged(path, f"line {number} is no JSON") from error


def _damaged(path: Path, reason: str) -> TrackingError:
    return TrackingError(
        f"{path}: expected a journal of Optuna, {reason}: it is damaged: remove it, and the search "
        "begins again; the runs of its trials stay"
    )
