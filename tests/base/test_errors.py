"""Errors that come through from another process."""

from __future__ import annotations

import pickle

import pytest

from pipeline.base.errors import DataError, MissingExtraError, PipelineError


@pytest.mark.parametrize(
    "error", [DataError("no rows"), MissingExtraError("optuna", "sweep", "a search for options")]
)
def test_an_error_is_the_same_in_another_process(error: PipelineError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
