"""The classifier: the network and the linear members beside it, weighed against each other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from pipeline.base.calls import checked
from pipeline.base.errors import TrainingError
from pipeline.base.options import Seed
from pipeline.classifier.calibration import log_loss
from pipeline.classifier.conformal import calibrate
from pipeline.classifier.contributions import explain_texts
from pipeline.classifier.layers import LogLinear, PriorForNothing
from pipeline.classifier.members import Member, NetworkMember
from pipeline.classifier.network import Network
from pipeline.classifier.ngram_fitting import fit_ngrams, ngram_rows
from pipeline.classifier.ngrams import NgramMember
from pipeline.classifier.options import Select
from pipeline.classifier.scoring import BATCH_SIZE, Scorer, compile_scorer, score_texts
from pipeline.classifier.selection import all_scores, count_labels, score
from pipeline.classifier.sif import fit_sif, sif_log_probabilities, sif_rows
from pipeline.data.examples import Examples
from pipeline.data.sampling import take_texts
from pipeline.data.weighting import given_weights, take
from pipeline.embedding.matrix import PADDING, EmbeddingMatrix
from pipeline.portable.conformal import Calibration
from pipeline.portable.tokens import EMPTY, FIRST_WORD, NO_KNOWN_WORD, UNKNOWN, is_word

logger = logging.getLogger(__name__)

# How many validation texts it takes to move the weights from equal ones by about 0.2. So they stay
# equal where there are few. Chosen on validation data, between 1 and 30.
_PRIOR = 10.0
_SCORES = 200_000  # texts x labels that are scored at a time
_LEAST = 0.02  # a member with a smaller weight is left out
FLOOR = -15.0  # lower log-probabilities count as this: one certain mistake should not decide


@dataclass(frozen=True, eq=False)
class Classifier:
    """Texts in, probabilities out.

    `network`: the Keras network, which is the first member. `beside`: the linear members beside it.
    `weights`: the weight of each member, the network's first. `label_names`: label i of the outputs
    is `label_names[i]`. `floor`: lower log-probabilities of a member count as this. `prior`: the
    share of each label among the training texts, by their weights, which a text gets of which the
    members know nothing; empty where it is not known. `calibration`: for sets of labels.
    """

    network: Network
    beside: tuple[Member, ...] = ()
    weights: tuple[float, ...] = (1.0,)
    label_names: tuple[str, ...] = ()
    floor: float = FLOOR
    prior: tuple[float, ...] = ()
    calibration: Calibration | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """The network and the members beside it."""
        return (NetworkMember(self.network), *self.beside)

    @cached_property
    def model(self) -> keras.Model:
        """All of it as a Keras model: strings (n,) -> probabilities, float32 (n, n_labels)."""
        if not self.beside and not self.prior:
            return self.network.model
        texts = keras.Input((), dtype="string", name="texts")
        batch = self.network.look_up(texts)
        if self.beside:
            logs = [member.log_probabilities(batch) for member in self.members]
            floored = [ops.maximum(log, self.floor) for log in logs]
            probabilities = LogLinear(self.weights, name="ensemble")(floored)
        else:
            logits, _, _ = self.network.encoder([batch.vectors, batch.present])
            probabilities = ops.softmax(logits)
        if self.prior:
            probabilities = self._prior_for_nothing()(probabilities, batch.token_ids)
        return keras.Model(texts, probabilities, name="classifier")

    def _prior_for_nothing(self) -> PriorForNothing:
        """N-grams say something of any text with tokens; the other members, where a word is
        known."""
        words = self.network.text.words
        nothing = [PADDING]
        if not any(isinstance(member, NgramMember) for member in self.beside):
            nothing += [UNKNOWN]
            nothing += [row for row, word in enumerate(words, FIRST_WORD) if not is_word(word)]
        return PriorForNothing(self.prior, FIRST_WORD + len(words), nothing, name="prior")

    def with_prior(self, probabilities: NDArray[Any], token_ids: NDArray[np.int32]) -> NDArray[Any]:
        """The probabilities, (n, n_labels), with the prior for texts of which the members know
        nothing.

        `token_ids`: as `network.token_ids` gives them, (n, tokens).
        """
        return np.where(
            self._prior_for_nothing().says(token_ids).numpy(), probabilities, self.prior
        )

    @cached_property
    def _scorer(self) -> Scorer:
        return compile_scorer(self.model)

    def predict_proba(
        self, texts: Iterable[str], batch_size: int | None = None
    ) -> NDArray[np.float32]:
        """Probabilities of each label: float32 array, (n, n_labels).

        `batch_size`: texts that one thread scores at a time; None: 1,024, and fewer with many
        labels, which bounds the memory. There are as many threads as cores.
        """
        n_labels = self.network.n_labels
        if batch_size is None:
            batch_size = min(BATCH_SIZE, max(_SCORES // n_labels, 1))
        return score_texts(self._scorer, texts, n_labels, batch_size)

    def predict(self, texts: Iterable[str]) -> NDArray[np.object_]:
        """The name of the most probable label of each text: object array, (n,).

        Raises ValueError: the classifier was made without `label_names`.
        """
        if len(self.label_names) != self.network.n_labels:
            raise ValueError(
                f"expected a classifier with label_names for its {self.network.n_labels} labels, "
                f"this one has {len(self.label_names)}: give label_names to Classifier"
            )
        names = np.array(self.label_names, object)
        return names[self.predict_proba(texts).argmax(axis=1)]

    def marks(self, texts: Sequence[str]) -> NDArray[np.object_]:
        """Why the answer for a text means little, or None: object array, (n,).

        As `pipeline.portable.PortableClassifier.predict_marked`.
        """
        marks = np.full(len(texts), None, object)
        if len(texts):
            rows = self.network.token_ids(texts)[0]
            words = [*map(is_word, self.network.text.words)]
            marks[~np.array([False] * FIRST_WORD + words)[rows].any(axis=1)] = NO_KNOWN_WORD
            marks[(rows == PADDING).all(axis=1)] = EMPTY
        return marks

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Where texts lie before the network's last layer: float32 array, (n, width)."""
        return self.network.embed(texts)

    @cached_property
    def _explainers(self) -> dict[int | None, Callable[[Any], dict[str, Any]]]:
        return {}

    def explainer(self, steps: int | None = None) -> Callable[[Any], dict[str, Any]]:
        """A compiled function of strings (n,): what each token gives to each label.

        See `pipeline.classifier.contributions.explain_texts`. `steps`: of the integrated gradients
        of the network; None: as many as it needs to be exact, or 16.
        """
        if steps not in self._explainers:
            self._explainers[steps] = explain_texts(
                self.network,
                self.members,
                self.weights,
                self.floor if self.beside else None,
                steps,
                self._prior_for_nothing() if self.prior else None,
            )
        return self._explainers[steps]

    def __reduce__(self) -> tuple[Any, ...]:
        # What was compiled stays behind.
        fields = (self.network, self.beside, self.weights, self.label_names, self.floor)
        return Classifier, (*fields, self.prior, self.calibration)


@dataclass(frozen=True)
class MemberResult:
    """What a member is worth by itself: `weight` in the ensemble, and on the validation texts
    `accuracy` (a fraction) and `loss` (mean cross-entropy in nats)."""

    weight: float
    accuracy: float
    loss: float


class Decision(NamedTuple):
    """Why the ensemble is kept or not: a result on the validation texts, by its `name` in `Select`,
    of it and of the network alone. `weighed`: whether texts counted by their weights."""

    name: Select
    ensemble: float
    network: float
    weighed: bool


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What `fit_ensemble` made.

    `classifier`: the network with the members that were kept. `members`: results by name, `network`
    first, with weight 0 for those that were left out. `validation`: the results of the whole on the
    validation texts, each of which counts once, by the names of `Select`. `decision`: why it is
    kept. `seconds`: taken to fit and weigh the members.
    """

    classifier: Classifier
    members: Mapping[str, MemberResult]
    validation: Mapping[str, float]
    decision: Decision
    seconds: float

    @property
    def accuracy(self) -> float:
        """On the validation texts, a fraction."""
        return self.validation["accuracy"]

    @property
    def loss(self) -> float:
        """The log loss on the validation texts, in nats."""
        return self.validation["log_loss"]

    @property
    def network_only(self) -> bool:
        """Whether no other member was kept."""
        return not self.classifier.beside


@checked
def fit_ensemble(
    network: Network,
    matrix: EmbeddingMatrix,
    training: Examples,
    validation: Examples,
    *,
    seed: Seed = 0,
    select: Select = "accuracy",
) -> Ensemble:
    """Fit the members that the network's options ask for, and weigh them against the network.

    The members are experts whose probabilities are multiplied (Hinton 2002, doi
    10.1162/089976602760128018). Their weights minimise the log loss on the validation texts and a
    penalty on the distance from equal weights: about equal with few validation texts. Where the ensemble is no better than the network alone, the
    network stays alone. A member whose numbers are not all finite is left out.

    Texts count by their weights, where they have some, in all that is fitted and weighed. What the
    result tells, and sets of labels, count each validation text once.

    Args:
        network: a trained network.
        matrix: the one that it was built from.
        training: fits the members.
        validation: weighs them.
        seed: of the members' folds and samples, and of the texts that calibrate.
        select: what the ensemble must not be worse in than the network alone: the log loss, also by
            the default `accuracy`; or `balanced_accuracy` or `macro_f1`.

    Raises TrainingError: the numbers of the network are not finite.
    """
    started = time.perf_counter()
    options, n_labels = network.options, network.n_labels
    held_out = network.token_ids(validation.texts)
    labels, truth = np.asarray(training.labels), np.asarray(validation.labels)
    text_weights, held_out_weights = map(given_weights, (training, validation))
    members: list[Member] = []
    logits = network.logits(held_out)
    logs = {"network": log_softmax(logits.astype(np.float64), axis=1)}
    n_present = len(np.unique(labels))
    several = n_present > 1
    if several and (options.sif or options.ngrams):
        logger.info("ensemble: fitting the members to %s texts", f"{len(labels):,}")
    if options.sif and several and len(labels) > n_present:
        # Of many texts, only those are tokenised to which a member is fitted.
        rows = sif_rows(len(labels), seed)
        inputs = network.token_ids(take_texts(training.texts, rows))
        chosen = take(text_weights, rows)
        sif = fit_sif(network, matrix, inputs, labels[rows], n_labels, seed=seed, weights=chosen)
        logs["sif"] = sif_log_probabilities(network, sif, held_out)
        members.append(sif)
    if options.ngrams and several:
        rows = ngram_rows(labels, seed)
        strings = network.joined_tokens(take_texts(training.texts, rows))
        ngrams = fit_ngrams(
            strings,
            labels[rows],
            n_labels,
            seed=seed,
            most_texts=len(rows),
            weights=take(text_weights, rows),
        )
        logs["ngrams"] = ngrams.score_strings(network.joined_tokens(validation.texts))
        members.append(ngrams)

    broken = [name for name, log in logs.items() if not np.isfinite(log).all()]
    if "network" in broken:
        raise TrainingError(
            "expected a network with finite outputs, got NaN or infinity: train it with a smaller "
            "learning rate, or vectors with smaller numbers"
        )
    for name in broken:
        logger.warning("ensemble: the member %s has numbers that are not finite, left out", name)
        del logs[name]
    members = [member for member in members if member.name not in broken]

    weights = _weigh(list(logs.values()), truth, held_out_weights) if members else np.ones(1)
    weights[weights < _LEAST] = 0
    whole = log_softmax(_weighed(weights, list(logs.values())), axis=1)
    scores = [_score(select, each, truth, held_out_weights) for each in (whole, logs["network"])]
    decision = Decision(
        "log_loss" if select == "accuracy" else select,
        abs(scores[0][0]),  # of a loss, the negative
        abs(scores[1][0]),
        held_out_weights is not None,
    )
    if scores[0] < scores[1]:
        weights, whole = np.array([1.0] + [0.0] * len(members)), logs["network"]
    prior = np.bincount(labels, text_weights, n_labels)
    prior = prior / prior.sum()
    classifier = _classifier(network, members, weights.tolist(), training.label_names)
    classifier = replace(classifier, prior=tuple(prior.tolist()))
    # Sets of labels are for the answers as they are given: the prior, where nothing else is known.
    answers = classifier.with_prior(np.exp(whole), held_out[0])
    classifier = replace(classifier, calibration=calibrate(answers, truth, seed=seed))
    result = Ensemble(
        classifier,
        {
            name: MemberResult(float(weight), _accuracy(log, truth), log_loss(log, truth))
            for (name, log), weight in zip(logs.items(), weights, strict=True)
        },
        all_scores(
            count_labels(whole.argmax(axis=1), truth, np.ones(len(truth))), log_loss(whole, truth)
        ),
        decision,
        time.perf_counter() - started,
    )
    logger.info(
        "ensemble: %s, validation accuracy %.4f, %.1f s",
        ", ".join(f"{name} {member.weight:.2f}" for name, member in result.members.items()),
        result.accuracy,
        result.seconds,
    )
    return result


def _classifier(
    network: Network, members: Sequence[Member], weights: Sequence[float], names: tuple[str, ...]
) -> Classifier:
    """With the members whose weight is above 0; a network alone has nothing to be weighed
    against."""
    kept = [(m, w) for m, w in zip(members, weights[1:], strict=True) if w]
    if not kept:
        return Classifier(network, label_names=names)
    beside = tuple(member for member, _ in kept)
    return Classifier(network, beside, (weights[0], *(weight for _, weight in kept)), names)


def _score(
    select: Select,
    logs: NDArray[Any],
    truth: NDArray[np.integer],
    weights: NDArray[np.float64] | None,
) -> tuple[float, float]:
    """Higher is better. Of equal scores the log loss decides, and it alone by default."""
    loss = log_loss(logs, truth, weights)
    if select == "accuracy":
        return -loss, -loss
    counts = count_labels(
        logs.argmax(axis=1), truth, np.ones(len(truth)) if weights is None else weights
    )
    return score(select, counts, loss), -loss


def _weigh(
    logs: list[NDArray[Any]], truth: NDArray[np.integer], text_weights: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    n = len(truth) if text_weights is None else text_weights.sum()
    equal = np.full(len(logs), 1 / len(logs))

    def cost(weights: NDArray[np.float64]) -> float:
        loss = log_loss(log_softmax(_weighed(weights, logs), axis=1), truth, text_weights)
        return n * loss + _PRIOR * float(((weights - equal) ** 2).sum())

    return minimize(cost, equal, bounds=[(0, None)] * len(logs), method="L-BFGS-B").x


def _weighed(weights: NDArray[np.float64], logs: list[NDArray[Any]]) -> NDArray[np.float64]:
    return sum(w * np.maximum(log, FLOOR) for w, log in zip(weights, logs, strict=True))


def _accuracy(logs: NDArray[Any], truth: NDArray[np.integer]) -> float:
    return float((logs.argmax(axis=1) == truth).mean())
