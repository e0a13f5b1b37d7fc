"""Vectors trained on one's own text: skip-gram, CBOW and fastText, by gensim.

Trained vectors are kept in the cache folder under a digest of everything that decides them. A
second call with the same text and options only reads a file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.base.calls import checked
from pipeline.base.errors import VectorsError
from pipeline.base.files import atomic_write, cache_folder
from pipeline.base.options import check_options
from pipeline.base.progress import step_progress
from pipeline.embedding.algorithms import ALGORITHMS
from pipeline.embedding.formats import read_file
from pipeline.embedding.options import OwnTextOptions
from pipeline.embedding.vectors import WordVectors

logger = logging.getLogger(__name__)

_BATCH = 1_000  # texts tokenised at a time
_LINES = 5  # about how many lines of progress there are without a terminal


_DEFAULTS = OwnTextOptions()


@checked
def train_vectors(
    texts: Sequence[str],
    *,
    algorithm: str = _DEFAULTS.algorithm,
    vector_size: int = _DEFAULTS.vector_size,
    window: int = _DEFAULTS.window,
    min_count: int = _DEFAULTS.min_count,
    epochs: int = _DEFAULTS.epochs,
    negative: int = _DEFAULTS.negative,
    seed: int = _DEFAULTS.seed,
    workers: int = 1,
) -> WordVectors:
    """Train word vectors on `texts`, or take them from the cache where that was done before.

    The words come from `pipeline.tokenize`, and are sorted by frequency.

    Args:
        texts: The text. The window does not reach beyond a line of a text.
        algorithm: `skipgram` or `cbow` (Mikolov et al. 2013, arXiv 1301.3781, with negative
            sampling, arXiv 1310.4546), or `fasttext`: skip-gram with n-grams of 3 to 6 letters
            (Bojanowski et al. 2017, arXiv 1607.04606), which gives a vector to any word.
        vector_size: The dimension.
        window: How many words to each side are neighbours.
        min_count: Words that were seen less often get no vector.
        epochs: How often the text is read.
        negative: How many random words are compared with each true neighbour.
        seed: The seed. With one worker, the same arguments give the same bits.
        workers: How many threads train. More than one are faster, and do not give the same bits.

    Raises:
        ConfigError: There is no such algorithm, or a value is out of range.
        VectorsError: There is no text, no word is seen often enough, or the cache folder cannot be
            written.
    """
    values = {
        "algorithm": algorithm,
        "vector_size": vector_size,
        "window": window,
        "min_count": min_count,
        "epochs": epochs,
        "negative": negative,
        "seed": seed,
    }
    check_options(OwnTextOptions, values)
    if workers < 1:
        raise VectorsError(f"expected at least one worker, got {workers}")
    if not any(text and not text.isspace() for text in texts):
        raise VectorsError("expected text to train vectors on, got none")
    options = {**values, "workers": workers, **ALGORITHMS[algorithm].options}
    del options["algorithm"]
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
    """A digest of everything that decides the result: text, options, tokeniser, library."""
    from pipeline.embedding.text import TOKENISER

    decides = [options, version("gensim"), TOKENISER]
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
    for line in texts:
        digest.update(line.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()[:20]


def _train(texts: Sequence[str], algorithm: str, options: dict[str, Any], path: Path) -> None:
    """Train, and write to `path`. The tokens stand in a folder beside it meanwhile."""
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
            "vectors: training %s on %s words of text, %s different words",
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
    """Write the file that gensim reads: a line of tokens for each line of the texts."""
    from pipeline.embedding.text import tokenize

    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(texts), _BATCH):
            lines = [line for text in texts[start : start + _BATCH] for line in text.splitlines()]
            file.writelines(" ".join(tokens) + "\n" for tokens in tokenize(lines) if tokens)


def _count_epochs(show: Callable[[int], None]) -> Any:
    """A callback for gensim: it calls `show` after each epoch with the number of finished
    epochs."""
    from gensim.models.callbacks import CallbackAny2Vec

    class Callback(CallbackAny2Vec):
        def __init__(self) -> None:
            self.done = 0

        def on_epoch_end(self, model: Any) -> None:
            self.done += 1
            show(self.done)

    return Callback()
