from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import write_glove
from gensim.models import FastText, KeyedVectors
from gensim.models.fasttext import load_facebook_vectors, save_facebook_model
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from bench.fuzz import vectors as fuzz
from bench.fuzz.frame import COMPRESSIONS, MISTAKES
from pipeline.base.errors import VectorsError
from pipeline.embedding.formats import FORMATS, format_of
from pipeline.embedding.formats.format import Beginning, Format, Layout
from pipeline.embedding.formats.rows import Rows
from pipeline.embedding.formats.streams import Source, Watch
from pipeline.embedding.keys import normal_word
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.vectors import WordVectors

# Words as the formats allow them: no white space at all, and in the form in which they are kept.
WORDS = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Zs", "Zl", "Zp", "Cc", "Cs"]),
        min_size=1,
        max_size=8,
    )
    .map(normal_word)
    .filter(lambda word: word.split() == [word]),
    min_size=2,
    max_size=12,
    unique=True,
)
STREAMS = ["GloVe text", "word2vec text", "word2vec binary", "word2vec binary, line feeds"]


def write(path: Path, kind: str, words: list[str], values: np.ndarray[Any, Any]) -> Path:
    path.write_bytes(fuzz.FORMATS[kind](words, values.astype(np.float32)).content)
    return path


def by_gensim(path: Path, kind: str) -> KeyedVectors:
    return KeyedVectors.load_word2vec_format(
        str(path), binary="binary" in kind, no_header=kind == "GloVe text"
    )


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
@settings(max_examples=8, deadline=None)
@given(words=WORDS, size=st.integers(2, 9), seed=st.integers(0, 1000), data=st.data())
def test_the_same_bits_as_gensim(
    kind: str, compression: str | None, words: list[str], size: int, seed: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    values = (random.normal(0, 1, (len(words), size)) * 10.0 ** random.integers(-6, 6)).astype("f4")
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "plain"), kind, words, values)
        gensim = by_gensim(path, kind)
        if compression is not None:
            packed = COMPRESSIONS[compression](path.read_bytes())
            path = Path(folder, "packed")  # the name says nothing
            path.write_bytes(packed)
        ours = load_vectors(path)
        assert ours.index_to_key == tuple(gensim.index_to_key)
        assert ours.vectors.dtype == np.float32
        assert ours.vectors.tobytes() == gensim.vectors.tobytes()
        some = data.draw(st.lists(st.sampled_from([*words, "not there"]), unique=True))
        first = data.draw(st.integers(0, len(words)))
        part = load_vectors(path, words=some, most_frequent=first)
        expected = list(dict.fromkeys([*(w for w in some if w in words), *words[:first]]))
        assert list(part.index_to_key) == expected
        assert list(part.first_words) == words
        assert part.total == ours.total == len(words)
        for word in expected:
            assert part[word].tobytes() == gensim[word].tobytes()


NUMBERS = st.one_of(
    st.floats(-1e30, 1e30).map(repr),
    st.floats(-1e3, 1e3).map(lambda x: f"{x:.6f}"),
    st.floats(-1e3, 1e3).map(lambda x: f"{x:.4g}"),
    st.floats(-1, 1).map(lambda x: f"{x:.40e}"),
    st.integers(-(10**25), 10**25).map(str),
    st.sampled_from(["+1.5", ".5", "5.", "1_0.5", "-0", "1E5", "4e-46", "1e-400", "007"]),
)


@settings(max_examples=200, deadline=None)
@given(numbers=st.lists(NUMBERS, min_size=4, max_size=4))
@example(["0.1", "1_0", "0.3", "+4"])
def test_any_form_of_a_number_is_read_as_gensim_does(numbers: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "v")
        path.write_text(f"snow 1 2 3 4\nalps {' '.join(numbers)}\n")
        gensim = KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=True)
        for words in (None, ["alps"]):
            assert load_vectors(path, words=words)["alps"].tobytes() == gensim["alps"].tobytes()


def test_more_than_one_block(tmp_path: Path) -> None:
    """Longer than what is parsed, and what is read, at once."""
    words = [f"w{i}" for i in range(30_000)]
    values = np.random.default_rng(0).normal(0, 1, (len(words), 20)).astype("f4")
    for kind in STREAMS:
        path = write(tmp_path / kind, kind, words, values)
        assert load_vectors(path).vectors.tobytes() == values.tobytes()
        part = load_vectors(path, words=words[::-7], most_frequent=12_000)
        expected = [int(word[1:]) for word in part.index_to_key]
        assert part.vectors.tobytes() == values[expected].tobytes()
        assert part.index_to_key[:3] == tuple(words[::-7][:3])
        assert len(part.first_words) == 10_000


@pytest.mark.parametrize("compression", [None, "gzip", "zip"])
def test_large_files_show_progress_and_give_the_same_bytes(
    compression: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = np.random.default_rng(0).bytes(1 << 22)
    (tmp_path / "v").write_bytes(content)
    if compression is not None:
        (tmp_path / "v").write_bytes(COMPRESSIONS[compression](content))
    (source,) = Source(tmp_path / "v").members()
    watch = Watch(from_bytes=1000, every_bytes=100_000, line_seconds=0)
    with caplog.at_level("INFO", "pipeline"), source.open(watch=watch) as stream:
        assert b"".join(iter(lambda: stream.read(100_000), b"")) == content
    assert re.search(r"reading: v: \d+\.\d MB of \d+\.\d MB, .* MB/s, \d+ s left", caplog.text)
    caplog.clear()
    with caplog.at_level("INFO", "pipeline"), source.open(watch=Watch()) as stream:
        assert stream.read() == content
    assert not caplog.text  # the file is too small


# ------------------------------------------------------------------------ a format from outside


def recognise_rows_of_json(beginning: Beginning) -> Layout | None:
    if not beginning.sample.startswith(b"{"):
        return None
    return Layout(vector_size=len(json.loads(beginning.sample.partition(b"\n")[0])["v"]))


def read_rows_of_json(
    source: Source, layout: Layout, wanted: Sequence[str] | None, most_frequent: int
) -> WordVectors:
    rows = Rows(wanted, most_frequent)
    with source.open() as stream:
        for place, row in enumerate(map(json.loads, stream)):
            rows.see(row["word"].encode())
            if rows.take(row["word"].encode(), place):
                rows.add(np.array([row["v"]], np.float32))
            rows.total += 1
    return rows.result(str(source), layout.vector_size)


@pytest.mark.parametrize("compression", [None, "gzip", "zip"])
def test_a_format_is_two_functions_and_a_row(
    compression: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v"
    content = b'{"word": "alps", "v": [1, 2]}\n{"word": "snow", "v": [3, 4]}\n'
    path.write_bytes(COMPRESSIONS[compression](content) if compression else content)
    with pytest.raises(VectorsError):
        load_vectors(path)
    monkeypatch.setitem(FORMATS, "JSON", Format(recognise_rows_of_json, read_rows_of_json))
    assert format_of(path) == "JSON"
    assert load_vectors(path).vectors.tolist() == [[1, 2], [3, 4]]
    part = load_vectors(path, words=["snow", "ice"])
    assert part.index_to_key == ("snow",)
    assert (part.first_words, part.total) == (("alps", "snow"), 2)
    if compression == "zip":
        assert load_vectors(path, member="vectors.txt")["alps"].tolist() == [1, 2]
    path.write_bytes(GOOD)
    assert format_of(path) == "GloVe text"


def test_words_with_spaces_are_read_from_the_right(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("at 1 2 3\nat name@domain.com 4 5 6\n. . . 7 8 9\nthe 1 1 1\nof 2 2 2\n")
    words = ("at", "at name@domain.com", ". . .", "the", "of")
    assert load_vectors(path).index_to_key == words
    part = load_vectors(path, words=["at name@domain.com", "at"])
    assert part.vectors.tolist() == [[4, 5, 6], [1, 2, 3]]
    assert load_vectors(path, words=[". . .", "."]).index_to_key == (". . .",)


def test_a_number_too_many_is_not_taken_for_a_word_with_a_space(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("snow 1 2 3\nalps 0.5 4 5 6\nice 1 2 3\n")
    with pytest.raises(VectorsError, match="line 2: expected a word and 3 numbers, got 4"):
        load_vectors(path)


def test_blank_lines_do_no_harm(tmp_path: Path) -> None:
    lines = b"alps 1 2 3\n\nsnow 4 5 6\n \nice 7 8 9\n\n"
    for content in (lines, b"3 3\n" + lines, b"3 3\r\n" + lines.replace(b"\n", b"\r\n")):
        (tmp_path / "v").write_bytes(content)
        assert load_vectors(tmp_path / "v").index_to_key == ("alps", "snow", "ice")
        assert load_vectors(tmp_path / "v", words=["ice"])["ice"].tolist() == [7, 8, 9]


def test_trailing_spaces_of_fasttext(tmp_path: Path) -> None:
    path = tmp_path / "wiki.vec"
    path.write_text("2 3\nalps 1 2 3 \nsnow 4 5 6 \n")
    assert load_vectors(path, words=["snow"])["snow"].tolist() == [4, 5, 6]


@pytest.mark.parametrize("kind", STREAMS)
def test_the_first_of_repeated_words_counts(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = np.arange(8, dtype="f4").reshape(4, 2)
    content = [fuzz.FORMATS[kind]([word], values[i : i + 1]) for i, word in enumerate("abaa")]
    rows = [w.content[next(iter(w.records.values()))[0] :] for w in content]
    header = b"" if kind == "GloVe text" else b"4 2\n"
    (tmp_path / "v").write_bytes(header + b"".join(rows))
    for _ in range(2):  # from the file, and from the cache
        loaded = load_vectors(tmp_path / "v")
        assert loaded.duplicates == 2
        assert loaded["a"].tolist() == [0, 1]
        assert "repeats words, 2 rows ignored" in caplog.text
        caplog.clear()


@pytest.mark.parametrize("kind", STREAMS)
def test_words_that_are_not_utf8_are_left_out(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = np.arange(6, dtype="f4").reshape(3, 2)
    content = fuzz.FORMATS[kind](["alps", "sn?w", "ice"], values).content
    (tmp_path / "v").write_bytes(content.replace(b"sn?w", b"sn\xf6w"))
    loaded = load_vectors(tmp_path / "v", most_frequent=3, words=["ice"])
    assert loaded.index_to_key == ("ice", "alps")
    assert loaded["ice"].tolist() == [4, 5]
    assert "words that are not UTF-8: 1, left out" in caplog.text
    caplog.clear()
    assert load_vectors(tmp_path / "v").index_to_key == ("alps", "ice")
    assert "words that are not UTF-8: 1, left out" in caplog.text
    assert len(load_vectors(tmp_path / "v", words=["\ud800"])) == 0


# --------------------------------------------------------------------------------- zip files


def zip_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_file_of_several_sets(tmp_path: Path) -> None:
    path = zip_of(
        tmp_path / "glove.zip", **{"g.2d.txt": b"alps 1 2\n", "g.3d.txt": b"alps 1 2 3\n"}
    )
    assert load_vectors(path, vector_size=3)["alps"].tolist() == [1, 2, 3]
    assert load_vectors(path, member="g.2d.txt", words=["alps"])["alps"].tolist() == [1, 2]
    with pytest.raises(VectorsError, match=r"it holds g\.2d\.txt \(2\), g\.3d\.txt \(3\): choose"):
        load_vectors(path)
    with pytest.raises(VectorsError, match=r"there is no member 'g\.txt'"):
        load_vectors(path, member="g.txt")


def test_a_zip_member_does_not_leave_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    path = zip_of(folder / "evil.zip", **{"../escaped.txt": b"alps 1 2\n"})
    assert load_vectors(path)["alps"].tolist() == [1, 2]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["evil.zip", "inside"]


# ----------------------------------------------------------------------------- fastText .bin


@pytest.fixture(scope="module")
def fasttext(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained by gensim and written as fastText writes it."""
    sentences = [["alps", "lose", "snow"], ["the", "ice", "of", "the", "alps"], ["naïve", "日本"]]
    model = FastText(sentences * 20, vector_size=12, min_count=1, bucket=300, epochs=2, seed=1)
    path = tmp_path_factory.mktemp("fasttext") / "model.bin"
    save_facebook_model(model, str(path))
    return path


OTHERS = ["alpine", "snowy", "日", "", "x", "the alps", "naïveté"]


@pytest.mark.parametrize("compression", [None, "gzip", "zip"])
def test_fasttext_has_the_bits_of_gensim(
    fasttext: Path, compression: str | None, tmp_path: Path
) -> None:
    gensim = load_facebook_vectors(str(fasttext))
    path = fasttext
    if compression is not None:
        path = tmp_path / "packed"
        path.write_bytes(COMPRESSIONS[compression](fasttext.read_bytes()))
    ours = load_vectors(path)
    assert list(ours.index_to_key) == gensim.index_to_key
    assert ours.vectors.tobytes() == gensim.vectors.tobytes()
    part = load_vectors(path, words=["snow", "alpine", "naïve"])
    assert part.index_to_key == ("snow", "naïve")
    assert part["naïve"].tobytes() == gensim["naïve"].tobytes()
    for loaded in (ours, part):
        assert loaded.subwords is not None
        rows = loaded.subwords(OTHERS)
        for word, row in zip(OTHERS, rows, strict=True):
            assert row.tobytes() == gensim[word].tobytes(), word
            assert loaded[word].tobytes() == row.tobytes()


def test_fasttext_without_ngrams_gives_nothing_to_other_words(tmp_path: Path) -> None:
    values = np.ones((2, 3), np.float32)
    (tmp_path / "v.bin").write_bytes(fuzz.fasttext(["alps", "snow"], values).content)
    loaded = load_vectors(tmp_path / "v.bin")
    assert loaded.subwords is None
    assert loaded.vectors.tolist() == values.tolist()
    with pytest.raises(KeyError):
        loaded["ice"]


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (4, 11, "expected fastText's version 12, got 11"),
        (4 * 9, 3, "trained on labels: expected one trained on text"),
        (4 * 14 + 8 + 3 * 4 + 8, 5, "expected a whole fastText model, this one is pruned"),
        (8, 11, "expected a matrix of .* as the header says, got .*: it is damaged"),
        (4 * 10, 301, "expected a matrix of .* as the header says, got .*: it is damaged"),
    ],
)
def test_fasttext_models_that_do_not_fit(
    fasttext: Path, at: int, value: int, message: str, tmp_path: Path
) -> None:
    content = bytearray(fasttext.read_bytes())
    length = 8 if at == 84 else 4
    content[at : at + length] = value.to_bytes(length, "little")
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.raises(VectorsError, match=message):
        load_vectors(tmp_path / "v.bin")


# ---------------------------------------------------------- matrices with a list of words


MATRIX = np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32)
NAMES = ["alps", "snow", "naïve", "日本"]


@pytest.mark.parametrize("ending", [".txt", ".json", ".parquet", "words.txt", "map.json"])
def test_a_numpy_matrix_and_its_words(ending: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", MATRIX)
    if ending == ".parquet":
        pq.write_table(pa.table({"index": NAMES}), tmp_path / "v.parquet")
    elif ending == "map.json":
        (tmp_path / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(NAMES)}))
    elif ending.endswith(".json"):
        (tmp_path / "v.json").write_text(json.dumps(NAMES))
    else:
        (tmp_path / f"{'v' if ending == '.txt' else ''}{ending}").write_text("\n".join(NAMES))
    for path in (tmp_path / "v.npy", tmp_path):
        loaded = load_vectors(path)
        assert loaded.index_to_key == tuple(NAMES)
        assert isinstance(loaded.vectors, np.memmap)
        assert loaded.vectors.tobytes() == MATRIX.tobytes()
        part = load_vectors(path, words=["日本", "x"], most_frequent=1)
        assert part.total == loaded.total == 4
        assert part.index_to_key == ("日本", "alps")
        assert part["日本"].tobytes() == MATRIX[3].tobytes()


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f4"])
def test_other_precisions_become_float32(dtype: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", MATRIX.astype(dtype))
    (tmp_path / "v.txt").write_text("\n".join(NAMES))
    loaded = load_vectors(tmp_path / "v.npy")
    assert loaded.vectors.dtype == np.float32
    assert loaded.vectors.tobytes() == MATRIX.astype(dtype).astype("f4").tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_safetensors_as_their_library_writes_them(dtype: type, tmp_path: Path) -> None:
    tensors = {"embeddings": MATRIX.astype(dtype), "weights": np.ones(7, np.float32)}
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "np"})
    (tmp_path / "vocab.txt").write_text("\n".join(NAMES) + "\n")
    loaded = load_vectors(tmp_path / "model.safetensors")
    assert loaded.index_to_key == tuple(NAMES)
    assert loaded.vectors.tobytes() == MATRIX.astype(dtype).astype("f4").tobytes()
    assert load_vectors(tmp_path, words=["snow"]).vectors.shape == (1, 3)


def test_safetensors_in_bfloat16(tmp_path: Path) -> None:
    upper = (MATRIX.view(np.uint32) >> 16).astype("<u2")
    header = json.dumps(
        {"e": {"dtype": "BF16", "shape": [4, 3], "data_offsets": [0, upper.nbytes]}}
    ).encode()
    content = len(header).to_bytes(8, "little") + header + upper.tobytes()
    (tmp_path / "v.safetensors").write_bytes(content)
    (tmp_path / "v.txt").write_text("\n".join(NAMES))
    expected = (upper.astype(np.uint32) << 16).view(np.float32)
    assert load_vectors(tmp_path / "v.safetensors").vectors.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("matrix", "words", "message"),
    [
        (MATRIX, NAMES[:3], "expected a word for each of the 4 rows, the list has 3"),
        (MATRIX, [*NAMES, "x"], "expected a word for each of the 4 rows, the list has 5"),
        (MATRIX, None, r"expected its words in a file beside it, one a line: there is no v\.txt"),
        (
            MATRIX.astype(int),
            NAMES,
            r"expected a matrix of floats, a row a word, got int64\[4, 3\]",
        ),
        (MATRIX[0], NAMES, r"expected a matrix of floats, a row a word, got float32\[3\]"),
        (np.array(NAMES, object), NAMES, "could not be read as a NumPy array"),
    ],
)
def test_matrices_that_do_not_fit(
    matrix: np.ndarray[Any, Any], words: list[str] | None, message: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "v.npy", matrix, allow_pickle=True)
    if words is not None:
        (tmp_path / "v.txt").write_text("\n".join(words) + "\n")
    for wanted in (None, ["alps"]):
        with pytest.raises(VectorsError, match=message):
            load_vectors(tmp_path / "v.npy", words=wanted)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.txt", b"", "expected a word for each of the 4 rows, the list has 0"),
        ("v.txt", b"alps\xff\n", "expected UTF-8, got other bytes"),
        ("v.json", b"{", "expected JSON"),
        ("v.json", b'{"a": 1, "b": "x"}', "expected JSON"),
        ("v.json", b'[1, "x"]', "expected a list of words or a map from words to rows"),
        ("v.parquet", b"no", "expected Parquet"),
    ],
)
@pytest.mark.parametrize("words", [None, ["alps"]])
def test_damaged_lists_of_words(
    name: str, content: bytes, message: str, words: list[str] | None, tmp_path: Path
) -> None:
    np.save(tmp_path / "v.npy", MATRIX)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VectorsError, match=message):
        load_vectors(tmp_path / "v.npy", words=words)


def test_a_folder_with_two_matrices(tmp_path: Path) -> None:
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", MATRIX)
    with pytest.raises(VectorsError, match="expected a folder with one matrix"):
        load_vectors(tmp_path)


# --------------------------------------------------------------------------------- the cache


def test_all_of_a_text_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "v.txt"
    write_glove(path, NAMES, size=3)
    first = load_vectors(path)
    kept = list((tmp_path / "cache" / "vectors").iterdir())
    assert [sorted(p.name for p in k.iterdir()) for k in kept] == [
        ["about.json", "vectors.npy", "words.txt"]
    ]
    assert isinstance(first.vectors, np.memmap)
    again = load_vectors(path)
    part = load_vectors(path, words=["naïve", "x"], most_frequent=1)
    assert again.index_to_key == first.index_to_key == tuple(NAMES)
    assert again.first_words == first.first_words
    assert again.total == part.total == first.total == 4
    assert again.vectors.tobytes() == first.vectors.tobytes()
    assert again.name == first.name == str(path)
    assert part.index_to_key == ("naïve", "alps")
    assert part["naïve"].tobytes() == first["naïve"].tobytes()
    with pytest.raises(ValueError, match="read-only"):
        again.vectors[0, 0] = 1
    twice = 2 * first.vectors
    (kept[0] / "vectors.npy").unlink()
    np.save(kept[0] / "vectors.npy", twice)
    assert load_vectors(path).vectors.tobytes() == twice.tobytes()  # it is not parsed again
    write_glove(path, [*NAMES, "new"], size=3)
    assert "new" in load_vectors(path)


@pytest.mark.parametrize("name", ["words.txt", "vectors.npy", "about.json"])
def test_a_kept_folder_that_lost_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    write_glove(tmp_path / "v.txt", NAMES)
    first = load_vectors(tmp_path / "v.txt").vectors.tobytes()
    next((tmp_path / "cache" / "vectors").glob(f"*/{name}")).unlink()
    assert load_vectors(tmp_path / "v.txt").vectors.tobytes() == first
    assert "cannot be used" in caplog.text


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "file"))
    write_glove(tmp_path / "v.txt", NAMES)
    assert load_vectors(tmp_path / "v.txt").index_to_key == tuple(NAMES)
    assert "cannot be kept in the cache" in caplog.text


def test_a_set_without_words(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"1 3\nsn\xf6w 1 2 3\n")
    for words in (None, ["alps"]):
        assert load_vectors(tmp_path / "v.txt", words=words).vectors.shape == (0, 3)


def test_damage_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "v.txt").write_text("alps 1 2\nsnow 3 4\nice 5\n")
    with pytest.raises(VectorsError, match="line 3"):
        load_vectors(tmp_path / "v.txt")
    assert list((tmp_path / "cache" / "vectors").iterdir()) == []


def test_a_process_killed_while_it_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is taken for whole, and the next one works."""
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    write_glove(tmp_path / "v.txt", [f"w{i}" for i in range(60_000)], size=20)
    code = f"from pipeline import load_vectors; load_vectors({str(tmp_path / 'v.txt')!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    folder = tmp_path / "cache" / "vectors"
    deadline = time.monotonic() + 60
    while not (folder.is_dir() and list(folder.glob(".part-*/vectors.npy"))):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert [p.name for p in folder.iterdir() if not p.name.startswith(".part-")] == []
    assert len(load_vectors(tmp_path / "v.txt")) == 60_000
    assert len([p for p in folder.iterdir() if not p.name.startswith(".part-")]) == 1


# ------------------------------------------------------------------------------------ damage

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
    "fewer words": (b"5 3\n" + GOOD, "expected 5 words, as line 1 says, the file ends after 3"),
    "more words": (b"2 3\n" + GOOD, "expected 2 words, as line 1 says, the file ends after 3"),
    "another dimension": (b"3 2\n" + GOOD, "line 1: expected the dimension of the lines that"),
    "all ragged": (b"alps 1 2 3\nsnow 4 5\n", "expected lines of a word and as many numbers each"),
    "binary goes on": (BINARY + b"c", "expected the end after 2 words, as its header says"),
    "other binary": (b"\x00\x01\x02 junk", "got other binary data"),
    "only a word": (b"alps\n", "line 1: expected a word and its numbers"),
    "binary cut off": (
        BINARY[:-3],
        "expected 2 words, as its header says, the file ends within word 2",
    ),
    "binary NaN": (BINARY[:-4] + b"\x00\x00\xc0\x7f", "word b'b': expected finite numbers"),
    "gzip cut off": (gzip.compress(GOOD * 50)[:-9], "expected whole data, it is truncated"),
    "gzip damaged": (
        gzip.compress(GOOD)[:12] + b"\xff\xff\xff" + gzip.compress(GOOD)[15:],
        "expected whole data, it is truncated or damaged",
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


def test_fuzzed_files_give_an_error_or_the_intact_rows(tmp_path: Path) -> None:
    """`python -m bench.fuzz` tries more of them."""
    outcomes = {}
    for seed in range(500):
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcomes[seed] = fuzz.trial(seed, folder)
    assert {s: o for s, o in outcomes.items() if o.result in MISTAKES} == {}
    assert {outcome.result for outcome in outcomes.values()} == {"error", "right", "own"}
