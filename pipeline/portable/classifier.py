"""The trained classifier, computed with NumPy alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..base.errors import ModelError
from .answers import answer
from .arrays import ANOTHER
from .conformal import Calibration
from .encoders import Array
from .members import Member, NetworkMember, NgramMember, log_softmax
from .text import normalize
from .tokens import (
    EMPTY,
    FIRST_WORD,
    NO_KNOWN_WORD,
    TokenBatch,
    Tokeniser,
    is_word,
    words_of,
)

LEAST_SHARE = 1e-6
"""A smaller share of a label counts as this where its logarithm is taken."""

Result = TypeVar("Result")

_BATCH = 4_096  # texts at a time, which bounds the memory
_FEW = 64  # texts that one thread scores soonest
_WHY_BATCH = 16  # the same for `why`, which needs much more


@dataclass(frozen=True, eq=False)
class PortableClassifier:
    """Texts in, probabilities out: what `Classifier` gives, without TensorFlow.

    `label_names`: label i of the outputs is `label_names[i]`. `tokeniser`, `network`: as in the
    classifier. `members`: the network first. `weights`: the weight of each member. `floor`: lower
    log-probabilities of a member count as this, where there are several. `facts`: what the folder
    says of the model, as JSON. `prior`: the share of each label among the training texts, float32
    array, (n_labels,), and `calibration`: None in folders of earlier versions.
    """

    label_names: tuple[str, ...]
    tokeniser: Tokeniser
    network: NetworkMember
    members: tuple[Member, ...]
    weights: tuple[float, ...]
    floor: float
    facts: dict[str, Any]
    prior: Array | None = None
    calibration: Calibration | None = None

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Probabilities of each label: float32 array, (n, n_labels).

        Raises DataError: `texts` are no list of strings. Raises ModelError: a probability is not
        finite, as the model is damaged.
        """
        return self._joined(self._in_batches(self._checked_probabilities, texts))

    def predict_marked(
        self, texts: Iterable[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
        """The same, and the mark of each text: object array, (n,).

        A mark is EMPTY where a text has no token, NO_KNOWN_WORD where none of its tokens is a word
        that has a vector, and None for all others. An empty text gets the label shares of the
        training texts (`prior`), and so does one without a known word where no n-grams say anything
        of it.
        """
        parts = self._in_batches(lambda b: (self._checked_probabilities(b), self._marks(b)), texts)
        if len(parts) == 1:
            return parts[0]
        return (
            self._joined([probabilities for probabilities, _ in parts]),
            np.concatenate([np.zeros(0, object), *(marks for _, marks in parts)]),
        )

    def answer(self, texts: Iterable[str], **params: Any) -> list[dict[str, Any]]:
        """One row for each text: `label`, `probability`, `probabilities`, `mark`, and what is asked
        for.

        `params`: `top_k`, `threshold`, `coverage`, `why`, and errors: see
        `pipeline.portable.answers`.
        """
        return answer(self, list(texts), **params)

    def predict(self, texts: Iterable[str]) -> NDArray[np.object_]:
        """The name of the most probable label of each text: object array, (n,)."""
        names = np.array(self.label_names, object)
        return names[self.predict_proba(texts).argmax(axis=1)]

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Where texts lie before the network's last layer: float32 array, (n, width)."""
        parts = self._in_batches(self.network.representation, texts)
        return np.concatenate([np.zeros((0, self.network.head.width), np.float32), *parts])

    def why(self, texts: Iterable[str]) -> list[dict[str, Any]]:
        """What each word of each text gives to each label, in nats.

        One item a text: `words`, each with its `word`, its `tokens` and its `contributions` by
        label; `bias` by label, which is what no word gives. Words stand between white space, as
        `normalize` gives the text. See `pipeline.classifier.contributions` for the meaning.
        """
        strings = normalize(texts)
        return [
            explained
            for start in range(0, len(strings), _WHY_BATCH)
            for explained in self._explain(strings[start : start + _WHY_BATCH])
        ]

    def _joined(self, parts: Sequence[Array]) -> NDArray[np.float32]:
        """The probabilities of all batches, (n, n_labels)."""
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.zeros((0, len(self.label_names)), np.float32), *parts])

    def _checked_probabilities(self, batch: TokenBatch) -> Array:
        with np.errstate(all="ignore"):  # numbers that are too large give an error, no warnings
            probabilities = self._probabilities(batch)
        if not np.isfinite(probabilities).all():
            raise ModelError(
                "expected finite probabilities, the model gives NaN or infinity, so it is damaged: "
                f"{ANOTHER}"
            )
        if self.prior is not None:
            probabilities[self._says_nothing(batch)] = self.prior
        return probabilities

    def _marks(self, batch: TokenBatch) -> NDArray[np.object_]:
        marks = np.full(len(batch.counts), None, object)
        marks[~self._has_word(batch)] = NO_KNOWN_WORD
        marks[batch.counts == 0] = EMPTY
        return marks

    def _says_nothing(self, batch: TokenBatch) -> NDArray[np.bool_]:
        """Whether no member knows anything of a text: n-grams say something of any tokens."""
        if any(isinstance(member, NgramMember) for member in self.members):
            return batch.counts == 0
        return ~self._has_word(batch)

    def _has_word(self, batch: TokenBatch) -> NDArray[np.bool_]:
        """Whether a text has a known word among the tokens that the network reads: (n,)."""
        words = np.fromiter(map(is_word, batch.tokens), bool, len(batch.tokens))
        is_known = words & (batch.rows >= FIRST_WORD)
        has_word = np.zeros(len(batch.counts), bool)
        for texts, places in batch.by_length:
            has_word[texts] = is_known[batch.places[places]].any(axis=0)
        return has_word

    def _probabilities(self, batch: TokenBatch) -> Array:
        logs = log_softmax(np.stack([member.logits(batch) for member in self.members]))
        if len(logs) == 1:
            return np.exp(logs[0])
        weighed = self._weights[:, None, None] * np.maximum(logs, np.float32(self.floor))
        return np.exp(log_softmax(np.add.reduce(weighed)))

    @property
    def _weights(self) -> Array:
        return np.array(self.weights, np.float32)

    def _in_batches(
        self, function: Callable[[TokenBatch], Result], texts: Iterable[str]
    ) -> list[Result]:
        """What the function gives for each batch of the texts."""
        strings = normalize(texts)
        if not strings:
            return []
        if len(strings) <= _FEW:
            return [function(self.tokeniser.tokenise(strings))]

        def compute(start: int) -> Result:
            return function(self.tokeniser.tokenise(strings[start : start + _BATCH]))

        # The last bits of an answer depend on the texts in its batch. So batches have the same size
        # on every machine.
        # NumPy lets other threads run while it computes. Threads of BLAS beside them would only
        # wait for each other, on a busy machine for most of the time.
        one_of_blas = _blas().limit(limits=1, user_api="blas")
        with one_of_blas, ThreadPoolExecutor(os.cpu_count()) as threads:
            return list(threads.map(compute, range(0, len(strings), _BATCH)))

    def _explain(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        batch = self.tokeniser.tokenise(texts)
        parts = [member.contributions(batch) for member in self.members]
        if len(parts) > 1:
            parts = [_above_floor(*part, batch, self.floor) for part in parts]
        values, bias = (
            sum(w * part[i] for w, part in zip(self._weights, parts, strict=True)) for i in (0, 1)
        )
        if self.prior is not None:
            nothing = self._says_nothing(batch)
            values[np.repeat(nothing, batch.counts)] = 0
            bias[nothing] = np.log(np.maximum(self.prior, np.float32(LEAST_SHARE)))
        values, bias = _centred(values), _centred(bias)
        given = iter(values)
        for text, no_word in zip(texts, bias, strict=True):
            words = words_of(text)
            yield {
                "words": [
                    {
                        "word": word,
                        "tokens": tokens,
                        "contributions": self._named(_total(islice(given, len(tokens)), no_word)),
                    }
                    for word, tokens in zip(words, self.tokeniser.split(words), strict=True)
                ],
                "bias": self._named(no_word),
            }

    def _named(self, values: Array) -> dict[str, float]:
        return dict(zip(self.label_names, values.tolist(), strict=True))


@lru_cache(maxsize=1)
def _blas() -> Any:
    """What sets the threads of NumPy's BLAS. To find it, all libraries of the process are looked
    at."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _total(rows: Iterable[Array], like: Array) -> Array:
    return sum(rows, start=np.zeros_like(like))


def _centred(scores: Array) -> Array:
    return scores - scores.mean(axis=-1, keepdims=True)


def _above_floor(
    values: Array, bias: Array, batch: TokenBatch, floor: float
) -> tuple[Array, Array]:
    """Bring the distance of each label from the most probable one down to what counts of it."""
    text_of = np.repeat(np.arange(len(bias)), batch.counts)
    logits = bias.copy()
    np.add.at(logits, text_of, values)
    top = logits.argmax(axis=1)
    distance = logits.max(axis=1, keepdims=True) - logits
    most = log_softmax(logits).max(axis=1, keepdims=True) - np.float32(floor)
    share = np.where(distance > most, most / np.maximum(distance, most), np.float32(1))

    def shrink(scores: Array, rows: NDArray[np.intp]) -> Array:
        top_scores = scores[np.arange(len(scores)), top[rows]][:, None]
        return top_scores + share[rows] * (scores - top_scores)

    return shrink(values, text_of), shrink(bias, np.arange(len(bias)))
