"""Headlines taken apart: their normal forms and the words in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.headlines import Headlines


class _LettersOnly(dict[int, str]):
    """For str.translate: letters and the marks that belong to them stay, all else is a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if unicodedata.category(character)[0] in "LM" else " "
        return self[code]


_LETTERS_ONLY = _LettersOnly()


def normal_form(text: str) -> str:
    """The words of a headline in letters alone, case folded, with single spaces between them.

    >>> normal_form("17 Alps-like peaks: Don’t miss No. 5!")
    'alps like peaks don t miss no'

    A headline without letters (`2016`) stays as it is but for case.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(_LETTERS_ONLY).split()) or folded


@dataclass(frozen=True, eq=False)
class Words:
    """The headlines of each split, by its name.

    `texts`; `labels`: int arrays, (n,), positions in `label_names`; `forms`: normal forms;
    `counts`: sparse matrices, (n, n_words), how often each form has each of `words` (all splits').
    """

    label_names: tuple[str, ...]
    words: NDArray[np.object_]
    texts: Mapping[str, Sequence[str]]
    labels: Mapping[str, NDArray[np.int64]]
    forms: Mapping[str, Sequence[str]]
    counts: Mapping[str, Any]


def words_of(headlines: Headlines) -> Words:
    """Take all splits apart."""
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
