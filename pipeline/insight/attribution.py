"""Which words made the label of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import softmax

from pipeline.base.calls import checked
from pipeline.base.options import Count, Seed
from pipeline.classifier.ensemble import Classifier
from pipeline.insight.evaluation import Evaluation
from pipeline.portable.text import normalize

_BATCH = 64  # texts at a time, which bounds the memory of the gradients
_MISTAKES, _SAMPLE = 20, 500  # texts of an evaluation that are looked at
_SCORES = 50_000  # texts x labels of the sample: the time grows with both


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each token of a text gives to each label.

    `words`: as written, between spaces. `tokens`: as the model sees them, of the whole text, though
    the network and the member `sif` see only the first `max_tokens`. `word_of`: int array,
    (n_tokens,), the position in `words` of each token's word. `values`: float32 array, (n_tokens,
    n_labels). `bias`: float32 array, (n_labels,), what no token gives. The unit is nats, see
    `pipeline.classifier.contributions`.
    """

    text: str
    words: tuple[str, ...]
    tokens: tuple[str, ...]
    word_of: NDArray[np.int64]
    values: NDArray[np.float32]
    bias: NDArray[np.float32]

    @cached_property
    def word_values(self) -> NDArray[np.float32]:
        """The sums over the tokens of each word: float32 array, (n_words, n_labels)."""
        sums = np.zeros((len(self.words), len(self.bias)), np.float32)
        np.add.at(sums, self.word_of, self.values)
        return sums

    @cached_property
    def scores(self) -> NDArray[np.float32]:
        """Log-probabilities of the labels, less their mean: float32 array, (n_labels,)."""
        return self.bias + self.values.sum(axis=0)

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The probabilities of the labels, as the classifier gives them:
        float32 array, (n_labels,)."""
        return softmax(self.scores)


@checked
def contributions(
    classifier: Classifier, texts: Sequence[str], *, steps: Count | None = None
) -> tuple[Contributions, ...]:
    """What each token of each text gives to each label, for the whole of a classifier.

    `steps`: of the integrated gradients of the network; 0 takes the gradient at the word vectors
    themselves. None: 0 where that is exact, else 16.
    """
    explainer, strings = classifier.explainer(steps), normalize(texts)
    return tuple(
        contribution
        for start in range(0, len(strings), _BATCH)
        for contribution in _unpack(strings[start : start + _BATCH], explainer)
    )


@dataclass(frozen=True, eq=False)
class Attribution:
    """What the words of some texts of an evaluation give, by the position of the text in it.

    `mistakes`: the wrong labels that the classifier was surest of, the surest first. `sample`:
    texts drawn from all.
    """

    mistakes: Mapping[int, Contributions]
    sample: Mapping[int, Contributions]


@checked
def attribute(
    classifier: Classifier,
    evaluation: Evaluation,
    *,
    n_mistakes: Count = _MISTAKES,
    n_sample: Count = _SAMPLE,
    n_scores: Count = _SCORES,
    seed: Seed = 0,
) -> Attribution:
    """Explain the surest mistakes of an evaluation of `classifier`, and a random sample of it.

    `n_mistakes`, `n_sample`: at most so many texts. `n_scores`: of more texts x labels, the sample
    is smaller, but not smaller than `n_mistakes`.
    """
    n_sample = min(n_sample, max(n_scores // len(evaluation.label_names), n_mistakes))
    wrong = np.flatnonzero(evaluation.predicted != evaluation.labels)
    surest = wrong[np.argsort(-evaluation.confidence[wrong], kind="stable")][:n_mistakes]
    order = np.random.default_rng(seed).permutation(len(evaluation.texts))
    rows = [*surest.tolist(), *np.sort(order[:n_sample]).tolist()]
    explained = contributions(classifier, [evaluation.texts[row] for row in rows])
    pairs = list(zip(rows, explained, strict=True))
    return Attribution(dict(pairs[: len(surest)]), dict(pairs[len(surest) :]))


def _unpack(texts: list[str], explainer: Any) -> Iterator[Contributions]:
    given = explainer(tf.constant(texts, tf.string))
    # By their flat values, as TensorFlow takes long to make lists of ragged tensors.
    n_words, n_tokens = (lengths.numpy() for lengths in given["tokens"].nested_row_lengths())
    words, tokens = (
        tuple(string.decode() for string in given[name].flat_values.numpy())
        for name in ("words", "tokens")
    )
    values, bias = given["values"].flat_values.numpy(), given["bias"].numpy()
    word_of = np.repeat(np.arange(len(words)), n_tokens)
    word_ends = np.concatenate([[0], np.cumsum(n_words)])
    token_ends = np.concatenate([[0], np.cumsum(n_tokens)])[word_ends]
    for i, text in enumerate(texts):
        word, token = slice(*word_ends[i : i + 2]), slice(*token_ends[i : i + 2])
        positions = word_of[token] - word_ends[i]
        yield Contributions(text, words[word], tokens[token], positions, values[token], bias[i])
