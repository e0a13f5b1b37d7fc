"""Damaged tables of headlines.

Each headline has a number, so that no two rows are the same. Damage is a range of bytes. It touches
the rows that have a byte in it, and the row behind it, as a line end may be damaged. All rows before
must be read as they were written, and all rows behind as well: else the result is `wrong`, unless
there is an error or a warning. What the touched rows become is their own damage.

- Half of the damage is any change of bytes, half is a quote, separator, line end or bracket.
- Where the first line of a CSV is damaged, another separator may be right: the module csv has to read
  the same rows.
- Where compressed bytes are damaged, no row is touched.
- Parquet keeps values of many rows in one place, and pandas writes it without check sums: any row may
  change. With check sums, none may.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.fuzz.frame import CHECKED, COMPRESSIONS, Outcome, attempt, damage
from pipeline.data.cleaning import clean_texts, label_text
from pipeline.data.delimited import SEPARATORS
from pipeline.data.tables import read_columns

Rows = list[tuple[str, str]]
WORDS = [
    '27"',
    "alps",
    "snow",
    "bank",
    "Himalaya",
    "naïve",
    "n't",
    "98%",
    "日本",
    "rates, shares",
    'a "c"',
    "x;y",
]
LABELS = ["nature", "money", "sport", "日本", "0.3", "12"]


@dataclass(frozen=True)
class Written:
    """A file's bytes. `records`: the range of bytes of each row; empty where rows are not apart.

    `may_change`: whether any damage may change any row then. `width`: bytes of a line end.
    """

    content: bytes
    records: list[tuple[int, int]]
    may_change: bool = False
    width: int = 1


def _joined(header: str, lines: list[str], end: str = "", encoding: str = "utf-8") -> Written:
    start = header.encode(encoding)
    content, records = start, []
    for line in lines:
        part = line.encode(encoding)
        records.append((len(content), len(content) + len(part)))
        content += part
    return Written(content + end.encode(encoding), records)


def _delimited(
    rows: Rows, separator: str, end: str, encoding: str = "utf-8", quotes: str = '"'
) -> Written:
    def field(text: str) -> str:
        quoted = text.replace('"', '""')
        return f'"{quoted}"' if set(text) & {separator, quotes} else text

    lines = [f"{field(text)}{separator}{field(label)}{end}" for text, label in rows]
    return _joined(f"text{separator}label{end}", lines, "", encoding)


def _utf16(rows: Rows) -> Written:
    made = _delimited(rows, ",", "\n", "utf-16-le")
    mark = "\ufeff".encode("utf-16-le")
    return Written(mark + made.content, [(a + 2, b + 2) for a, b in made.records], width=2)


def _objects(rows: Rows, *, ascii_: bool = False) -> list[str]:
    return [json.dumps({"text": t, "label": n}, ensure_ascii=ascii_) for t, n in rows]


def _json_lines(rows: Rows) -> Written:
    return _joined("", [f"{line}\n" for line in _objects(rows)])


def _json_list(rows: Rows) -> Written:
    objects = _objects(rows, ascii_=True)
    commas = [", "] * (len(objects) - 1) + [""]
    return _joined("[", [a + b for a, b in zip(objects, commas, strict=True)], "]")


def _parquet(rows: Rows, *, checked: bool = False) -> Written:
    import pyarrow as pa
    import pyarrow.parquet

    file = io.BytesIO()
    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    pyarrow.parquet.write_table(table, file, write_page_checksum=checked)
    return Written(file.getvalue(), [], may_change=not checked)


def _checked_parquet(rows: Rows) -> Written:
    return _parquet(rows, checked=True)


FORMATS: dict[str, tuple[str, Callable[[Rows], Written]]] = {
    "CSV": ("csv", lambda rows: _delimited(rows, ",", "\n")),
    "CSV, CR LF": ("csv", lambda rows: _delimited(rows, ",", "\r\n")),
    "CSV, semicolons": ("csv", lambda rows: _delimited(rows, ";", "\n")),
    "CSV, UTF-16": ("csv", _utf16),
    "TSV": ("tsv", lambda rows: _delimited(rows, "\t", "\n")),
    "TSV, quotes as they are": ("tsv", lambda rows: _delimited(rows, "\t", "\n", quotes="")),
    "JSON": ("json", _json_list),
    "JSON lines": ("jsonl", _json_lines),
    "Parquet": ("parquet", _parquet),
    "Parquet, check sums": ("parquet", _checked_parquet),
}


def trial(seed: int, folder: Path) -> Outcome:
    """Write, damage and read one file."""
    random_ = random.Random(seed)
    name = random_.choice(list(FORMATS))
    ending, write = FORMATS[name]
    rows = [
        (f"{i:03} {' '.join(random_.choices(WORDS, k=random_.randint(1, 6)))}",
         random_.choice(LABELS))
        for i in range(random_.randint(1, 30))
    ]  # fmt: skip
    written = write(rows)
    compression = random_.choice([None, None, *COMPRESSIONS]) if ending != "parquet" else None
    outside = compression in CHECKED and random_.random() < 0.5
    packed = b""
    if outside:
        assert compression is not None
        packed = COMPRESSIONS[compression](written.content)
        content, start, end = damage(packed, random_)
    else:
        change = random_.choice([damage, _damage_a_sign])
        content, start, end = change(written.content, random_)
    plain = content
    if compression is not None and not outside:
        content = COMPRESSIONS[compression](content)
    path = folder / f"rows.{ending}"
    path.write_bytes(content)
    kind = f"{compression}, damaged outside" if outside else name

    def read() -> Outcome:
        with _warnings() as warnings:
            frame = read_columns(path, "text", "label")
        got = [*zip(clean_texts(frame["text"]), map(label_text, frame["label"]), strict=True)]
        if got == rows:
            return Outcome(kind, "right")
        if outside and (start, end) == (0, len(packed)):
            touched = slice(0, len(rows))  # the whole archive twice, which is an archive
        elif outside:
            touched = slice(0, 0)
        elif written.records:
            touched = _touched(written.records, start, end + written.width - 1)
        else:
            touched = slice(0, len(rows) if written.may_change else 0)
        may_gain_rows = touched.stop > 0 or bool(written.records and not outside)
        before, behind = rows[: touched.start], rows[touched.stop :]
        kept = got[: len(before)] == before and got[len(got) - len(behind) :] == behind
        if kept and len(got) >= len(before) + len(behind) and may_gain_rows:
            return Outcome(kind, "own")
        if warnings:
            return Outcome(kind, "error", warnings[0])
        if ending == "csv" and start < written.records[0][0] and got == _by_csv(plain):
            return Outcome(kind, "own")
        return Outcome(kind, "wrong", f"{rows} gave {got}")

    return attempt(kind, read)


def _damage_a_sign(content: bytes, random_: random.Random) -> tuple[bytes, int, int]:
    """Damage by a sign of the formats, put into the bytes or in the place of one: as `damage`."""
    at = random_.randrange(len(content))
    end = at + random_.randint(0, 1)
    sign = random_.choice(
        [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"\\", b"{", b"}", b"[", b"]"]
    )
    return content[:at] + sign + content[end:], at, max(end, at + 1)


def _touched(records: list[tuple[int, int]], start: int, end: int) -> slice:
    """The rows that have a byte from `start` to `end`, and the row behind."""
    first = next((i for i, (_, last) in enumerate(records) if start < last), len(records))
    stop = next((i for i, (begin, _) in enumerate(records) if end < begin), len(records))
    return slice(first, max(first, stop))


def _by_csv(content: bytes) -> Rows:
    """The rows of a damaged CSV file by the module csv, with a separator that its first line has."""
    text = content.decode("utf-8", "replace")
    for separator in SEPARATORS:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        if rows and {"text", "label"} <= set(rows[0]):
            columns = rows[0].index("text"), rows[0].index("label")
            return [(row[columns[0]], row[columns[1]]) for row in rows[1:] if len(row) > 1]
    return []


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """The warnings of the package while the block runs."""
    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler = Keep(logging.WARNING)
    logger = logging.getLogger("pipeline.data")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
