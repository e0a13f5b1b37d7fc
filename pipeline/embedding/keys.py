"""One form for the words of vectors and of texts: words that look the same are the same."""

from __future__ import annotations

import unicodedata

LONGEST_WORD = 100
"""Characters of the longest word that gets a row of its own, as in the program word2vec. The
look-up of the network reserves the length of the longest word for each of its 100,000 words."""

_BYTE_ORDER_MARK = "\ufeff"


def is_normal(word: str) -> bool:
    """Whether the word is in NFC already: a quick look, also at a word that is not ASCII."""
    return word.isascii() or unicodedata.is_normalized("NFC", word)


def normal_word(word: str) -> str:
    """The word in NFC, without white space and byte order marks around it.

    macOS and some tools write a letter and its accent as two characters (NFD).

    >>> normal_word("cafe\\u0301"), normal_word("\\ufeffthe\\u00a0")
    ('café', 'the')
    """
    if word.isascii():
        return word.strip()
    return unicodedata.normalize("NFC", word).strip().strip(_BYTE_ORDER_MARK).strip()
