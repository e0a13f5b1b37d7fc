"""Lines of text files: which may hold a word that is wanted, and what is in a line."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import repeat
from typing import IO

from pipeline.base.errors import VectorsError
from pipeline.embedding.formats.format import is_number
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.keys import normal_word
from pipeline.embedding.vectors import N_FIRST_WORDS

# A word with spaces may be ". . .", and hardly "alps 0.418": there, the line has a number too many.
_HOLDS_NUMBER = re.compile(rb"[ \t]-?[0-9]*\.[0-9]+(e-?[0-9]+)?([ \t]|$)")
_BLANK = frozenset([b"", b"\n", b"\r\n", b"\r"])
_ENDS = b" \t\r\n"  # what a line may end with
_BARE_CR = re.compile(rb"\r[^\r\n]")
_CONFLICT = re.compile(rb"(<{7}|>{7}|\|{7})( .*)?|={7}")  # lines that git writes
_CONFLICT_HEADS = frozenset([b"<<<<<<<", b"|||||||", b">>>>>>>", b"=======\n", b"=======\r\n"])
_TOO_LONG = 1.5  # times the usual length: two rows in one line

Line = tuple[bytes, bytes, int, int]
"""A line: the bytes before its first space, those after it, its number in the file from 1, and how
many words come before it."""


class Lines:
    """Iterates over the lines that may be wanted.

    `size`: the numbers of a line. `length`: its usual bytes. After the iteration, `last` is the
    last line of the file, `number` its number, and `n_words` the number of lines that are not
    blank.
    """

    def __init__(self, stream: IO[bytes], header: bool, rows: Rows, size: int, length: int) -> None:
        self._stream, self._rows, self._size = stream, rows, size
        self._too_long = length * _TOO_LONG
        self.number = self._start = 1
        if header:
            stream.readline()
            self._start = 2
        self.last = b""
        self.n_words = 0
        # What stands before the first space of a wanted line: the word, or the first part of a word
        # with spaces. Whether it is a wanted word is checked later, for the lines that pass here.
        # Blank lines pass as well, to be counted, and words without numbers, to be refused.
        first = {key.partition(b" ")[0] if b" " in key else key for key in rows.keys}
        self._heads = first | {*_BLANK, *_CONFLICT_HEADS, *(head + b"\n" for head in first)}

    def __iter__(self) -> Iterator[Line]:
        rows, start, blank = self._rows, self._start, 0
        heads, too_long, is_wanted = self._heads, self._too_long, self._is_wanted
        number, head, text = start - 1, b"", b""
        # `partition` copies the numbers, and is still faster than finding the space in Python.
        lines = enumerate(map(bytes.partition, self._stream, repeat(b" ")), start)
        for number, (head, _, text) in lines:
            if (head in _BLANK or head.isspace()) and not text.strip():
                blank += 1
                continue
            position = number - start - blank
            if position < N_FIRST_WORDS:
                rows.see(self._word(head, text))
            if position < rows.n_taken or len(text) > too_long or is_wanted(head):
                yield head, text.rstrip(_ENDS), number, position
            if position + 1 >= rows.n_seen:
                break
        for number, (head, _, text) in lines:
            # Most heads are plain letters and digits, and found or not found as they are.
            if head in heads or len(text) > too_long or (not head.isalnum() and is_wanted(head)):
                if (head in _BLANK or head.isspace()) and not text.strip():
                    blank += 1
                    continue
                yield head, text.rstrip(_ENDS), number, number - start - blank
        self.number, self.n_words = number, number - start + 1 - blank
        self.last = whole(head, text)

    def _word(self, head: bytes, text: bytes) -> bytes:
        """The word of a line, as far as the line is right; empty where the line has none."""
        is_usual = text.rstrip(_ENDS).count(b" ") == self._size - 1
        if is_usual and head.strip() and b"\t" not in head:
            return head
        fields = _fields(_without_mark(whole(head, text)), self._size)
        return fields[0] if fields else b""

    def _is_wanted(self, head: bytes) -> bool:
        """Whether a head may begin a wanted line, also where the word is written in another way."""
        if head in self._heads:
            return True
        return (not head.isascii() or b"\t" in head) and _first_part(head) in self._heads


def _first_part(head: bytes) -> bytes:
    """The word of a head, or its first part, as the words that are wanted are written."""
    head = head.strip(_ENDS).partition(b"\t")[0]
    if head.isascii():
        return head
    try:
        parts = normal_word(head.decode()).split()
    except UnicodeDecodeError:
        return head
    return parts[0].encode() if parts else b""


def whole(head: bytes, text: bytes) -> bytes:
    """The line of which these are the two parts."""
    return head + b" " + text if text else head


def split_line(line: bytes, size: int, place: str) -> tuple[bytes, bytes]:
    """The word, and the text of its `size` numbers with one space between.

    The word is empty where the line begins with a space or a tab. `place`: the file and the line,
    for messages. Raises VectorsError: there are too many numbers or too few.
    """
    line = _without_mark(line)
    fields = _fields(line, size)
    if b"\r" in line:
        raise VectorsError(f"{place}: {BARE_CR}")
    if len(fields) == size + 1 and not _holds_numbers(fields[0], size):
        return fields[0].strip(), b" ".join(fields[1:])
    if _CONFLICT.fullmatch(line):
        raise VectorsError(
            f"{place}: expected a word and {size} numbers, got {shown(line)}: this is the mark of "
            "a merge conflict, resolve it"
        )
    raise VectorsError(
        f"{place}: expected a word and {size} numbers, got {max(len(line.split()) - 1, 0)} numbers "
        f"in {shown(line)}: the file is damaged or truncated"
    )


def _without_mark(line: bytes) -> bytes:
    return line.replace(BOM_UTF8, b"").rstrip(_ENDS)


def _fields(line: bytes, size: int) -> list[bytes]:
    """The word and the numbers, counted from the right."""
    fields = line.rsplit(None, size)
    return [b"", *fields] if len(fields) == size and line[:1] in (b" ", b"\t") else fields


def _holds_numbers(word: bytes, size: int) -> bool:
    """Whether a word with spaces is a word with numbers behind it: one too many, or a whole row."""
    if b" " not in word and b"\t" not in word:
        return False
    n_numbers = sum(map(is_number, word.split()[1:]))
    return _HOLDS_NUMBER.search(word) is not None or n_numbers >= max(size - 1, 1)


BARE_CR = (
    "expected lines that end with a line feed, got a bare carriage return (CR), as old Macs wrote: "
    "save the file with other line ends"
)


def bare_cr_line(sample: bytes) -> int | None:
    """The number of the first line with a bare CR in it, None where there is none."""
    place = _BARE_CR.search(sample)
    return None if place is None else sample.count(b"\n", 0, place.start()) + 1


def shown(field: bytes) -> str:
    """The beginning of a field or line, for messages."""
    return repr(field[:40].decode(errors="replace"))
