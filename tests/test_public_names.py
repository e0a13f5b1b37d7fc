"""Every public function says in one line which argument has a wrong type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from networks import TEST, TRAIN, VALIDATION, built, small_matrix

import pipeline
from pipeline import PipelineError
from pipeline.base.calls import checked

WRONG = (None, 5, "no such thing", b"x", {1: "a"}, [1], object())
VECTORS = pipeline.WordVectors.from_rows(["alps", "snow"], np.eye(2, dtype=np.float32))


@pytest.fixture(scope="module")
def right() -> dict[str, tuple[Any, ...]]:
    """Right arguments of each function. One of them at a time is made wrong."""
    network, matrix = built(), small_matrix()
    return {
        "CaseBase": (network, ["Alps"], ["nature"]),
        "Examples": (["Alps"], [0], ("nature",)),
        "activations": (network, ["Alps"]),
        "audit": (None,),
        "build_embedding_matrix": (["alps"], VECTORS),
        "build_network": (matrix, 2),
        "build_vocabulary": (["Alps"],),
        "contributions": (pipeline.Classifier(network, label_names=("a", "b", "c")), ["Alps"]),
        "evaluate": (network, TEST),
        "fit": (TRAIN, VALIDATION),
        "fit_ensemble": (network, matrix, TRAIN, VALIDATION),
        "join_vectors": ([VECTORS],),
        "load_classifier": (None,),
        "load_config": (["seed=1"],),
        "load_headlines": (["Alps"], ["nature"]),
        "load_vectors": (None,),
        "match_words": (["alps"], VECTORS),
        "neighbours": (VECTORS, "alps"),
        "probe": (network, TEST),
        "report_embedding": (network, matrix, None, TRAIN, TEST),
        "spellings": (["alps"],),
        "tokenize": (["Alps"],),
        "train": (network, TRAIN, VALIDATION),
        "train_vectors": (["Alps"],),
        "word_similarity": (VECTORS, "wordsim353"),
    }


def test_each_wrong_argument_is_one_line(right: dict[str, tuple[Any, ...]]) -> None:
    for name, arguments in right.items():
        for place in range(len(arguments)):
            for wrong in WRONG:
                if name == "build_network" and place == 1 and wrong == 5:
                    continue  # five labels
                given = [*arguments]
                given[place] = wrong
                with pytest.raises(PipelineError) as caught:
                    getattr(pipeline, name)(*given)
                assert len(str(caught.value).splitlines()) == 1, (name, place, wrong)


def test_no_public_function_is_left_out(right: dict[str, tuple[Any, ...]]) -> None:
    # The others are results of these, or have their own test.
    functions = {name for name in pipeline.__all__ if name[0].islower()}
    assert functions == {name for name in right if name[0].islower()}


METHODS: dict[str, Callable[[], object]] = {
    "texts as vectors": lambda: pipeline.WordVectors.from_rows(["a"], "b"),  # type: ignore[arg-type]
    "vectors in one dimension": lambda: pipeline.WordVectors.from_rows(["a"], np.ones(3)),
    "one text as words": lambda: pipeline.WordVectors.from_rows("ab", np.ones((2, 2))),
    "a text as words of a subset": lambda: VECTORS.subset("alps"),
    "less than no neighbours": lambda: pipeline.neighbours(VECTORS, "alps", -1),
    "a count too many": lambda: pipeline.build_embedding_matrix(["a"], VECTORS, counts=[1, 2]),
    "a word that is there twice": lambda: pipeline.build_embedding_matrix(["a", "a"], VECTORS),
    "vectors scaled to nothing": lambda: pipeline.build_embedding_matrix(["a"], VECTORS, std=0.0),
    "a network without labels": lambda: pipeline.build_network(small_matrix(), 0),
    "a vocabulary of no tokens": lambda: pipeline.build_vocabulary(["a"], max_tokens=0),
    "vectors of -3 dimensions": lambda: pipeline.load_vectors("random", vector_size=-3),
    "one label name for two labels": lambda: pipeline.Examples(["a"], [0], ("x", "x")),
    "labels between positions": lambda: pipeline.Examples(["a"], [0.5], ("x", "y")),  # type: ignore[list-item]
    "a name in the place of options": lambda: pipeline.fit(TRAIN, VALIDATION, model="cnn"),  # type: ignore[arg-type]
    "a report that is not there": lambda: pipeline.EmbeddingReport.load("none.npz"),
}


@pytest.mark.parametrize("act", METHODS.values(), ids=METHODS)
def test_other_wrong_values_are_one_line(act: Callable[[], object]) -> None:
    with pytest.raises(PipelineError) as caught:
        act()
    assert len(str(caught.value).splitlines()) == 1


def test_arrays_series_and_numbers_of_numpy_fit() -> None:
    texts = np.array(["Alps", "snow"])
    assert len(pipeline.Examples(texts, np.array([0, 1]), ("a", "b"))) == 2
    assert len(pipeline.Examples(pd.Series(texts), [np.int8(0), 1], ["a", "b"])) == 2  # type: ignore[arg-type]
    assert pipeline.build_vocabulary(pd.Series(texts), min_count=np.int64(1)).words == (
        "alps",
        "snow",
    )  # type: ignore[arg-type]
    assert pipeline.neighbours(VECTORS, "alps", k=np.int64(1)) == [("snow", 0.0)]  # type: ignore[arg-type]


def test_a_generator_is_not_used_up_by_the_check() -> None:
    assert pipeline.spellings(word for word in ["alps"]) == ["alps", "Alps", "ALPS"]


def test_a_generator_is_no_list() -> None:
    with pytest.raises(PipelineError, match="expected list of str as texts, got <generator"):
        pipeline.build_vocabulary(word for word in ["alps"])  # type: ignore[arg-type]


def test_the_message_names_function_and_argument() -> None:
    @checked
    def ask(word: str, k: int | None = None) -> object:
        return word, k

    assert ask("alps", None) == ("alps", None)
    with pytest.raises(TypeError, match=r"^.*ask: expected int or None as k, got '3' \(str\)$"):
        ask("alps", k="3")  # type: ignore[arg-type]
