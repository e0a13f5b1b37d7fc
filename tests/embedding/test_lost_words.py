"""No word of a file is lost in silence, however it is spaced, marked or composed."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import write_glove
from gensim.models import KeyedVectors

from bench.fuzz import vectors as fuzz
from pipeline.base.errors import VectorsError
from pipeline.embedding.keys import normal_word
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import match_words
from pipeline.embedding.vectors import WordVectors

N_WORDS = 12_000  # more than the first words, which are looked at more closely
WORDS = [f"w{i}" for i in range(N_WORDS - 2)] + ["économie", "dog"]
VALUES = np.random.default_rng(0).normal(0, 1, (N_WORDS, 20)).astype("f4")


def clean(word: str, numbers: list[str]) -> str:
    return " ".join([word, *numbers])


WAYS: dict[str, Callable[[str, list[str]], str]] = {
    "a tab after the word": lambda word, numbers: f"{word}\t{' '.join(numbers)}",
    "two spaces after the word": lambda word, numbers: f"{word}  {' '.join(numbers)}",
    "a space and a tab before the word": lambda word, numbers: f" \t{clean(word, numbers)}",
    "tabs everywhere": lambda word, numbers: "\t".join([word, *numbers]),
    "two spaces everywhere": lambda word, numbers: "  ".join([word, *numbers]),
    "tabs and spaces at the end": lambda word, numbers: f"{clean(word, numbers)}\t \t",
    "a byte order mark before the word": lambda word, numbers: f"\ufeff{clean(word, numbers)}",
    "a byte order mark after the word": lambda word, numbers: clean(f"{word}\ufeff", numbers),
    "a byte order mark before the numbers": lambda word, numbers: (
        f"{word} \ufeff{' '.join(numbers)}"
    ),
    "a space that does not break": lambda word, numbers: clean(f"{word}\u00a0", numbers),
    "letters in parts": lambda word, numbers: clean(unicodedata.normalize("NFD", word), numbers),
}


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("which", ["all", "the last two"])
@pytest.mark.parametrize("way", WAYS)
def test_words_written_in_another_way_have_their_rows(
    way: str, which: str, header: bool, tmp_path: Path
) -> None:
    lines = [f"{N_WORDS} 20"] if header else []
    for place, (word, row) in enumerate(zip(WORDS, VALUES, strict=True)):
        write = WAYS[way] if which == "all" or place >= N_WORDS - 2 else clean
        lines.append(write(word, list(map(repr, row.tolist()))))
    (tmp_path / "v").write_text("\n".join(lines) + "\n", "utf-8")
    part = load_vectors(tmp_path / "v", words=["économie", "dog", "cat"], most_frequent=1)
    assert part.index_to_key == ("économie", "dog", "w0")
    assert part.vectors.tobytes() == VALUES[[N_WORDS - 2, N_WORDS - 1, 0]].tobytes()
    assert part.first_words == tuple(WORDS[:10_000])
    assert part.total == N_WORDS
    if which == "all" and header:
        for _ in range(2):  # from the file, and from the cache
            whole = load_vectors(tmp_path / "v")
            assert whole.index_to_key == tuple(WORDS)
            assert whole.vectors.tobytes() == VALUES.tobytes()


@pytest.mark.parametrize(
    ("joint", "message"),
    [("", "expected a word and 20 numbers, got 40 numbers"), ("\r", "got a bare carriage return")],
)
def test_a_word_behind_a_lost_line_feed_is_missed_with_a_message(
    joint: str, message: str, tmp_path: Path
) -> None:
    write_glove(tmp_path / "v", WORDS, size=20)
    content = (tmp_path / "v").read_bytes()
    place = content.rindex(b"\n", 0, -1)
    (tmp_path / "v").write_bytes(content[:place] + joint.encode() + content[place + 1 :])
    for words in (None, ["dog"]):
        with pytest.raises(VectorsError, match=f"line {N_WORDS - 1:,}".replace(",", "")) as raised:
            load_vectors(tmp_path / "v", words=words)
        assert message in str(raised.value)


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("place", [3, N_WORDS - 3])
@pytest.mark.parametrize("word", ["new york", "new york city", "at name@domain", "a bcd efgh"])
def test_a_space_in_a_binary_word_is_named(
    word: str, place: int, end: bytes, tmp_path: Path
) -> None:
    words = [*WORDS[:place], word, *WORDS[place + 1 :]]
    records = [
        w.encode() + b" " + row.tobytes() + end for w, row in zip(words, VALUES, strict=True)
    ]
    (tmp_path / "v").write_bytes(f"{N_WORDS} 20\n".encode() + b"".join(records))
    for wanted in (None, ["w1", words[place + 1]], [word.split()[0]]):
        with pytest.raises(VectorsError, match=r"probably a word holds a space.*as text"):
            load_vectors(tmp_path / "v", words=wanted)


def test_words_in_parts_are_found_in_every_format(tmp_path: Path) -> None:
    parts = unicodedata.normalize("NFD", "économie")
    values = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    for kind, write in fuzz.FORMATS.items():
        written = write(["the", parts, "dog"], values)
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "v").write_bytes(written.content)
        if written.beside is not None:
            (folder / f"v{written.ending}").write_bytes(written.beside.content)
        for words in (None, ["économie", "dog"], [parts, "dog"]):
            loaded = load_vectors(folder / "v", words=words)
            assert loaded["économie"].tolist() == loaded[parts].tolist() == [3, 4], kind
            assert loaded["dog"].tolist() == [5, 6], kind


def test_of_two_words_that_become_one_the_first_counts() -> None:
    keyed = KeyedVectors(2)
    keyed.add_vectors(["cafe\u0301", "café", "dog"], np.array([[1, 2], [3, 4], [5, 6]], "f4"))
    loaded = load_vectors(keyed)
    assert (loaded.index_to_key, loaded.duplicates) == (("café", "dog"), 1)
    assert loaded["café"].tolist() == [1, 2]
    assert loaded["dog"].tolist() == [5, 6]


def test_one_word_in_parts_among_many_takes_no_time() -> None:
    words = [*(f"w{i}" for i in range(200_000)), "cafe\u0301"]
    began = time.process_time()
    loaded = WordVectors.from_rows(words, np.ones((len(words), 1), np.float32))
    assert time.process_time() - began < 5
    assert loaded.index_to_key[-1] == "café"


def test_words_of_a_text_in_parts_find_theirs() -> None:
    vectors = WordVectors.from_rows(["économie"], np.ones((1, 2), np.float32))
    words = [unicodedata.normalize("NFD", "économie"), "ECONOMIE"]
    matches = match_words(words, vectors)
    assert matches.words == tuple(words)
    assert matches.keys == (("économie",), ())


def test_words_are_kept_in_their_one_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "v").write_text("the 1 2\ne\u0301t\u00e9 3 4\n", "utf-8")
    assert load_vectors(tmp_path / "v").index_to_key == ("the", "été")
    (kept,) = (tmp_path / "cache" / "vectors").iterdir()
    assert (kept / "words.txt").read_text("utf-8") == "the\nété\n"


def test_the_form_of_a_word() -> None:
    assert normal_word("\ufeff \u3000e\u0301\u00a0\ufeff\n") == "é"
    assert normal_word(" dog\t") == "dog"
    assert normal_word("a\u00a0b") == "a\u00a0b"
