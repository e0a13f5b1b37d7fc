"""What is each set of vectors worth to a classifier?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline import report
from pipeline.base.options import Seeds, list_seeds
from pipeline.classifier.options import EncoderOptions
from pipeline.data.headlines import Headlines
from pipeline.embedding.loading import vectors_name
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.evaluation import evaluate
from pipeline.insight.sets import SetOutcome
from pipeline.studies.study import OnTrial, Study, run_trials, study_run
from pipeline.studies.trials import Trial
from pipeline.tracking.options import TrackingOptions
from pipeline.training.fit import fit
from pipeline.training.options import TrainingOptions


@dataclass(frozen=True, eq=False)
class SetComparison(Study):
    """A finished comparison of sets: an outcome for each set and seed."""

    outcomes: Sequence[SetOutcome]


def compare_sets(
    headlines: Headlines,
    sets: Mapping[str, VectorsOptions],
    *,
    model: EncoderOptions,
    training: TrainingOptions,
    tracking: TrackingOptions,
    seeds: Seeds = 5,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    on_trial: OnTrial | None = None,
) -> SetComparison:
    """Train with each set of vectors and each seed on all training headlines.

    It is one MLflow run, with a run below it for each set and seed. It goes on as `compare` does.

    Args:
        headlines: in three splits.
        sets: the vectors, and how they become rows of the matrix, by the name that is shown.
        model: of the network and the members.
        training: the schedule.
        tracking: where the run is logged.
        seeds: how many seeds, counted from `seed`; or a list.
        seed: the first seed.
        parameters: what the run logs as parameters, where that is more than these options.
        on_trial: called after each trial.

    Raises:
        PipelineError: anything that the user can mend; the run is then FAILED.
    """
    train, validation, test = map(headlines.examples, ("train", "validation", "test"))
    trials = [
        Trial(name, len(train), number) for name in sets for number in list_seeds(seeds, seed)
    ]
    vectors = {"source": "+".join(map(vectors_name, sets.values()))} | {
        f"set_{number}": {"name": name, **asdict(options)}
        for number, (name, options) in enumerate(sets.items(), start=1)
    }
    options = {
        "vectors": vectors, "model": model, "training": training, "seeds": seeds, "seed": seed,
    }  # fmt: skip

    def run(trial: Trial) -> dict[str, SetOutcome]:
        fitted = fit(
            train,
            validation,
            embedding=sets[trial.kind],
            model=model,
            schedule=training,
            held_out=test.texts,
            seed=trial.seed,
        )
        accuracies: dict[str, float] = {}
        on_validation = {phase.name: phase.best.val_accuracy for phase in fitted.history.phases}
        on_validation["ensemble"] = fitted.ensemble.accuracy
        evaluations = fitted.measure_methods(lambda method: evaluate(method, test))
        for method, evaluation in evaluations.items():
            accuracies[f"{method} validation"] = on_validation[method]
            accuracies[f"{method} test"] = evaluation.accuracy
        return {f"{trial.kind}-{trial.seed}": SetOutcome(trial.kind, trial.seed, accuracies)}

    with study_run("sets", headlines, options, tracking, parameters) as (tracked, _):
        outcomes = run_trials(
            tracked,
            trials,
            names=lambda trial: [f"{trial.kind}-{trial.seed}"],
            run=run,
            items=report.set_outcome_items,
            read=report.read_set_outcome,
            file=report.SET_OUTCOME,
            describe=report.set_outcomes_sentence,
            on_trial=on_trial,
        )
        sentence = "What each set of vectors is worth to a classifier: accuracies, over the seeds."
        described = report.study_items(
            sentence, report.sets_means(outcomes), headlines, tracked.address
        )
        tracked.log([*report.sets_items(outcomes), *described])
    return SetComparison(tracked.run_id, tracked.experiment_id, tracked.uri, headlines, outcomes)
