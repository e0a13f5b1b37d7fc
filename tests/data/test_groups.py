"""The column of groups: the publisher or author of each headline."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from builders import make_headlines
from datasets import ClassLabel, Dataset, Features, Value

from pipeline.base.errors import ConfigError, DataError
from pipeline.config import load_config
from pipeline.data.headlines import load_headlines


def test_groups_stay_with_their_headlines(tmp_path: Path) -> None:
    texts, labels = make_headlines(20)
    frame = pd.DataFrame({"text": texts, "label": labels, "by": [f" by {t}  x" for t in texts]})
    frame.loc[3, "by"] = None
    frame = pd.concat([frame, frame.assign(by="somebody else")])  # all of them once more
    frame.to_csv(tmp_path / "h.csv", index=False)
    frame.to_json(tmp_path / "h.jsonl", orient="records", lines=True)
    for name in ("h.csv", "h.jsonl"):
        headlines = load_headlines("file", path=tmp_path / name, group="by")
        assert headlines.dropped["duplicates"] == 60
        for split in headlines.splits:
            groups = headlines.groups(split)
            assert groups is not None
            for text, group in zip(headlines.texts(split), groups, strict=True):
                assert group == ("" if text == texts[3] else f"by {text} x")
    without = load_headlines("file", path=tmp_path / "h.csv")
    assert without.groups("train") is None
    assert without.splits["train"].column_names == ["text", "label"]
    assert without.sha256 == headlines.sha256


def test_groups_of_a_data_set_have_their_names() -> None:
    texts, labels = make_headlines(20)
    features = Features(
        {
            "text": Value("string"),
            "label": ClassLabel(names=sorted(set(labels))),
            "paper": ClassLabel(names=["Times", "Post"]),
        }
    )
    rows = {"text": texts, "label": labels, "paper": [i % 2 for i in range(60)]}
    headlines = load_headlines(Dataset.from_dict(rows, features=features), group="paper")
    assert set(headlines.groups("train") or []) == {"Times", "Post"}
    assert headlines.label_names == ("money", "nature", "sport")


def test_bad_columns_of_groups(tmp_path: Path) -> None:
    texts, labels = make_headlines(20)
    pd.DataFrame({"text": texts, "label": labels, "one": 1}).to_csv(tmp_path / "h.csv", index=False)
    with pytest.raises(
        DataError, match=r"no column 'by', it has 'text', 'label', 'one': set data\.group"
    ):
        load_headlines("file", path=tmp_path / "h.csv", group="by")
    with pytest.raises(DataError, match="at least two different values in the column 'one'"):
        load_headlines("file", path=tmp_path / "h.csv", group="one")
    with pytest.raises(DataError, match="the source 'bbc' has no column 'by'"):
        load_headlines("bbc", group="by")
    with pytest.raises(DataError, match="the source 'lists' has no column 'by'"):
        load_headlines(texts, labels, group="by")
    with pytest.raises(ConfigError, match=r"data\.group belongs to data=file or hub, which is not"):
        load_config(["data.group=by"])
