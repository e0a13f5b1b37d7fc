"""Files that are whole or not there, and digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from pipeline.base.files import atomic_write, digest, file_digest


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "notes.txt"
    for text in ("first", "second"):
        with atomic_write(path) as part:
            assert part.parent == path.parent
            assert part.suffix == ".txt"
            part.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_write(path) as part:
            part.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "notes.txt"):
        pass


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError("9 requested")])
def test_a_full_disk_is_named(error: OSError, tmp_path: Path) -> None:
    """Python and NumPy say only that."""
    with pytest.raises(OSError) as raised, atomic_write(tmp_path / "notes.txt"):  # noqa: PT011
        raise error
    assert raised.value.filename == str(tmp_path / "notes.txt")
    assert raised.value.strerror in ("No space left on device", "9 requested")
    assert list(tmp_path.iterdir()) == []


def test_a_network_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError) as raised, atomic_write(tmp_path / "notes.txt"):
        raise ConnectionResetError(104, "Connection reset by peer")
    assert raised.value.filename is None


def test_a_folder_appears_at_once(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for content in ("first", "second"):
        try:
            with atomic_write(path) as part:
                part.mkdir()
                (part / "notes.txt").write_text(content)
                assert not path.exists() or content == "second"
        except OSError:
            assert content == "second"  # a folder with files is not replaced
    assert (path / "notes.txt").read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_digest_depends_on_values_types_and_shapes() -> None:
    parts = [
        ("training", 1),
        ("training", 2),
        ("training", "1"),
        (np.arange(4),),
        (np.arange(4.0),),
        (np.arange(4).reshape(2, 2),),
        (np.arange(4).reshape(2, 2).T,),
    ]
    assert len({digest(*values) for values in parts}) == len(parts)
    assert digest(np.arange(4)) == digest(np.arange(8)[:4])


def test_file_digest(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_digest(tmp_path / "x") == hashlib.sha256(b"abc").hexdigest()
    assert file_digest(tmp_path / "x", "md5") == hashlib.md5(b"abc").hexdigest()
