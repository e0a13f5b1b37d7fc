"""The whole pipeline on one page: data -> audit -> fit -> evaluate -> insight -> report ->
tracking."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any

from pipeline import report
from pipeline.base.errors import MissingExtraError, ModelError
from pipeline.base.files import digest
from pipeline.cases.evaluation import evaluate_cases
from pipeline.classifier.encoders import MetricOptions
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.export import exported_files, keras_file
from pipeline.classifier.start import Start, read_start
from pipeline.config import Config
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.data.weighting import check_class_weight, counted_sha256, label_weights
from pipeline.embedding.loading import check_vectors, vectors_name
from pipeline.insight.attribution import Attribution, attribute
from pipeline.insight.audit import Audit, audit
from pipeline.insight.embedding_report import EmbeddingReport, report_embedding
from pipeline.insight.evaluation import Evaluation, evaluate
from pipeline.insight.probes import load_sentences
from pipeline.tracking.connection import check_store
from pipeline.tracking.models import find_model, is_run_id
from pipeline.tracking.provenance import version_items
from pipeline.tracking.registry import RegisteredModel, other_names, registered_name
from pipeline.tracking.runs import tracked_run
from pipeline.tracking.trained import PHASES
from pipeline.training.fit import Fitted, fit, timed
from pipeline.training.history import Epoch
from pipeline.training.workers import Workers, join_workers

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RunResult:
    """What every stage gave.

    `fitted`: the classifier, and what was learned on the way. `evaluations`: on the test split, by
    method: each phase, `ensemble`, and with `model=metric` the nearest training headlines
    (`cases`). `audit`, `embedding`, `attribution`: None where the run did not look. `seconds`: by
    stage. `start`: the address of the classifier from which the training began; None: from the
    vectors.
    """

    run_id: str
    experiment_id: str
    tracking_uri: str
    headlines: Headlines
    audit: Audit | None
    fitted: Fitted
    evaluations: Mapping[str, Evaluation]
    embedding: tuple[EmbeddingReport, ...] | None
    attribution: Attribution | None
    registered: RegisteredModel
    seconds: Mapping[str, float]
    start: str | None = None

    @property
    def evaluation(self) -> Evaluation:
        """That of the classifier as it was logged."""
        return self.evaluations[self.fitted.kept]


def run(
    config: Config,
    on_epoch: Callable[[Epoch], None] | None = None,
    resume: str | None = None,
    headlines: Headlines | None = None,
    more_tags: Mapping[str, str] | None = None,
) -> RunResult:
    """Run the pipeline and log it as one MLflow run. `on_epoch` is called after each epoch.

    A run that was cut off goes on where the headlines and all options are the same, and trains
    nothing again. `resume`: the id of the only run that may go on. `headlines`: those of
    `config.data`, where they are loaded already. `more_tags`: of the run, such as where its options
    came from.

    Where several workers train, this is for the first of them, and `assist` for the others.

    Raises PipelineError: anything that the user can mend; a run that has started is then FAILED.
    What the store did not take is kept, and `pipeline sync` sends it.
    """
    seconds: dict[str, float] = {}
    steps = count(1)
    insight, figures = config.insight, config.insight.figures
    chosen = {
        "vectors": vectors_name(config.vectors),
        "network": config.model.encoder,
        "seed": config.seed,
    }
    started = time.perf_counter()
    # What is wrong with the data, the vectors or the store is found out before there is a run.
    check_store(config.tracking.uri, make=False)
    with timed(seconds, "data"):
        sentences = load_sentences(insight.probes)
        check_vectors(config.vectors)
        headlines = headlines or load_headlines(**asdict(config.data))
        check_class_weight(config.training.class_weight, headlines.label_names)
        train, test = map(headlines.examples, ("train", "test"))
        start, began_from = _read_start(config)
        _warn_of_other_tests(start, headlines)
    name = "-".join(map(str, (headlines.name, *chosen.values())))
    key = digest("train", _elsewhere(config, start), dict(headlines.sha256))
    workers = _join(config, headlines, start)
    tags = {"kind": "train", "data": headlines.name, **(more_tags or {})}
    if start:
        chosen["start"] = began_from
        tags |= {"start": began_from, "start_sha256": start.sha256}
    if config.training.class_weight:
        chosen["class weights"] = config.training.class_weight
    if config.data.added:
        chosen["added"] = ", ".join(config.data.added)
    with tracked_run(config.tracking, name, key, run_id=resume, tags=tags) as tracked:
        logged: list[report.Item] = []

        def log(items: list[report.Item]) -> None:
            tracked.log(items)
            logged.extend(items)

        described = [*report.config_items(asdict(config)), *report.headlines_items(headlines)]
        log([*described, *version_items()])
        log(report.started_items("A training of a classifier.", headlines))

        audited = None
        if insight.audit:
            with timed(seconds, "audit"):
                audited = audit(
                    headlines,
                    letter_case=config.model.letter_case,
                    seed=config.seed,
                    vectors=config.vectors,
                )
                log(report.audit_items(audited))

        if config.training.class_weight:
            weights = label_weights(train, config.training.class_weight)
            logger.info("weights of labels: %s", _listed(weights))
            log(report.label_weights_items(train, weights))

        def log_epoch(epoch: Epoch) -> None:
            log(report.epoch_items(epoch, next(steps)))
            if on_epoch:
                on_epoch(epoch)

        with timed(seconds, "fit"):
            fitted = _fit(
                config,
                headlines,
                workers,
                start=start,
                checkpoints=tracked.training_folder,
                on_matrix=lambda matrix: log(report.matrix_items(matrix, figures=figures)),
                on_epoch=log_epoch,
            )
            log(report.length_items(fitted.length))
            log(report.history_items(fitted.history, figures=figures))
            log(report.ensemble_items(fitted.ensemble, config.training.select))
            if fitted.unlabelled:
                log(report.unlabelled_items(fitted.unlabelled))

        with timed(seconds, "model_saving"):
            facts = report.model_facts(
                headlines,
                config.data.source,
                config.vectors,
                fitted.ensemble.accuracy,
                start.facts if start else None,
            )
            tracked.keep_model(fitted.classifier, facts)
            tracked.log([report.File("keras/classifier.keras", keras_file(fitted.classifier))])
            tracked.log(report.phases_items(_other_phases(fitted), PHASES))
        with timed(seconds, "evaluation"):
            test = replace(test, texts=[*test.texts])  # strings that all evaluations share
            evaluations = fitted.measure_methods(lambda method: evaluate(method, test))
            if isinstance(config.model, MetricOptions):
                evaluations |= _evaluate_cases(fitted, train, test)
                if figures:
                    vectors, test_vectors = (fitted.network.embed(e.texts) for e in (train, test))
                    log(report.cases_items(vectors, train, test_vectors, test))
            # Without members the classifier is the network, which alone has no calibration.
            kept = replace(evaluations[fitted.kept], calibration=fitted.classifier.calibration)
            evaluations[fitted.kept] = kept
            log(report.evaluations_items(evaluations, fitted.kept, figures=figures))
            majority = report.majority_share(headlines)
            results = report.results_table(fitted.history, fitted.ensemble, evaluations, majority)
            log([report.Table("tables/results.csv", results)])
            if audited:
                log(report.signals_items(audited, kept.accuracy, figures=figures))

        embedding = None
        if insight.embedding:
            with timed(seconds, "embedding"):
                embedding = report_embedding(
                    fitted.network,
                    fitted.matrix,
                    fitted.history,
                    train,
                    test,
                    sentences=sentences,
                    words=insight.words,
                    seed=config.seed,
                    accuracies={name: each.accuracy for name, each in evaluations.items()},
                )
                log(report.embedding_items(embedding, figures=figures))

        attribution = None
        if insight.attribution:
            with timed(seconds, "attribution"):
                attribution = attribute(fitted.classifier, kept, seed=config.seed)
                log(report.attribution_items(attribution, kept))

        result = report.result_sentence(kept)
        warnings = audited.warnings(kept.accuracy) if audited else None
        picture = report.shown_picture(logged, "figures/confusion_matrix.png")
        with timed(seconds, "model_logging"):
            card = tracked.describe_model(report.tested_facts(facts, kept, warnings or ()))
            tracked.log_model(
                registered_model=registered_name(config.tracking, headlines.name),
                validation=fitted.ensemble.validation,
                select=config.training.select,
                validation_sha256=counted_sha256(
                    headlines.examples("train"),
                    headlines.examples("validation"),
                    config.training.class_weight,
                ),
                promote=config.tracking.promote,
                origin=config.data.origin,
                other_names=other_names(config.tracking, headlines.name, config.data.origin),
                description=report.model_description(result, card, tracked.address, picture),
            )
        seconds = {**seconds, "total": time.perf_counter() - started}
        log(report.seconds_items(seconds, fitted.seconds))
        log(report.run_page_items(logged, name, result, tracked.run_id, tracked.uri))
        log(
            report.run_items(result, results, headlines, chosen, warnings, tracked.address, picture)
        )
    assert tracked.registered is not None  # the run has finished
    return RunResult(
        run_id=tracked.run_id,
        experiment_id=tracked.experiment_id,
        tracking_uri=tracked.uri,
        headlines=headlines,
        audit=audited,
        fitted=fitted,
        evaluations=evaluations,
        embedding=embedding,
        attribution=attribution,
        registered=tracked.registered,
        seconds=seconds,
        start=began_from if start else None,
    )


def _listed(weights: Mapping[str, float], most: int = 10) -> str:
    """The weights of labels in a line, the first ones of many."""
    shown = ", ".join(f"{name} {weight:.3g}" for name, weight in [*weights.items()][:most])
    left = len(weights) - most
    return f"{shown} and {left:,} more" if left > 0 else shown


def _other_phases(fitted: Fitted) -> dict[str, dict[str, bytes]]:
    """The networks of the phases that were not kept, each as the files of a portable classifier.

    They are small, as they lack the words that no training saw: the kept classifier has the same.
    """
    alone = Classifier(fitted.network, label_names=fitted.classifier.label_names)
    files = {}
    for phase in fitted.history.phases:
        if phase is not fitted.history.best:
            with fitted.network.with_weights(phase.weights):
                files[phase.name] = exported_files(alone, extra_words=0)
    return files


def assist(
    config: Config,
    on_epoch: Callable[[Epoch], None] | None = None,
    headlines: Headlines | None = None,
) -> Fitted:
    """Train with the first of several workers, which logs the run. Nothing is logged here.

    `on_epoch`, `headlines`: as for `run`.

    Raises PipelineError: as `fit`.
    """
    headlines = headlines or load_headlines(**asdict(config.data))
    start, _ = _read_start(config)
    workers = _join(config, headlines, start)
    return _fit(config, headlines, workers, start=start, on_epoch=on_epoch)


def _fit(config: Config, headlines: Headlines, workers: Workers, **hooks: Any) -> Fitted:
    """The same on all workers. `hooks`: what `fit` calls or writes meanwhile."""
    return fit(
        headlines.examples("train"),
        headlines.examples("validation"),
        embedding=config.vectors,
        model=config.model,
        schedule=config.training,
        seed=config.seed,
        unlabelled=headlines.unlabelled,
        held_out=headlines.column("test"),
        workers=workers,
        **hooks,
    )


def _read_start(config: Config) -> tuple[Start | None, str]:
    """What goes on of the classifier that `start` names, and the address of this version of it.

    Raises ModelError: there is no such model, it is damaged, or this package did not write it.
    """
    if config.start is None:
        return None, ""
    model = f"runs:/{config.start}/model" if is_run_id(config.start) else config.start
    try:
        with find_model(model, config.tracking.uri) as folder:
            if folder.classifier is None:
                raise ModelError(
                    f"{folder.address}: expected a model that this version of `pipeline train` "
                    "logged, it is another: name another, or train without start"
                )
            start = read_start(folder.classifier)
            start.check(config.model)
            return start, folder.address
    except ModelError as error:  # of commands that take --model
        message = str(error).replace("with --model", "with start=").replace("--model ", "start=")
        raise ModelError(f"start: {message.removeprefix('start: ')}") from error


def _warn_of_other_tests(start: Start | None, headlines: Headlines) -> None:
    if start and start.facts.get("test_sha256") != headlines.sha256["test"]:
        logger.warning(
            "start: the earlier classifier had other test headlines, so it may have learned from "
            "some of these, and the test accuracy may be too high: keep the test headlines apart, "
            "as test.csv in a folder (data.path)"
        )


def _elsewhere(config: Config, start: Start | None) -> Config:
    """The options without addresses: the same model in another place makes the same run."""
    sha256 = start.sha256 if start else None
    return replace(config, tracking=replace(config.tracking, uri=None), start=sha256)


def _join(config: Config, headlines: Headlines, start: Start | None) -> Workers:
    return join_workers(
        config.training.workers,
        headlines=dict(headlines.sha256),
        options=_elsewhere(config, start),
    )


def _evaluate_cases(fitted: Fitted, train: Examples, test: Examples) -> dict[str, Evaluation]:
    """What the training headlines say as cases, where the extra for that is installed."""
    try:
        return {"cases": evaluate_cases(fitted.network, train, test)}
    except MissingExtraError as error:
        logger.warning("evaluation: %s", error)
        return {}
