"""Passwords in addresses are masked, wherever they stand in a text."""

from __future__ import annotations

from pipeline.base.addresses import masked


def test_the_order_of_a_page_is_no_password() -> None:
    page = "#/experiments/1?orderByKey=metrics.accuracy&orderByAsc=false"
    assert masked(page) == page
    assert masked("http://host/?apikey=abc&orderByKey=x&key=def") == (
        "http://host/?apikey=***&orderByKey=x&key=***"
    )


def test_passwords_are_masked() -> None:
    for text, shown in (
        ("at http://alice:secret@host:5000/x: gone", "at http://alice:***@host:5000/x: gone"),
        ("postgresql+psycopg2://a:p@ss:w@db/x", "postgresql+psycopg2://a:***@db/x"),
        ("https://ghp_0123@host and https://:t@host", "https://***@host and https://:***@host"),
        ("https://host/?user=a&api_token=x&y=1", "https://host/?user=a&api_token=***&y=1"),
        ("sqlite:////a@b/mlflow.db, mail a@b.org", "sqlite:////a@b/mlflow.db, mail a@b.org"),
        ("http://a:x@one, http://b:y@two", "http://a:***@one, http://b:***@two"),
    ):
        assert masked(text) == shown
