"""Which texts a classifier learned from, as a few digests: so that a test on the same texts is
noticed.

Of all digests the smallest ones are kept, which are a random sample of the texts. How many of other
texts are among them is then estimated from those whose digest is as small (bottom-k: Cohen and
Kaplan 2007, doi 10.1145/1281100.1281133). Up to 4,096 texts it is exact.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_DIGESTS = 4_096
"""They take 33 kB of a model."""
_FEWEST = 30  # texts in the sample that make an estimate
_BYTES = 6  # of a digest: two texts of a million share one with a chance of 1 in 500


def note_texts(texts: Iterable[str], earlier: Any = None, most: int = MOST_DIGESTS) -> str:
    """The smallest digests of texts, in base64.

    `earlier`: those of the texts that were learned from before. `most`: how many are kept.
    """
    digests = np.union1d(_digests(texts), _decoded(earlier))[:most]
    content = digests.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :_BYTES]
    return base64.b64encode(content.tobytes()).decode()


def seen_fraction(texts: Iterable[str], noted: Any, most: int = MOST_DIGESTS) -> float | None:
    """Which fraction of texts is among those that were noted, letter case aside.

    `noted`: as `note_texts` gave it. `most`: as for it. None: nothing was noted, it is damaged, or the
    texts are too few for an estimate.

    >>> seen_fraction(["Alps lose snow", "Rates rise"], note_texts(["alps lose snow"]))
    0.5
    """
    learned = _decoded(noted)
    if not len(learned):
        return None
    digests = _digests(texts)
    if len(learned) >= most:
        digests = digests[digests <= learned.max()]
        if len(digests) < _FEWEST:
            return None
    return float(np.isin(digests, learned).mean()) if len(digests) else 0.0


def _digests(texts: Iterable[str]) -> NDArray[np.uint64]:
    contents = (text.casefold().encode("utf-8", "surrogatepass") for text in texts)
    numbers = (
        int.from_bytes(hashlib.blake2b(content, digest_size=_BYTES).digest(), "little")
        for content in contents
    )
    return np.fromiter(numbers, np.uint64)


def _decoded(noted: Any) -> NDArray[np.uint64]:
    """The digests, or none where it is not what `note_texts` gave."""
    try:
        content = np.frombuffer(base64.b64decode(noted, validate=True), np.uint8)
        content = content.reshape(-1, _BYTES)
    except (TypeError, ValueError):
        return np.empty(0, np.uint64)
    return np.pad(content, ((0, 0), (0, 8 - _BYTES))).view("<u8").ravel().astype(np.uint64)
