"""Does transfer help on these headlines, and how many labels is it worth?

Growing numbers of headlines are learned from scratch, from pretrained vectors and by methods that
know no vectors. All are evaluated on the same test headlines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline import report
from pipeline.base.calls import checked
from pipeline.base.errors import ConfigError
from pipeline.base.options import Seed, list_seeds
from pipeline.classifier.options import EncoderOptions
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines
from pipeline.data.sampling import sample_examples
from pipeline.data.weighting import without_zeros
from pipeline.embedding.loading import vectors_name
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.evaluation import Evaluation, evaluate, evaluate_probabilities
from pipeline.insight.outcomes import METHODS, Outcome
from pipeline.studies.baselines import BASELINES, Baseline, installed_baselines
from pipeline.studies.opponents import load_opponents
from pipeline.studies.options import CompareOptions
from pipeline.studies.study import OnTrial, Study, run_trials, study_run
from pipeline.studies.trials import SCRATCH, TRANSFER, Shared, Trial, fit_trial, prepare_trials
from pipeline.tracking.options import TrackingOptions
from pipeline.training.options import TrainingOptions

FEW_VALIDATION = 20  # at least so many validation headlines, if there are so many


@dataclass(frozen=True, eq=False)
class Comparison(Study):
    """A finished comparison: an outcome for each method, number of training headlines and seed."""

    outcomes: Sequence[Outcome]


@checked
def compare(
    headlines: Headlines,
    grid: CompareOptions,
    *,
    vectors: VectorsOptions,
    model: EncoderOptions,
    training: TrainingOptions,
    tracking: TrackingOptions,
    seed: Seed = 0,
    parameters: Mapping[str, Any] | None = None,
    on_trial: OnTrial | None = None,
) -> Comparison:
    """Try every method with every number of headlines and every seed of the grid.

    It is one MLflow run, with a run below it for each outcome. A comparison with the same options
    that was cut off goes on, and what is finished is not done again. All trials have the same test
    headlines. A seed draws the training headlines, and a quarter as many validation headlines (at
    least 20).

    Args:
        headlines: in three splits.
        grid: sizes, seeds, and more methods.
        vectors: the pretrained vectors, and how they become rows of the matrix.
        model: of the network and the members.
        training: the schedule.
        tracking: where the run is logged.
        seed: the first seed of the grid.
        parameters: what the run logs as parameters, where that is more than these options.
        on_trial: called after each trial.

    Raises:
        PipelineError: anything that the user can mend; the run is then FAILED.
    """
    baselines = installed_baselines()
    opponents = load_opponents(grid.also, taken=(*METHODS, SCRATCH, TRANSFER))
    baselines |= {opponent.name: opponent.fit for opponent in opponents}
    trials = plan_trials(headlines, grid.sizes, list_seeds(grid.seeds, seed), [*baselines])
    options = {
        "vectors": vectors, "model": model, "training": training, "compare": grid, "seed": seed,
        "also": [(opponent.name, opponent.identity) for opponent in opponents],
    }  # fmt: skip
    with study_run("compare", headlines, options, tracking, parameters) as (tracked, described):
        shared = prepare_trials(headlines, vectors, model, training)

        def run(trial: Trial) -> dict[str, Outcome]:
            outcomes = run_trial(trial, shared, baselines)
            return {_name(outcome.method, trial): outcome for outcome in outcomes}

        outcomes = run_trials(
            tracked,
            trials,
            names=lambda trial: [_name(method, trial) for method in methods(trial, shared)],
            run=run,
            items=lambda outcome: report.outcome_items(outcome, headlines.label_names),
            read=lambda child: report.read_outcome(child, headlines.label_names),
            file=report.PREDICTIONS,
            describe=report.outcomes_sentence,
            on_trial=on_trial,
        )
        name = vectors_name(vectors)
        for method, line in report.comparison_lines(outcomes).items():
            tracked.log_line(method, line)
        items = report.comparison_items(outcomes, headlines, name)
        page = report.compare_page_items([*described, *items], outcomes, headlines, name)
        note = report.study_items(
            report.comparison_sentence(outcomes, headlines, name),
            report.means_by_size(outcomes),
            headlines,
            tracked.address,
            report.shown_picture(items, "figures/compare.png"),
            charted=report.LINE,
        )
        tracked.log([*items, *page, *note])
    return Comparison(tracked.run_id, tracked.experiment_id, tracked.uri, headlines, outcomes)


def plan_trials(
    headlines: Headlines,
    sizes: Sequence[int],
    seeds: Sequence[int],
    baselines: Sequence[str] | None = None,
) -> list[Trial]:
    """The trials in order: all of the first seed, from few headlines to many, then the next seed.

    `baselines`: the names of the methods beside ours; None: those that are installed. A size above
    the number of training headlines stands for all of them. Raises ConfigError: a size below the
    number of labels.
    """
    n, n_labels = len(without_zeros(headlines.examples("train"))), len(headlines.label_names)
    if min(sizes) < n_labels:
        raise ConfigError(
            f"compare.sizes: expected at least as many headlines as there are labels, {n_labels}, "
            f"got {min(sizes)}"
        )
    baselines = [*installed_baselines()] if baselines is None else baselines
    kinds = [*baselines, SCRATCH, TRANSFER]
    return [
        Trial(kind, size, seed)
        for seed in seeds
        for size in sorted({min(size, n) for size in sizes})
        for kind in kinds
    ]


def methods(trial: Trial, shared: Shared) -> list[str]:
    """The methods of which a trial gives an outcome."""
    if trial.kind not in (SCRATCH, TRANSFER):
        return [trial.kind]
    members = shared.model.sif or shared.model.ngrams
    return [
        *shared.phases(trial.kind),
        *(["ensemble"] if trial.kind == TRANSFER and members else []),
    ]


def run_trial(
    trial: Trial, shared: Shared, baselines: Mapping[str, Baseline] = BASELINES
) -> list[Outcome]:
    """Train and evaluate: an outcome for each of `methods`.

    `baselines`: the methods beside ours, by the kind of trial.
    """
    headlines = shared.headlines
    train, held_out = (without_zeros(headlines.examples(s)) for s in ("train", "validation"))
    training = sample_examples(train, trial.size, trial.seed)
    few = max(trial.size // 4, FEW_VALIDATION)
    validation = sample_examples(held_out, few, trial.seed)
    return [
        Outcome(
            method,
            trial.size,
            trial.seed,
            evaluation.accuracy,
            evaluation.macro_f1,
            seconds,
            evaluation.predicted,
        )
        for method, seconds, evaluation in _evaluations(
            trial, shared, training, validation, baselines
        )
    ]


def _evaluations(
    trial: Trial,
    shared: Shared,
    training: Examples,
    validation: Examples,
    baselines: Mapping[str, Baseline],
) -> Iterator[tuple[str, float, Evaluation]]:
    """The method, the seconds that it took to train, and its evaluation on the test headlines."""
    test = shared.headlines.examples("test")
    if trial.kind in baselines:
        if not shared.model.letter_case:  # the network does not see it either
            training, validation, test = (e.in_lower_case() for e in (training, validation, test))
        started = time.perf_counter()
        predict = baselines[trial.kind](training, validation, trial.seed)
        seconds = time.perf_counter() - started
        probabilities = np.eye(len(test.label_names))[predict(test.texts)]
        yield trial.kind, seconds, evaluate_probabilities(probabilities, test)
        return
    fitted = fit_trial(trial, shared, training, validation)
    evaluations = fitted.measure_methods(lambda method: evaluate(method, test))
    for method, evaluation in evaluations.items():
        yield method, fitted.method_seconds[method], evaluation


def _name(method: str, trial: Trial) -> str:
    return f"{method}-{trial.size}-{trial.seed}"
