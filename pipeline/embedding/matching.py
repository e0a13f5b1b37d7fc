"""How the words of a text find the words of a set of vectors.

A set may write a word differently from the text, and a word that is not found gets no error and no
vector. So a word is looked for as it is written. Where the set does not list it, the other entries
of FALLBACKS are tried in order: other spellings, then the mean of the word's parts. The first that
the set has gives the row. Which fallbacks a set needs follows from how it writes its words
(`conventions`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.base.calls import checked
from pipeline.base.errors import VectorsError
from pipeline.embedding.keys import normal_word
from pipeline.embedding.vectors import WordVectors
from pipeline.portable.tokens import DIGITS, Digits

AUTO: Final = "auto"  # the fallbacks that the conventions of the set need
MISSING: Final = "missing"  # stands in place of a fallback for words that none has found

Contractions = Literal["split", "whole"]
"""How `don't` is written: `split` into two tokens, `do n't`, or `whole`."""

# --------------------------------------------------------------------- how a set writes its words


@dataclass(frozen=True)
class Conventions:
    """How a set writes its words.

    `casing`: `lower`, or `cased` where the set has capitals. `digits`: `kept`, or a name of DIGITS.
    `contractions`: `split` (`n't` is a word) or `whole` (`don't` is a word, and `n't` is not).
    """

    casing: Literal["lower", "cased"] = "lower"
    digits: str = "kept"
    contractions: Contractions = "split"


_CASED = 0.05  # fraction of the first words: 0 in lower-cased sets, about a third in cased ones
_WHOLE = frozenset(("don't", "didn't", "doesn't", "dont", "didnt", "doesnt"))


def conventions(first_words: Sequence[str]) -> Conventions:
    """How a set writes its words, judged by its most frequent words.

    Rare words do not count: GloVe 6B keeps digits, and still lists `##`. Where the words show
    nothing, the defaults hold.

    >>> conventions(["the", "The", "####", "don't"])
    Conventions(casing='cased', digits='#', contractions='whole')
    """
    cased = sum(word != word.lower() for word in first_words)
    lowered = set(map(str.lower, first_words))
    return Conventions(
        casing="cased" if cased > _CASED * len(first_words) else "lower",
        digits=_digits(first_words),
        contractions="whole" if lowered & _WHOLE and "n't" not in lowered else "split",
    )


def _digits(first_words: Sequence[str]) -> str:
    if DIGITS["<number>"].by in first_words:
        return "<number>"
    seen = {"kept": 0, "#": 0, "0": 0}
    for word in first_words:
        digits = re.sub("[^0-9#]", "", word)
        if len(digits) > 1:  # a single digit or sign shows nothing
            seen[digits[0] if set(digits) in ({"#"}, {"0"}) else "kept"] += 1
    return max(seen, key=seen.__getitem__)  # `kept` where there is none


# ---------------------------------------------------------------------------------- the spellings


def _capitalised(word: str) -> tuple[str, ...]:
    """`alps` -> `Alps`, and `o'brien` -> `O'Brien`, `anglo-saxon` -> `Anglo-Saxon`."""
    if "-" in word or "'" in word:
        parts = re.sub(r"(^|[-'])(\w)", lambda match: match[1] + match[2].upper(), word.lower())
        return word.capitalize(), parts
    return (word.capitalize(),)


def _with_digits(digits: Digits, word: str) -> tuple[str, ...]:
    return (re.sub(digits.what, digits.by, word),) if re.fullmatch(digits.which, word, re.S) else ()


# Letters whose accent is not a separate mark in Unicode.
_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i",
     "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D"}
)  # fmt: skip


def _without_accents(word: str) -> tuple[str, ...]:
    if word.isascii():
        return ()
    marks = unicodedata.normalize("NFD", word.translate(_PLAIN))
    return (
        unicodedata.normalize("NFC", "".join(c for c in marks if not unicodedata.combining(c))),
    )


_CLITICS = frozenset(("n't", "'s", "'re", "'ve", "'ll", "'d", "'m"))  # `nt`, `s` are other words
_ABBREVIATION = re.compile(r"(?:[^\W\d_]\.){2,}[^\W\d_]?|[^\W\d_]\.[^\W\d_]")
_BETWEEN_DIGITS = re.compile(r"[0-9]['-][0-9]")  # 19-33 is not 1933


def _with_other_punctuation(word: str) -> tuple[str, ...]:
    """`don't` -> `dont`, `'80s` -> `80s`, `e-mail` -> `e_mail`, `email`, `n.h.l.` -> `nhl`."""
    if _ABBREVIATION.fullmatch(word):
        return (word.replace(".", ""),)
    if ("'" not in word and "-" not in word) or word in _CLITICS or _BETWEEN_DIGITS.search(word):
        return ()
    plain = word.replace("'", "")
    return plain, plain.replace("-", "_"), plain.replace("-", "")


def _parts(word: str) -> tuple[str, ...]:
    parts = tuple(part for part in word.split("-") if part)
    return parts if len(parts) > 1 else ()


# ---------------------------------------------------------------------------------- the fallbacks


def _always(_: Conventions) -> bool:
    return True


def _cased(conventions: Conventions) -> bool:
    return conventions.casing == "cased"


@dataclass(frozen=True)
class Fallback:
    """A way to find a word in a set.

    `spellings`: gives the spellings of a word that are looked for, the best first. `applies`:
    whether a set with these conventions needs the fallback. `any_casing`: a spelling with other
    capitals is found as well. `mean`: all spellings must be found, and the row is their mean.
    """

    name: str
    spellings: Callable[[str], tuple[str, ...]]
    applies: Callable[[Conventions], bool] = _always
    any_casing: bool = False
    mean: bool = False


def _uses(digits: str, conventions: Conventions) -> bool:
    return conventions.digits == digits


FALLBACKS = (
    Fallback("exact", lambda word: (word,)),
    Fallback("lower", lambda word: (word.lower(),)),
    Fallback("capitalised", _capitalised, _cased),
    Fallback("upper", lambda word: (word.upper(),), _cased),
    Fallback("mixed", lambda word: (word,), _cased, any_casing=True),  # iPhone, McDonald
    *(
        Fallback("digits", partial(_with_digits, digits), partial(_uses, name), any_casing=True)
        for name, digits in DIGITS.items()
    ),
    Fallback("accents", _without_accents, any_casing=True),
    Fallback("punctuation", _with_other_punctuation, any_casing=True),
    Fallback("parts", _parts, mean=True),
    Fallback("subwords", lambda _: ()),
    Fallback("pieces", lambda _: ()),
)
FALLBACK_NAMES = tuple(dict.fromkeys(fallback.name for fallback in FALLBACKS))
MADE = ("subwords", "pieces")  # the set itself makes these rows, all at once
_CASINGS = ("exact", "capitalised", "upper", "mixed")  # fallbacks that change capitals alone


def choose_fallbacks(
    fallbacks: str | Sequence[str], conventions: Conventions
) -> tuple[Fallback, ...]:
    """The fallbacks for a set: those that its conventions need (`auto`), or those that are named.

    Raises VectorsError: a name that is not in FALLBACK_NAMES.
    """
    if fallbacks == AUTO:
        return tuple(fallback for fallback in FALLBACKS if fallback.applies(conventions))
    unknown = (
        fallbacks
        if isinstance(fallbacks, str)
        else [name for name in fallbacks if name not in FALLBACK_NAMES]
    )
    if unknown:
        raise VectorsError(
            f"expected {AUTO} or a list of fallbacks out of {', '.join(FALLBACK_NAMES)}, got "
            f"{unknown!r}: change vectors.fallbacks"
        )
    return tuple(fallback for fallback in FALLBACKS if fallback.name in fallbacks)


@checked
def spellings(words: Iterable[str]) -> list[str]:
    """Every spelling that a fallback may look for, so that one pass over a file reads all of them.

    The words themselves come first. There are about three spellings for a word, most of them with
    capitals.

    >>> spellings(["alps", "n.h.l."])
    ['alps', 'n.h.l.', 'Alps', 'ALPS', 'N.h.l.', 'N.H.L.', 'nhl', 'Nhl', 'NHL']
    """
    collected = dict.fromkeys(words)
    parts: dict[str, None] = {}
    for word in tuple(collected):
        for fallback in FALLBACKS:
            forms = fallback.spellings(word)
            if fallback.mean:
                parts.update(dict.fromkeys(forms))
                continue
            collected.update(dict.fromkeys(forms))
            if fallback.any_casing:
                for form in forms:
                    if form != word:
                        collected.update(dict.fromkeys((*_capitalised(form), form.upper())))
    if parts:
        collected.update(dict.fromkeys(spellings(parts)))
    return list(collected)


@dataclass(frozen=True, eq=False)
class Matches:
    """Which words of a set stand for each word of a text.

    `found_by[i]`: the name of the fallback that found `words[i]`, or `missing`. `keys[i]`: words of
    the set; the row of `words[i]` is the mean of their vectors. Most words have one key. Missing
    words have none, and so have those found by a fallback of MADE, whose rows are in `made`.
    `made`: float32 array, (n_subwords, vector_size). `fallbacks`: those that were tried.
    `conventions`: those of the set.
    """

    words: tuple[str, ...]
    found_by: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    made: NDArray[np.float32]
    fallbacks: tuple[Fallback, ...]
    conventions: Conventions

    @property
    def has_row(self) -> NDArray[np.bool_]:
        """Whether each word has a row: bool array, (n_words,)."""
        return np.array([fallback != MISSING for fallback in self.found_by], dtype=bool)

    @property
    def digits(self) -> Digits | None:
        """How the set writes numbers, where it does not keep them and a fallback uses that."""
        used = any(fallback.name == "digits" for fallback in self.fallbacks)
        return DIGITS.get(self.conventions.digits) if used else None

    def rows(self, vectors: WordVectors) -> NDArray[np.float32]:
        """The row of each word, zeros where it is missing:
        float32 array, (n_words, vector_size)."""
        index = vectors.key_to_index
        rows = np.zeros((len(self.words), vectors.vector_size), np.float32)
        single = [i for i, keys in enumerate(self.keys) if len(keys) == 1]
        # A single vector is copied, so that its bits do not change.
        rows[single] = vectors.vectors[[index[self.keys[i][0]] for i in single]]
        for i, keys in enumerate(self.keys):
            if len(keys) > 1:
                rows[i] = vectors.vectors[[index[key] for key in keys]].mean(axis=0)
        rows[[i for i, fallback in enumerate(self.found_by) if fallback in MADE]] = self.made
        return rows


@checked
def match_words(
    words: Sequence[str], vectors: WordVectors, fallbacks: str | Sequence[str] = AUTO
) -> Matches:
    """Find each word in a set of vectors, by the first fallback that has it.

    >>> matches = match_words(["alps", "1999"], WordVectors.from_rows(["Alps", "####"], np.ones((2, 3))))
    >>> matches.found_by, matches.keys
    (('capitalised', 'digits'), (('Alps',), ('####',)))

    Raises VectorsError: there is no such fallback.
    """
    set_conventions = conventions(vectors.first_words)
    chosen = choose_fallbacks(fallbacks, set_conventions)
    index = vectors.key_to_index
    key_by_token = tokens_of(index, chosen)
    found_by = [MISSING] * len(words)
    keys: list[tuple[str, ...]] = [()] * len(words)
    single = [fallback for fallback in chosen if not fallback.mean]

    def find(fallback: Fallback, word: str) -> tuple[str, ...]:
        """The keys that stand for the word, none where the fallback does not find it."""
        if fallback.mean:
            parts = [
                next(filter(None, (find(each, part) for each in single)), ())
                for part in fallback.spellings(word)
            ]
            return tuple(key for part in parts for key in part) if all(parts) else ()
        for spelling in fallback.spellings(word):
            if spelling in index:
                return (spelling,)
            if fallback.any_casing and spelling.lower() in key_by_token:
                return (key_by_token[spelling.lower()],)
        return ()

    written = [normal_word(word) for word in words]
    remaining: Sequence[int] = range(len(words))
    for fallback in chosen:
        missed = []
        for i in remaining:
            keys[i] = find(fallback, written[i])
            if keys[i]:
                found_by[i] = fallback.name
            else:
                missed.append(i)
        remaining = missed
    made = np.zeros((0, vectors.vector_size), np.float32)
    name = vectors.subwords_by
    is_chosen = any(fallback.name == name for fallback in chosen)
    if remaining and vectors.subwords is not None and is_chosen:
        made = vectors.subwords([written[i] for i in remaining])
        for i, row in zip(remaining, made, strict=True):
            found_by[i] = name if row.any() else MISSING
        made = made[made.any(axis=1)]
    return Matches(tuple(words), tuple(found_by), tuple(keys), made, chosen, set_conventions)


def tokens_of(keys: Iterable[str], fallbacks: Sequence[Fallback]) -> dict[str, str]:
    """Each token in lower case that finds a key by its capitals alone, and the key that it finds.

    Of several keys (`us`, `US`), the key of the earlier fallback counts; of one fallback, the first
    key. Where no fallback changes capitals, each key is its own token.

    >>> tokens_of(["US", "Alps", "us", "ALPS"], FALLBACKS)
    {'us': 'us', 'alps': 'Alps'}
    """
    names = {fallback.name for fallback in fallbacks}
    used = [name for name in _CASINGS if name in names]
    if not set(used) - {"exact"}:
        return {key: key for key in keys}
    first_keys: dict[str, dict[str, str]] = {name: {} for name in used}
    tokens: dict[str, str] = {}
    for key in keys:
        token = key.lower()
        name = _casing(key, token)
        if name in first_keys:
            first_keys[name].setdefault(token, key)
            tokens.setdefault(token, key)
    for name in reversed(used):
        tokens.update(first_keys[name])  # the earlier fallback last, over the others
    return tokens


def _casing(key: str, token: str) -> str:
    """The fallback of _CASINGS by which the token finds the key."""
    if key == token:
        return "exact"
    if key in _capitalised(token):
        return "capitalised"
    return "upper" if key == token.upper() else "mixed"
