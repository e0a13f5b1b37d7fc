"""Vectors trained on one's own text: skip-gram, CBOW and fastText, by gensim.

What was trained is kept in the cache folder under a digest of everything that decides it, so that
the second call with the same text and options only reads a file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.base.errors import VectorsError
from pipeline.base.files import atomic_write, cache_folder
from pipeline.base.progress import step_progress
from pipeline.embedding.formats import read_file
from pipeline.embedding.vectors import WordVectors

logger = logging.getLogger(__name__)

_BATCH = 1_000  # texts tokenised at a time
_LINES = 5  # about so many lines of progress where there is no terminal


@dataclass(frozen=True)
class Algorithm:
    """A way to train: a class of gensim with its options, and the format that keeps the result."""

    model: str
    options: dict[str, Any]
    save: Callable[[Any, Path], None]


def _save_word2vec(model: Any, path: Path) -> None:
    model.wv.save_word2vec_format(str(path), binary=True)


def _save_fasttext(model: Any, path: Path) -> None:
    from gensim.models.fasttext import save_facebook_model

    save_facebook_model(model, str(path))


# fastText's own 2,000,000 buckets for n-grams are meant for billions of words, and make a file of
# 800 MB at 100 dimensions whatever the text; the words of the BBC articles have 105,000 n-grams.
_BUCKETS = 200_000

ALGORITHMS = {
    "skipgram": Algorithm("Word2Vec", {"sg": 1}, _save_word2vec),
    "cbow": Algorithm("Word2Vec", {"sg": 0}, _save_word2vec),
    "fasttext": Algorithm("FastText", {"sg": 1, "bucket": _BUCKETS}, _save_fasttext),
}


def train_vectors(
    texts: Sequence[str],
    *,
    algorithm: str = "skipgram",
    vector_size: int = 100,
    window: int = 5,
    min_count: int = 2,
    epochs: int = 20,
    negative: int = 5,
    seed: int = 0,
    workers: int = 1,
) -> WordVectors:
    """Train word vectors on `texts`, or take them from the cache where that was done before.

    `algorithm`: `skipgram` or `cbow` (Mikolov et al. 2013, arXiv 1301.3781, with negative
    sampling, arXiv 1310.4546), or `fasttext`, skip-gram with n-grams of 3 to 6 letters
    (Bojanowski et al. 2017, arXiv 1607.04606), which gives a vector to any word. Words come from
    `pipeline.tokenize`; a line of a text is a unit that the window does not reach beyond.
    `window`: words to each side; `min_count`: words seen less often get no vector; `negative`:
    random words held against each true neighbour. The words are sorted by frequency.
    The same arguments give the same bits with one worker; more train faster and do not.

    Raises VectorsError: no such algorithm, an option out of range, no text, no word seen often
    enough, a cache folder that cannot be written.
    """
    if algorithm not in ALGORITHMS:
        raise VectorsError(
            f"there is no algorithm {algorithm!r}: expected one of {', '.join(ALGORITHMS)}"
        )
    options = {
        "vector_size": vector_size,
        "window": window,
        "min_count": min_count,
        "epochs": epochs,
        "negative": negative,
        "workers": workers,
    }
    for option, value in options.items():
        if value < 1:
            raise VectorsError(f"expected at least 1 for {option}, got {value}")
    if not any(text and not text.isspace() for text in texts):
        raise VectorsError("expected text to train vectors on, got none")
    kind = ALGORITHMS[algorithm]
    options |= {"seed": seed, **kind.options}
    path = cache_folder() / "corpus" / f"{algorithm}-{_digest(texts, options)}.bin"
    if not path.is_file():
        try:
            _train(texts, algorithm, options, path)
        except OSError as error:
            raise VectorsError(
                f"{path.parent}: could not keep the vectors there ({error}): set "
                "HEADLINE_TRANSFER_CACHE to a folder that can be written"
            ) from error
    # Read back even when just trained: the first and the second call give the same bits.
    return replace(read_file(path, None), name=f"corpus:{algorithm}")


def _digest(texts: Sequence[str], options: dict[str, Any]) -> str:
    """Of everything that decides the result: text, options, tokeniser, library."""
    from pipeline.embedding import text

    digest = hashlib.sha256(json.dumps([options, version("gensim")], sort_keys=True).encode())
    digest.update(Path(text.__file__).read_bytes())
    for line in texts:
        digest.update(line.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()[:20]


def _train(texts: Sequence[str], algorithm: str, options: dict[str, Any], path: Path) -> None:
    """Write the trained vectors to `path`. The text stands in a folder beside it meanwhile."""
    from gensim import models

    kind = ALGORITHMS[algorithm]
    with (
        atomic_write(path) as part,
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as folder,
    ):
        sentences = Path(folder, "sentences")
        _write_sentences(texts, sentences)
        model = getattr(models, kind.model)(**options)
        model.build_vocab(corpus_file=str(sentences))
        if not len(model.wv):
            raise VectorsError(
                f"expected a word seen at least {options['min_count']} times in the text, there is "
                "none: bring more text, or lower min_count"
            )
        logger.info(
            "vectors: training %s on %s words of text, %s different ones",
            algorithm,
            f"{model.corpus_total_words:,}",
            f"{len(model.wv):,}",
        )
        name = f"vectors: {algorithm}, epoch"
        with step_progress(lines=_LINES, transient=True, log=logger) as show:
            callback = _count_epochs(lambda done: show(name, done, model.epochs))
            model.train(
                corpus_file=str(sentences),
                total_examples=model.corpus_count,
                total_words=model.corpus_total_words,
                epochs=model.epochs,
                callbacks=[callback],
            )
        kind.save(model, part)


def _write_sentences(texts: Sequence[str], path: Path) -> None:
    """A line for each line of the texts, its tokens with spaces between: what gensim reads."""
    from pipeline.embedding.text import tokenize

    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(texts), _BATCH):
            lines = [line for text in texts[start : start + _BATCH] for line in text.splitlines()]
            file.writelines(" ".join(tokens) + "\n" for tokens in tokenize(lines) if tokens)


def _count_epochs(show: Callable[[int], None]) -> Any:
    """A callback for gensim: it calls `show` after each epoch with the number of finished epochs."""
    from gensim.models.callbacks import CallbackAny2Vec

    class Callback(CallbackAny2Vec):
        def __init__(self) -> None:
            self.done = 0

        def on_epoch_end(self, model: Any) -> None:
            self.done += 1
            show(self.done)

    return Callback()
