"""What `sweep` logs and prints: its trials as tables, figures and sentences."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import pandas as pd

from pipeline.classifier.options import Select
from pipeline.insight.search import (
    ACCURACY,
    LOG_LOSS,
    OBJECTIVES,
    SearchedTrial,
    pareto_front,
    standard_error,
)
from pipeline.report import search_figures as figures
from pipeline.report.items import File, Item, Metric, Note, Param, Picture, Table, Tag, Text
from pipeline.report.search_figures import typed

SEARCH = "search.json"
"""The file with all trials and where they started, which `pipeline train sweep=RUN_ID` reads."""
START = "overrides.json"
"""The file with the overrides from which it started."""
JOURNAL = "optuna.log"
"""The journal, for `optuna.load_study`."""


@dataclass(frozen=True)
class SearchReport:
    """What a search gave.

    `objectives`: names of `OBJECTIVES`. `best`: of the trials. `importances`: fractions by option.
    `n_validation`: validation headlines.
    """

    objectives: Sequence[str]
    trials: Sequence[SearchedTrial]
    best: SearchedTrial
    importances: Mapping[str, float]
    n_validation: int

    @property
    def default(self) -> SearchedTrial | None:
        """The trial with the options from which the search started, where it has finished."""
        return next((t for t in self.trials if t.default and t.state == "complete"), None)

    @property
    def front(self) -> list[SearchedTrial]:
        """The trials that no other one beats, the most accurate first."""
        front = pareto_front(self.trials, self.objectives)
        return sorted(front, key=lambda trial: (-trial.values[ACCURACY], trial.number))


# ------------------------------------------------------------------------- the run of a trial


def trial_options_items(options: Mapping[str, str]) -> list[Item]:
    """What the run of a trial logs at its start. `options`: what it tries."""
    return [
        *(Param(name, value) for name, value in options.items()),
        Note(f"A trial of a search. It has no result yet.\n\n{_listed(options)}"),
    ]


def trial_result_items(trial: SearchedTrial) -> list[Item]:
    """What the run of a trial logs at its end. The values of a pruned one are not needed."""
    sentence = searched_trial_sentence(trial) if trial.values else f"trial {trial.number} pruned"
    return [
        Tag("trial", trial.state),
        *(Metric(OBJECTIVES[name].metric, value) for name, value in trial.values.items()),
        Metric("seconds", trial.seconds),
        Note(f"{sentence[:1].upper()}{sentence[1:]}\n\n{_listed(trial.options)}"),
    ]


def _listed(options: Mapping[str, Any]) -> str:
    return "".join(f"- `{name}={value}`\n" for name, value in options.items())


# ------------------------------------------------------------------------- the run of a search


def search_items(
    search: SearchReport, given: Sequence[str], journal: bytes, *, draw: bool = True
) -> list[Item]:
    """What the run of a search logs.

    `given`: the overrides from which it started. `journal`: Optuna's file. `draw`: with pictures.
    """
    best, options = search.best, list(search.best.options)
    content = {
        "given": list(given),
        "objectives": list(search.objectives),
        "best": best.number,
        "trials": [_plain(trial) for trial in search.trials],
    }
    importances = pd.DataFrame(search.importances.items(), columns=["option", "importance"])
    items: list[Item] = [
        *(Metric(OBJECTIVES[name].metric, value) for name, value in best.values.items()),
        Tag("trials", _states(search.trials)),
        Tag("best_trial", str(best.number)),
        Table("tables/best.csv", _frame(*search_rows(search))),
        Table("tables/trials.csv", trials_table(search.trials, search.objectives)),
        Table("tables/importances.csv", importances),
        Text("summary.txt", search_sentence(search) + "\n"),
        Text(SEARCH, json.dumps(content, indent=1)),
        File(JOURNAL, journal),
    ]
    several = len(search.objectives) > 1
    if several:
        items.append(Table("tables/front.csv", trials_table(search.front, search.objectives)))
    if draw:
        items.append(Picture("figures/search_history.png", figures.history(search)))
        if several:
            items.append(Picture("figures/search_front.png", figures.front(search)))
        if search.importances:
            items.append(Picture("figures/search_importance.png", figures.importance(search)))
        items.append(Picture("figures/search_slices.png", figures.slices(search, options)))
    return items


def trials_table(trials: Sequence[SearchedTrial], objectives: Sequence[str]) -> pd.DataFrame:
    """One row a trial. A pruned one has the accuracy that it had come to."""
    names = [*dict.fromkeys([ACCURACY, LOG_LOSS, *objectives])]
    options = list(dict.fromkeys(name for trial in trials for name in trial.options))
    rows = [
        [
            trial.number,
            trial.state,
            *(trial.values.get(name, math.nan) for name in names),
            trial.seconds,
            *(typed(trial.options.get(name, "")) for name in options),
            trial.run_id,
            trial.reason,
        ]
        for trial in trials
    ]
    columns = ["trial", "state", *names, "seconds", *options, "run_id", "reason"]
    return pd.DataFrame(rows, columns=columns)


def search_rows(search: SearchReport) -> tuple[list[str], list[list[str]]]:
    """The best trial beside the defaults for the terminal: columns, and one row a value or
    option."""
    default, best = search.default, search.best
    shown = [default, best] if default is not None and default is not best else [best]
    titles = ["defaults" if trial.default else f"trial {trial.number}" for trial in shown]
    rows = [
        [OBJECTIVES[name].words, *(_rounded(name, trial.values[name]) for trial in shown)]
        for name in best.values
    ]
    rows += [[name, *(_short(trial.options[name]) for trial in shown)] for name in best.options]
    return ["", *titles], rows


# ---------------------------------------------------------------------------------- in words


def searched_trial_sentence(trial: SearchedTrial) -> str:
    """One line about a trial."""
    values = ", ".join(
        f"{OBJECTIVES[name].words} {_rounded(name, value)}" for name, value in trial.values.items()
    )
    if trial.state == "pruned":
        return f"trial {trial.number} pruned at {values}"
    if trial.state == "failed":
        return f"trial {trial.number} failed"
    return f"trial {trial.number}: {values}"


def search_sentence(search: SearchReport) -> str:
    """The result in words: the best trial, the defaults, and how far that can be trusted."""
    best, default = search.best, search.default
    first, *others = search.objectives

    def shown(trial: SearchedTrial) -> str:
        value = trial.values[first]
        return f"{value:.1%}" if first == ACCURACY else _rounded(first, value)

    rest = [
        f"{best.values[name]:.3g} {OBJECTIVES[name].words.partition('(')[2].rstrip(')')}"
        for name in others
    ]
    reached = ", ".join([f"{OBJECTIVES[first].words} {shown(best)}", *rest])
    error = 100 * standard_error(search.trials, search.n_validation)
    if best.default:
        comparison = "it has the defaults: the search found nothing better"
    elif default is None:
        comparison = "there is no trial with the defaults to compare with"
    else:
        comparison = f"with the defaults {shown(default)}"
    n = f"{search.n_validation:,} validation headlines"
    if first != ACCURACY:
        chosen = f"{n}: expect a worse result on others"
    elif error:
        chosen = f"{n}, where one standard error is {error:.1f} points: expect less on others"
    else:
        chosen = f"only {n}, so equal trials cannot be told apart"
    return (
        f"Trial {best.number} is best: {reached}; {comparison}. It was chosen on {chosen}. "
        f"{len(search.trials)} trials: {_states(search.trials)}."
    )


def _states(trials: Sequence[SearchedTrial]) -> str:
    counts = Counter(trial.state for trial in trials)
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())


def _plain(trial: SearchedTrial) -> dict[str, Any]:
    """A trial as JSON has it: NaN becomes None."""
    return {k: None if v != v else v for k, v in asdict(trial).items()}


def _rounded(objective: str, value: float) -> str:
    """Fractions and nats with four decimals, as everywhere; other values with three digits."""
    return f"{value:.4f}" if objective in get_args(Select) else f"{value:.3g}"


def _short(value: str) -> str:
    number = typed(value)
    return f"{number:.4g}" if isinstance(number, float) else value


def _frame(columns: list[str], rows: list[list[str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[columns[0] or "measure or option", *columns[1:]])
