"""the fallbacks: how the words of a text find the words of a set of vectors.

Vectors fail silently where the two are written differently. So each word climbs down a list of fallbacks of
spellings, from the word as it is to the mean of its parts, and the first spelling that the set has
gives the row. Which fallbacks there are for a set follows from how it writes words (`conventions`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.base.errors import VectorsError
from pipeline.embedding.vectors import WordVectors

AUTO = "auto"  # the fallbacks that the conventions of the set call for
MISSING = "missing"  # below the last fallback

# --------------------------------------------------------------------- how a set writes its words


class Digits(NamedTuple):
    """A token that `which` matches as a whole is written with every `what` replaced by `by`.

    The patterns mean the same to Python and to RE2, which TensorFlow uses.
    """

    which: str
    what: str
    by: str


DIGITS: Mapping[str, Digits] = {
    # Google News: 1999 -> ####, 3.5 -> #.#, h1n1 -> h#n#; a single digit stays.
    "#": Digits(".*[0-9].*[0-9].*", "[0-9]", "#"),
    # SENNA and others.
    "0": Digits(".*[0-9].*", "[0-9]", "0"),
    # GloVe's vectors of tweets.
    "<number>": Digits("[-+]?[.,:]?[0-9][.,:0-9]*", ".+", "<number>"),
}


@dataclass(frozen=True)
class Conventions:
    """How a set writes its words.

    `casing`: `lower`, or `cased` where capitals are kept. `digits`: `kept`, or a name of DIGITS.
    `contractions`: `split` (`n't` is a word) or `whole` (`don't` is one, and `n't` is not).
    """

    casing: Literal["lower", "cased"] = "lower"
    digits: str = "kept"
    contractions: Literal["split", "whole"] = "split"


_CASED = 0.05  # of the first words: 0 in lower-cased sets, about a third in cased ones
_WHOLE = frozenset(("don't", "didn't", "doesn't", "dont", "didnt", "doesnt"))


def conventions(first_words: Sequence[str]) -> Conventions:
    """See how a set writes its words from the most frequent of them.

    What rare words look like does not matter: GloVe 6B keeps digits, and still has `##`. The
    defaults hold where nothing is to be seen.

    >>> conventions(["the", "The", "####", "don't"])
    Conventions(casing='cased', digits='#', contractions='whole')
    """
    cased = sum(word != word.lower() for word in first_words)
    lowered = set(map(str.lower, first_words))
    return Conventions(
        casing="cased" if cased > _CASED * len(first_words) else "lower",
        digits=_digits_of(first_words),
        contractions="whole" if lowered & _WHOLE and "n't" not in lowered else "split",
    )


def _digits_of(first_words: Sequence[str]) -> str:
    if DIGITS["<number>"].by in first_words:
        return "<number>"
    seen = {"kept": 0, "#": 0, "0": 0}
    for word in first_words:
        digits = re.sub("[^0-9#]", "", word)
        if len(digits) > 1:  # one digit or sign by itself says nothing
            seen[digits[0] if set(digits) in ({"#"}, {"0"}) else "kept"] += 1
    return max(seen, key=seen.__getitem__)  # `kept` where there is none


# ---------------------------------------------------------------------------------- the spellings


def _capitalised(word: str) -> tuple[str, ...]:
    """`alps` -> `Alps`, and `o'brien` -> `O'Brien`, `anglo-saxon` -> `Anglo-Saxon`."""
    if "-" in word or "'" in word:
        parts = re.sub(r"(^|[-'])(\w)", lambda found: found[1] + found[2].upper(), word.lower())
        return word.capitalize(), parts
    return (word.capitalize(),)


def _with_digits(digits: Digits, word: str) -> tuple[str, ...]:
    return (re.sub(digits.what, digits.by, word),) if re.fullmatch(digits.which, word, re.S) else ()


# Letters whose accent is not a mark of its own in Unicode.
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


# ------------------------------------------------------------------------------------- the fallbacks


def _always(_: Conventions) -> bool:
    return True


def _cased(conventions: Conventions) -> bool:
    return conventions.casing == "cased"


@dataclass(frozen=True)
class Fallback:
    """One way to find a word in a set.

    `spellings`: of a word, the best first. `applies`: whether a set with these conventions needs
    the fallback. `any_casing`: the set may write a spelling with other capitals. `mean`: all of the
    spellings are needed, and the row is their mean.
    """

    name: str
    spellings: Callable[[str], tuple[str, ...]]
    applies: Callable[[Conventions], bool] = _always
    any_casing: bool = False
    mean: bool = False


FALLBACKS = (
    Fallback("exact", lambda word: (word,)),
    Fallback("lower", lambda word: (word.lower(),)),
    Fallback("capitalised", _capitalised, _cased),
    Fallback("upper", lambda word: (word.upper(),), _cased),
    Fallback("mixed", lambda word: (word,), _cased, any_casing=True),  # iPhone, McDonald
    *(
        Fallback("digits", partial(_with_digits, digits), partial(lambda name, of: of.digits == name, name), any_casing=True)
        for name, digits in DIGITS.items()
    ),
    Fallback("accents", _without_accents, any_casing=True),
    Fallback("punctuation", _with_other_punctuation, any_casing=True),
    Fallback("parts", _parts, mean=True),
    Fallback("subwords", lambda _: ()),  # made by the set itself, all at once
)  # fmt: skip
FALLBACK_NAMES = tuple(dict.fromkeys(fallback.name for fallback in FALLBACKS))
_CASINGS = ("exact", "capitalised", "upper", "mixed")  # the fallbacks by which `alps` finds `Alps`


def choose_fallbacks(fallbacks: str | Sequence[str], of: Conventions) -> tuple[Fallback, ...]:
    """The fallbacks for a set: those that its conventions call for (`auto`), or those named.

    Raises VectorsError: a name that is not in FALLBACK_NAMES.
    """
    if fallbacks == AUTO:
        return tuple(fallback for fallback in FALLBACKS if fallback.applies(of))
    unknown = (
        [name for name in fallbacks if name not in FALLBACK_NAMES]
        if not isinstance(fallbacks, str)
        else fallbacks
    )
    if unknown:
        raise VectorsError(
            f"expected {AUTO} or a list of fallbacks out of {', '.join(FALLBACK_NAMES)}, got {unknown!r}: "
            "change vectors.fallbacks"
        )
    return tuple(fallback for fallback in FALLBACKS if fallback.name in fallbacks)


def spellings(words: Iterable[str]) -> list[str]:
    """Every spelling that some fallback might need, so that one pass over a file reads them all.

    The words themselves come first. About three spellings a word, most of them capitals.

    >>> spellings(["alps", "n.h.l."])
    ['alps', 'n.h.l.', 'Alps', 'ALPS', 'N.h.l.', 'N.H.L.', 'nhl', 'Nhl', 'NHL']
    """
    spelt = dict.fromkeys(words)
    parts: dict[str, None] = {}
    for word in tuple(spelt):
        for fallback in FALLBACKS:
            found = fallback.spellings(word)
            if fallback.mean:
                parts.update(dict.fromkeys(found))
                continue
            spelt.update(dict.fromkeys(found))
            if fallback.any_casing:
                for spelling in found:
                    if spelling != word:
                        spelt.update(dict.fromkeys((*_capitalised(spelling), spelling.upper())))
    if parts:
        spelt.update(dict.fromkeys(spellings(parts)))
    return list(spelt)


@dataclass(frozen=True, eq=False)
class Matches:
    """Which words of a set stand for each word of a text.

    `found_by[i]` is the name of the fallback at which `words[i]` was found, or `missing`. Its row is the
    mean of the vectors of `keys[i]`, words of the set; of one for most, of none for missing words
    and those at `subwords`, whose rows are in `made`: float32 array, (n_subwords, vector_size).
    `fallbacks`: those that were used; `conventions`: those of the set.
    """

    words: tuple[str, ...]
    found_by: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    made: NDArray[np.float32]
    fallbacks: tuple[Fallback, ...]
    conventions: Conventions

    @property
    def found(self) -> NDArray[np.bool_]:
        """Whether a word has a row: bool array, (n_words,)."""
        return np.array([fallback != MISSING for fallback in self.found_by], dtype=bool)

    @property
    def digits(self) -> Digits | None:
        """How the set writes numbers, where it does not keep them and the fallbacks looks at that."""
        used = any(fallback.name == "digits" for fallback in self.fallbacks)
        return DIGITS.get(self.conventions.digits) if used else None

    def rows(self, vectors: WordVectors) -> NDArray[np.float32]:
        """A row a word, zeros for a missing one: float32 array, (n_words, vector_size)."""
        index = vectors.key_to_index
        rows = np.zeros((len(self.words), vectors.vector_size), np.float32)
        single = [i for i, keys in enumerate(self.keys) if len(keys) == 1]
        # Taken as they are: the bits do not change.
        rows[single] = vectors.vectors[[index[self.keys[i][0]] for i in single]]
        for i, keys in enumerate(self.keys):
            if len(keys) > 1:
                rows[i] = vectors.vectors[[index[key] for key in keys]].mean(axis=0)
        rows[[i for i, fallback in enumerate(self.found_by) if fallback == "subwords"]] = self.made
        return rows


def match_words(
    words: Sequence[str], vectors: WordVectors, fallbacks: str | Sequence[str] = AUTO
) -> Matches:
    """Find each word in a set of vectors, at the first fallback that has it.

    >>> found = match_words(["alps", "1999"], WordVectors.of(["Alps", "####"], np.ones((2, 3))))
    >>> found.found_by, found.keys
    (('capitalised', 'digits'), (('Alps',), ('####',)))

    Raises VectorsError: a fallback that there is not.
    """
    of_set = conventions(vectors.first_words)
    chosen = choose_fallbacks(fallbacks, of_set)
    index = vectors.key_to_index
    in_lower_case = tokens_of(index, chosen)
    names = [MISSING] * len(words)
    keys: list[tuple[str, ...]] = [()] * len(words)
    singles = [fallback for fallback in chosen if not fallback.mean]

    def find(fallback: Fallback, word: str) -> tuple[str, ...]:
        if fallback.mean:
            parts = [
                next(filter(None, (find(r, p) for r in singles)), ())
                for p in fallback.spellings(word)
            ]
            return tuple(key for part in parts for key in part) if all(parts) else ()
        for spelling in fallback.spellings(word):
            if spelling in index:
                return (spelling,)
            if fallback.any_casing and spelling.lower() in in_lower_case:
                return (in_lower_case[spelling.lower()],)
        return ()

    left: Sequence[int] = range(len(words))
    for fallback in chosen:
        still = []
        for i in left:
            keys[i] = find(fallback, words[i])
            if keys[i]:
                names[i] = fallback.name
            else:
                still.append(i)
        left = still
    made = np.zeros((0, vectors.vector_size), np.float32)
    if left and vectors.subwords is not None and any(r.name == "subwords" for r in chosen):
        made = vectors.subwords([words[i] for i in left])
        for i, row in zip(left, made, strict=True):
            names[i] = "subwords" if row.any() else MISSING
        made = made[made.any(axis=1)]
    return Matches(tuple(words), tuple(names), tuple(keys), made, chosen, of_set)


def tokens_of(keys: Iterable[str], fallbacks: Sequence[Fallback]) -> dict[str, str]:
    """the fallbacks's casing upside down: what a lower-cased token finds, and the key that it finds.

    Of several keys (`us`, `US`) that of the better fallback counts, and of one fallback the first. Where
    no fallback of the fallbacks looks at capitals, a key is its own token.

    >>> tokens_of(["US", "Alps", "us", "ALPS"], FALLBACKS)
    {'us': 'us', 'alps': 'Alps'}
    """
    wanted = [name for name in _CASINGS if name in {fallback.name for fallback in fallbacks}]
    if not set(wanted) - {"exact"}:
        return {key: key for key in keys}
    of: dict[str, dict[str, str]] = {name: {} for name in wanted}
    order: dict[str, str] = {}
    for key in keys:
        token = key.lower()
        name = _casing(key, token)
        if name in of:
            of[name].setdefault(token, key)
            order.setdefault(token, key)
    for name in reversed(wanted):
        order.update(of[name])  # the better fallback last, over the others
    return order


def _casing(key: str, token: str) -> str:
    if key == token:
        return "exact"
    if key in _capitalised(token):
        return "capitalised"
    return "upper" if key == token.upper() else "mixed"
