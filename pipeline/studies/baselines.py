"""Methods without pretrained vectors that `compare` holds against transfer: the table BASELINES."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from pipeline.data.examples import Examples

logger = logging.getLogger(__name__)

_STRENGTHS = (0.3, 1, 3, 10)  # C of the support vector machines
_MANY_LABELS = 100  # from so many on, to fit the machines takes minutes

Predict = Callable[[Sequence[str]], NDArray[np.int64]]
"""n texts -> the label of each, int array (n,)."""

Baseline = Callable[[Examples, Examples, int], Predict]
"""(training, validation, seed) -> a fitted method."""


def fit_majority(training: Examples, validation: Examples, seed: int) -> Predict:
    """Always the commonest label."""
    commonest = int(np.bincount(training.labels).argmax())
    return lambda texts: np.full(len(texts), commonest)


def fit_tfidf(training: Examples, validation: Examples, seed: int) -> Predict:
    """TF-IDF of words 1-3 and characters 2-5 within words, and a linear support vector machine.

    Its C is the one that does best on the validation texts, the smallest of equal ones.
    """
    if len(set(training.labels)) == 1:
        return fit_majority(training, validation, seed)
    features = make_union(
        TfidfVectorizer(
            ngram_range=(1, 3), token_pattern=r"(?u)\b\w+\b", lowercase=False, sublinear_tf=True
        ),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False, sublinear_tf=True),
    )
    rows = features.fit_transform(training.texts)
    if (n_labels := len(set(training.labels))) >= _MANY_LABELS:
        logger.info(
            "compare: tfidf fits %d x %s machines, one for each label, to %s headlines",
            len(_STRENGTHS), f"{n_labels:,}", f"{len(training):,}",
        )  # fmt: skip
    held_out = features.transform(validation.texts)
    machines = [LinearSVC(C=c, random_state=seed).fit(rows, training.labels) for c in _STRENGTHS]
    scores = [machine.score(held_out, validation.labels) for machine in machines]
    best = machines[int(np.argmax(scores))]
    return lambda texts: best.predict(features.transform(texts))


def fit_fasttext(training: Examples, validation: Examples, seed: int) -> Predict:
    """Facebook's fastText without pretrained vectors: words, word pairs and characters 2-5.

    Its number of epochs is the one of 5, 25 and 100 that does best on the validation texts.
    """
    import fasttext

    def fold(text: str) -> str:
        return " ".join(text.split())

    def predict(model: Any, texts: Sequence[str]) -> NDArray[np.int64]:
        labels, _ = model.predict([fold(text) for text in texts])
        return np.array([int(label.removeprefix("__label__")) for (label,) in labels])

    with TemporaryDirectory() as folder:
        path = Path(folder, "train.txt")
        rows = zip(training.texts, training.labels, strict=True)
        path.write_text(
            "".join(f"__label__{label} {fold(text)}\n" for text, label in rows), "utf-8"
        )
        models = [
            fasttext.train_supervised(
                str(path), epoch=epochs, lr=0.5, dim=100, wordNgrams=2, minn=2, maxn=5,
                bucket=200_000, thread=1, seed=seed, verbose=0,
            )
            for epochs in (5, 25, 100)
        ]  # fmt: skip
    truth = np.asarray(validation.labels)
    scores = [(predict(model, validation.texts) == truth).mean() for model in models]
    best = models[int(np.argmax(scores))]
    return lambda texts: predict(best, texts)


BASELINES: Mapping[str, Baseline] = {
    "majority": fit_majority,
    "tfidf": fit_tfidf,
    "fasttext": fit_fasttext,
}


def installed_baselines() -> dict[str, Baseline]:
    """Those that can be fitted here: fastText comes with the extra `bench`."""
    missing = importlib.util.find_spec("fasttext") is None
    return {name: fit for name, fit in BASELINES.items() if not (missing and name == "fasttext")}
