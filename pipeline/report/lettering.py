"""Text in figures: any script, drawn as it is written.

matplotlib takes what stands between two $ for a formula, and draws a box for a character that its
font does not have.
"""

from __future__ import annotations

import io
import logging
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from itertools import accumulate
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

SHORT = 32  # characters of a label or word that are drawn

# Fonts of matplotlib without a character of a script: parts of formulas, and pictures of the
# scripts.
_NO_SCRIPT = ("cm", "STIXSize", "STIXNonUnicode", "Last Resort")
_SHOWN = 10  # characters in a message
_JOINERS = "\u200c\u200d"  # they have no width, and decide how letters beside them are written


class LetteredFigure(Figure):
    """A figure that draws its texts as they are written: no formulas, and with several fonts where
    one does not have all characters."""

    def draw(self, renderer: Any) -> None:
        texts = [artist for artist in self.findobj(Text) if isinstance(artist, Text)]
        families = fonts_for("".join(text.get_text() for text in texts))
        for text in texts:
            text.set_parse_math(False)
            if len(families) > 1:
                text.set_fontfamily(families)
        super().draw(renderer)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        content = io.BytesIO()
        self.savefig(content, format="png")
        return content.getvalue()


def plain(text: str, most: int = SHORT) -> str:
    """A label or word as figures draw it: in one line, of at most `most` characters.

    A character that no font of the machine has, or that cannot be drawn, is written as its code.
    The middle of a longer text is left out, as names often differ at their end.

    >>> plain("money\\n in the bank"), plain("sports of 2023", most=9), plain("caf\\udce9")
    ('money in the bank', 'spor…2023', 'caf\\\\udce9')
    """
    signs = [c if can_draw(c) else _code(c) for c in " ".join(text.split())]
    if sum(map(len, signs)) > most:
        signs = [*_beginning(signs, most // 2), "…", *_beginning(signs[::-1], most // 2)[::-1]]
    drawn = "".join(signs)
    return f" {drawn}" if drawn.startswith("_") else drawn  # such names are left out of legends


def can_draw(character: str) -> bool:
    """Whether a font of this machine has the character."""
    if unicodedata.category(character)[0] == "C":  # such as control characters and lone surrogates
        return character in _JOINERS
    return _font_of(character) is not None


def warn_of_missing_fonts(names: Iterable[str]) -> None:
    """Log which characters of names no font of this machine has, if there are such."""
    characters = sorted(set("".join(names)))
    missing = [c for c in characters if c.isprintable() and not can_draw(c)]
    if missing:
        logger.warning(
            "figures: no font of this machine has %s%s: figures show their codes; install a font "
            "that has them, such as Noto Sans (Debian: fonts-noto-core, and fonts-noto-cjk for "
            "Chinese, Japanese and Korean)",
            " ".join(missing[:_SHOWN]),
            f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else "",
        )


def fonts_for(text: str) -> list[str]:
    """The usual font, and those fonts of the machine that have the characters it does not have."""
    fonts = {font for font in map(_font_of, sorted(set(text))) if font is not None}
    usual = _usual_font()
    return [usual, *sorted(fonts - {usual})]


def _beginning(signs: list[str], most: int) -> list[str]:
    """As many signs as `most` characters have room for."""
    return [
        sign for sign, end in zip(signs, accumulate(map(len, signs)), strict=True) if end <= most
    ]


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()


@cache
def _font_of(character: str) -> str | None:
    """The usual font if it has the character, else another that does; None if there is none."""
    code, usual = ord(character), _usual_font()
    if character.isspace() or code in _codes(font_manager.findfont(usual)):
        return usual
    for name, codes in _other_fonts():
        place = np.searchsorted(codes, code)
        if place < len(codes) and codes[place] == code:
            return name
    return None


@cache
def _usual_font() -> str:
    families = font_manager.FontProperties(family=matplotlib.rcParams["font.family"])
    return font_manager.get_font(font_manager.findfont(families)).family_name


@cache
def _other_fonts() -> tuple[tuple[str, NDArray[np.int64]], ...]:
    """The upright fonts of the machine: their names, and the codes that each has, sorted.

    matplotlib keeps a list of the fonts. One that was installed since is added to it.
    """
    listed = {entry.fname for entry in font_manager.fontManager.ttflist}
    for path in set(font_manager.findSystemFonts()) - listed:
        with suppress(OSError, RuntimeError):  # not a font that matplotlib reads
            font_manager.fontManager.addfont(path)
    fonts: dict[str, NDArray[np.int64]] = {}
    for entry in sorted(font_manager.fontManager.ttflist, key=lambda entry: entry.weight != 400):
        if entry.style != "normal" or entry.name in fonts or entry.name.startswith(_NO_SCRIPT):
            continue
        try:
            fonts[entry.name] = np.array(sorted(_codes(entry.fname)), np.int64)
        except (OSError, RuntimeError):  # fonts of pictures, as of emoji, cannot be drawn
            continue
    return tuple(fonts.items())


def _codes(path: str) -> Any:
    return font_manager.get_font(path).get_charmap().keys()
