"""The headlines of all splits: their normal forms, and the words in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse
from numpy.typing import NDArray

from pipeline.data.headlines import Headlines
from pipeline.data.text_column import TextColumn


class _LettersOnly(dict[int, str]):
    """A table for str.translate: letters and their marks stay, everything else becomes a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if unicodedata.category(character)[0] in "LM" else " "
        return self[code]


_LETTERS_ONLY = _LettersOnly()


def normal_form(text: str) -> str:
    """The words of a headline: only letters, case folded, with single spaces between words.

    >>> normal_form("17 Alps-like peaks: Don’t miss No. 5!")
    'alps like peaks don t miss no'

    A headline without letters (`2016`) stays as it is, case folded.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(_LETTERS_ONLY).split()) or folded


@dataclass(frozen=True, eq=False)
class Words:
    """The headlines of each split. The mappings are by the name of the split.

    `label_names`: the labels. `words`: object array, (n_words,), the words of all splits. `texts`:
    the headlines. `labels`: int arrays, (n,), positions in `label_names`. `forms`: the normal forms
    of the headlines. `counts`: sparse matrices, (n, n_words), how often each form has each word.
    """

    label_names: tuple[str, ...]
    words: NDArray[np.object_]
    texts: Mapping[str, TextColumn]
    labels: Mapping[str, NDArray[np.int64]]
    forms: Mapping[str, TextColumn]
    counts: Mapping[str, Any]

    @property
    def sizes(self) -> dict[str, int]:
        """The number of headlines of each split."""
        return {split: len(texts) for split, texts in self.texts.items()}


def extract_words(headlines: Headlines) -> Words:
    """Find the words of all headlines."""
    texts = {split: headlines.column(split) for split in headlines.splits}
    forms = {split: normal_forms(texts[split]) for split in texts}
    words, counts = count_words(forms)
    return Words(
        label_names=headlines.label_names,
        words=words,
        texts=texts,
        labels={split: np.array(headlines.labels(split)) for split in texts},
        forms=forms,
        counts=counts,
    )


def count_words(forms: Mapping[str, TextColumn]) -> tuple[NDArray[np.object_], dict[str, Any]]:
    """The words of normal forms, sorted, and how often each form has each: `Words.words` and
    `counts`."""
    numbers: dict[str, int] = {}
    counted = {part: _count(forms[part], numbers) for part in forms}
    words = np.array(sorted(numbers), object)
    column = np.empty(len(words), np.int32)
    column[[numbers[word] for word in words]] = np.arange(len(words), dtype=np.int32)
    counts = {}
    for part, (codes, ends) in counted.items():
        ones = np.ones(len(codes), np.float32)
        shape = (len(ends) - 1, len(words))
        counts[part] = scipy.sparse.csr_matrix((ones, column[codes], ends), shape)
        counts[part].sum_duplicates()
    return words, counts


def normal_forms(texts: TextColumn) -> TextColumn:
    """`normal_form` of each text. Python sees only the texts with other letters than ASCII's."""
    parts = []
    for chunk in texts.column.chunks:
        folded = pc.ascii_lower(chunk)
        letters = pc.replace_substring_regex(folded, "[^a-z]+", " ")
        forms = pc.ascii_trim_whitespace(letters)
        forms = pc.if_else(pc.equal(forms, ""), folded, forms)
        others = pc.invert(pc.string_is_ascii(chunk))
        replaced = [normal_form(text) for text in chunk.filter(others).to_pylist()]
        parts.append(pc.replace_with_mask(forms, others, pa.array(replaced, chunk.type)))
    return TextColumn(pa.chunked_array(parts, texts.column.type))


def _count(
    forms: TextColumn, numbers: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The words of each form, one after the other, and where each form ends among them.

    `numbers`: those of the words that are known already. New ones are added.
    """
    codes, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
    for chunk in forms.column.chunks:
        pieces = pc.split_pattern(chunk, " ")
        encoded = pc.list_flatten(pieces).dictionary_encode()
        words = encoded.dictionary.to_pylist()
        number = np.array([numbers.setdefault(word, len(numbers)) for word in words], np.int32)
        codes.append(number[encoded.indices.to_numpy()])
        lengths.append(pc.list_value_length(pieces).to_numpy())
    return np.concatenate(codes), np.cumsum(np.concatenate(lengths))
