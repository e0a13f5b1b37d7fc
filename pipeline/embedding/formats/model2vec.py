"""Model2Vec: a row for each token of a tokenizer (https://github.com/MinishLab/model2vec).

A folder holds `model.safetensors` and `tokenizer.json`. A word that is one token has the row of
that token. Any other word gets the mean of the rows of its pieces, which the tokenizer's own code
finds. sentence-transformers writes its static embeddings in the same way.

The file has the matrix `embeddings` (or `embedding.weight`), (n_rows, vector_size). It may have
`weights`, (n_tokens,), by which the rows are multiplied, and `mapping`, (n_tokens,), the row of
each token where several share one. What the program does to a whole text (`normalize` in
config.json) is not done to words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import MissingExtraError, VectorsError
from pipeline.embedding.formats import safetensors_matrix
from pipeline.embedding.formats.format import Beginning, Layout
from pipeline.embedding.formats.matrix_rows import as_float32
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.formats.safetensors_matrix import Tensor, read_header
from pipeline.embedding.formats.streams import Source
from pipeline.embedding.keys import normal_word
from pipeline.embedding.vectors import WordVectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_TOKENIZER = "tokenizer.json"
_MATRICES = ("embeddings", "embedding.weight")
_WORDS = 4096  # words whose rows are computed at once


def recognise(beginning: Beginning) -> Layout | None:
    """A safetensors file with a tokenizer beside it."""
    if not beginning.source.path.with_name(_TOKENIZER).is_file():
        return None
    return safetensors_matrix.recognise(beginning)


def read(
    source: Source, _: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    """Read the tokens that are whole words; `subwords` of the result gives vectors to other words.

    Raises:
        VectorsError: A damaged file, or a matrix that does not fit the tokenizer.
        MissingExtraError: The package tokenizers is not installed.
    """
    model = _load(source.path)
    rows = Rows(wanted, most_frequent)
    taken: list[str] = []
    words = model.whole_words()
    for place, word in enumerate(words):
        key = word.encode(errors="surrogatepass")
        rows.see(key)
        if rows.take(key, place):
            taken.append(word)
    for start in range(0, len(taken), _WORDS):
        rows.add(model(taken[start : start + _WORDS]))
    rows.total = len(words)
    return rows.result(str(source), model.matrix.shape[1], model, "pieces")


@dataclass(frozen=True, eq=False)
class _Model:
    """Gives a word the mean of the rows of its pieces, as a set's `subwords` do.

    `unknown`: the token of what the tokenizer does not know; it has no meaning, and does not count.
    """

    path: Path
    tokenizer: Tokenizer
    unknown: int | None
    matrix: Tensor
    mapping: NDArray[np.int64] | None
    weights: NDArray[np.float32] | None

    def __call__(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Zeros for a word without any known piece: float32 array, (len(words), vector_size)."""
        pieces = [self.pieces(word) for word in words]
        tokens = [token for each in pieces for token in each]
        table = self._rows(tokens, [words[i] for i, each in enumerate(pieces) for _ in each])
        vectors = np.zeros((len(words), table.shape[1]), np.float32)
        start = 0
        for vector, each in zip(vectors, pieces, strict=True):
            if each:
                vector[:] = table[start : start + len(each)].mean(axis=0)
            start += len(each)
        return vectors

    def pieces(self, word: str) -> list[int]:
        """The tokens of a word. Some tokenizers know it with a space before it, as in a text."""
        alone = self._encode(word)
        return alone if len(alone) < 2 else min(alone, self._encode(f" {word}"), key=len)

    def whole_words(self) -> list[str]:
        """The tokens that are words by themselves, in their order."""
        words = []
        for token in sorted(self.tokenizer.get_vocab().values()):
            word = normal_word(self.tokenizer.decode([token]))
            if word and self.pieces(word) == [token]:
                words.append(word)
        return words

    def _encode(self, word: str) -> list[int]:
        try:
            tokens = self.tokenizer.encode(word, add_special_tokens=False).ids
        except Exception as error:  # the package has no kind of its own
            raise _wrong_tokenizer(self.path, error) from error
        return [token for token in tokens if token != self.unknown]

    def _rows(self, tokens: list[int], words: list[str]) -> NDArray[np.float32]:
        """The rows of tokens: float32 array, (len(tokens), vector_size)."""
        places = np.array(tokens, np.int64) if self.mapping is None else self.mapping[tokens]
        block = self.matrix.mapped()[places]
        rows = as_float32(self.path, block, words, bfloat16=self.matrix.is_bfloat16)
        return rows if self.weights is None else rows * self.weights[tokens, None]


def _load(path: Path) -> _Model:
    tensors = read_header(path)
    matrix = next((tensors[name] for name in _MATRICES if name in tensors), None)
    if matrix is None or len(matrix.shape) != 2:
        raise VectorsError(
            f"{path}: expected a matrix {' or '.join(_MATRICES)}, as in a static model with its "
            f"tokenizer, found {', '.join(tensors)[:200] or 'none'}"
        )
    tokenizer = _load_tokenizer(path.with_name(_TOKENIZER))
    ids = tokenizer.get_vocab().values()
    mapping = weights = None
    if "mapping" in tensors:
        mapping = _per_token(tensors["mapping"], len(ids)).astype(np.int64)
    if "weights" in tensors:
        weights = as_float32(
            path,
            _per_token(tensors["weights"], len(ids))[:, None],
            ["weights"] * len(ids),
            bfloat16=tensors["weights"].is_bfloat16,
        )[:, 0]
    n_rows = matrix.shape[0] if mapping is None else len(mapping)
    if n_rows != len(ids) or max(ids, default=-1) >= n_rows:
        raise VectorsError(
            f"{path}: expected a row for each of the {len(ids):,} tokens of {_TOKENIZER}, got "
            f"{n_rows:,}: the two files are not of one model"
        )
    if mapping is not None and not ((mapping >= 0) & (mapping < matrix.shape[0])).all():
        raise VectorsError(f"{path}: mapping: expected rows from 0 to {matrix.shape[0] - 1:,}")
    return _Model(path, tokenizer, _unknown(tokenizer), matrix, mapping, weights)


def _per_token(tensor: Tensor, n_tokens: int) -> NDArray[Any]:
    if tensor.shape != (n_tokens,):
        raise VectorsError(
            f"{tensor.path}: {tensor.name}: expected a number for each of the {n_tokens:,} tokens "
            f"of {_TOKENIZER}, got an array of shape {tensor.shape}"
        )
    return np.asarray(tensor.mapped())


def _load_tokenizer(path: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise MissingExtraError("tokenizers", "model2vec", f"a Model2Vec model ({path})") from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package has no kind of its own
        raise _wrong_tokenizer(path, error) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _wrong_tokenizer(path: Path, error: Exception) -> VectorsError:
    reason = " ".join(str(error).split())[:200]
    return VectorsError(
        f"{path}: expected a tokenizer of the package tokenizers ({reason}): fetch it again"
    )


def _unknown(tokenizer: Tokenizer) -> int | None:
    token = getattr(tokenizer.model, "unk_token", None)
    if token is not None:
        return tokenizer.token_to_id(token)
    return json.loads(tokenizer.to_str())["model"].get("unk_id")  # of the kind Unigram
