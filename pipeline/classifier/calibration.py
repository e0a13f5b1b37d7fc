"""From scores to probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def log_probabilities(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Log-softmax of scores (n, n_classes), or of (n, 1): the score of the second of two."""
    if scores.shape[1] == 1:
        scores = np.pad(scores, ((0, 0), (1, 0)))
    return log_softmax(scores, axis=1).astype(np.float32)


def log_loss(logs: NDArray[np.floating], classes: NDArray[np.integer]) -> float:
    """Mean cross-entropy in nats: of log-probabilities (n, n_classes) and labels (n,)."""
    return -float(logs[np.arange(len(classes)), classes].mean())


def temperature_factor(scores: NDArray[np.floating], classes: NDArray[np.integer]) -> float:
    """The factor from 0.1 to 20 with which the scores have the lowest log loss.

    `scores`: as for `log_probabilities`, of headlines that their model has not seen; `classes`:
    (n,). It is one over the temperature of Guo et al. (2017), arXiv 1706.04599.
    """
    bounds = (np.log(0.1), np.log(20))
    found = minimize_scalar(
        lambda exponent: log_loss(log_probabilities(np.exp(exponent) * scores), classes),
        bounds=bounds,
        method="bounded",
    )
    return float(np.exp(found.x))
