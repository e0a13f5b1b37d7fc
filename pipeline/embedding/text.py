"""From headlines to words: the tokeniser and the vocabulary.

There is one tokeniser, `standardize` followed by a split at spaces. It is written in TensorFlow's
string operations because it is a part of the model (see `TextLayer`), so that training, serving
and the vocabulary cannot differ.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from pipeline.embedding.threads import set_threads

Contractions = Literal["split", "whole"]

_SEPARATORS = r"[\pZ\p{Cc}]+"
# Pairs of (RE2 pattern, replacement), applied in order. They follow the Penn Treebank's tokens, with
# which GloVe was trained: `do n't`, `john 's`, punctuation by itself, numbers and abbreviations whole.
_QUOTES = (
    ("[’‘`´]", "'"),
    ("[“”«»]", '"'),
    ("[‐‑]", "-"),
    ("[–—]", " -- "),
    (r"(^|\s)'(\pL)", r"\1' \2"),
)
# Sets that have `don't` as one word, as Google News, still know `john` and not `john's`. Letters
# are written in both cases, for text that keeps its case; `(?i)s` would also match `ſ`.
_CONTRACTIONS: Mapping[Contractions, tuple[tuple[str, str], ...]] = {
    "split": (
        (r"([nN]'[tT])\b", r" \1 "),
        (r"'([sS]|[rR][eE]|[vV][eE]|[lL][lL]|[dD]|[mM])\b", r" '\1 "),
    ),
    "whole": ((r"'([sS])\b", r" '\1 "),),
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


# No pattern touches what is made of these alone: it is one token.
_PLAIN = "[-_a-z0-9]+"
_CASELESS = "(?s).*[İ\u212aΣ].*"  # the second is the sign for kelvin, whose lower case is a `k`


def standardize(texts: Any, contractions: Contractions = "split", keep_case: bool = False) -> Any:
    """Lower-case and put a space between tokens. String tensor of any shape -> the same shape.

    `contractions`: `don't` becomes two tokens (`do n't`), or stays `whole`. `keep_case`: letters
    stay as they are written, and lower-casing each token gives the tokens that there are without.

    Nothing in it looks across a space: the tokens of a text are those of its pieces between
    spaces. `tokenize` and `TextLayer` are fast by that.
    """
    # Separators first: TensorFlow's lower case ends a text at a character of code 0.
    texts = tf.strings.regex_replace(texts, _SEPARATORS, " ")
    lower = tf.strings.lower(texts, encoding="utf-8")
    if keep_case:
        # These letters become another kind of character, or one that follows from the neighbours:
        # a text with one is lower-cased after all.
        lower = tf.where(tf.strings.regex_full_match(texts, _CASELESS), lower, texts)
    texts = lower
    for pattern, replacement in (*_QUOTES, *_CONTRACTIONS[contractions], *_PUNCTUATION):
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return texts


def tokenize(texts: Sequence[str], contractions: Contractions = "split") -> list[list[str]]:
    """The tokens of every headline.

    >>> tokenize(["Alps may lose 70% of snow, don't they?"])
    [['alps', 'may', 'lose', '70', '%', 'of', 'snow', ',', 'do', "n't", 'they', '?']]
    """
    set_threads()  # before TensorFlow computes for the first time
    pieces = [text.split() for text in texts]
    different = list(dict.fromkeys(chain.from_iterable(pieces)))
    ragged = tf.strings.split(standardize(tf.constant(different, tf.string), contractions))
    tokens = [token.decode() for token in ragged.values.numpy()]
    bounds = pairwise(ragged.row_splits.numpy().tolist())
    of = {piece: tokens[start:end] for piece, (start, end) in zip(different, bounds, strict=True)}
    return [[token for piece in headline for token in of[piece]] for headline in pieces]


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

    string tensor (n,) -> int32 tensor (n, tokens): 0 padding, 1 unknown, 2 + i `words[i]`. There
    are as many columns as the longest headline has tokens, at least 1 and at most `max_tokens`.

    `contractions`: the tokeniser's. `digits`: (which, what, by), where the vectors do not keep
    digits: a token that is unknown, and matches `which` as a whole, is looked up again with every
    `what` replaced by `by` (all RE2).

    With `letter_case` or `joined` the output is a tuple, of the row numbers and these in order:
    `letter_case`: an int32 tensor of the same shape, how each token was written: 0 padding, 1 as
    in lower case (`snow`, `70`), 2 first letter alone a capital (`Alps`, `I`, `3D`), 3 two capitals
    or more and no small letter (`NATO`, `U.S.`), 4 mixed (`iPhone`). The tokens are the same as
    without it.
    `joined`: a string tensor (n,), all tokens of the headline with single spaces between them, in
    the case of the headline where `letter_case` is set.
    """

    def __init__(
        self,
        words: Sequence[str],
        max_tokens: int,
        *,
        contractions: Contractions = "split",
        digits: tuple[str, str, str] | None = None,
        letter_case: bool = False,
        joined: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_jit = False  # XLA has no strings
        self.max_tokens = max_tokens
        self.contractions = contractions
        self.digits = digits
        self.letter_case = letter_case
        self.joined = joined
        # With a space in it, the token of unknown words cannot be one of the words.
        self.lookup = keras.layers.StringLookup(
            vocabulary=list(words), mask_token="", oov_token="not known"
        )
        plain = re.compile(_PLAIN).fullmatch
        self._plain = np.array([False, False, *(plain(word) is not None for word in words)])

    def build(self, input_shape: Any) -> None:
        self.lookup.build(input_shape)
        super().build(input_shape)

    def call(self, texts: Any) -> Any:
        # The regular expressions cost most, and most pieces are plain words of the vocabulary. So
        # all are looked up as they are, and only the odd ones, neither found nor plain, go through
        # the expressions, after which each is any number of tokens.
        ragged = tf.strings.split(texts if self.letter_case else tf.strings.lower(texts))
        pieces = ragged.values
        lower = tf.strings.lower(pieces) if self.letter_case else pieces
        rows = self.lookup(lower)
        odd = tf.where(~tf.gather(self._plain, rows))[:, 0]
        odd = tf.boolean_mask(odd, ~tf.strings.regex_full_match(tf.gather(lower, odd), _PLAIN))
        split = tf.strings.split(
            standardize(tf.gather(pieces, odd), self.contractions, self.letter_case)
        )
        tokens = split.values
        lower_tokens = tf.strings.lower(tokens, encoding="utf-8") if self.letter_case else tokens

        # Where each piece and each token of an odd piece goes among all tokens.
        lengths = tf.tensor_scatter_nd_update(tf.ones_like(rows), odd[:, None], split.row_lengths())
        starts = tf.concat([[0], tf.cumsum(lengths)], 0)
        first = tf.gather(starts, odd)
        of_tokens = tf.ragged.range(first, first + split.row_lengths()).values
        places = [tf.cast(starts[:-1], tf.int32), tf.cast(of_tokens, tf.int32)]
        splits = tf.gather(starts, ragged.row_splits)
        width = tf.clip_by_value(tf.reduce_max(splits[1:] - splits[:-1]), 1, self.max_tokens)

        def put_back(of_pieces: Any, of_tokens: Any) -> Any:
            # Where two have one place the later counts: a token, or the piece that follows one
            # without tokens. If that was the last piece, its place is beyond the end.
            values = tf.dynamic_stitch(places, [of_pieces, of_tokens])[: starts[-1]]
            return tf.RaggedTensor.from_row_splits(values, splits, validate=False)

        def padded(ragged: Any) -> Any:
            return tf.ensure_shape(ragged.to_tensor(0, shape=tf.stack([-1, width])), (None, None))

        outputs = [padded(put_back(self._numbers(lower, rows), self._numbers(lower_tokens)))]
        if self.letter_case:
            cases = put_back(_letter_case(pieces, lower), _letter_case(tokens, lower_tokens))
            outputs.append(padded(cases))
        if self.joined:
            outputs.append(tf.strings.reduce_join(put_back(pieces, tokens), axis=1, separator=" "))
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _numbers(self, tokens: Any, rows: Any = None) -> Any:
        """Row numbers, int32, of tokens; `rows` where they were looked up already."""
        rows = tf.cast(self.lookup(tokens) if rows is None else rows, tf.int32)
        if self.digits is None:
            return rows
        which, what, by = self.digits
        unknown = tf.where(rows == 1)
        tokens = tf.gather_nd(tokens, unknown)
        written = tf.where(
            tf.strings.regex_full_match(tokens, which),
            tf.strings.regex_replace(tokens, what, by),
            tokens,
        )
        return tf.tensor_scatter_nd_update(rows, unknown, tf.cast(self.lookup(written), tf.int32))

    def compute_output_spec(self, texts: Any) -> Any:
        n = texts.shape[0]
        specs = [keras.KerasTensor((n, None), "int32") for _ in range(1 + self.letter_case)]
        if self.joined:
            specs.append(keras.KerasTensor((n,), "string"))
        return specs[0] if len(specs) == 1 else tuple(specs)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "words": self.lookup.get_vocabulary(include_special_tokens=False),
            "max_tokens": self.max_tokens,
            "contractions": self.contractions,
            "digits": self.digits,
            "letter_case": self.letter_case,
            "joined": self.joined,
        }


def _letter_case(tokens: Any, lower: Any) -> Any:
    """How tokens are written, 1 to 4 as in `TextLayer`: string tensors (n,) -> int32 (n,)."""
    cases = tf.ones_like(tokens, tf.int32)
    changed = tf.where(tokens != lower)
    tokens = tf.gather_nd(tokens, changed)
    match = tf.strings.regex_full_match
    kinds = tf.where(
        match(tokens, r"(?s)[^\pL]*[\p{Lu}\p{Lt}][^\p{Lu}\p{Lt}]*"),
        2,
        tf.where(match(tokens, r"(?s)[^\p{Ll}]*"), 3, 4),
    )
    return tf.tensor_scatter_nd_update(cases, changed, kinds)


def _batches(
    texts: Sequence[str], contractions: Contractions, size: int = 10_000
) -> Iterable[list[list[str]]]:
    for start in range(0, len(texts), size):
        yield tokenize(texts[start : start + size], contractions)
