"""What the trials of every kind of file share: damage, compressions, the time limit, the results.

A trial writes a small file, damages it and reads it in this process. It has one of these results:

    error      one line that says what is wrong
    right      every row that was read is as it was written; damaged rows may be missing
    own        a row is not as it was written, and its own bytes are damaged: the damaged file is
               as good a file of its format, and nothing in it can tell
    wrong      a row is not as it was written, and its bytes are not damaged: wrong in silence
    traceback  any other exception, or an error of several lines
    hang       more than 10 seconds

The last three are mistakes of the reader.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import signal
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pipeline.base.errors import PipelineError

RESULTS = ("error", "right", "own", "wrong", "traceback", "hang")
MISTAKES = RESULTS[3:]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. `kind`: of the file, a row of the table. `detail`: the error, or the mistake."""

    kind: str
    result: str
    detail: str = ""


Trial = Callable[[int, Path], Outcome]
"""A trial: from its seed and an empty folder to its outcome."""


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.txt", content)
    return file.getvalue()


def _zstd(content: bytes) -> bytes:
    import pyarrow as pa

    return bytes(pa.compress(content, "zstd", asbytes=True))


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": _zipped,
    "zstd": _zstd,
}
CHECKED = ("gzip", "bz2", "xz", "zip")  # zstd as Arrow writes it has no check sum


def damage(content: bytes, random_: random.Random) -> tuple[bytes, int, int]:
    """Damaged bytes, and the range of the original that was changed."""
    at = random_.randrange(len(content))
    length = random_.choice([1, 1, 1, 2, 4, 7, 40, 400])
    end = min(at + length, len(content))
    kind = random_.choice(["flip", "overwrite", "insert", "delete", "cut", "zeros", "repeat"])
    if kind == "flip":
        changed = bytes([content[at] ^ (1 << random_.randrange(8))])
        return content[:at] + changed + content[at + 1 :], at, at + 1
    if kind == "overwrite":
        return content[:at] + random_.randbytes(end - at) + content[end:], at, end
    if kind == "insert":
        return content[:at] + random_.randbytes(length) + content[at:], at, at + 1
    if kind == "delete":
        return content[:at] + content[end:], at, end
    if kind == "cut":
        return content[:at], at, len(content)
    if kind == "zeros":
        return content[:at] + bytes(end - at) + content[end:], at, end
    return content[:end] + content[at:end] + content[end:], at, end


class _TooLongError(Exception):
    pass


def _alarm(_: int, __: FrameType | None) -> None:
    raise _TooLongError


def attempt(kind: str, read: Callable[[], Outcome], limit_seconds: float = 10) -> Outcome:
    """What `read` gives, or the outcome of what it raises."""
    signal.signal(signal.SIGALRM, _alarm)
    signal.setitimer(signal.ITIMER_REAL, limit_seconds)
    try:
        return read()
    except PipelineError as error:
        return Outcome(kind, "error" if "\n" not in str(error) else "traceback", str(error))
    except _TooLongError:
        return Outcome(kind, "hang")
    except Exception:  # noqa: BLE001 any other exception is a mistake of the reader
        return Outcome(kind, "traceback", traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
