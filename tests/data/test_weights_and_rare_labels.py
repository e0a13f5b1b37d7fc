"""A column of weights, and labels with one or two headlines."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import make_headlines

from pipeline.base.errors import ConfigError, DataError
from pipeline.config import load_config
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.data.sampling import sample_examples
from pipeline.data.splitting import hold_out
from pipeline.data.weighting import counted_sha256

TEXTS, LABELS = make_headlines(20)


def weighted(weights: list[object] | None = None, **more: object) -> pd.DataFrame:
    values = weights or [i % 4 for i in range(len(TEXTS))]
    return pd.DataFrame({"text": TEXTS, "label": LABELS, "w": values, **more})


def weights_by_text(headlines: Headlines) -> dict[str, float]:
    return {
        row["text"]: row["weight"] for split in headlines.splits for row in headlines.rows(split)
    }


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "odd.csv"])
def test_each_headline_keeps_its_weight(tmp_path: Path, ending: str) -> None:
    """Also where the file is read by the slower reader: it has a blank line."""
    frame, path = weighted(), tmp_path / f"x.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)
    if ending == "odd.csv":
        path.write_text(path.read_text() + "\n,,\n,nature,no number\nNo label,,none\n")
    headlines = load_headlines("file", path=path, weight="w")
    expected = dict(zip(frame["text"], map(float, frame["w"]), strict=True))
    assert weights_by_text(headlines) == expected
    assert weights_by_text(load_headlines(frame, weight="w")) == expected
    assert headlines.sha256 != load_headlines("file", path=path).sha256


def test_a_blank_headline_may_have_any_weight(tmp_path: Path) -> None:
    blank = ["", "   ", "\u00ad", "\t \u3000", None]
    more = [("nature", ""), ("nature", "many"), ("money", -1), ("money", None), ("nature", "nan")]
    rows = [(text, *rest) for text, rest in zip(blank, more, strict=True)]
    rows += [("Snow without a label", " ", ""), ("And another", None, "x")]
    frame = pd.concat(
        [weighted(), pd.DataFrame(rows, columns=["text", "label", "w"])], ignore_index=True
    )
    expected = weights_by_text(load_headlines(weighted(), weight="w"))
    headlines = load_headlines(frame, weight="w")
    assert weights_by_text(headlines) == expected
    assert headlines.dropped["empty"] == 5
    frame.to_csv(tmp_path / "x.csv", index=False)
    assert weights_by_text(load_headlines("file", path=tmp_path / "x.csv", weight="w")) == expected
    added = load_headlines(weighted(), weight="w", added=tmp_path / "x.csv")
    assert weights_by_text(added) == expected


def test_nothing_is_weighed_by_the_weights_of_test(tmp_path: Path) -> None:
    """Other weights, also all 0, make no other split."""
    for split, weight in (("train", 1), ("validation", 2), ("test", 0)):
        rows = (
            slice(0, 30)
            if split == "train"
            else slice(30, 45)
            if split == "validation"
            else slice(45, 60)
        )
        pd.DataFrame({"text": TEXTS[rows], "label": LABELS[rows], "w": weight}).to_csv(
            tmp_path / f"{split}.csv", index=False
        )
    headlines = load_headlines("file", path=tmp_path, weight="w")
    assert headlines.examples("test").weights is None
    plain = load_headlines("file", path=tmp_path)
    assert plain.sha256.items() < headlines.sha256.items()
    assert headlines.sha256.keys() - plain.sha256.keys() == {"weights"}
    (tmp_path / "validation.csv").write_text(
        (tmp_path / "validation.csv").read_text().replace(",2", ",3")
    )
    others = load_headlines("file", path=tmp_path, weight="w")
    assert {k for k, v in others.sha256.items() if v != headlines.sha256[k]} == {"weights"}
    (tmp_path / "validation.csv").write_text(
        (tmp_path / "validation.csv").read_text().replace(",3", ",0")
    )
    with pytest.raises(DataError, match="a headline of validation with a weight above 0, all 15"):
        load_headlines("file", path=tmp_path, weight="w")


def test_weights_of_one_have_the_digest_of_none() -> None:
    ones = load_headlines(weighted([1.0] * len(TEXTS)), weight="w")
    assert ones.sha256 == load_headlines(weighted()).sha256


def test_added_headlines_have_weights_too(tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text("text,label,w\nA match in the snow,sport,2.5\n")
    headlines = load_headlines(weighted(), weight="w", added=path)
    assert weights_by_text(headlines)["A match in the snow"] == 2.5


@pytest.mark.parametrize(
    ("value", "shown"),
    [(-1, r"-1\.0"), ("many", "'many'"), ("", "''"), (None, "None"), (float("inf"), "inf"),
     ("nan", "'nan'"), ("1,5", "'1,5'"), pytest.param(10**400, r"10+\.\.\.", id="huge"), pytest.param(-(10**400), r"-10+\.\.\.", id="small")],
)  # fmt: skip
def test_a_wrong_weight_is_named(tmp_path: Path, value: object, shown: str) -> None:
    frame = weighted([1.0] * 6 + [value] + [1.0] * 53)
    with pytest.raises(DataError, match=rf"from 0 to 1e.09 in column 'w', got {shown} in row 7"):
        load_headlines(frame, weight="w")


def test_weights_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"headline of train with a weight above 0, all 42 have 0"):
        load_headlines(weighted([0] * len(TEXTS)), weight="w")
    with pytest.raises(
        DataError, match=r"there is no column 'weigth', it has .*: set weight=\.\.\."
    ):
        load_headlines(weighted(), weight="weigth")
    with pytest.raises(DataError, match=r"the source 'lists' has no column 'w'"):
        load_headlines(TEXTS, LABELS, weight="w")
    with pytest.raises(DataError, match=r"label and weight are both 'label'"):
        load_headlines(weighted(), weight="label")
    with pytest.raises(ConfigError, match=r"data\.weight belongs to data=file or hub"):
        load_config(["data.weight=w"])
    for weights, message in (
        ([1.0], "expected one weight a text, got 1 for 2 texts"),
        ([1.0, -2.0], "expected numbers from 0 to 1e.09, got -2.0 at position 1"),
        ([0.0, 0.0], "expected a weight above 0, all 2 are 0"),
    ):
        with pytest.raises(DataError, match=f"weights: {message}"):
            Examples(["a", "b"], [0, 1], ("x", "y"), weights)


def test_a_sample_keeps_its_weights() -> None:
    examples = load_headlines(weighted(), weight="w").examples("train")
    weights = dict(zip(examples.texts, examples.weights or (), strict=True))
    drawn = sample_examples(examples, 9, seed=1)
    assert drawn.weights == [weights[text] for text in drawn.texts]


def test_rare_labels_stay_in_training(caplog: pytest.LogCaptureFixture) -> None:
    """And change nothing of what happens to the others."""
    extra = ["Only one", "First of two", "Second of two"]
    with caplog.at_level(logging.WARNING):
        headlines = load_headlines([*TEXTS, *extra], [*LABELS, "one", "two", "two"])
    assert caplog.messages == [
        "data: 2 labels have fewer than 3 headlines, which all stay in train, so that no result tells of "
        "them: 'one' (1), 'two' (2)"
    ]
    assert headlines.label_names == ("money", "nature", "one", "sport", "two")
    assert set(extra) <= set(headlines.texts("train"))
    plain = load_headlines(TEXTS, LABELS)
    for split in ("validation", "test"):
        assert headlines.texts(split) == plain.texts(split)


def test_two_headlines_are_enough_where_one_split_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame({"text": [*TEXTS, "a b", "c d"], "label": [*LABELS, "two", "two"]})
    frame.to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"text": ["Ice again"], "label": ["nature"]}).to_csv(
        tmp_path / "test.csv", index=False
    )
    assert len(load_headlines("file", path=tmp_path).label_names) == 4
    assert not caplog.messages


def test_one_label_with_enough_headlines_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    headlines = load_headlines(TEXTS[:21], ["many"] * 20 + ["few"])
    assert "a label has fewer than 3 headlines" in caplog.text
    assert headlines.labels("train").count(0) == 1
    assert set(headlines.labels("test")) == {1}


def test_a_label_with_one_row_left_is_not_taken_from() -> None:
    rows, labels = np.arange(7), np.array([0, 0, 0, 0, 1, 2, 2])
    rest, chosen = hold_out(rows, labels, 3, np.array([True, True, False]), seed=0)
    assert set(labels[chosen]) == {0}
    assert sorted([*rest, *chosen]) == rows.tolist()


def test_validation_texts_without_weight_are_not_counted() -> None:
    training = Examples(["a", "b", "c"], [0, 0, 1], ("money", "nature"))
    validation = Examples(["d", "e", "f"], [0, 1, 1], ("money", "nature"))
    everything = counted_sha256(training, validation, None)
    assert everything == validation.sha256 == counted_sha256(training, validation, "balanced")
    weighed = replace(validation, weights=[2.0, 0.5, 1.0])
    assert counted_sha256(training, weighed, {"nature": 3.0}) == everything
    fewer = Examples(["e", "f"], [1, 1], ("money", "nature"))
    assert counted_sha256(training, validation, {"money": 0.0}) == fewer.sha256 != everything
    assert (
        counted_sha256(training, replace(validation, weights=[0.0, 1.0, 1.0]), None) == fewer.sha256
    )
