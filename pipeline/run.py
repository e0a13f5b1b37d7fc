"""The whole pipeline on one page: config -> data -> audit -> text -> vectors -> matrix -> model ->
training -> blending -> evaluation -> semantics -> attribution -> report -> tracking."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count

from pipeline import report
from pipeline.base.errors import MissingExtraError
from pipeline.base.files import cache_folder
from pipeline.cases.casebase import evaluate_cases
from pipeline.classifier.ensemble import Blend, blend
from pipeline.classifier.network import Network, build_network
from pipeline.classifier.options import MetricOptions
from pipeline.config import Config
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.embedding.choice import choose_vectors
from pipeline.embedding.matching import conventions, spellings
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.text import build_vocabularies
from pipeline.insight.attribution import attribute
from pipeline.insight.audit import Audit, audit
from pipeline.insight.embedding_report import EmbeddingReport, report_embedding
from pipeline.insight.evaluation import Evaluation, evaluate
from pipeline.insight.probes import load_sentences
from pipeline.tracking.runs import RegisteredModel, registered_name, tracked_run
from pipeline.training.loop import Epoch, History, train

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RunResult:
    """What every stage gave. `evaluations`: on the test split, of the network after each phase, of
    the `blend` where the network is not alone, and with `model=metric` of the nearest training
    headlines (`knn`); `knowledge`: of each phase; `seconds`: by stage."""

    run_id: str
    experiment_id: str
    tracking_uri: str
    headlines: Headlines
    audit: Audit
    matrix: EmbeddingMatrix
    classifier: Network
    history: History
    blend: Blend
    evaluations: Mapping[str, Evaluation]
    knowledge: tuple[EmbeddingReport, ...]
    registered: RegisteredModel
    seconds: Mapping[str, float]

    @property
    def evaluation(self) -> Evaluation:
        """That of the classifier as it was logged."""
        return self.evaluations[self.kept]

    @property
    def kept(self) -> str:
        """`blend`, or where the network stayed alone the phase whose weights were kept."""
        return self.history.best.name if self.blend.alone else "blend"


def run(config: Config, on_epoch: Callable[[Epoch], None] | None = None) -> RunResult:
    """Run the pipeline and log it as one MLflow run. `on_epoch` is called after each epoch.

    Raises PipelineError: anything that the user can mend; the run is then FAILED.
    """
    seconds: dict[str, float] = {}
    name = f"{config.data.source}-{config.vectors.source}-{config.model.encoder}-{config.seed}"
    started = time.perf_counter()
    with tracked_run(config.tracking, name) as tracked:
        tracked.log(report.config_items(config))

        with _timed(seconds, "data"):
            sentences = load_sentences(config.insight.probes)  # wrong ones are found out first
            data = asdict(config.data)
            headlines = load_headlines(**data)
            training = headlines.texts("train"), headlines.labels("train")
            validation = headlines.texts("validation"), headlines.labels("validation")
            tracked.log(report.headlines_items(headlines))

        with _timed(seconds, "audit"):
            audited = audit(headlines, letter_case=config.model.letter_case, seed=config.seed)
            tracked.log(report.audit_items(audited))

        with _timed(seconds, "text"):
            # One for each way to write contractions; which fits is known with the vectors.
            vocabularies = build_vocabularies(
                training[0], min_count=config.model.min_count, max_tokens=config.model.max_tokens
            )

        with _timed(seconds, "vectors"):
            held_out = [*validation[0], *headlines.texts("test")]
            words = spellings(word for v in vocabularies.values() for word in v.words)
            vectors = choose_vectors(config.vectors, words, held_out)
            vocabulary = vocabularies[conventions(vectors.first_words).contractions]

        with _timed(seconds, "matrix"):
            matrix = build_embedding_matrix(
                vocabulary.words,
                vectors,
                counts=vocabulary.counts,
                extra_words=vectors.index_to_key if config.vectors.extra_words else (),
                std=config.vectors.std,
                fallbacks=config.vectors.fallbacks,
                missing=config.vectors.missing,
                min_coverage=config.vectors.min_coverage,
                seed=config.seed,
            )
            tracked.log(report.matrix_items(matrix))

        with _timed(seconds, "model"):
            classifier = build_network(
                matrix,
                len(headlines.label_names),
                config.model,
                contractions=vocabulary.contractions,
                seed=config.seed,
            )

        with _timed(seconds, "training"):
            steps = count(1)

            def log_epoch(epoch: Epoch) -> None:
                tracked.log(report.epoch_items(epoch, next(steps)))
                if on_epoch:
                    on_epoch(epoch)

            history = train(
                classifier,
                training,
                validation,
                config.training,
                seed=config.seed,
                on_epoch=log_epoch,
                checkpoints=cache_folder() / "training",
            )
            tracked.log(report.history_items(history))

        with _timed(seconds, "blending"):
            blended = blend(
                classifier, matrix, training, validation, config.model, seed=config.seed
            )
            tracked.log(report.blend_items(blended))

        with _timed(seconds, "evaluation"):
            evaluations = _evaluate(classifier, headlines, history, blended)
            if isinstance(config.model, MetricOptions):
                evaluations = _with_cases(classifier, headlines, evaluations)
                lying = [
                    (classifier.embed(headlines.texts(split)), headlines.labels(split))
                    for split in ("train", "test")
                ]
                tracked.log(report.cases_items(lying[0], lying[1], headlines.label_names))
            kept = [*evaluations][-1]
            tracked.log(report.evaluations_items(evaluations, kept))
            tracked.log(report.signals_items(audited, evaluations[kept].accuracy))

        with _timed(seconds, "semantics"):
            known = report_embedding(
                classifier,
                matrix,
                history,
                training,
                (headlines.texts("test"), headlines.labels("test")),
                headlines.label_names,
                sentences=sentences,
                words=config.insight.words,
                seed=config.seed,
            )
            tracked.log(report.knowledge_items(known))

        with _timed(seconds, "attribution"):
            attribution = attribute(blended.classifier, evaluations[kept], seed=config.seed)
            tracked.log(report.attribution_items(attribution, evaluations[kept]))

        with _timed(seconds, "model_logging"):
            registered = tracked.log_model(
                blended.classifier,
                headlines.label_names,
                registered_model=registered_name(config.tracking, headlines.name),
                validation_accuracy=blended.accuracy,
                validation_sha256=headlines.sha256["validation"],
                promote=config.tracking.promote,
            )
        seconds["total"] = time.perf_counter() - started
        tracked.log(report.seconds_items(seconds))
    return RunResult(
        tracked.run_id,
        tracked.experiment_id,
        tracked.uri,
        headlines,
        audited,
        matrix,
        blended.classifier,
        history,
        blended,
        evaluations,
        known,
        registered,
        seconds,
    )


def _evaluate(
    network: Network, headlines: Headlines, history: History, blended: Blend
) -> dict[str, Evaluation]:
    """The network after every phase on the test split, the kept one last, and the blend."""

    def of(classifier: Network) -> Evaluation:
        texts, labels = headlines.texts("test"), headlines.labels("test")
        return evaluate(classifier, texts, labels, headlines.label_names)

    evaluations = {}
    for phase in sorted(history.phases, key=lambda phase: phase is history.best):
        network.set_weights(phase.weights)
        evaluations[phase.name] = of(network)
    return evaluations if blended.alone else {**evaluations, "blend": of(blended.classifier)}


def _with_cases(
    network: Network, headlines: Headlines, evaluations: dict[str, Evaluation]
) -> dict[str, Evaluation]:
    """With what the training headlines say as cases, where the extra for that is installed."""
    try:
        return {"knn": evaluate_cases(network, headlines), **evaluations}
    except MissingExtraError as error:
        logger.warning("evaluation: %s", error)
        return evaluations


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started
