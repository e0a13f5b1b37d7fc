"""A linear discriminant analysis of texts that do not all count the same.

scikit-learn's takes no weights. This is its `LinearDiscriminantAnalysis(solver="lsqr",
shrinkage="auto")` with them: a text of weight 2 counts as if it were there twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def discriminate(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    weights: NDArray[np.float64],
    n_labels: int,
    never: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scores of labels: kernel, float64 array (width, n_labels), and bias, (n_labels,).

    Args:
        features: of the texts, (n, width).
        labels: int array, (n,), from 0.
        weights: of the texts, (n,), above 0.
        n_labels: how many labels there are.
        never: the bias of a label without a text.
    """
    rows = features.astype(np.float64)
    present = np.unique(labels)
    priors = np.bincount(labels, weights, n_labels)[present] / weights.sum()
    means = np.empty((len(present), rows.shape[1]))
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for i, label in enumerate(present):
        chosen = labels == label
        means[i] = np.average(rows[chosen], axis=0, weights=weights[chosen])
        covariance += priors[i] * _shrunken(rows[chosen] - means[i], weights[chosen])
    coefficients = np.linalg.lstsq(covariance, means.T, rcond=None)[0]
    offsets = np.log(priors) - 0.5 * (means.T * coefficients).sum(axis=0)
    kernel, bias = np.zeros((rows.shape[1], n_labels)), np.full(n_labels, never)
    kernel[:, present], bias[present] = coefficients, offsets
    if len(present) == 2:  # as scikit-learn: one score, of the second against the first
        middle = (coefficients.sum(axis=1) / 2, offsets.sum() / 2)
        kernel[:, present] -= middle[0][:, None]
        bias[present] -= middle[1]
    return kernel, bias


def rule_out(
    kernel: NDArray[np.float64], bias: NDArray[np.float64], absent: NDArray[np.bool_], never: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores in which a label without a text is never the best one.

    The scores of the other labels are moved together, so that their mean is 0: their differences
    stay. `absent`: bool array, (n_labels,). `never`: the score of an absent label.
    """
    if not absent.any():
        return kernel, bias
    kernel, bias = kernel.copy(), bias.copy()
    kernel[:, ~absent] -= kernel[:, ~absent].mean(axis=1, keepdims=True)
    bias[~absent] -= bias[~absent].mean()
    kernel[:, absent], bias[absent] = 0, never
    return kernel, bias


def _shrunken(centred: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shrunken covariance of centred rows, (n, width), each column brought to variance 1
    before."""
    scale = np.sqrt(np.average(centred**2, axis=0, weights=weights))
    scale[scale < 10 * np.finfo(np.float64).eps] = 1
    rows = centred / scale
    covariance = (rows * weights[:, None]).T @ rows / weights.sum()
    shrinkage = ledoit_wolf(rows, weights)
    mean = np.trace(covariance) / len(covariance)
    covariance = (1 - shrinkage) * covariance + shrinkage * mean * np.eye(len(covariance))
    return scale[:, None] * covariance * scale


def ledoit_wolf(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """How much a covariance is shrunken (Ledoit and Wolf 2004, doi 10.1016/S0047-259X(03)00096-4).

    `rows`: centred, (n, width). `weights`: of the rows, (n,).
    """
    n, width = weights.sum(), rows.shape[1]
    covariance = (rows * weights[:, None]).T @ rows / n
    squares = rows**2
    mean = np.trace(covariance) / width
    distance = ((covariance**2).sum() - width * mean**2) / width
    fourth = float((weights * squares.sum(axis=1) ** 2).sum() / n)
    noise = min((fourth - (covariance**2).sum()) / (width * n), distance)
    return float(noise / distance) if noise > 0 else 0.0
