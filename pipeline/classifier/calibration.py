"""From scores to probabilities that mean what they say."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.model_selection import StratifiedKFold

MANY = 500_000  # texts x labels from which the members are fitted in ways that take less time


def log_probabilities(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Log-softmax of scores (n, n_labels), or of (n, 1): the score of the second of two."""
    if scores.shape[1] == 1:
        scores = np.pad(scores, ((0, 0), (1, 0)))
    return log_softmax(scores, axis=1).astype(np.float32)


def log_loss(
    logs: NDArray[np.floating],
    classes: NDArray[np.integer],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Mean cross-entropy in nats: of log-probabilities (n, n_labels) and labels (n,).

    `weights`: of the texts, (n,); None: all count the same.
    """
    right = logs[np.arange(len(classes)), classes]
    return -float(right.mean() if weights is None else np.average(right, weights=weights))


def temperature_factor(
    scores: NDArray[np.floating],
    classes: NDArray[np.integer],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """The factor from 0.1 to 20 with which the scores have the lowest log loss.

    `scores`: as for `log_probabilities`, of texts that their model has not seen; `classes`:
    (n,); `weights`: of the texts, (n,), or None. It is one over the temperature of Guo et al.
    (2017), arXiv 1706.04599.
    """
    bounds = (np.log(0.1), np.log(20))
    result = minimize_scalar(
        lambda exponent: log_loss(log_probabilities(np.exp(exponent) * scores), classes, weights),
        bounds=bounds,
        method="bounded",
    )
    return float(np.exp(result.x))


def score_out_of_fold(
    score_fold: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64] | None],
    labels: NDArray[np.integer],
    n_outputs: int,
    folds: int,
    seed: int,
    many: int = MANY,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Scores of texts from models that did not see them, and which texts these are.

    There are no more folds than the commonest label has texts; rarer labels are missing in some.
    With one text a label nothing can be held out, and all scores are 0.

    Args:
        score_fold: (rows to fit, rows to score) -> scores of the latter, (rows, n_outputs), or None
            where no model can be fitted; their scores are 0.
        labels: int array, (n,).
        n_outputs: scores of a text.
        folds: at most.
        seed: of the folds.
        many: where n x n_outputs is more, only the first fold is held out. A fold of so many scores
            is enough for one factor.

    Returns:
        Rows, int array (n_scored,), and their scores, float64 array (n_scored, n_outputs).
    """
    rows = np.arange(len(labels))
    folds = min(folds, int(np.bincount(labels).max()))
    if folds < 2:
        return rows, np.zeros((len(labels), n_outputs))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = list(splitter.split(rows, labels))
    if len(labels) * n_outputs > many:
        parts = parts[:1]
        rows = parts[0][1]
    scores = np.zeros((len(rows), n_outputs))
    for train, held_out in parts:
        held_out_scores = score_fold(train, held_out)
        if held_out_scores is not None:
            scores[np.searchsorted(rows, held_out)] = held_out_scores
    return rows, scores
