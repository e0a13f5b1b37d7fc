"""How the rows of words without a vector start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Initial = Callable[[np.random.Generator, float, float, tuple[int, int]], NDArray[np.float64]]
"""A random generator, the mean and the standard deviation of all values of the rows with a vector,
and a shape (n_words, vector_size) -> float64 array of that shape."""

INITIAL: dict[str, Initial] = {
    # A quarter was measured to be better than `normal`: a random row of full size counts more in a
    # headline than the words with a vector.
    "quarter": lambda random, _, std, shape: random.normal(0, std / 4, shape),
    "normal": lambda random, mean, std, shape: random.normal(mean, std, shape),
    # The same standard deviation (Kim 2014, arXiv 1408.5882, section 4.3).
    "uniform": lambda random, _, std, shape: random.uniform(-(3**0.5) * std, 3**0.5 * std, shape),
    "zeros": lambda random, _, std, shape: np.zeros(shape),
}
