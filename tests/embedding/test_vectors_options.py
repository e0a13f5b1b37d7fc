from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from inspect import signature
from typing import Any

import pytest

from pipeline.base.errors import ConfigError
from pipeline.config import load_config
from pipeline.embedding.algorithms import ALGORITHMS
from pipeline.embedding.corpus import train_vectors
from pipeline.embedding.initial_rows import INITIAL
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.options import OwnTextOptions, VectorsOptions

HEAVY = ("tensorflow", "keras", "gensim", "pyarrow", "scipy", "sklearn", "mlflow")


def test_options_import_nothing_heavy() -> None:
    code = (
        "import sys, pipeline.embedding.options\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "[]\n"


def test_the_defaults_of_the_functions_are_those_of_the_options() -> None:
    trained = asdict(OwnTextOptions())
    del trained["path"]
    assert defaults(train_vectors) == {**trained, "workers": 1}
    matrix, options = defaults(build_embedding_matrix), VectorsOptions()
    assert (matrix["fallbacks"], matrix["missing"]) == (options.fallbacks, options.missing)
    # On purpose, the function by itself changes no value and refuses no set.
    assert (matrix["std"], matrix["min_coverage"]) == (None, 0)


def defaults(function: Any) -> dict[str, Any]:
    parameters = signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def test_a_rule_for_missing_words_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    override = ["vectors.missing=ones"]
    with pytest.raises(ConfigError, match=r"vectors\.missing: expected one of quarter.*'ones'"):
        load_config(override)
    monkeypatch.setitem(INITIAL, "ones", INITIAL["zeros"])
    assert load_config(override).vectors.missing == "ones"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_joined_sets_name_the_algorithm(algorithm: str) -> None:
    options = load_config(["vectors=joined", f"vectors.sets=[random,corpus:{algorithm}]"]).vectors
    assert options.own_text("glove_6b_50d") is None
    assert options.own_text("corpus") == options.corpus
    assert options.own_text(f"corpus:{algorithm}").algorithm == algorithm
