"""What does the embedding know: from scratch, frozen and fine-tuned?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import report
from pipeline.base.calls import checked
from pipeline.base.options import Seed, list_seeds
from pipeline.classifier.options import EncoderOptions
from pipeline.data.headlines import Headlines
from pipeline.embedding.options import VectorsOptions
from pipeline.insight.embedding_report import EmbeddingReport, report_embedding
from pipeline.insight.probes import load_sentences
from pipeline.studies.options import ExplainOptions
from pipeline.studies.study import OnTrial, Study, run_trials, study_run
from pipeline.studies.trials import SCRATCH, TRANSFER, Trial, fit_trial, prepare_trials
from pipeline.tracking.options import TrackingOptions
from pipeline.training.options import TrainingOptions


@dataclass(frozen=True, eq=False)
class Explanation(Study):
    """A finished explanation: what the embedding knows, for each method and seed."""

    reports: Sequence[EmbeddingReport]


@checked
def explain(
    headlines: Headlines,
    seeds: ExplainOptions,
    *,
    vectors: VectorsOptions,
    model: EncoderOptions,
    training: TrainingOptions,
    tracking: TrackingOptions,
    probes: str | None = None,
    words: Sequence[str] = (),
    seed: Seed = 0,
    parameters: Mapping[str, Any] | None = None,
    on_trial: OnTrial | None = None,
) -> Explanation:
    """Train on all training headlines from scratch and from the vectors, and look at the embedding.

    It is one MLflow run, with a run below it for each method and seed. It goes on as `compare`
    does.

    Args:
        headlines: in three splits.
        seeds: how often each method is trained.
        vectors: the pretrained vectors, and how they become rows of the matrix.
        model: of the network.
        training: the schedule.
        tracking: where the run is logged.
        probes: a file of probe sentences; None: conf/probes.yaml.
        words: the words whose neighbours are shown before and after training.
        seed: the first seed.
        parameters: what the run logs as parameters, where that is more than these options.
        on_trial: called after each trial.

    Raises:
        PipelineError: anything that the user can mend; the run is then FAILED.
    """
    sentences = load_sentences(probes)
    train, validation, test = map(headlines.examples, ("train", "validation", "test"))
    trials = [
        Trial(kind, len(train), number)
        for number in list_seeds(seeds.seeds, seed)
        for kind in (SCRATCH, TRANSFER)
    ]
    options = {
        "vectors": vectors, "model": model, "training": training, "explain": seeds,
        "sentences": sentences, "words": list(words), "seed": seed,
    }  # fmt: skip
    with study_run("explain", headlines, options, tracking, parameters) as (tracked, described):
        shared = prepare_trials(headlines, vectors, model, training)

        def run(trial: Trial) -> dict[str, EmbeddingReport]:
            fitted = fit_trial(trial, shared, train, validation, members=False)
            reports = report_embedding(
                fitted.network,
                fitted.matrix,
                fitted.history,
                train,
                test,
                sentences=sentences,
                words=words,
                seed=trial.seed,
            )
            return {f"{each.method}-{trial.seed}": each for each in reports}

        reports = run_trials(
            tracked,
            trials,
            names=lambda trial: [f"{phase}-{trial.seed}" for phase in shared.phases(trial.kind)],
            run=run,
            items=report.embedding_report_items,
            read=lambda child: report.read_embedding_report(child.content),
            file=report.EMBEDDING_REPORT,
            describe=report.embedding_reports_sentence,
            on_trial=on_trial,
        )
        for method, line in report.explanation_lines(reports).items():
            tracked.log_line(method, line)
        items = report.explanation_items(reports)
        page = report.explain_page_items([*described, *items], headlines)
        note = report.study_items(
            report.explanation_sentence(reports),
            report.explanation_rows(reports),
            headlines,
            tracked.address,
            report.shown_picture(items, "figures/probes.png"),
            charted=report.LINE,
        )
        tracked.log([*items, *page, *note])
    return Explanation(tracked.run_id, tracked.experiment_id, tracked.uri, headlines, reports)
