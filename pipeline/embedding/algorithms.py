"""The ways to train vectors on text: classes of gensim with their options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Algorithm:
    """A way to train vectors.

    `model`: the name of a class of gensim. `options`: its options, beside those of the caller.
    `save`: writes the trained model to a file, in a format of `formats.FORMATS`.
    """

    model: str
    options: dict[str, Any]
    save: Callable[[Any, Path], None]


def _save_word2vec(model: Any, path: Path) -> None:
    model.wv.save_word2vec_format(str(path), binary=True)


def _save_fasttext(model: Any, path: Path) -> None:
    from gensim.models.fasttext import save_facebook_model

    save_facebook_model(model, str(path))


# fastText's own 2,000,000 buckets for n-grams are meant for billions of words. They make a file of
# 800 MB at 100 dimensions for any text. The words of the BBC articles have 105,000 n-grams.
_BUCKETS = 200_000

ALGORITHMS = {
    "skipgram": Algorithm("Word2Vec", {"sg": 1}, _save_word2vec),
    "cbow": Algorithm("Word2Vec", {"sg": 0}, _save_word2vec),
    "fasttext": Algorithm("FastText", {"sg": 1, "bucket": _BUCKETS}, _save_fasttext),
}
