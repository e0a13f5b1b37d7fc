"""The trained classifier without TensorFlow: NumPy computes it. Nothing here is slow to import.

A logged model has a copy of this room and of `base.errors` (`copy_runtime`), so that it works where
this package is not installed. So the room imports nothing else of the package.
"""

from __future__ import annotations

from .classifier import PortableClassifier
from .folder import load_classifier
from .runtime import RUNTIME, copy_runtime, requirements
from .text import MAX_CHARACTERS, normalize

__all__ = [
    "MAX_CHARACTERS",
    "RUNTIME",
    "PortableClassifier",
    "copy_runtime",
    "load_classifier",
    "normalize",
    "requirements",
]
