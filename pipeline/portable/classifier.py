"""The trained classifier, computed with NumPy alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.errors import ModelError


class PortableClassifier:
    """Texts in, probabilities out: what `Classifier` gives, without TensorFlow.

    `label_names`: label i of the outputs is `label_names[i]`.
    """

    label_names: tuple[str, ...]

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Probabilities of each label: float32 array, (n, n_labels)."""
        raise NotImplementedError

    def predict(self, texts: Iterable[str]) -> NDArray[np.object_]:
        """The name of the most probable label of each text: object array, (n,)."""
        names = np.array(self.label_names, object)
        return names[self.predict_proba(texts).argmax(axis=1)]

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Where texts lie before the network's last layer: float32 array, (n, width)."""
        raise NotImplementedError

    def why(self, texts: Iterable[str]) -> list[dict[str, Any]]:
        """What each word of each text gives to each label, in nats.

        One item a text: `words`, each with its `word` as written, its `tokens` and its
        `contributions` by label; `bias` by label, which is what no word gives.
        """
        raise NotImplementedError


def load_classifier(folder: str | os.PathLike[str]) -> PortableClassifier:
    """Read a classifier that `pipeline export` wrote. Nothing in the folder is executed.

    Raises ModelError: the folder is not such a one, or it is damaged.
    """
    raise ModelError(f"{folder}: cannot be read yet")
