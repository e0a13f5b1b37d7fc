"""The trainings of a study: the same texts, learned from random and from pretrained vectors.

From random vectors the method is `scratch`. From pretrained ones the vectors stay `frozen`, are
then `fine_tuned`, and the `ensemble` stands on that.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace

from pipeline.base.errors import ConfigError
from pipeline.classifier.options import AUTO, EncoderOptions
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines
from pipeline.embedding.loading import choose_vectors
from pipeline.embedding.matching import spellings
from pipeline.embedding.options import VectorsOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabularies
from pipeline.training.fit import Fitted, fit
from pipeline.training.options import PhaseName, TrainingOptions

SCRATCH, TRANSFER = "scratch", "transfer"


@dataclass(frozen=True)
class Trial:
    """One training.

    `kind`: `scratch`, `transfer` for all methods that start from the vectors, or a baseline.
    `size`: how many training headlines. `seed`: draws them, and is the seed of the training.
    """

    kind: str
    size: int
    seed: int


@dataclass(frozen=True, eq=False)
class Shared:
    """What all trials of a study share.

    `vectors`: the set's most frequent words, in their order, then every word that a training
    headline asks for. `embedding`, `model`, `schedule`: as for `fit`.
    """

    headlines: Headlines
    vectors: WordVectors
    embedding: VectorsOptions
    model: EncoderOptions
    schedule: TrainingOptions

    def phases(self, kind: str) -> tuple[PhaseName, ...]:
        """The phases of training that a trial of this kind goes through."""
        if kind == SCRATCH:
            return ("scratch",)
        return tuple(name for name in self.schedule.planned if name != SCRATCH)


def prepare_trials(
    headlines: Headlines,
    embedding: VectorsOptions,
    model: EncoderOptions,
    schedule: TrainingOptions,
) -> Shared:
    """Load the vectors once for all trials.

    Raises:
        ConfigError: no pretrained vectors to start from, or no epoch from scratch.
        VectorsError: as `load_vectors`.
    """
    if set(schedule.planned) <= {SCRATCH}:
        raise ConfigError(
            "expected a phase that starts from pretrained vectors, got training=scratch: leave it "
            "out, from scratch is tried in any case"
        )
    if not schedule.scratch.epochs:
        raise ConfigError(
            "training.scratch.epochs=0: expected auto or at least one epoch, as from scratch is "
            "tried in any case"
        )
    if embedding.source == "random":
        raise ConfigError(
            "expected pretrained vectors, got vectors=random: leave it out, or name a set "
            "(`pipeline vectors list`)"
        )
    vectors = load_once(headlines, embedding, model)
    return Shared(headlines, vectors, embedding, model, schedule)


def load_once(
    headlines: Headlines, embedding: VectorsOptions, model: EncoderOptions
) -> WordVectors:
    """The vectors for several trainings: see `Shared.vectors`. Raises as `load_vectors`."""
    vocabularies = build_vocabularies(
        [*headlines.texts("train"), *headlines.unlabelled],
        max_tokens=None if model.max_tokens == AUTO else model.max_tokens,
    )
    words = spellings(word for v in vocabularies.values() for word in v.words)
    held_out = [*headlines.texts("validation"), *headlines.texts("test")]
    # First alone, as a look at more words would mix the order of the most frequent ones.
    frequent = choose_vectors(embedding, [], held_out).index_to_key
    return choose_vectors(embedding, [*frequent, *words], held_out)


def fit_trial(
    trial: Trial,
    shared: Shared,
    training: Examples,
    validation: Examples,
    *,
    members: bool = True,
) -> Fitted:
    """Train from scratch, or from the vectors. `members`: also fit the linear members.

    From scratch there are none, as they know what the vectors know.
    Raises VectorsError: the vectors know too few of the words.
    """
    gc.collect()  # models refer to themselves; those of finished trials would add up
    vectors, model, schedule = shared.vectors, shared.model, shared.schedule
    if trial.kind == SCRATCH:
        vectors, members = vectors.emptied(), False
    return fit(
        training,
        validation,
        vectors,
        embedding=shared.embedding,
        model=model if members else replace(model, sif=False, ngrams=False),
        schedule=replace(schedule, phases=shared.phases(trial.kind)),
        seed=trial.seed,
    )
