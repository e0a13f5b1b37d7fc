"""What `sweep` logs and says, without a search."""

from __future__ import annotations

import json

import pytest
from builders import make_headlines

from pipeline import report
from pipeline.data.headlines import load_headlines
from pipeline.insight.search import SearchedTrial
from pipeline.report.items import Picture, Table, Text

ACCURACIES = [0.80, 0.90, 0.85, 0.70, 0.88]


def trials(*objectives: str) -> list[SearchedTrial]:
    """The first has the defaults, the last but one was pruned, the last failed."""
    values = [
        {"accuracy": accuracy, "log_loss": 0.3} | dict.fromkeys(objectives, 9.0 - i)
        for i, accuracy in enumerate(ACCURACIES)
    ]
    states = ["complete", "complete", "complete", "pruned", "complete"]
    made = [
        SearchedTrial(i, state, _options(i), v, 1.0, f"run{i}")
        for i, (state, v) in enumerate(zip(states, values, strict=True))
    ]
    first = SearchedTrial(**{**vars(made[0]), "default": True})
    return [first, *made[1:], SearchedTrial(5, "failed", {"model": "cnn"}, {}, reason="no <b>")]


def _options(i: int) -> dict[str, str]:
    """Numbers, words, and an option that has both."""
    return {
        "model.dropout": f"{i / 10}",
        "model": "cnn",
        "model.max_tokens": ["auto", "24"][i % 2],
    }


def searched(*objectives: str, best: int = 1) -> report.SearchReport:
    made = trials(*objectives)
    importances = {"model.dropout": 0.9, "model": 0.1}
    return report.SearchReport(("accuracy", *objectives), made, made[best], importances, 200)


def test_the_sentence_says_how_far_the_result_can_be_trusted() -> None:
    assert report.search_sentence(searched()) == (
        "Trial 1 is best: validation accuracy 90.0%; with the defaults 80.0%. It was chosen on 200 "
        "validation headlines, where one standard error is 2.1 points: expect less on others. 6 "
        "trials: 4 complete, 1 pruned, 1 failed."
    )
    assert "it has the defaults: the search found nothing better" in report.search_sentence(
        searched(best=0)
    )
    right = SearchedTrial(**{**vars(searched().best), "values": {"accuracy": 1.0, "log_loss": 0.0}})
    assert (
        "It was chosen on only 200 validation headlines, so equal trials cannot be told apart."
        in (report.search_sentence(report.SearchReport(("accuracy",), [right], right, {}, 200)))
    )
    by_f1 = report.SearchReport(("macro_f1",), trials("macro_f1"), trials("macro_f1")[1], {}, 200)
    assert (
        "validation macro F1 8.0000; with the defaults 9.0000. It was chosen on 200 validation "
        "headlines: expect a worse result on others." in report.search_sentence(by_f1)
    )
    assert "90.0%, 8 MB; with" in report.search_sentence(searched("megabytes"))


def test_the_best_stands_beside_the_defaults() -> None:
    columns, rows = report.search_rows(searched())
    assert columns == ["", "defaults", "trial 1"]
    assert rows == [
        ["validation accuracy", "0.8000", "0.9000"],
        ["validation log loss (nats)", "0.3000", "0.3000"],
        ["model.dropout", "0", "0.1"],
        ["model", "cnn", "cnn"],
        ["model.max_tokens", "auto", "24"],
    ]
    assert report.search_rows(searched(best=0))[0] == ["", "defaults"]


@pytest.mark.parametrize("objectives", [(), ("megabytes",), ("megabytes", "milliseconds")])
def test_what_a_search_logs(objectives: tuple[str, ...]) -> None:
    result = searched(*objectives)
    items = report.search_items(result, ["model=cnn"], b"journal")
    tables = {item.path: item.frame for item in items if isinstance(item, Table)}
    table = tables["tables/trials.csv"]
    assert list(table["trial"]) == [0, 1, 2, 3, 4, 5]
    assert {"accuracy", *objectives, "model.dropout", "run_id", "reason"} <= set(table)
    assert ("tables/front.csv" in tables) == bool(objectives)
    pictures = {item.path for item in items if isinstance(item, Picture)}
    assert ("figures/search_front.png" in pictures) == bool(objectives)
    assert len(pictures) == 3 + bool(objectives)
    (content,) = [json.loads(i.content) for i in items if getattr(i, "path", "") == report.SEARCH]
    assert (content["given"], content["best"]) == (["model=cnn"], 1)
    assert content["trials"][5]["reason"] == "no <b>"
    assert content["trials"][5]["seconds"] is None

    headlines = load_headlines(*make_headlines(10))
    (page,) = report.search_page_items(items, result, headlines)
    assert isinstance(page, Text)
    assert "Trial 1 is best" in page.content
    assert "no &lt;b&gt;" in page.content
    assert page.content.count("<img") == len(pictures)
