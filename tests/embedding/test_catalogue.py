"""The sets that have a name: their files in conf/, and one fetched from a server on loopback."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import main
from pydantic import ValidationError

from pipeline import report
from pipeline.base.errors import ConfigError, FetchError, VectorsError
from pipeline.config import load_config, options
from pipeline.embedding.catalogue import (
    CATALOGUE,
    LANGUAGE_SETS,
    LANGUAGES,
    InstalledSet,
    PublishedSet,
    named_set,
)
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.options import VectorsOptions

PUBLISHED = [entry for entry in CATALOGUE.values() if isinstance(entry, PublishedSet)]
UNSTATED = {"glove-840b-300", "glove-42b-300", "fasttext-crawl-300"}  # no digest is published
# What gensim.downloader.info()["models"] lists, without its test entry.
GENSIM = {
    "fasttext-wiki-news-subwords-300",
    "conceptnet-numberbatch-17-06-300",
    "word2vec-ruscorpora-300",
    "word2vec-google-news-300",
    *(f"glove-wiki-gigaword-{size}" for size in (50, 100, 200, 300)),
    *(f"glove-twitter-{size}" for size in (25, 50, 100, 200)),
}
WORDS = ["the", "alps", "snow", "himalaya"]
VALUES = np.arange(12, dtype="f4").reshape(4, 3) / 8


def word2vec_text(words: list[str]) -> bytes:
    rows = [f"{w} {' '.join(map(str, v))}\n" for w, v in zip(words, VALUES, strict=True)]
    return gzip.compress((f"{len(words)} 3\n" + "".join(rows)).encode())


def word2vec_binary(words: list[str]) -> bytes:
    rows = [f"{w} ".encode() + v.tobytes() for w, v in zip(words, VALUES, strict=True)]
    return gzip.compress(f"{len(words)} 3\n".encode() + b"".join(rows))


Publish = Callable[..., list[str]]


@pytest.fixture
def publish(file_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Put the set `tiny` into the catalogue and its file on a mirror; gives the requests seen."""
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HEADLINE_TRANSFER_OFFLINE", raising=False)

    def start(content: bytes, prefix: str = "", path: str = "/tiny.gz") -> list[str]:
        url, asked = file_server({path: content})
        monkeypatch.setenv("HEADLINE_TRANSFER_MIRROR", url)
        entry = PublishedSet(
            name="tiny",
            url="https://nowhere.invalid/tiny/tiny.gz",
            digest=f"md5:{hashlib.md5(content).hexdigest()}",
            size=len(content),
            licence="PDDL-1.0",
            vector_size=3,
            n_words=4,
            casing="lower",
            prefix=prefix,
        )
        monkeypatch.setitem(CATALOGUE, "tiny", entry)
        return asked  # type: ignore[no-any-return]

    return start


def test_gensims_names_are_there() -> None:
    assert {entry.name for entry in PUBLISHED} == GENSIM | UNSTATED
    others = {"file", "random", "corpus", "joined", *LANGUAGE_SETS}
    assert set(CATALOGUE) == set(options("vectors")) - others


@pytest.mark.parametrize("entry", [e for e in PUBLISHED if e.digest], ids=lambda entry: entry.name)
def test_the_facts_fit_each_other(entry: PublishedSet) -> None:
    release = "https://github.com/piskvorky/gensim-data/releases/download"
    assert entry.url == f"{release}/{entry.name}/{entry.name}.gz"
    assert entry.digest is not None
    assert entry.size is not None
    assert entry.n_words is not None
    algorithm, _, digest = entry.digest.partition(":")
    assert (algorithm, len(bytes.fromhex(digest))) == ("md5", 16)
    assert entry.vector_size == int(entry.name.rpartition("-")[2])
    assert entry.casing in ("lower", "cased")
    # Gzipped numbers take between 1 and 5 bytes each.
    assert 1 < entry.size / (entry.n_words * entry.vector_size) < 5
    assert [each.digest for each in PUBLISHED].count(entry.digest) == 1


@pytest.mark.parametrize("name", sorted(UNSTATED))
def test_what_no_publisher_states_is_null(name: str) -> None:
    entry = CATALOGUE[name]
    assert isinstance(entry, PublishedSet)
    assert (entry.digest, entry.size, entry.vector_size) == (None, None, 300)
    assert (entry.provenance["digest"], entry.provenance["size"]) == (None, None)
    assert entry.url.startswith("https://")
    assert entry.url.endswith(".zip")


def test_a_set_in_each_language() -> None:
    assert len(LANGUAGES) == len(set(LANGUAGES)) == 158
    config = load_config(["vectors=fasttext-cc", "vectors.language=de"])
    assert config.vectors.source == "cc.de.300"
    assert config.vectors == VectorsOptions(source="cc.de.300", language="de")
    assert VectorsOptions(source="cc.de.300").provenance == named_set("cc.de.300").provenance
    assert config.vectors.provenance["url"].endswith("/vectors-crawl/cc.de.300.vec.gz")
    assert load_config(["vectors=fasttext-cc"]).vectors.source == "cc.en.300"
    for name in ("cc.tlh.300", "cc.d.300"):
        for load in (named_set, load_vectors):
            with pytest.raises(VectorsError, match=rf"{name}: .* 158 languages of fasttext-cc, "):
                load(name)
    with pytest.raises(VectorsError, match=r"cc\.300: expected a set of the catalogue"):
        named_set("cc.300")
    with pytest.raises(ValidationError, match=r"is not the language of glove_6b_50d"):
        VectorsOptions(language="de")


def test_the_set_of_a_language_is_fetched(
    publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = publish(word2vec_text(WORDS), path="/cc.de.300.vec.gz")
    for _ in range(2):
        assert load_vectors("cc.de.300", words=["alps"]).name == "cc.de.300"
    assert asked == ["/cc.de.300.vec.gz"]
    entry = named_set("cc.de.300")
    assert isinstance(entry, PublishedSet)
    assert entry.download.record.is_file()
    # Whatever is there is compared with the first fetch each time, as its size is not known.
    entry.download.path.write_bytes(b"alps 1 2 3\n")
    assert load_vectors("cc.de.300").index_to_key == tuple(WORDS)
    assert len(asked) == 2


def test_the_facts_of_the_installed_set_are_those_of_its_files() -> None:
    entry = CATALOGUE["glove_6b_50d"]
    assert isinstance(entry, InstalledSet)
    folder = entry.fetch()
    assert entry.size == sum((folder / file).stat().st_size for file in (entry.matrix, entry.index))
    matrix = np.load(folder / entry.matrix, mmap_mode="r")
    assert matrix.shape == (entry.n_words, entry.vector_size)
    loaded = load_vectors("glove_6b_50d", words=["alps"])
    assert loaded.first_words[:3] == ("the", ",", ".")


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_the_provenance_is_among_the_parameters(name: str) -> None:
    config = load_config([f"vectors={name}"])
    assert config.vectors.source == name
    assert config.vectors == VectorsOptions(source=name, extra_words=config.vectors.extra_words)
    logged = {
        i.name: i.value for i in report.config_items(asdict(config)) if isinstance(i, report.Param)
    }
    for key, value in CATALOGUE[name].provenance.items():
        assert logged[f"vectors.provenance.{key}"] == value
    assert logged["vectors.provenance.licence"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["vectors=glove-wiki-gigaword-10"], "did you mean glove-wiki-gigaword-100?"),
        (["vectors=_base"], "vectors=_base: expected one of conceptnet"),
        (["vectors.source=glove_6b"], "vectors.source: expected a set of the catalogue"),
        (["vectors.source=glove_6b"], "got 'glove_6b'; did you mean glove_6b_50d?"),
        (["vectors.source=glove-twitter-25"], "choose a set with vectors=glove-twitter-25"),
        (["vectors.provenance.licence=MIT"], "the provenance is not that of glove_6b_50d"),
    ],
)
def test_what_is_not_in_the_catalogue(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(overrides)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_names_with_a_slip() -> None:
    for load in (named_set, load_vectors):
        with pytest.raises(VectorsError, match=r"glove-twitter-20: .*did you mean glove-twitter-2"):
            load("glove-twitter-20")


@pytest.mark.parametrize("written", [word2vec_text, word2vec_binary])
def test_a_set_is_fetched_and_only_what_is_asked_for_is_read(
    written: Callable[[list[str]], bytes], publish: Publish
) -> None:
    asked = publish(written(WORDS))
    loaded = load_vectors("tiny", words=["himalaya", "glacier", "alps"], vector_size=3)
    assert loaded.name == "tiny"
    assert loaded.index_to_key == ("himalaya", "alps")
    assert loaded.vectors.tobytes() == VALUES[[3, 1]].tobytes()
    assert load_vectors("tiny", words=["snow"], most_frequent=1).index_to_key == ("snow", "the")
    assert load_vectors("tiny").index_to_key == tuple(WORDS)
    assert asked == ["/tiny.gz"]
    with pytest.raises(VectorsError, match=r"tiny: expected vectors of dimension 5, they have 3"):
        load_vectors("tiny", words=["snow"], vector_size=5)


def test_a_prefix_is_added_and_taken_away(publish: Publish) -> None:
    publish(word2vec_text(["/c/de/alpen", "/c/en/alps", "/c/en/snow", "/c/fr/alpes"]), "/c/en/")
    loaded = load_vectors("tiny", words=["snow", "alpen", "alps"], most_frequent=2)
    assert loaded.index_to_key == ("snow", "alps")
    assert loaded.vectors.tolist() == VALUES[[2, 1]].tolist()
    assert load_vectors("tiny").index_to_key == ("alps", "snow")
    assert load_vectors("tiny").first_words == ("alps", "snow")


def test_numberbatch_has_the_prefix() -> None:
    assert [entry.prefix for entry in PUBLISHED if entry.prefix] == ["/c/en/"]


def test_offline_a_set_must_be_there(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = publish(word2vec_text(WORDS))
    monkeypatch.setenv("HEADLINE_TRANSFER_OFFLINE", "1")
    with pytest.raises(FetchError, match=r"tiny\.gz is not in .*OFFLINE"):
        load_vectors("tiny", words=["snow"])
    assert asked == []


def test_a_page_is_not_what_a_set_without_a_digest_is_compared_with(
    file_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OFFLINE", "MIRROR"):
        monkeypatch.delenv(f"HEADLINE_TRANSFER_{name}", raising=False)
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    files = {"/tiny.txt": b"<!DOCTYPE html><html>please log in</html>"}
    url, _ = file_server(files)
    entry = PublishedSet(
        name="tiny",
        url=f"{url}tiny.txt",
        digest=None,
        size=None,
        licence="PDDL-1.0",
        vector_size=3,
        n_words=None,
        casing="lower",
    )
    with pytest.raises(VectorsError, match="this is a web page"):
        entry.load(None)
    files["/tiny.txt"] = b"alps 1 2 3\nsnow 4 5 6\n"
    assert entry.load(None).index_to_key == ("alps", "snow")


def test_list(publish: Publish, capfd: pytest.CaptureFixture[str]) -> None:
    publish(word2vec_text(WORDS))
    code, out, _ = main(capfd, "vectors", "list")
    assert code == 0
    cells = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert cells["glove_6b_50d"] == ["50", "400,000", "84", "lower", "PDDL-1.0", "-", "installed"]
    assert cells["glove-twitter-25"] == ["25", "1,193,514", "110", "lower", "PDDL-1.0", "md5", "no"]
    assert cells["glove-840b-300"][2:] == [
        "about",
        "2,030",
        "cased",
        "PDDL-1.0",
        "not",
        "stated",
        "no",
    ]
    assert cells["cc.LANGUAGE.300"] == [
        "300",
        "?",
        "?",
        "cased",
        "CC-BY-SA-3.0",
        "not",
        "stated",
        "no",
    ]
    assert cells["tiny"][-1] == "no"
    load_vectors("tiny")
    _, out, _ = main(capfd, "vectors", "list", "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
    assert set(rows) == {*CATALOGUE, *(f"cc.{code}.300" for code in LANGUAGES)}
    assert rows["cc.de.300"]["digest"] is None
    assert rows["tiny"]["where"].endswith("/cache/tiny.gz")
    assert rows["glove-twitter-25"]["where"] is None
    assert rows["glove-twitter-25"]["digest"] == "md5:50db0211d7e7a2dcd362c6b774762793"


def test_fetch(publish: Publish, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = publish(word2vec_text(WORDS))
    path = tmp_path / "cache" / "tiny.gz"
    assert main(capfd, "vectors", "fetch", "tiny")[:2] == (0, f"{path}\n")
    code, out, err = main(capfd, "vectors", "fetch", "tiny", "glove_6b_50d")
    assert (code, len(asked)) == (0, 1)
    assert out.splitlines() == [str(path), str(CATALOGUE["glove_6b_50d"].where)]
    assert err == "fetching: tiny.gz is there already\n"
    path.write_bytes(bytes(path.stat().st_size))  # damaged
    assert main(capfd, "vectors", "fetch", "tiny")[0] == 0
    assert len(asked) == 2
    assert load_vectors("tiny").index_to_key == tuple(WORDS)


def test_fetch_fails_in_one_line(
    publish: Publish, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = publish(word2vec_text(WORDS))
    code, out, err = main(capfd, "vectors", "fetch", "tiny", "tyny")
    assert (code, out, asked) == (2, "", [])  # the names are looked at first
    assert err.startswith("error: tyny: expected a set of the catalogue")
    assert err.endswith("did you mean tiny?\n")
    monkeypatch.setenv("HEADLINE_TRANSFER_OFFLINE", "1")
    code, _, err = main(capfd, "vectors", "fetch", "tiny")
    assert code == 2
    assert err.startswith("error: tiny.gz is not in")
    assert err.count("\n") == 1


def test_without_a_command_there_is_help(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = main(capfd, "vectors")
    assert (code, err) == (0, "")
    assert "fetch" in out
