from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors

from pipeline.base.errors import FetchError, MissingExtraError, VectorsError
from pipeline.config import load_config
from pipeline.embedding.catalogue import CATALOGUE
from pipeline.embedding.loading import check_vectors, choose_vectors, load_vectors, vectors_name
from pipeline.embedding.vectors import WordVectors


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
    entry = replace(CATALOGUE["glove_6b_50d"], package="no_such_package")
    monkeypatch.setitem(CATALOGUE, "glove_6b_50d", entry)
    with pytest.raises(MissingExtraError, match=r"no-such-package.*\[starter\]"):
        load_vectors("glove_6b_50d")


GOOD = b"alps 1 2 3\nsnow 4 5 6\nice 7 8 9\n"


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
    with pytest.raises(VectorsError, match="unique words and a row each"):
        WordVectors.from_rows(["a", "a"], np.zeros((2, 2), np.float32))


# ------------------------------------------------------------------------------------- addresses

SHA256 = hashlib.sha256(GOOD).hexdigest()
Serve = Callable[[dict[str, bytes]], tuple[str, list[str]]]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OFFLINE", "MIRROR"):
        monkeypatch.delenv(f"HEADLINE_TRANSFER_{name}", raising=False)
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_any_address(file_server: Serve, own_cache: Path) -> None:
    files = {"/v.txt": GOOD}
    url, asked = file_server(files)
    loaded = load_vectors(f"{url}v.txt", words=["snow"])
    assert loaded["snow"].tolist() == [4, 5, 6]
    assert load_vectors(f"{url}v.txt", sha256=SHA256.upper()).index_to_key == (
        "alps",
        "snow",
        "ice",
    )
    assert asked == ["/v.txt"]
    # The cache is emptied, and the publisher has another file meanwhile.
    next(own_cache.rglob("v.txt")).unlink()
    files["/v.txt"] = b"alps 0 0 1\n"
    for sha256, message in ((None, "the file has changed: expected"), (SHA256, "expected the dig")):
        with pytest.raises(FetchError, match=f"v.txt: {message}") as raised:
            load_vectors(f"{url}v.txt", sha256=sha256)
        assert "\n" not in str(raised.value)


def test_a_run_with_an_address(
    file_server: Serve, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = file_server({"/v.txt": GOOD})
    config = load_config(["vectors=file", f"vectors.path={url}v.txt", f"vectors.sha256={SHA256}"])
    check_vectors(config.vectors)  # looks for no file of that name
    assert vectors_name(config.vectors) == "v.txt"
    assert choose_vectors(config.vectors, ["ice"]).index_to_key == ("ice", "alps", "snow")


def test_what_is_no_set_is_not_what_later_files_are_compared_with(
    file_server: Serve, own_cache: Path
) -> None:
    files = {"/v.txt": b"<!DOCTYPE html><html>please log in</html>"}
    url, _ = file_server(files)
    with pytest.raises(VectorsError, match="this is a web page"):
        load_vectors(f"{url}v.txt")
    files["/v.txt"] = GOOD
    assert load_vectors(f"{url}v.txt").index_to_key == ("alps", "snow", "ice")


def test_a_mirror_and_a_log_line_of_an_address(
    file_server: Serve,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A mirror has named sets only, and no line shows a password."""
    caplog.set_level("INFO")
    monkeypatch.setenv("HEADLINE_TRANSFER_MIRROR", "http://127.0.0.1:9/")
    url, _ = file_server({"/v.txt": GOOD})
    address = f"{url.replace('//', '//user:pass1word@', 1)}v.txt"
    assert load_vectors(address).index_to_key == ("alps", "snow", "ice")
    with pytest.raises(FetchError, match=r"user:\*\*\*@.*: the server answered 404") as raised:
        load_vectors(address.replace("v.txt", "w.txt"))
    assert "//user:***@" in caplog.text
    assert "pass1word" not in caplog.text + str(raised.value)


def test_the_digest_of_a_file_here(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(GOOD)
    assert len(load_vectors(tmp_path / "v", sha256=SHA256)) == 3
    with pytest.raises(VectorsError, match=f"sha256:{'0' * 64}, the file has sha256:{SHA256}"):
        load_vectors(tmp_path / "v", sha256="0" * 64)
    with pytest.raises(VectorsError, match="is for one file, this is a folder"):
        load_vectors(tmp_path, sha256=SHA256)
