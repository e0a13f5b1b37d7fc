"""A search for better options: what its trials gave, and which of them is best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["complete", "pruned", "failed", "cut off"]


@dataclass(frozen=True)
class Objective:
    """What a search makes high or low. `words`: its name on figures. `metric`: in MLflow."""

    name: str
    maximise: bool
    words: str
    metric: str


OBJECTIVES: Mapping[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("accuracy", True, "validation accuracy", "validation/accuracy"),
        Objective(
            "balanced_accuracy",
            True,
            "validation balanced accuracy",
            "validation/balanced_accuracy",
        ),
        Objective("macro_f1", True, "validation macro F1", "validation/macro_f1"),
        Objective("log_loss", False, "validation log loss (nats)", "validation/log_loss"),
        Objective("megabytes", False, "size of the model (MB)", "model/megabytes"),
        Objective("milliseconds", False, "time for 1,000 headlines (ms)", "model/milliseconds"),
    )
}
"""All objectives. Those of a space are names of this table. What `training.select` can say is among
them."""

ACCURACY, LOG_LOSS = "accuracy", "log_loss"


@dataclass(frozen=True)
class SearchedTrial:
    """One trial of a search.

    `options`: the values that were tried, in the form of an override, by the name of the option.
    `values`: by the name of the objective; of a pruned trial the validation accuracy that it had
    come to. `seconds`: taken. `run_id`: in MLflow. `reason`: why it failed. `default`: whether it
    has the options from which the search started.
    """

    number: int
    state: State
    options: Mapping[str, Any]
    values: Mapping[str, float]
    seconds: float = math.nan
    run_id: str = ""
    reason: str = ""
    default: bool = False


def best_trial(
    trials: Sequence[SearchedTrial], objectives: Sequence[str], n_validation: int
) -> SearchedTrial | None:
    """The best of the complete trials; None: there is none.

    With one objective it is the trial with the best value; of equal ones that with the lower
    validation log loss, then the earlier. With several objectives, of which the first is the
    accuracy, it is the trial with the best second objective among those whose accuracy is at most
    one standard error below the highest: the one-standard-error rule (Breiman et al. 1984,
    Classification and Regression Trees). The third objective, the accuracy and the log loss decide
    between equal ones.

    `n_validation`: the number of validation texts.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    if not complete:
        return None
    order = list(objectives)
    if len(order) > 1:
        lowest = highest_accuracy(complete) - standard_error(complete, n_validation)
        complete = [trial for trial in complete if trial.values[ACCURACY] >= lowest]
        order = [*order[1:], ACCURACY]
    return min(
        complete,
        key=lambda trial: (
            *(_cost(trial, name) for name in order),
            trial.values[LOG_LOSS],
            trial.number,
        ),
    )


def standard_error(trials: Sequence[SearchedTrial], n_validation: int) -> float:
    """The standard error of the highest accuracy on `n_validation` texts, as a fraction."""
    accuracy = highest_accuracy(trials)
    return math.sqrt(accuracy * (1 - accuracy) / n_validation)


def highest_accuracy(trials: Sequence[SearchedTrial]) -> float:
    """Of the complete trials."""
    return max(trial.values[ACCURACY] for trial in trials if trial.state == "complete")


def pareto_front(trials: Sequence[SearchedTrial], objectives: Sequence[str]) -> list[SearchedTrial]:
    """The complete trials that no other one beats: as good in every objective, and better in
    one."""
    complete = [trial for trial in trials if trial.state == "complete"]
    costs = [[_cost(trial, name) for name in objectives] for trial in complete]

    def beaten(own: list[float]) -> bool:
        return any(
            theirs != own and all(a <= b for a, b in zip(theirs, own, strict=True))
            for theirs in costs
        )

    return [trial for trial, own in zip(complete, costs, strict=True) if not beaten(own)]


def _cost(trial: SearchedTrial, objective: str) -> float:
    """The value of an objective, the lower the better."""
    value = trial.values[objective]
    return -value if OBJECTIVES[objective].maximise else value
