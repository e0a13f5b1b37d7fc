"""What pyarrow reads of a plain file is what the exact reader gives; odd files are left to it."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from pipeline.base.errors import DataError
from pipeline.data.cleaning import clean_rows, clean_texts
from pipeline.data.content import Content
from pipeline.data.delimited import read_delimited
from pipeline.data.plain_csv import read_plain

COLUMNS = ("text", "label")


def plain(data: bytes) -> list[tuple[str, ...]] | None:
    frame = read_plain(Content("x.csv", ".csv", data), ",", COLUMNS)
    return None if frame is None else [*frame.itertuples(index=False, name=None)]


def exact(data: bytes) -> list[tuple[str, ...]]:
    frame = read_delimited(Content("x.csv", ".csv", data).text(), "x.csv")
    return [*frame[[*COLUMNS]].itertuples(index=False, name=None)]


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nAlps lose snow,nature\nRates rise,money\n",
        "label,text\nmoney,NA\n,null\n1984,\n",
        'id,text,label\r\n1,"Alps, snow",a\r\n2,"He said ""no""","b"\r\n',
        'text,label\n"",""\n"""",a\n',
        "text,label\n L\u2019eau \u2028 monte ,\u00e9tat",
        "\ufefftext,label\nAlps,a\n",
        "text;label\nAlps, snow;a\nRates;b\n",
    ],
)
def test_plain_files(content: str) -> None:
    data = content.encode()
    assert plain(data) == exact(data)
    assert plain(data) is not None


@pytest.mark.parametrize(
    "content",
    [
        'text,label\n"Alps\nlose snow",a\nRates,b\n',
        'text,label\n"Alps,a\nRates,b\n',
        'text,label\nAl"ps,a\n',
        'text,label\n"Alps"x,a\n',
        'text,label\nAlps, "a"\n',
        "text,label\nAlps,a\n\nRates,b\n",
        "text,label\nAlps,a\ntext,label\n",
        "text,label\nAlps,a,b\n",
        "text,label\nAlps\n",
        "text,label\rAlps,a\r",
        "text,label\nAlps,a\rRates,b\n",
        "text,label\nAl\0ps,a\n",
        "text,label,text\nAlps,a,b\n",
        "text,topic\nAlps,a\n",
        "sep=,\ntext,label\nAlps,a\n",
        '{"text": "Alps", "label": "a"}\n',
        "\ntext,label\nAlps,a\n",
        "",
    ],
)
def test_odd_files_are_left_to_the_exact_reader(content: str) -> None:
    assert plain(content.encode()) is None


def test_bytes_that_are_no_utf8_are_left_too() -> None:
    assert plain("text,label\nÉtat,a\n".encode("cp1252")) is None
    assert plain(b"text,label\nAlps,a\n\xc3") is None


def test_any_small_file_gives_the_same_or_nothing() -> None:
    """Fields and line ends that matter to a reader, in any order."""
    chance, taken = random.Random(0), 0
    fields = ["a", "é", " ", "", '""', '"a"', '"a,b"', '"a""b"', '""""', 'a"b', '"a\nb"', ' "a"']
    for _ in range(1_500):
        rows = [
            ",".join(chance.choices(fields, k=chance.choice([2, 2, 2, 2, 2, 1, 3])))
            + chance.choice(["\n", "\n", "\n", "\r\n", "\r", ""])
            for _ in range(chance.randrange(4))
        ]
        data = "".join(["text,label\n", *rows]).encode()
        if (got := plain(data)) is not None:
            taken += 1
            assert got == exact(data), data
    assert 150 < taken < 1_350


def test_the_exact_reader_has_its_own_messages() -> None:
    with pytest.raises(DataError, match="line 3: expected 2 fields"):
        exact(b"text,label\nAlps,a\nRates\n")


def test_columns_of_arrow_are_cleaned_as_lists_are() -> None:
    texts = ["Alps lose snow", " two  spaces", "tab\there", "", "e\u0301t\u00e9", "a\u00a0b", "x" * 10_001,
             "soft\u00adhyphen", None, " ", "\x7f", "end "]  # fmt: skip
    labels = ["1.0", "true", " a ", "b", None, "c", "d", "1", "2", "3", "-0", "1.50"]
    as_objects = pd.DataFrame({"text": texts, "label": labels}, dtype=object)
    as_arrow = as_objects.astype("string[pyarrow]").astype(pd.ArrowDtype(_string()))
    cleaned, expected = clean_rows(as_arrow), clean_rows(as_objects)
    assert cleaned.table.to_pylist() == expected.table.to_pylist()
    assert cleaned.unlabelled.to_pylist() == expected.unlabelled.to_pylist()
    assert cleaned.dropped == expected.dropped == {"empty": 3, "unlabelled": 1}
    assert cleaned.table["text"].to_pylist() == [
        t for t, n in zip(clean_texts(texts), labels, strict=True) if t and n
    ]


def _string() -> object:
    import pyarrow as pa

    return pa.string()
