"""Languages that write no spaces between words: a model sees a whole line of them as one word."""

from __future__ import annotations

import re

# More letters in a row than a word has: of Japanese and Chinese, and of Thai, Lao, Burmese and
# Khmer.
_EAST = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SOUTH = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_LONG = re.compile(rf"[{_EAST}]{{7,}}|[{_SOUTH}]{{16,}}")
_WHOLE = re.compile(rf"[^\w\s]*[{_EAST}{_SOUTH}]{{4,}}[^\w\s]*")


def lacks_spaces(text: str) -> bool:
    """Whether a headline stands in letters of such a language, without spaces between its words.

    >>> lacks_spaces("アルプスの雪が七割消える恐れ"), lacks_spaces("アルプス の 雪 が 七割 消える")
    (True, False)
    """
    if text.isascii():
        return False
    return _LONG.search(text) is not None or _WHOLE.fullmatch(text.strip()) is not None
