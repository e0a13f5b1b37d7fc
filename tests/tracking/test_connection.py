"""The store: which one it is, and what is said when it does not answer."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from pipeline.base.errors import TrackingError
from pipeline.tracking.connection import (
    check_store,
    connect,
    is_new_store,
    mlflow_errors,
    tracking_uri,
)


def test_the_option_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri() == "http://127.0.0.1:5000"
    assert tracking_uri("sqlite:///other.db") == "sqlite:///other.db"


def test_a_store_that_does_not_answer() -> None:
    with pytest.raises(TrackingError, match=r"expected an MLflow server at http://127\.0\.0\.1:9"):
        connect("http://127.0.0.1:9")
    with pytest.raises(TrackingError, match="could not use the tracking store"):
        connect("sqlite:////dev/null/mlflow.db")
    with pytest.raises(
        TrackingError, match=r"an address such as sqlite:///mlflow\.db .*'nonsense'"
    ):
        connect("nonsense")


def test_a_new_store(store: str, tmp_path: Path) -> None:
    assert connect(store) == store
    assert not is_new_store(store)
    assert is_new_store(f"sqlite:///{tmp_path / 'other.db'}")
    assert not is_new_store("http://127.0.0.1:5000")


def test_the_reason_is_one_line() -> None:
    with (
        pytest.raises(TrackingError, match=r"^it failed: first$"),
        mlflow_errors("it failed"),
    ):
        raise OSError("first\nsecond")
    with pytest.raises(ValueError, match="a bug"), mlflow_errors("it failed"):
        raise ValueError("a bug")


def test_passwords_are_masked() -> None:
    with pytest.raises(TrackingError, match=r"at http://alice:\*\*\*@127") as raised:
        check_store("http://alice:secret@127.0.0.1:9")
    assert "secret" not in str(raised.value)


def test_checking_a_store_does_not_choose_it(store: str) -> None:
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    assert check_store(store) == store
    assert mlflow.get_tracking_uri() == "http://127.0.0.1:9"
    connect(store)
    assert mlflow.get_tracking_uri() == store
