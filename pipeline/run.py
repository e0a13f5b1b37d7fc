"""The whole pipeline on one page: config -> data -> text -> vectors -> matrix -> model ->
training -> blending -> evaluation -> attribution -> report -> tracking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count

from pipeline import report
from pipeline.attribution import attribute
from pipeline.blending import Blend, blend
from pipeline.config import Config
from pipeline.data import Headlines, load_headlines
from pipeline.evaluation import Evaluation, evaluate
from pipeline.fetching import cache_folder
from pipeline.matching import candidates, conventions
from pipeline.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.model import Classifier, build_classifier
from pipeline.text import build_vocabularies
from pipeline.tracking import RegisteredModel, registered_name, tracked_run
from pipeline.training import Epoch, History, train
from pipeline.vectors.choice import choose_vectors


@dataclass(frozen=True, eq=False)
class RunResult:
    """What every stage gave. `evaluations`: on the test split, of the network after each phase,
    and of the `blend` where the network is not alone; `seconds`: by stage."""

    run_id: str
    experiment_id: str
    tracking_uri: str
    headlines: Headlines
    matrix: EmbeddingMatrix
    classifier: Classifier
    history: History
    blend: Blend
    evaluations: Mapping[str, Evaluation]
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
        tracked.log(report.of_config(config))

        with _timed(seconds, "data"):
            data = asdict(config.data)
            headlines = load_headlines(**data)
            training = headlines.texts("train"), headlines.labels("train")
            validation = headlines.texts("validation"), headlines.labels("validation")
            tracked.log(report.of_headlines(headlines))

        with _timed(seconds, "text"):
            # One for each way to write contractions; which fits is known with the vectors.
            vocabularies = build_vocabularies(
                training[0], min_count=config.model.min_count, max_tokens=config.model.max_tokens
            )

        with _timed(seconds, "vectors"):
            held_out = [*validation[0], *headlines.texts("test")]
            words = candidates(word for v in vocabularies.values() for word in v.words)
            vectors = choose_vectors(config.vectors, words, held_out)
            vocabulary = vocabularies[conventions(vectors.first_words).contractions]

        with _timed(seconds, "matrix"):
            matrix = build_embedding_matrix(
                vocabulary.words,
                vectors,
                counts=vocabulary.counts,
                further_words=vectors.index_to_key if config.vectors.further_words else (),
                std=config.vectors.std,
                rungs=config.vectors.match,
                missing=config.vectors.missing,
                min_coverage=config.vectors.min_coverage,
                seed=config.seed,
            )
            tracked.log(report.of_matrix(matrix))

        with _timed(seconds, "model"):
            classifier = build_classifier(
                matrix,
                len(headlines.label_names),
                config.model,
                contractions=vocabulary.contractions,
                seed=config.seed,
            )

        with _timed(seconds, "training"):
            steps = count(1)

            def log_epoch(epoch: Epoch) -> None:
                tracked.log(report.of_epoch(epoch, next(steps)))
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
            tracked.log(report.of_history(history))

        with _timed(seconds, "blending"):
            blended = blend(
                classifier, matrix, training, validation, config.model, seed=config.seed
            )
            tracked.log(report.of_blend(blended))

        with _timed(seconds, "evaluation"):
            evaluations = _evaluate(classifier, headlines, history, blended)
            tracked.log(report.of_evaluations(evaluations, [*evaluations][-1]))

        with _timed(seconds, "attribution"):
            evaluation = [*evaluations.values()][-1]
            attribution = attribute(blended.classifier, evaluation, seed=config.seed)
            tracked.log(report.of_attribution(attribution, evaluation))

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
        tracked.log(report.of_seconds(seconds))
    return RunResult(
        tracked.run_id,
        tracked.experiment_id,
        tracked.uri,
        headlines,
        matrix,
        blended.classifier,
        history,
        blended,
        evaluations,
        registered,
        seconds,
    )


def _evaluate(
    network: Classifier, headlines: Headlines, history: History, blended: Blend
) -> dict[str, Evaluation]:
    """The network after every phase on the test split, the kept one last, and the blend."""

    def of(classifier: Classifier) -> Evaluation:
        texts, labels = headlines.texts("test"), headlines.labels("test")
        return evaluate(classifier, texts, labels, headlines.label_names)

    evaluations = {}
    for phase in sorted(history.phases, key=lambda phase: phase is history.best):
        network.set_weights(phase.weights)
        evaluations[phase.name] = of(network)
    return evaluations if blended.alone else {**evaluations, "blend": of(blended.classifier)}


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started
