"""Texts in one form, before they are tokenised."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Set

from ..base.errors import DataError

MAX_CHARACTERS = 10_000
"""What comes after so many characters of a text is not read."""

_SOFT_HYPHEN = "\u00ad"  # where a line may break: no part of the word
_SURROGATES = dict.fromkeys(range(55296, 57344), "�")


def normalize(texts: Iterable[str]) -> list[str]:
    """The same texts in one form: for equal words there are equal characters.

    Letters and their marks become one character where Unicode has it (form NFC: macOS writes
    `é` as two). Soft hyphens are removed. A lone surrogate, which stands for a byte that is no
    UTF-8, becomes U+FFFD. A text is cut at `MAX_CHARACTERS`. Plain text stays as it is.

    Raises DataError: `texts` is one string or a table, has no order, or holds something else than
    strings.

    >>> normalize(["Alps", "e\\u0301conomie", "eco\\u00adnomy", "caf\\udce9"])
    ['Alps', 'économie', 'economy', 'caf�']
    """
    if isinstance(texts, str | bytes):
        raise DataError("expected a list of texts, got one text: put it in a list, as in [text]")
    if isinstance(texts, Mapping | Set) or hasattr(texts, "columns"):
        raise DataError(
            f"expected a list of texts, got {type(texts).__name__}: give one column or a list, as "
            "in list(frame['text'])"
        )
    if not isinstance(texts, Iterable) or getattr(texts, "shape", None) == ():
        raise DataError(f"expected a list of texts, got {texts!r}")
    strings = list(texts)
    try:
        plain = "".join(strings).isascii()
    except TypeError:
        number, text = next((i, t) for i, t in enumerate(strings, 1) if not isinstance(t, str))
        raise DataError(
            f"expected a list of strings, got {type(text).__name__} as text {number}: leave it "
            "out, "
            'or write "" for an empty text'
        ) from None
    if plain and max(map(len, strings), default=0) <= MAX_CHARACTERS:
        return strings
    return [_normalize(text) for text in strings]


def _normalize(text: str) -> str:
    text = text[:MAX_CHARACTERS]
    if text.isascii():
        return text
    text = text.replace(_SOFT_HYPHEN, "").translate(_SURROGATES)
    return unicodedata.normalize("NFC", text)[:MAX_CHARACTERS]
