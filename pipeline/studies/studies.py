"""Several trainings under one MLflow run, which goes on where it was cut off: `compare` asks what
pretrained vectors are worth, `explain` what the embedding knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TypeVar

from pipeline import report
from pipeline.base.options import list_seeds
from pipeline.config import Config
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.embedding.choice import vectors_name
from pipeline.insight.embedding_report import EmbeddingReport, report_embedding
from pipeline.insight.outcomes import Outcome
from pipeline.insight.probes import load_sentences
from pipeline.studies import trials as transfer
from pipeline.studies.trials import Trial
from pipeline.tracking.runs import Child, TrackedRun, tracked_run

Result = TypeVar("Result")
OnTrial = Callable[[int, int, str], None]
"""Called after each trial: how many are done, of how many, and what the last one gave."""


@dataclass(frozen=True, eq=False)
class Study:
    """A run, and where it is. `headlines`: what it is about."""

    run_id: str
    experiment_id: str
    tracking_uri: str
    headlines: Headlines


@dataclass(frozen=True, eq=False)
class Comparison(Study):
    """What `compare` found: a score for each start, number of training headlines and seed."""

    outcomes: Sequence[Outcome]


@dataclass(frozen=True, eq=False)
class Explanation(Study):
    """What `explain` found: of each seed, what the embedding knows after each start."""

    knowledge: Sequence[EmbeddingReport]


def compare(config: Config, on_trial: OnTrial | None = None) -> Comparison:
    """Try out every start with every number of headlines and seed of `config.compare`: one MLflow
    run, with a run below it for each score. Where one with the same options was cut off, it goes
    on, and what is finished is not done again.

    The split is that of `config.data`: all trials have the same test headlines, and a seed draws
    training and validation headlines, of the latter a quarter as many (20 at least).
    Raises PipelineError: anything that the user can mend; the run is then FAILED.
    """
    headlines = load_headlines(**asdict(config.data))
    trials = transfer.plan(
        headlines, config.compare.sizes, list_seeds(config.compare.seeds, config.seed)
    )
    with _study(config, "compare", headlines) as tracked:
        ground = transfer.prepare(config, headlines)

        def try_out(trial: Trial) -> dict[str, Outcome]:
            scores = transfer.try_out(trial, ground)
            return {f"{score.method}-{trial.size}-{trial.seed}": score for score in scores}

        scores = _results(
            tracked,
            trials,
            names=lambda trial: [
                f"{start}-{trial.size}-{trial.seed}" for start in transfer.starts(trial, config)
            ],
            do=try_out,
            items=lambda outcome: report.outcome_items(outcome, headlines.label_names),
            read=lambda child: report.read_outcome(child, headlines.label_names),
            file=report.PREDICTIONS,
            say=report.outcomes_sentence,
            on_trial=on_trial,
        )
        tracked.log(report.comparison_items(scores, headlines, vectors_name(config.vectors)))
    return Comparison(tracked.run_id, tracked.experiment_id, tracked.uri, headlines, scores)


def explain(config: Config, on_trial: OnTrial | None = None) -> Explanation:
    """Train on all training headlines from scratch and from the vectors, frozen and fine-tuned,
    with every seed of `config.semantics`, and look at what the embedding knows: one MLflow run,
    with a run below it for each start and seed. It goes on as `compare` does.

    Raises PipelineError: anything that the user can mend; the run is then FAILED.
    """
    sentences = load_sentences(config.insight.probes)
    headlines = load_headlines(**asdict(config.data))
    training, validation, test = (
        (headlines.texts(split), headlines.labels(split)) for split in headlines.splits
    )
    trials = [
        Trial(kind, len(training[0]), seed)
        for seed in list_seeds(config.explain.seeds, config.seed)
        for kind in (transfer.SCRATCH, transfer.TRANSFER)
    ]
    with _study(config, "explain", headlines) as tracked:
        ground = transfer.prepare(config, headlines)

        def look(trial: Trial) -> dict[str, EmbeddingReport]:
            fitted = transfer.fit(trial, ground, training, validation)
            found = report_embedding(
                fitted.network,
                fitted.matrix,
                fitted.history,
                training,
                test,
                headlines.label_names,
                sentences=sentences,
                words=config.insight.words,
                seed=trial.seed,
            )
            return {f"{known.start}-{trial.seed}": known for known in found}

        knowledge = _results(
            tracked,
            trials,
            names=lambda trial: [
                f"{start}-{trial.seed}" for start in transfer.phases(trial, config)
            ],
            do=look,
            items=report.one_knowledge_items,
            read=lambda child: report.knowledge_of(child.content),
            file=report.KNOWLEDGE,
            say=report.knowledge_in_words,
            on_trial=on_trial,
        )
        tracked.log(report.explanation_items(knowledge))
    return Explanation(tracked.run_id, tracked.experiment_id, tracked.uri, headlines, knowledge)


@contextmanager
def _study(config: Config, kind: str, headlines: Headlines) -> Iterator[TrackedRun]:
    """The run that holds all, a new one or one with the same options that did not finish."""
    options = {name: of for name, of in asdict(config).items() if name != "tracking"}
    told = json.dumps([kind, options, dict(headlines.sha256)], sort_keys=True, default=str)
    name = f"{kind}-{config.data.source}-{config.vectors.source}-{config.model.encoder}"
    key = hashlib.sha256(told.encode()).hexdigest()
    with tracked_run(config.tracking, name, resume_key=key) as tracked:
        tracked.log([*report.config_items(config), *report.headlines_items(headlines)])
        yield tracked


def _results(
    tracked: TrackedRun,
    trials: Sequence[Trial],
    *,
    names: Callable[[Trial], list[str]],
    do: Callable[[Trial], Mapping[str, Result]],
    items: Callable[[Result], list[report.Item]],
    read: Callable[[Child], Result],
    file: str,
    say: Callable[[Sequence[Result]], str],
    on_trial: OnTrial | None,
) -> list[Result]:
    """The results of all trials. Each is a run of its own below, by its name among `names`: what is
    there already is read from its `file`, and not done again."""
    known = {child.name: read(child) for child in tracked.children(file)}
    results: list[Result] = []
    for number, trial in enumerate(trials, start=1):
        found = {name: known[name] for name in names(trial) if name in known}
        if len(found) < len(names(trial)):
            found = dict(do(trial))
            for name, result in found.items():
                if name not in known:
                    tracked.log_child(name, items(result))
        results += found.values()
        if on_trial:
            on_trial(number, len(trials), say([*found.values()]))
    return results
