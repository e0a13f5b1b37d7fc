"""Running text to train vectors on: the BBC articles, or files."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from pipeline.base.errors import DataError
from pipeline.data.cleaning import fold_spaces
from pipeline.data.content import format_ending
from pipeline.data.sources.bbc import bbc_articles
from pipeline.data.text_files import open_text, reading

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"']*\s+")


def article_texts(held_out: Collection[str] = ()) -> list[str]:
    """The BBC articles without their headlines, a paragraph a line.

    The articles of the headlines `held_out` are left out. The BBC published some articles under two
    headlines, so that every other article with a sentence of theirs is left out as well. Of several
    articles with the same headline, the first is taken.
    Raises DataError: there are no articles; MissingExtraError: their package is not installed.
    """
    articles: dict[str, list[str]] = {}
    held_out = {fold_spaces(headline) for headline in held_out}
    left_out: set[str] = set()
    for file in bbc_articles():
        headline, _, body = file.read_text("utf-8", errors="replace").partition("\n")
        paragraphs = [fold_spaces(line) for line in body.splitlines() if line.strip()]
        if fold_spaces(headline) in held_out:
            left_out |= _sentences(paragraphs)
        else:
            articles.setdefault(fold_spaces(headline), paragraphs)
    return ["\n".join(a) for a in articles.values() if left_out.isdisjoint(_sentences(a))]


def _sentences(paragraphs: Iterable[str]) -> set[str]:
    return {sentence for text in paragraphs for sentence in _SENTENCE_END.split(text) if sentence}


def corpus_lines(path: str | os.PathLike[str], held_out: Collection[str] = ()) -> list[str]:
    """The lines of a text file, or of every .txt file of a folder, without empty lines.

    The files may be compressed (.gz, .bz2, .xz). A line that is a headline of `held_out` is left
    out.
    Raises DataError: there is no such file, no text in it, not UTF-8, a damaged archive.
    """
    source = Path(path)
    files = [source]
    if source.is_dir():
        files = sorted(f for f in source.rglob("*") if f.is_file() and format_ending(f) == ".txt")
    left_out = {fold_spaces(headline) for headline in held_out}
    texts = [line for file in files for line in _lines(file) if line and line not in left_out]
    if not texts:
        where = "the .txt files of the folder" if source.is_dir() else "the file"
        raise DataError(f"{source}: expected text, one a line; {where} had none to train on")
    return texts


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path}: expected a text file or a folder of .txt files, there is neither")
    with reading(path, "text"), open_text(path) as lines:
        return [fold_spaces(line) for line in lines]
