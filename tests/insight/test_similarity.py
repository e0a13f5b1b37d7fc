"""What vectors know of meaning, and the table that puts sets side by side."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gensim.models import KeyedVectors
from gensim.test.utils import datapath
from mlflow import MlflowClient

from pipeline import load_vectors, neighbours, word_similarity
from pipeline.base.errors import ConfigError, VectorsError
from pipeline.cli.app import cli
from pipeline.config import load_config
from pipeline.embedding.options import JoinedOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.insight import similarity as semantics
from pipeline.studies.sets import overrides_of


@pytest.fixture(scope="module")
def glove() -> WordVectors:
    return load_vectors("glove_6b_50d", words=[], most_frequent=60_000)


@pytest.fixture(scope="module")
def keyed(glove: WordVectors) -> KeyedVectors:
    keyed = KeyedVectors(glove.vector_size)
    keyed.add_vectors(list(glove.index_to_key), np.array(glove.vectors))
    return keyed


@pytest.mark.parametrize("dataset", semantics.DATASETS)
@pytest.mark.parametrize("cased", [False, True])
def test_the_same_figures_as_gensim(dataset: str, cased: bool, glove: WordVectors) -> None:
    words = [
        w.capitalize() if cased and i % 3 == 0 else w for i, w in enumerate(glove.index_to_key)
    ]
    if cased:  # a rarer spelling of a word that is there already must not count
        words = [*words, *(word.upper() for word in words[:2_000] if word.upper() != word)]
    words = list(dict.fromkeys(words))
    random = np.random.default_rng(0)
    values = np.vstack([glove.vectors, random.normal(0, 1, (2_000, 50))])[: len(words)]
    values = values.astype(np.float32)
    keyed = KeyedVectors(50)
    keyed.add_vectors(words, values)
    _, theirs, missing = keyed.evaluate_word_pairs(datapath(semantics.DATASETS[dataset]))
    ours = word_similarity(WordVectors.of(words, values), dataset)
    assert ours.spearman == pytest.approx(theirs.statistic, abs=1e-6)
    assert 100 * (1 - ours.pairs_known / ours.pairs) == pytest.approx(missing)
    assert 0 < ours.pairs_known < ours.pairs == {"wordsim353": 353, "simlex999": 999}[dataset]


def test_glove_agrees_with_people_as_published() -> None:
    glove = load_vectors("glove_6b_50d")
    assert word_similarity(glove, "wordsim353").spearman == pytest.approx(0.503, abs=5e-4)
    assert word_similarity(glove, "simlex999").spearman == pytest.approx(0.265, abs=5e-4)


def test_similarity_of_pairs_that_can_be_counted_by_hand() -> None:
    # tiger, cat 7.35; tiger, tiger 10.00; cup, coffee 6.58: the cosines 0.6, 1 and 0 are in order.
    words = ["tiger", "cat", "cup", "coffee"]
    values = np.array([[1, 0], [0.6, 0.8], [2, 0], [0, 3]], np.float32)
    found = word_similarity(WordVectors.of(words, values), "wordsim353")
    assert (found.spearman, found.pairs_known) == (1, 3)
    values[1] = [-1, 0]
    assert word_similarity(WordVectors.of(words, values), "wordsim353").spearman == 0.5


def test_too_few_pairs_and_no_such_data_set() -> None:
    empty = load_vectors("random", vector_size=5)
    found = word_similarity(empty, "simlex999")
    assert math.isnan(found.spearman)
    assert (found.pairs, found.pairs_known) == (999, 0)
    with pytest.raises(VectorsError, match="'men': expected one of wordsim353, simlex999"):
        word_similarity(empty, "men")


@pytest.mark.parametrize("word", ["alps", "himalaya", "minister", "the", "wow"])
def test_the_same_neighbours_as_gensim(word: str, glove: WordVectors, keyed: KeyedVectors) -> None:
    ours, theirs = neighbours(glove, word), keyed.most_similar(word, topn=10)
    assert [near for near, _ in ours] == [near for near, _ in theirs]
    np.testing.assert_allclose([c for _, c in ours], [c for _, c in theirs], atol=1e-6)


def test_the_blocks_do_not_show(glove: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    few = glove.subset([], 1_000)
    whole = neighbours(few, "minister")
    monkeypatch.setattr(semantics, "_BLOCK", 7)
    in_parts = neighbours(few, "minister")
    assert [near for near, _ in in_parts] == [near for near, _ in whole]


def test_neighbours_by_hand() -> None:
    values = np.array([[1, 0], [2, 2], [-3, 0], [0, 0], [5, 0]], np.float32)
    vectors = WordVectors.of(["east", "north-east", "west", "nowhere", "far east"], values)
    assert neighbours(vectors, "east") == [
        ("far east", 1), ("north-east", pytest.approx(0.5**0.5)), ("nowhere", 0), ("west", -1)
    ]  # fmt: skip
    assert neighbours(vectors, "east", 1) == [("far east", 1)]
    assert neighbours(vectors, "east", 0) == []
    assert neighbours(WordVectors.of(["east"], values[:1]), "east") == []
    for word in ("nowhere", "south"):
        with pytest.raises(VectorsError, match=f"has no vector for '{word}'"):
            neighbours(vectors, word)


def test_neighbours_do_not_copy_the_matrix(tmp_path: Path) -> None:
    import tracemalloc

    n = 200_000
    values = np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, (n, 64))
    values[:] = np.random.default_rng(0).normal(0, 1, (n, 64))
    values.flush()
    vectors = WordVectors.of(
        [f"w{i}" for i in range(n)], np.load(tmp_path / "v.npy", mmap_mode="r")
    )
    assert "w5" in vectors  # makes the index
    tracemalloc.start()
    neighbours(vectors, "w5")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < values.nbytes / 5


# ------------------------------------------------------------------------ `pipeline vectors compare`


def test_sets_by_name(tmp_path: Path) -> None:
    path = tmp_path / "it's [my] (1)+2.txt"
    path.write_text("alps 1 2\n")
    assert load_config(overrides_of(str(path))).vectors.path == str(path)
    joined = load_config(overrides_of("glove_6b_50d+corpus:cbow", text=str(path))).vectors
    assert isinstance(joined, JoinedOptions)
    assert joined.sets == ("glove_6b_50d", "corpus:cbow")
    assert joined.corpus.path == str(path)
    for wrong in ("nowhere.txt", "corpus:glove", "glove_6b_50d+corpus:x", "it's"):
        with pytest.raises(ConfigError):
            load_config(overrides_of(wrong))


def test_a_table_of_sets(
    small: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path))
    text = tmp_path / "text.txt"
    text.write_text(
        "a tiger is a cat\nthe tiger drinks a cup of coffee\nthe cat drinks a cup\n" * 9
    )
    sets = [str(small["vectors"]), "corpus:cbow", f"{small['vectors']}+corpus:cbow"]
    shown = CliRunner().invoke(
        cli, ["vectors", "compare", *sets, "--words", "alps,tiger", "--text", str(text),
              "data=file", f"data.path={small['csv']}"],
        catch_exceptions=False,
    )  # fmt: skip
    lines = shown.stdout.splitlines()
    assert lines[0].split("  ")[0] == "set"
    assert [line.split()[1:3] for line in lines[2:5]] == [["8", "36"], ["100", "9"], ["108", "42"]]
    assert [line.split()[-2:] for line in lines[2:4]] == [["nan", "(0)"], ["nan", "(0)"]]
    near = {word: [line for line in lines if line.startswith(word)] for word in ("alps", "tiger")}
    assert [row.endswith(" -") for row in near["alps"]] == [False, True, False]
    assert [row.endswith(" -") for row in near["tiger"]] == [True, False, False]


@pytest.mark.usefixtures("plain")
def test_what_sets_are_worth(small: dict[str, Path], store: str) -> None:
    shown = CliRunner().invoke(
        cli, ["vectors", "compare", str(small["vectors"]), "--train", "--seeds", "2", "--json",
              "data=file", f"data.path={small['csv']}", "model=mean", "seed=3",
              "training.frozen.epochs=1", "training.fine_tuned.epochs=1", f"tracking.uri={store}"],
        catch_exceptions=False,
    )  # fmt: skip
    (values,) = map(json.loads, shown.stdout.splitlines())
    assert values["vector_size"] == 8
    assert values["wordsim353"] == {"spearman": None, "pairs": 353, "known": 0}
    assert {name: len(of) for name, of in values["accuracies"].items()} == {
        "frozen validation": 2, "frozen test": 2, "fine_tuned validation": 2, "fine_tuned test": 2,
        "blend validation": 2, "blend test": 2,
    }  # fmt: skip
    client = MlflowClient(store)
    runs = [client.get_run(run_id) for run_id in values["runs"]]
    assert [run.data.params["seed"] for run in runs] == ["3", "4"]
    assert [run.data.metrics["test/frozen_accuracy"] for run in runs] == values["accuracies"][
        "frozen test"
    ]
    assert runs[0].info.run_name.endswith("vectors.txt-mean-3")
    model = client.get_registered_model("headlines-headlines")
    assert not model.aliases  # comparing does not change what serves


def test_no_set_to_compare() -> None:
    shown = CliRunner().invoke(cli, ["vectors", "compare", "data=bbc"])
    assert shown.exit_code == 2
    assert "expected the sets to compare" in shown.stderr
