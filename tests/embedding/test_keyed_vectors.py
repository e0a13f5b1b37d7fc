"""gensim's own files: what it writes is read, and what others forge runs nothing."""

from __future__ import annotations

import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import Doc2Vec, FastText, KeyedVectors, Word2Vec
from gensim.models.doc2vec import TaggedDocument

from pipeline.base.errors import VectorsError
from pipeline.embedding.loading import load_vectors

MATRIX = np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32)
NAMES = ["alps", "snow", "naïve", "日本"]


def keyed_vectors() -> KeyedVectors:
    keyed = KeyedVectors(3)
    keyed.add_vectors(NAMES, MATRIX)
    return keyed


@pytest.mark.parametrize("inline", [True, False])
def test_saved_keyed_vectors(inline: bool, tmp_path: Path) -> None:
    keyed_vectors().save(str(tmp_path / "v.kv"), sep_limit=10**9 if inline else 0)
    assert (tmp_path / "v.kv.vectors.npy").is_file() != inline
    loaded = load_vectors(tmp_path / "v.kv")
    assert loaded.index_to_key == tuple(NAMES)
    assert loaded.vectors.tobytes() == MATRIX.tobytes()
    assert isinstance(loaded.vectors, np.memmap) != inline
    assert load_vectors(tmp_path / "v.kv", words=["snow"])["snow"].tobytes() == MATRIX[1].tobytes()


def test_a_saved_model_of_gensim(tmp_path: Path) -> None:
    model = Word2Vec([["alps", "snow"]] * 5, vector_size=4, min_count=1, seed=1)
    model.save(str(tmp_path / "model"))
    loaded = load_vectors(tmp_path / "model")
    assert loaded["alps"].tobytes() == model.wv["alps"].tobytes()


def test_keyed_vectors_whose_matrix_is_gone(tmp_path: Path) -> None:
    keyed_vectors().save(str(tmp_path / "v.kv"), sep_limit=0)
    (tmp_path / "v.kv.vectors.npy").unlink()
    with pytest.raises(VectorsError, match=r"v\.kv\.vectors\.npy is missing"):
        load_vectors(tmp_path / "v.kv")


class _Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def test_nothing_is_executed_by_unpickling(tmp_path: Path) -> None:
    (tmp_path / "v.kv").write_bytes(pickle.dumps(_Evil(tmp_path / "executed")))
    with pytest.raises(VectorsError, match="expected gensim's KeyedVectors with words"):
        load_vectors(tmp_path / "v.kv")
    assert not (tmp_path / "executed").exists()


SIZES = {
    "a place in the memo": b"\x80\x02]r\xff\xff\xff\x1f.",
    "a place in the memo as text": b"\x80\x02]p536870911\n.",
    "a string": b"\x80\x04\x8d" + (1 << 32).to_bytes(8, "little") + b"alps.",
    "bytes": b"\x80\x04\x8e" + (1 << 32).to_bytes(8, "little") + b"alps.",
    "an array of bytes": b"\x80\x05\x96" + (1 << 32).to_bytes(8, "little") + b"alps.",
    "a frame": b"\x80\x04\x95" + (1 << 62).to_bytes(8, "little") + b"].",
}


@pytest.mark.parametrize("what", SIZES)
def test_a_damaged_size_takes_no_memory(what: str, tmp_path: Path) -> None:
    (tmp_path / "v.kv").write_bytes(SIZES[what])
    tracemalloc.start()
    with pytest.raises(VectorsError, match="expected gensim's KeyedVectors") as raised:
        load_vectors(tmp_path / "v.kv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_any_protocol_of_pickle(protocol: int, tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(3000)]
    keyed = KeyedVectors(3)
    keyed.add_vectors(words, np.ones((len(words), 3), np.float32))
    (tmp_path / "v.kv").write_bytes(pickle.dumps(keyed, protocol))
    assert load_vectors(tmp_path / "v.kv").index_to_key == tuple(words)


def test_models_of_every_kind(tmp_path: Path) -> None:
    sentences = [["alps", "lose", "snow"], ["the", "ice", "of", "the", "alps"]] * 5
    for name, model in {
        "cbow": Word2Vec(sentences, vector_size=4, min_count=1, seed=1),
        "doc2vec": Doc2Vec(
            [TaggedDocument(words, [i]) for i, words in enumerate(sentences)],
            vector_size=4,
            min_count=1,
        ),
    }.items():
        for sep_limit in (10**9, 0):
            model.save(str(tmp_path / name), sep_limit=sep_limit)
            loaded = load_vectors(tmp_path / name)
            assert loaded.index_to_key == tuple(model.wv.index_to_key)
            assert loaded.vectors.tobytes() == model.wv.vectors.tobytes()


def test_a_fasttext_model_of_gensim_says_how_to_save_it(tmp_path: Path) -> None:
    """Its rows are not in the file: gensim computes them when it loads the model."""
    FastText([["alps", "snow"]] * 5, vector_size=4, min_count=1, bucket=50).save(
        str(tmp_path / "model")
    )
    with pytest.raises(VectorsError, match="save_word2vec_format"):
        load_vectors(tmp_path / "model")


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_other_types_and_orders(
    dtype: str, order: Any, protocol: int, tmp_path: Path
) -> None:
    keyed = keyed_vectors()
    keyed.vectors = np.array(MATRIX, dtype, order=order)
    (tmp_path / "v.kv").write_bytes(pickle.dumps(keyed, protocol))
    expected = MATRIX.astype(dtype).astype(np.float32)
    assert load_vectors(tmp_path / "v.kv").vectors.tobytes() == expected.tobytes()


# ------------------------------------------------------------------------------------ forged files


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value.encode())]) + value.encode()


def name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def dtype_with_flags(flags: int) -> bytes:
    """A dtype `f4` whose state says that its items are Python objects."""
    state = b"(" + integer(3) + text("|") + b"NNN" + integer(8) + integer(8) + integer(flags) + b"t"
    return name("numpy", "dtype") + b"(" + text("V8") + b"\x89\x88tR" + state + b"b"


def forged_array(dtype: bytes, shape: bytes, data: bytes) -> bytes:
    made = name("numpy._core.multiarray", "_reconstruct")
    made += name("numpy", "ndarray") + integer(0) + b"\x85" + b"C\x01b" + b"\x87R"
    return made + b"(" + integer(1) + shape + dtype + b"\x89" + data + b"tb"


def saved(vectors: bytes, words: bytes = b"](" + text("alps") + b"e") -> bytes:
    """A file like that of KeyedVectors.save, with these operations for its array and its words."""
    state = b"}(" + text("index_to_key") + words + text("vectors") + vectors + b"u"
    made = name("gensim.models.keyedvectors", "KeyedVectors") + b")\x81"
    return b"\x80\x04" + made + state + b"b."


FLOATS = name("numpy", "dtype") + b"(" + text("f4") + b"\x89\x88tR"
FLOATS += b"(" + integer(3) + text("<") + b"NNN" + integer(-1) * 2 + integer(0) + b"tb"
ONE_ROW = integer(1) + integer(3) + b"\x86"
ADDRESS = struct.pack("<Q", 0x4141414141414141)
FORGED = {
    "an array of objects at an address": forged_array(
        dtype_with_flags(63), integer(1) + b"\x85", b"C\x08" + ADDRESS
    ),
    "an item set in an array": forged_array(
        dtype_with_flags(63), integer(1) + b"\x85", b"C\x08" + ADDRESS
    )
    + integer(0)
    + b"Ns",
    "an array that is larger than its bytes": forged_array(
        FLOATS, integer(2**31 - 1) * 2 + b"\x86", b"C\x0c" + bytes(12)
    ),
    "an array with a negative length": forged_array(
        FLOATS, integer(-1) + integer(-3) + b"\x86", b"C\x0c" + bytes(12)
    ),
    "an array of a structure": forged_array(
        name("numpy", "dtype") + b"(" + text("f4,O") + b"\x89\x88tR", ONE_ROW, b"C\x0c" + bytes(12)
    ),
    "an array from a function": name("numpy", "memmap") + b"(" + text("/etc/passwd") + b"tR",
    "an array from a list": forged_array(FLOATS, ONE_ROW, b"](NNNe"),
    "a call of what a call gives": name("builtins", "getattr")
    + name("os", "system")
    + text("__call__")
    + b"\x86R"
    + text("touch executed")
    + b"\x85R",
    "a state set in a class": name("pipeline.base.errors", "VectorsError")
    + b"}"
    + text("x")
    + b"Nsb",
    "an object outside the file": text("executed") + b"Q",
    "an extension": b"\x82\x01",
    "an old class": b"(ios\nsystem\n",
    "a buffer outside the file": b"\x97",
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_array_makes_nothing(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.kv").write_bytes(saved(FORGED[what]))
    with pytest.raises(VectorsError, match="expected gensim's KeyedVectors") as raised:
        load_vectors("v.kv")
    assert "save_word2vec_format" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["v.kv"]


def test_the_same_array_without_a_forgery_is_read(tmp_path: Path) -> None:
    row = np.arange(3, dtype="<f4")
    content = saved(forged_array(FLOATS, ONE_ROW, b"C\x0c" + row.tobytes()))
    (tmp_path / "v.kv").write_bytes(content)
    assert load_vectors(tmp_path / "v.kv")["alps"].tolist() == [0, 1, 2]
    assert pickle.loads(content).vectors.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("function", ["os.system", "builtins.exec", "subprocess.Popen"])
@pytest.mark.parametrize("where", ["the whole file", "the words", "an item that nobody reads"])
def test_no_function_is_called_and_no_module_imported(
    function: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, attribute = function.split(".")
    (tmp_path / "evil.py").write_text("open('imported', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    call = name(module, attribute) + text("open('executed', 'w')") + b"\x85R"
    call += name("evil", "x") + b"0"
    row = forged_array(FLOATS, ONE_ROW, b"C\x0c" + bytes(12))
    (tmp_path / "v.kv").write_bytes(
        {
            "the whole file": b"\x80\x04" + call + b".",
            "the words": saved(row, call),
            "an item that nobody reads": saved(row + text("more") + call),
        }[where]
    )
    if where == "an item that nobody reads":
        assert load_vectors("v.kv").index_to_key == ("alps",)
    else:
        with pytest.raises(VectorsError, match="expected gensim's KeyedVectors"):
            load_vectors("v.kv")
    assert {path.name for path in tmp_path.iterdir()} == {"evil.py", "v.kv"}


def doubled(n: int) -> bytes:
    """A list that holds a list twice, which holds a list twice, and so on, `n` times."""
    made = b"]\x94"
    for place in range(n):
        made += b"0](" + 2 * (b"j" + struct.pack("<I", place)) + b"e\x94"
    return made


BOMBS: dict[str, bytes] = {
    # Its hash would end the process.
    "a deep tuple as a key": b"})" + b"\x85" * 200_000 + b"Ns",
    "a deep tuple in a set": b"\x8f()" + b"\x85" * 200_000 + b"\x90",
    "a word that would have 2**40 brackets as text": doubled(40),
    "a large index of the memo": b"]r\xff\xff\xff\xff",
    "many open marks": b"(" * 200_000 + b"N",
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_small_file_takes_little_memory_and_time(what: str, tmp_path: Path) -> None:
    row = forged_array(FLOATS, ONE_ROW, b"C\x0c" + bytes(12))
    # More than a megabyte: what looks at small files alone is not enough.
    words = (text("x" * 200) + b"0") * 6000 + b"](" + BOMBS[what] + b"e"
    (tmp_path / "v.kv").write_bytes(saved(row, words))
    tracemalloc.start()
    with pytest.raises(VectorsError, match="expected gensim's KeyedVectors"):
        load_vectors(tmp_path / "v.kv")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 << 20


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_is_one_line_or_harmless(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(pickle.dumps(keyed_vectors(), 2 + seed % 4))
    for place in random.integers(2, len(content), random.integers(1, 30)):
        content[place] = random.integers(256)
    (tmp_path / "v.kv").write_bytes(content[: random.integers(20, 2 * len(content))])
    message = ""
    try:
        load_vectors(tmp_path / "v.kv")
    except VectorsError as error:
        message = str(error)
    assert "\n" not in message
