"""From headlines to words: the tokeniser and the vocabulary.

There is one tokeniser, `standardize` followed by a split at spaces. It is written in TensorFlow's
string operations because it is a part of the model (see `TextLayer`), so that training, serving
and the vocabulary cannot differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Literal

import keras
import tensorflow as tf

Contractions = Literal["split", "whole"]

# Pairs of (RE2 pattern, replacement), applied in order to lower-cased text. They follow the Penn
# Treebank's tokens, with which GloVe was trained: `do n't`, `john 's`, punctuation by itself,
# numbers and abbreviations whole.
_QUOTES = (
    (r"[\pZ\p{Cc}]+", " "),
    ("[’‘`´]", "'"),
    ("[“”«»]", '"'),
    ("[‐‑]", "-"),
    ("[–—]", " -- "),
    (r"(^|\s)'(\pL)", r"\1' \2"),
)
# Sets that have `don't` as one word, as Google News, still know `john` and not `john's`.
_CONTRACTIONS: Mapping[Contractions, tuple[tuple[str, str], ...]] = {
    "split": ((r"n't\b", " n't "), (r"'(s|re|ve|ll|d|m)\b", r" '\1 ")),
    "whole": ((r"'(s)\b", r" '\1 "),),
}
_PUNCTUATION = (
    # Anything but letters, marks, digits and what can stand inside a word or a number.
    (r"([^\pL\pM\pN\s'.,:\-&/_])", r" \1 "),
    # Those, where they end or begin a word: "snow, ice", "'best'", "- and".
    (r"([,:/&])([^\pN]|$)", r" \1 \2"),
    (r"(^|[^\pN])([,:/&])", r"\1 \2 "),
    (r"(\.\.+)", r" \1 "),
    (r"([\pL\pM]{3,}|\pN)\.(\s|$)", r"\1 . "),
    (r"([\pL\pM\pN])'(\s|$)", r"\1 ' "),
)


def standardize(texts: Any, contractions: Contractions = "split") -> Any:
    """Lower-case and put a space between tokens. String tensor of any shape -> the same shape.

    `contractions`: `don't` becomes two tokens (`do n't`), or stays `whole`.
    """
    texts = tf.strings.lower(texts, encoding="utf-8")
    for pattern, replacement in (*_QUOTES, *_CONTRACTIONS[contractions], *_PUNCTUATION):
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return texts


def tokenize(texts: Sequence[str], contractions: Contractions = "split") -> list[list[str]]:
    """The tokens of every headline.

    >>> tokenize(["Alps may lose 70% of snow, don't they?"])
    [['alps', 'may', 'lose', '70', '%', 'of', 'snow', ',', 'do', "n't", 'they', '?']]
    """
    if len(texts) == 0:
        return []
    ragged = tf.strings.split(standardize(tf.constant(list(texts), tf.string), contractions))
    tokens = [token.decode() for token in ragged.values.numpy()]
    return [tokens[start:end] for start, end in pairwise(ragged.row_splits.numpy())]


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training headlines, most frequent first (ties in alphabetical order).

    `counts[i]` says how often `words[i]` was seen. `contractions`: how they were tokenised.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    contractions: Contractions = "split"

    def __len__(self) -> int:
        return len(self.words)


def build_vocabulary(
    texts: Sequence[str],
    *,
    min_count: int = 1,
    max_tokens: int | None = None,
    contractions: Contractions = "split",
) -> Vocabulary:
    """Count the tokens of `texts` and keep those seen at least `min_count` times.

    `max_tokens`: only the first so many of each headline count, as in the model.
    """
    counts: Counter[str] = Counter()
    for tokens in _batches(texts, contractions):
        for headline in tokens:
            counts.update(islice(headline, max_tokens))
    kept = sorted(
        ((word, count) for word, count in counts.items() if count >= min_count),
        key=lambda item: (-item[1], item[0]),
    )
    return Vocabulary(
        tuple(word for word, _ in kept), tuple(count for _, count in kept), contractions
    )


def build_vocabularies(
    texts: Sequence[str], *, min_count: int = 1, max_tokens: int | None = None
) -> dict[Contractions, Vocabulary]:
    """A vocabulary for each way to write contractions.

    Which one fits a set of vectors is only seen in the set (`matching.conventions`). To count
    both is quicker than to open the set twice.
    """
    return {
        how: build_vocabulary(texts, min_count=min_count, max_tokens=max_tokens, contractions=how)
        for how in _CONTRACTIONS
    }


@keras.saving.register_keras_serializable(package="pipeline")
class TextLayer(keras.layers.Layer):
    """From strings to row numbers of the embedding matrix.

    string tensor (n,) -> int64 tensor (n, max_tokens): 0 padding, 1 unknown, 2 + i `words[i]`.
    `contractions`: the tokeniser's. `digits`: (which, what, by), where the vectors do not keep
    digits: a token that is unknown, and matches `which` as a whole, is looked up again with every
    `what` replaced by `by` (all RE2).
    """

    def __init__(
        self,
        words: Sequence[str],
        max_tokens: int,
        *,
        contractions: Contractions = "split",
        digits: tuple[str, str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_jit = False  # XLA has no strings
        self.max_tokens = max_tokens
        self.contractions = contractions
        self.digits = digits
        # With a space in it, the token of unknown words cannot be one of the words.
        self.lookup = keras.layers.StringLookup(
            vocabulary=list(words), mask_token="", oov_token="not known"
        )

    def build(self, input_shape: Any) -> None:
        self.lookup.build((*input_shape, self.max_tokens))
        super().build(input_shape)

    def call(self, texts: Any) -> Any:
        split = tf.strings.split(standardize(texts, self.contractions))
        tokens = split.to_tensor("", shape=(None, self.max_tokens))
        rows = self.lookup(tokens)
        if self.digits is not None:
            which, what, by = self.digits
            written = tf.where(
                tf.strings.regex_full_match(tokens, which),
                tf.strings.regex_replace(tokens, what, by),
                tokens,
            )
            rows = tf.where(rows == 1, self.lookup(written), rows)
        return rows

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        return (input_shape[0], self.max_tokens)

    def compute_output_spec(self, texts: Any) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(texts.shape), dtype="int64")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "words": self.lookup.get_vocabulary(include_special_tokens=False),
            "max_tokens": self.max_tokens,
            "contractions": self.contractions,
            "digits": self.digits,
        }


def _batches(
    texts: Sequence[str], contractions: Contractions, size: int = 10_000
) -> Iterable[list[list[str]]]:
    for start in range(0, len(texts), size):
        yield tokenize(texts[start : start + size], contractions)
