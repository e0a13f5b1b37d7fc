"""From headlines to words: the tokeniser and the vocabulary.

There is one tokeniser, `standardize` followed by a split at spaces. It is written in TensorFlow's
string operations because it is a part of the model (see `text_layer`), so that training, serving
and the vocabulary cannot differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import keras
import tensorflow as tf

# Pairs of (RE2 pattern, replacement), applied in order to lower-cased text. They follow the Penn
# Treebank's tokens, with which GloVe was trained: `do n't`, `john 's`, punctuation by itself,
# numbers and abbreviations whole.
_RULES = (
    (r"[\pZ\p{Cc}]+", " "),
    ("[’‘`´]", "'"),
    ("[“”«»]", '"'),
    ("[‐‑]", "-"),
    ("[–—]", " -- "),
    (r"(^|\s)'(\pL)", r"\1' \2"),
    (r"n't\b", " n't "),
    (r"'(s|re|ve|ll|d|m)\b", r" '\1 "),
    # Anything but letters, marks, digits and what can stand inside a word or a number.
    (r"([^\pL\pM\pN\s'.,:\-&/_])", r" \1 "),
    # Those, where they end or begin a word: "snow, ice", "'best'", "- and".
    (r"([,:/&])([^\pN]|$)", r" \1 \2"),
    (r"(^|[^\pN])([,:/&])", r"\1 \2 "),
    (r"(\.\.+)", r" \1 "),
    (r"([\pL\pM]{3,}|\pN)\.(\s|$)", r"\1 . "),
    (r"([\pL\pM\pN])'(\s|$)", r"\1 ' "),
)


@keras.saving.register_keras_serializable(package="pipeline")
def standardize(texts: Any) -> Any:
    """Lower-case and put a space between tokens. String tensor of any shape -> the same shape."""
    texts = tf.strings.lower(texts, encoding="utf-8")
    for pattern, replacement in _RULES:
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return texts


def tokenize(texts: Sequence[str]) -> list[list[str]]:
    """The tokens of every headline.

    >>> tokenize(["Alps may lose 70% of snow, don't they?"])
    [['alps', 'may', 'lose', '70', '%', 'of', 'snow', ',', 'do', "n't", 'they', '?']]
    """
    if len(texts) == 0:
        return []
    ragged = tf.strings.split(standardize(tf.constant(list(texts), tf.string)))
    tokens = [token.decode() for token in ragged.values.numpy()]
    return [tokens[start:end] for start, end in pairwise(ragged.row_splits.numpy())]


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training headlines, most frequent first (ties in alphabetical order).

    `counts[i]` says how often `words[i]` was seen.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.words)


def build_vocabulary(
    texts: Sequence[str], *, min_count: int = 1, max_tokens: int | None = None
) -> Vocabulary:
    """Count the tokens of `texts` and keep those seen at least `min_count` times.

    `max_tokens`: only the first so many of each headline count, as in the model.
    """
    counts: Counter[str] = Counter()
    for tokens in _batches(texts):
        for headline in tokens:
            counts.update(islice(headline, max_tokens))
    kept = sorted(
        ((word, count) for word, count in counts.items() if count >= min_count),
        key=lambda item: (-item[1], item[0]),
    )
    return Vocabulary(tuple(word for word, _ in kept), tuple(count for _, count in kept))


def text_layer(words: Sequence[str], max_tokens: int) -> keras.layers.TextVectorization:
    """The layer from strings to row numbers of the embedding matrix.

    string tensor (n,) -> int64 tensor (n, max_tokens): 0 padding, 1 unknown, 2 + i `words[i]`.
    """
    return keras.layers.TextVectorization(
        standardize=standardize,
        split="whitespace",
        vocabulary=list(words),
        output_sequence_length=max_tokens,
        name="text",
    )


def _batches(texts: Sequence[str], size: int = 10_000) -> Iterable[list[list[str]]]:
    for start in range(0, len(texts), size):
        yield tokenize(texts[start : start + size])
