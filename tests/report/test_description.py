"""The descriptions in Markdown, without a server."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from builders import make_headlines

from pipeline import report
from pipeline.classifier.readme import describe_model, escape_markdown, list_labels, model_card
from pipeline.data.headlines import Headlines, load_headlines
from pipeline.report import style

RUN = report.RunAddress("7", "abc", "http://alice:secret@host:5000")
RESULTS = pd.DataFrame(
    {
        "classifier": ["frozen", "ensemble", "commonest label"],
        "kept": [False, True, False],
        "test_accuracy": [0.8, 0.9, 0.25],
        "low": [0.7, 0.85, float("nan")],
        "high": [0.85, 0.95, float("nan")],
        "test_macro_f1": [0.79, 0.91, float("nan")],
    }
)
EVIL = "a|b <script>x</script>\n[c](javascript:d) `e`"


@pytest.fixture(scope="module")
def headlines() -> Headlines:
    texts, labels = make_headlines(40)
    return load_headlines(texts, [f"{label} {EVIL}" for label in labels])


def note(items: list[report.Item]) -> str:
    (only,) = [item.content for item in items if isinstance(item, report.Note)]
    return only


def picture(width: float) -> report.Picture:
    figure = style.new_figure((width, 2))
    figure.subplots().plot([1, 2])
    return report.Picture("figures/confusion_matrix.png", figure)


def described(
    headlines: Headlines, warnings: list[str] | None, shown: report.Picture | None
) -> str:
    options = {"vectors": "glove", "seed": 3}
    return note(
        report.run_items("Right on 90%.", RESULTS, headlines, options, warnings, RUN, shown)
    )


def test_the_first_lines_of_a_run_are_result_links_and_warnings(headlines: Headlines) -> None:
    """MLflow shows no more of it before a click, and only the first line in lists. It lays a shade
    over the last lines, which takes the clicks."""
    first, second, third, empty, *_ = described(headlines, ["few words", EVIL], None).splitlines()
    assert (first, empty) == ("Right on 90%.", "")
    assert third.startswith("**Warning:** few words; a&#124;b &#60;script&#62;")
    report_page = "#/experiments/7/runs/abc/artifacts/report.html?workflowType=machine_learning"
    assert f"[The whole report]({report_page})" in second
    assert "not audited" in described(headlines, None, None)
    assert "found no shortcut" in described(headlines, [], None)


def test_a_run_has_its_results_and_how_to_load_its_model(headlines: Headlines) -> None:
    text = described(headlines, [], None)
    assert "| **ensemble (kept)** | 0.9000 | 0.8500 to 0.9500 | 0.9100 |" in text
    assert "| commonest label | 0.2500 |  |  |" in text
    assert "vectors glove, seed 3" in text
    assert "mlflow.pyfunc.load_model('runs:/abc/model')" in text
    assert "secret" not in text
    assert "![" not in text
    assert "<script>" not in text
    assert "](javascript" not in text


def test_a_wide_picture_is_made_small(headlines: Headlines) -> None:
    for width, path in ((5.0, "figures/confusion_matrix.png"), (12.0, "figures/description.png")):
        logged: list[report.Item] = [picture(width)]
        shown = report.shown_picture(logged, "figures/confusion_matrix.png")
        assert shown is not None
        assert shown.path == path
        assert shown.figure.get_size_inches()[0] * shown.dpi <= 700
        address = f"get-artifact?path={path.replace('/', '%2F')}&run_uuid=abc"
        assert f"![The confusions on the test headlines]({address})" in described(
            headlines, [], shown
        )
    assert report.shown_picture([], "figures/confusion_matrix.png") is None


def test_a_study_has_its_table(headlines: Headlines) -> None:
    items = report.study_items(
        "It wins.", (["set", "a"], [["x", "0.5"]]), headlines, RUN, charted=report.LINE
    )
    text = note(items)
    assert text.startswith("It wins.\n[A chart with a line for each method](#/experiments/7/runs?")
    assert "test%2Faccuracy" in RUN.lines()
    assert "validation%2Faccuracy" in RUN.lines(report.TRIAL)  # trials have no other
    assert "| set | a |\n| --- | --- |\n| x | 0.5 |" in text


def test_the_links_of_a_study_come_after_its_first_sentence(headlines: Headlines) -> None:
    """MLflow lays a shade over the last of the lines that it shows, which takes the clicks."""
    result = "It has 81.5%. It was chosen. 3 trials."
    items = report.study_items(result, (["set"], [["a"]]), headlines, RUN, charted=report.TRIAL)
    first, links, second = note(items).splitlines()[:3]
    assert (first, second) == ("It has 81.5%.", "It was chosen. 3 trials.")
    assert links.startswith("[A chart with a line for each trial](")


def test_what_has_not_finished_says_so(headlines: Headlines) -> None:
    assert "no result yet" in note(report.started_items("A training.", headlines))


MODEL = {
    "labels": ["a", "b"],
    "members": ["network", "sif"],
    "encoder": {"name": "cnn"},
    "dtype": "float32",
    "facts": {
        "data": "bbc (here)",
        "data_licence": "theirs",
        "vectors_licence": "PDDL",
        "headlines": {"train": 1000, "validation": 100, "test": 400},
        "majority": 0.25,
        "metrics": {"test/accuracy": 0.9, "test/macro_f1": 0.8},
        "warnings": [EVIL],
    },
}


def test_readme_and_card_tell_the_same() -> None:
    readme, card = describe_model(MODEL, 30, 5_000_000), model_card(MODEL, 30, 5_000_000, "USE")
    rows = re.findall(r"^\| .*", card, re.MULTILINE)
    assert "| test accuracy | 0.9000 (95% interval 0.8667 to 0.9257) |" in rows
    assert "| licence of the data | theirs |" in rows
    assert "| headlines | 1,000 / 100 / 400 (train / validation / test) |" in rows
    assert "| test accuracy of the commonest label | 0.2500 |" in rows
    assert "| size | 5.0 MB |" in rows
    limits = card[card.index("## Limits") :]
    assert "- a&#124;b" in limits
    assert limits in readme
    assert set(rows) <= set(readme.splitlines())
    text = report.model_description("Right.", card, RUN, None)
    assert text.startswith("Right.\n[The run](#/experiments/7/runs/abc?workflowType")


def test_texts_are_shown_as_they_are() -> None:
    assert escape_markdown("fine_tuned - 50 %") == "fine_tuned - 50 %"
    assert escape_markdown("# no heading") == "&#35; no heading"
    assert escape_markdown("_all_ of my__x") == "&#95;all&#95; of my&#95;&#95;x"
    assert escape_markdown("a\u202eb\u200bc\x1b[1m") == "abc&#91;1m"
    assert escape_markdown("می\u200cخواهم") == "می\u200cخواهم"
    assert escape_markdown("x" * 500) == "x" * 200 + "…"
    assert list_labels([f"label {i}" for i in range(300)]).endswith("label 29 and 270 more")


def test_the_experiment_shows_where_to_look() -> None:
    text = report.experiment_description("7")
    assert "(#/experiments/7/runs?workflowType=machine_learning&searchFilter=" in text
