"""From headlines to tokens, and from tokens to row numbers of the embedding matrix.

There is one tokeniser: `standardize`, and a split at spaces. It is written in TensorFlow's string
operations because it is a part of the model (see `TextLayer`). So training, serving and the
vocabulary have the same tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import chain, pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.embedding.matching import Contractions
from pipeline.embedding.threads import set_threads
from pipeline.portable.characters import (
    CASED,
    IGNORED,
    LETTER,
    LOWER,
    MARK,
    N_CODES,
    NUMBER,
    SPACE,
    UPPER,
    CharacterTable,
    codes_of,
)
from pipeline.portable.text import normalize
from pipeline.portable.tokens import (
    CAPITALISED,
    CONTRACTIONS,
    LOWER_CASE,
    LOWERED,
    MIXED_CASE,
    PLAIN,
    UPPER_CASE,
)

TOKENISER = 2
"""The version of the tokeniser. Whoever changes the tokens of any text raises it: vectors that were
trained on the tokens of another version are then trained anew."""

_SEPARATORS = r"[\pZ\p{Cc}]+"
# Pairs of (RE2 pattern, replacement), applied in order. They give the tokens of the Penn Treebank,
# with which GloVe was trained: `do n't`, `john 's`, punctuation by itself, numbers and
# abbreviations whole.
_QUOTES = (
    ("[’‘`´]", "'"),
    ("[“”«»]", '"'),
    ("[‐‑]", "-"),
    ("[–—]", " -- "),
    (r"(^|\s)'(\pL)", r"\1' \2"),
)
_PUNCTUATION = (
    # Anything but letters, marks, digits, and signs that can stand inside a word or a number.
    (r"([^\pL\pM\pN\s'.,:\-&/_])", r" \1 "),
    # Those signs where they end or begin a word: "snow, ice", "'best'", "- and".
    (r"([,:/&])([^\pN]|$)", r" \1 \2"),
    (r"(^|[^\pN])([,:/&])", r"\1 \2 "),
    (r"(\.\.+)", r" \1 "),
    (r"([\pL\pM]{3,}|\pN)\.(\s|$)", r"\1 . "),
    (r"([\pL\pM\pN])'(\s|$)", r"\1 ' "),
)


def standardize(texts: Any, contractions: Contractions = "split", keep_case: bool = False) -> Any:
    """Lower-case and put a space between tokens. String tensor of any shape -> the same shape.

    `contractions`: `don't` becomes two tokens (`do n't`), or stays `whole`. `keep_case`: letters
    keep their case, and each token in lower case is the token without `keep_case`.

    No pattern looks across a space: the tokens of a text are those of its pieces between spaces.
    `tokenize` and `TextLayer` use that to be fast.
    """
    # Separators come first, because TensorFlow's lower case ends a text at a character of code 0.
    texts = tf.strings.regex_replace(texts, _SEPARATORS, " ")
    lower = tf.strings.lower(texts, encoding="utf-8")
    if keep_case:
        # A text with one of these letters is lower-cased after all.
        lower = tf.where(tf.strings.regex_full_match(texts, f"(?s).*{LOWERED}.*"), lower, texts)
    texts = lower
    for pattern, replacement in (*_QUOTES, *CONTRACTIONS[contractions], *_PUNCTUATION):
        texts = tf.strings.regex_replace(texts, pattern, replacement)
    return texts


@checked
def tokenize(texts: Sequence[str], contractions: Contractions = "split") -> list[list[str]]:
    """The tokens of every headline. Raises DataError: `texts` are no list of strings.

    >>> tokenize(["Alps may lose 70% of snow, don't they?"])
    [['alps', 'may', 'lose', '70', '%', 'of', 'snow', ',', 'do', "n't", 'they', '?']]
    """
    pieces = [text.split() for text in normalize(texts)]
    different = list(dict.fromkeys(chain.from_iterable(pieces)))
    by_piece = dict(zip(different, tokenize_pieces(different, contractions), strict=True))
    return [[token for piece in headline for token in by_piece[piece]] for headline in pieces]


def tokenize_pieces(pieces: Sequence[str], contractions: Contractions = "split") -> list[list[str]]:
    """The tokens of every piece. A piece has no white space, and is as `normalize` gives it."""
    set_threads()  # before TensorFlow computes for the first time
    tokens: list[list[str]] = []
    for start in range(0, len(pieces), _PIECES):
        part = tf.constant(pieces[start : start + _PIECES], tf.string)
        ragged = tf.strings.split(standardize(part, contractions))
        values = [token.decode() for token in ragged.values.numpy()]
        bounds = pairwise(ragged.row_splits.numpy().tolist())
        tokens += [values[start:end] for start, end in bounds]
    return tokens


_PIECES = 100_000  # that are tokenised at a time


_NEW_LINE = ord("\n")
_KINDS = {
    r"[\p{Lu}\p{Lt}]": UPPER,
    r"\p{Ll}": LOWER,
    r"[\p{Lm}\p{Lo}]": LETTER,
    r"\pM": MARK,
    r"\pN": NUMBER,
    r"[\pZ\p{Cc}]": SPACE,
}


@cache
def character_table() -> CharacterTable:
    """The kinds and the lower case of all characters, as TensorFlow has them.

    TensorFlow is asked about all at once, in one text.
    """
    # The first code point has no lower case: TensorFlow ends a text there. Surrogates are no text.
    codes = np.concatenate([np.arange(1, 0xD800), np.arange(0xE000, N_CODES)])
    text = _text_of(codes)
    kinds = np.zeros(N_CODES, np.uint8)
    kinds[0] = SPACE
    for pattern, kind in _KINDS.items():
        # The first code point, which is not in the text, marks where a run begins and ends.
        marked = codes_of(_ask(tf.strings.regex_replace, text, f"({pattern})+", "\x00\\0\x00"))
        in_run = np.logical_xor.accumulate(marked == 0)[marked > 0]
        kinds[codes[in_run]] = kind

    # Each character in a line of its own, with a sigma behind. A new line has no lower case, and no
    # sigma looks beyond it.
    letters = codes[codes != _NEW_LINE]

    def lower_lines(before: str) -> str:
        columns = [*map(ord, before), letters, ord("Σ"), _NEW_LINE]
        lines = np.stack(np.broadcast_arrays(*columns), axis=1)
        return _ask(tf.strings.lower, _text_of(lines), "utf-8")

    def makes_final(lines: str) -> NDArray[np.bool_]:
        lower = codes_of(lines)
        is_final = np.zeros(N_CODES, bool)
        is_final[letters] = lower[np.flatnonzero(lower == _NEW_LINE) - 1] == ord("ς")
        return is_final

    alone = lower_lines("")
    is_cased = makes_final(alone)
    kinds[is_cased] |= CASED
    kinds[makes_final(lower_lines("a")) & ~is_cased] |= IGNORED
    starts = np.flatnonzero(np.diff(kinds, prepend=255))
    pairs = zip(_text_of(letters), alone[:-1].split("\n"), strict=True)
    return CharacterTable(
        starts.astype(np.int32),
        kinds[starts],
        {letter: lower[:-1] for letter, lower in pairs if letter != lower[:-1]},
    )


def _text_of(codes: NDArray[np.integer[Any]]) -> str:
    """The characters with these code points, one after the other."""
    return codes.astype("<u4").tobytes().decode("utf-32-le")


def _ask(function: Any, text: str, *arguments: str) -> str:
    """What a function of `tf.strings` makes of one text."""
    return str(function(text, *arguments).numpy().decode())


@keras.saving.register_keras_serializable(package="pipeline")
class TextLayer(keras.layers.Layer):
    """From strings, as `normalize` gives them, to row numbers of the embedding matrix.

    string tensor (n,) -> int32 tensor (n, tokens): 0 padding, 1 unknown, 2 + i `words[i]`. There
    are as many columns as the longest headline has tokens, at least 1 and at most `max_tokens`.

    With `letter_case` or `joined` the output is a tuple: the row numbers, then these in order.
    `letter_case`: int32 tensor (n, tokens), how each token is written: 0 padding, 1 lower case
    (`snow`, `70`), 2 only the first letter is a capital (`Alps`, `I`, `3D`), 3 two capitals or more
    and no small letter (`NATO`, `U.S.`), 4 mixed (`iPhone`). The tokens stay the same.
    `joined`: string tensor (n,), all tokens of the headline with single spaces between them. They
    keep the case of the headline where `letter_case` is set.

    Args:
        words: The words of the matrix, in the order of their rows.
        max_tokens: How many tokens of a headline are used, from its first.
        contractions: How the tokeniser writes contractions.
        digits: (which, what, by), RE2 patterns and a replacement, where the vectors do not keep
            digits. An unknown token that `which` matches as a whole is looked up again with every
            `what` replaced by `by`.
        letter_case: Whether to return how each token is written.
        joined: Whether to return the tokens of each headline as a string.
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
        # No word has a space, so that the token of unknown words is none of them.
        self.lookup = keras.layers.StringLookup(
            vocabulary=list(words), mask_token="", oov_token="not known"
        )
        # Keras would look at each item of a list again whenever it saves the layer.
        self._words = np.array(words, object)
        plain = re.compile(PLAIN).fullmatch
        self._plain = np.array([False, False, *(plain(word) is not None for word in words)])

    @property
    def words(self) -> list[str]:
        """The words, in the order of their rows."""
        return [str(word) for word in self._words]

    def build(self, input_shape: Any) -> None:
        self.lookup.build(input_shape)
        super().build(input_shape)

    def call(self, texts: Any) -> Any:
        # The regular expressions cost most, and most pieces are plain words of the vocabulary. So
        # all pieces are looked up as they are. Only the odd ones, which have other characters, go
        # through the expressions. Each gives any number of tokens.
        ragged = tf.strings.split(texts if self.letter_case else tf.strings.lower(texts))
        pieces = ragged.values
        lower = tf.strings.lower(pieces) if self.letter_case else pieces
        rows = self.lookup(lower)
        odd = tf.where(~tf.gather(self._plain, rows))[:, 0]
        odd = tf.boolean_mask(odd, ~tf.strings.regex_full_match(tf.gather(lower, odd), PLAIN))
        split = tf.strings.split(
            standardize(tf.gather(pieces, odd), self.contractions, self.letter_case)
        )
        tokens = split.values
        lower_tokens = tf.strings.lower(tokens, encoding="utf-8") if self.letter_case else tokens

        # Where each piece and each token of an odd piece goes among all tokens.
        lengths = tf.tensor_scatter_nd_update(tf.ones_like(rows), odd[:, None], split.row_lengths())
        starts = tf.concat([[0], tf.cumsum(lengths)], 0)
        first = tf.gather(starts, odd)
        places_of_tokens = tf.ragged.range(first, first + split.row_lengths()).values
        places = [tf.cast(starts[:-1], tf.int32), tf.cast(places_of_tokens, tf.int32)]
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
        """Row numbers, int32 tensor (n,), of tokens. `rows`: those that were looked up already."""
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
            "words": self.words,
            "max_tokens": self.max_tokens,
            "contractions": self.contractions,
            "digits": self.digits,
            "letter_case": self.letter_case,
            "joined": self.joined,
        }


def _letter_case(tokens: Any, lower: Any) -> Any:
    """How tokens are written, as in `TextLayer`: string tensors (n,) -> int32 tensor (n,)."""
    cases = tf.fill(tf.shape(tokens), LOWER_CASE)
    changed = tf.where(tokens != lower)
    tokens = tf.gather_nd(tokens, changed)
    match = tf.strings.regex_full_match
    kinds = tf.where(
        match(tokens, r"(?s)[^\pL]*[\p{Lu}\p{Lt}][^\p{Lu}\p{Lt}]*"),
        CAPITALISED,
        tf.where(match(tokens, r"(?s)[^\p{Ll}]*"), UPPER_CASE, MIXED_CASE),
    )
    return tf.tensor_scatter_nd_update(cases, changed, kinds)
