"""One value has one name as a label, wherever it comes from; contradictions are counted."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from builders import make_headlines
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given
from hypothesis import strategies as st

from pipeline.base.errors import DataError
from pipeline.data.cleaning import label_text
from pipeline.data.headlines import Headlines, load_headlines

TEXTS = make_headlines(20)[0]
BIG = 2**53

# The values in Python, and their names.
VALUES: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "floats": ([0.3, 0.7, 0.57], ("0.3", "0.57", "0.7")),
    "whole floats": ([1.0, 2.0, 3.5], ("1", "2", "3.5")),
    "long floats": (
        [1e16, 1e20, 2.5e17],
        ("10000000000000000", "250000000000000000", "1" + "0" * 20),
    ),
    "longer floats": ([1e21, 2.5e100, -1e22], ("-1e+22", "1e+21", "2.5e+100")),
    "small floats": ([1e-05, 1.5e-07, 0.25], ("0.00000015", "0.00001", "0.25")),
    "smaller floats": ([1e-30, 5e-324, 0.0], ("0", "1e-30", "5e-324")),
    "truth values": ([True, False], ("False", "True")),
    "large integers": ([BIG + 1, BIG, 5], ("5", str(BIG), str(BIG + 1))),
    "texts": (["a", "b  c", "01"], ("01", "a", "b c")),
}


def values_of(kind: str) -> list[Any]:
    values = VALUES[kind][0]
    return [values[i % len(values)] for i in range(len(TEXTS) - 1)] + [None]


def sources(kind: str, folder: Path) -> dict[str, Headlines]:
    """The same headlines and labels in every form. The last one has no label."""
    labels = values_of(kind)
    written = [
        json.dumps(label) if isinstance(label, bool) else "" if label is None else str(label)
        for label in labels
    ]
    for ending, separator in (("csv", ","), ("tsv", "\t")):
        rows = [f'"{t}"{separator}{n}' for t, n in zip(TEXTS, written, strict=True)]
        (folder / f"x.{ending}").write_text("\n".join([f"text{separator}label", *rows]))
    objects = [{"text": t, "label": n} for t, n in zip(TEXTS, labels, strict=True)]
    (folder / "x.json").write_text(json.dumps(objects))
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, objects)))
    table = pa.table({"text": TEXTS, "label": labels})
    pyarrow.parquet.write_table(table, folder / "x.parquet")
    files = {
        ending: load_headlines("file", path=folder / f"x.{ending}")
        for ending in ("csv", "tsv", "json", "jsonl", "parquet")
    }
    frame = pd.DataFrame({"text": TEXTS, "label": pd.Series(labels, dtype=object)})
    return {
        **files,
        "lists": load_headlines(TEXTS, labels),
        "frame": load_headlines(frame),
        "data set": load_headlines(Dataset(table)),
    }


@pytest.mark.parametrize("kind", VALUES)
def test_one_value_has_one_name_everywhere(kind: str, tmp_path: Path) -> None:
    for source, headlines in sources(kind, tmp_path).items():
        assert set(headlines.label_names) == set(VALUES[kind][1]), source
        assert headlines.dropped["unlabelled"] == 1, source
        by_text = dict(zip(TEXTS, map(label_text, values_of(kind)), strict=True))
        for text, label in zip(headlines.texts("train"), headlines.labels("train"), strict=True):
            assert headlines.label_names[label] == by_text[text], source


def test_numbers_of_32_bits_and_of_decimals_keep_their_short_form(tmp_path: Path) -> None:
    labels = [(0.3, 0.7)[i % 2] for i in range(len(TEXTS))]
    frame = pd.DataFrame({"text": TEXTS, "label": np.array(labels, np.float32)})
    frame.to_parquet(tmp_path / "x.parquet")
    assert load_headlines(frame).label_names == ("0.3", "0.7")
    assert load_headlines("file", path=tmp_path / "x.parquet").label_names == ("0.3", "0.7")
    table = pa.table({"text": TEXTS, "label": [Decimal(str(label)) for label in labels]})
    pyarrow.parquet.write_table(table, tmp_path / "d.parquet")
    assert load_headlines("file", path=tmp_path / "d.parquet").label_names == ("0.3", "0.7")


@given(st.floats(allow_nan=False) | st.integers() | st.text() | st.booleans())
def test_the_name_of_a_name_is_the_name(value: Any) -> None:
    assert label_text(label_text(value)) == label_text(value)


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), pd.NA, pd.NaT, "", "  ", Decimal("NaN"), Decimal("sNaN"), complex("nan"),
     np.float16("nan"), np.datetime64("NaT")],
)  # fmt: skip
def test_a_missing_label_has_no_name(value: Any) -> None:
    assert label_text(value) == ""


@pytest.mark.parametrize("missing", [Decimal("sNaN"), Decimal("NaN"), float("nan"), pd.NaT])
def test_a_missing_label_of_a_list_or_frame_is_left_out(missing: Any) -> None:
    labels = [*["a", "b"] * 10, missing]
    for headlines in (
        load_headlines(TEXTS[:21], labels),
        load_headlines(
            pd.DataFrame({"text": TEXTS[:21], "label": pd.Series(labels, dtype=object)})
        ),
    ):
        assert headlines.label_names == ("a", "b")
        assert headlines.unlabelled == (TEXTS[20],)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Fraction(1, 3), "1/3"),
        (Fraction(4, 2), "2"),
        (Decimal("1E+5"), "100000"),
        (Decimal("9.5E+30"), "9.5E+30"),
        (Decimal("1E+999999999"), "1E+999999999"),
        (Decimal("1E-999999999"), "1E-999999999"),
        (Decimal("0E+9"), "0"),
        (float("inf"), "inf"),
        (1e308, "1e+308"),
        (np.float16(6e4), "60000"),
        (10**400, "1" + "0" * 400),
        (1 + 2j, "(1+2j)"),
    ],
)
def test_numbers_of_any_kind_have_a_name(value: Any, name: str) -> None:
    assert label_text(value) == name


@pytest.mark.parametrize(
    "value", [10**5000, -(10**5000), Fraction(10**5000, 3)], ids=["large", "small", "fraction"]
)
def test_a_number_that_python_does_not_write_is_one_line(value: Any) -> None:
    with pytest.raises(DataError, match=r"^expected labels with short names, got a number of more"):
        load_headlines(TEXTS[:21], [*["a", "b"] * 10, value])


def test_labels_of_many_digits_are_in_order(tmp_path: Path) -> None:
    names = ("-1", "2", "10", "9" * 5000)
    labels = [names[i % 4] for i in range(len(TEXTS))]
    assert load_headlines(TEXTS, labels).label_names == names


@pytest.mark.parametrize("value", [["a"], ("a", "b"), {"a": 1}, b"a", np.array(["a"]), {"a"}])
def test_several_values_and_bytes_are_no_label(value: Any) -> None:
    labels = [*["a", "b"] * 10, value]
    with pytest.raises(
        DataError, match=r"the lists: expected one text or number in column 'label', .* in row 21"
    ):
        load_headlines(TEXTS[:21], labels)


def test_texts_that_have_one_name_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    labels = [("1.5", "1.50", "2")[i % 3] for i in range(len(TEXTS))]
    assert load_headlines(TEXTS, labels).label_names == ("1.5", "2")
    assert "the labels 1.5, 1.50 are one label, 1.5" in caplog.text


def test_contradictions_are_counted_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    texts, labels = make_headlines(20)
    index = labels.index("money")
    more = [texts[index]] * 3
    headlines = load_headlines([*texts, *more], [*labels, "sport", "money", "nature"])
    assert headlines.dropped["duplicates"] == 1
    assert headlines.dropped["contradictions"] == 2
    (contradiction,) = headlines.contradictions
    assert (contradiction.text, contradiction.label) == (texts[index], "money")
    assert contradiction.other_labels == ("sport", "nature")
    assert contradiction.headlines == 2
    assert "contradicting labels for 1 of 60 headlines, of which the first stays" in caplog.text
    assert texts[index] in caplog.text
    assert load_headlines(texts, labels).contradictions == ()


def test_the_rule_for_contradictions(caplog: pytest.LogCaptureFixture) -> None:
    texts, labels = make_headlines(20)
    index = labels.index("money")
    more = ([*texts, *[texts[index]] * 3], [*labels, "sport", "money", "nature"])
    headlines = load_headlines(*more, contradictions="drop")
    left = [text for split in headlines.splits for text in headlines.texts(split)]
    assert sorted(left) == sorted(text for text in texts if text != texts[index])
    assert headlines.dropped["duplicates"] == 1
    assert headlines.dropped["contradictions"] == 3
    assert [each.text for each in headlines.contradictions] == [texts[index]]
    assert "contradicting labels for 1 of 59 headlines, of which none stays" in caplog.text
    with pytest.raises(
        DataError, match=r"got several for 1: '.*' as money, sport, nature: mend them"
    ):
        load_headlines(*more, contradictions="error")
    rules: tuple[Any, ...] = ("first", "drop", "error")
    same = [load_headlines(texts, labels, contradictions=rule).sha256 for rule in rules]
    assert same[0] == same[1] == same[2]


def test_a_split_without_labels_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    texts, labels = make_headlines(30)
    names = sorted(set(labels))
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    codes = [names.index(label) for label in labels]
    train = Dataset.from_dict({"text": texts[:80], "label": codes[:80]}, features=features)
    secret = Dataset.from_dict({"text": texts[80:], "label": [-1] * 10}, features=features)
    headlines = load_headlines(DatasetDict({"train": train, "test": secret}))
    assert "the split test is left out, as none of its 10 headlines has a label" in caplog.text
    assert sum(map(len, headlines.splits.values())) == 80
    with pytest.raises(DataError, match=r"expected labelled headlines in train, none is left"):
        load_headlines(DatasetDict({"train": secret, "test": train}))
