"""The headlines of all splits: their normal forms, and the words in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.headlines import Headlines


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
    texts: Mapping[str, Sequence[str]]
    labels: Mapping[str, NDArray[np.int64]]
    forms: Mapping[str, Sequence[str]]
    counts: Mapping[str, Any]

    @property
    def sizes(self) -> dict[str, int]:
        """The number of headlines of each split."""
        return {split: len(texts) for split, texts in self.texts.items()}


def extract_words(headlines: Headlines) -> Words:
    """Find the words of all headlines."""
    from sklearn.feature_extraction.text import CountVectorizer

    texts = {split: headlines.texts(split) for split in headlines.splits}
    forms = {split: [normal_form(text) for text in texts[split]] for split in texts}
    vectorizer = CountVectorizer(analyzer=str.split, dtype=np.float32)
    counts = vectorizer.fit_transform([form for split in forms for form in forms[split]])
    ends = np.cumsum([len(forms[split]) for split in forms])
    return Words(
        label_names=headlines.label_names,
        words=vectorizer.get_feature_names_out(),
        texts=texts,
        labels={split: np.array(headlines.labels(split)) for split in texts},
        forms=forms,
        counts={
            split: counts[end - len(forms[split]) : end]
            for split, end in zip(forms, ends, strict=True)
        },
    )
