"""Arrays and JSON in one file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.base.archive import load_archive, save_archive

CONTENT = {
    "name": "naïve",
    "none": None,
    "numbers": [1, 2.5, True],
    "words": np.array(["alps", "naïve"]),
    "phases": [{"weights": [np.arange(6, dtype=np.float32).reshape(2, 3), np.eye(2)]}],
    "array": {"array": 1, "empty": np.zeros((0, 3))},
}


def assert_same(loaded: Any, saved: Any) -> None:
    assert type(loaded) is type(saved)
    if isinstance(loaded, dict):
        assert list(loaded) == list(saved)
        for name in loaded:
            assert_same(loaded[name], saved[name])
    elif isinstance(loaded, list):
        assert len(loaded) == len(saved)
        for first, second in zip(loaded, saved, strict=True):
            assert_same(first, second)
    elif isinstance(loaded, np.ndarray):
        assert loaded.dtype == saved.dtype
        np.testing.assert_array_equal(loaded, saved)
    else:
        assert loaded == saved


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_saved_is_loaded(compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "content"
    save_archive(path, CONTENT, compressed=compressed)
    assert_same(load_archive(path), CONTENT)
    assert_same(load_archive(str(path)), CONTENT)
    buffer = io.BytesIO()
    save_archive(buffer, CONTENT, compressed=compressed)
    buffer.seek(0)
    assert_same(load_archive(buffer), CONTENT)


def test_dataclasses_and_tuples_become_dicts_and_lists(tmp_path: Path) -> None:
    @dataclass
    class Point:
        x: int
        y: Any

    save_archive(tmp_path / "point", {"points": (Point(1, np.arange(2)), Point(3, None))})
    expected = {"points": [{"x": 1, "y": np.arange(2)}, {"x": 3, "y": None}]}
    assert_same(load_archive(tmp_path / "point"), expected)


@pytest.mark.parametrize("value", [{1, 2}, np.array([{}], object)])
def test_other_values_are_refused_and_the_old_file_stays(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "content"
    save_archive(path, CONTENT)
    with pytest.raises(TypeError):
        save_archive(path, {"value": value})
    assert_same(load_archive(path), CONTENT)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("compressed", [False, True])
def test_a_damaged_file_is_a_value_error(compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "content"
    save_archive(path, CONTENT, compressed=compressed)
    content = path.read_bytes()
    random = np.random.default_rng(0)
    damaged = [b"", b"PK", b"x" + content[1:], content[: len(content) // 2], content[:-30]]
    for _ in range(300):
        changed = bytearray(content)
        for position in random.integers(len(content), size=random.integers(1, 20)):
            changed[position] = random.integers(256)
        damaged.append(bytes(changed))
    for bytes_ in damaged:
        path.write_bytes(bytes_)
        try:
            loaded = load_archive(path)
        except (ValueError, OSError):
            continue
        else:  # what was changed is not looked at, such as a time of writing
            assert_same(loaded, CONTENT)


def test_other_files_are_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "content"
    np.save(path.with_suffix(".npy"), np.arange(3))
    np.savez(path.with_suffix(".npz"), a=np.arange(3))
    for ending in (".npy", ".npz"):
        with pytest.raises(ValueError, match="expected a file of save_archive"):
            load_archive(path.with_suffix(ending))
    with pytest.raises(FileNotFoundError):
        load_archive(path)
