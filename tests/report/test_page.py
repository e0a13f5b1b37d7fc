"""The report of a run as one page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from audit_builders import plant

from pipeline import report
from pipeline.data.headlines import load_headlines
from pipeline.insight.audit import audit
from pipeline.insight.evaluation import Evaluation
from pipeline.report import style
from pipeline.report.items import Item, Metric, Param, Picture, Table, Tag
from pipeline.report.page import MAX_BYTES, MAX_COLUMNS, MAX_ROWS, page_text
from pipeline.report.page_columns import COLUMNS
from pipeline.report.page_sections import (
    AUDIT_SECTIONS,
    COMPARE_SECTIONS,
    EVALUATION_SECTIONS,
    EXPLAIN_SECTIONS,
    RUN_SECTIONS,
)
from pipeline.report.page_words import Logged, hardest_labels

EVIL = '<script>alert("x")</script> & "quotes" <!-- \' \\ {{ 1 + 1 }}'
SECTIONS = (*RUN_SECTIONS, *COMPARE_SECTIONS, *EXPLAIN_SECTIONS, *AUDIT_SECTIONS)


class Reader(HTMLParser):
    """The tags of a page with their attributes, and its text by tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data.strip())

    def values(self, tag: str, name: str) -> list[str]:
        return [a[name] or "" for kind, a in self.tags if kind == tag and name in a]


def picture(path: str) -> Picture:
    figure = style.new_figure((3, 2))
    figure.subplots().scatter([1, 2], [1, 2])
    return Picture(path, figure)


def page(*items: Item, code: str = "") -> tuple[str, Reader]:
    text = page_text("Training run", EVIL, EVIL, items, code={"In Python": code} if code else None)
    assert text.path == "report.html"
    return text.content, Reader(text.content)


def test_texts_are_shown_and_not_run() -> None:
    frame = pd.DataFrame({"text": [EVIL], "label": [EVIL], "predicted": [EVIL], "confidence": 0.5})
    labels = pd.DataFrame({"label": [EVIL, "b"], "recall": [0.5, 1], "headlines": [1, 1]})
    html, reader = page(
        Table("tables/misclassified.csv", frame),
        Table("tables/per_class.csv", labels),
        Tag("audit.warning", EVIL),
        Param("data.path", EVIL),
        picture("figures/confusion_matrix.png"),  # its text alternative names the labels
        code=EVIL,
    )
    assert [tag for tag, _ in reader.tags].count("script") == 1  # the page's own, which sorts
    assert html.count("</script>") == 1
    assert reader.texts["h1"] == [EVIL]
    assert reader.texts["td"].count(EVIL) == 5
    assert reader.texts["pre"] == [EVIL]
    assert EVIL in reader.texts["p"]
    assert "<script>" in reader.values("img", "alt")[0]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("a\x00b\x1b", "a\\x00b\\x1b"),
        ("caf\udce9", "caf\\udce9"),
        ("a\nb\tc", "a b c"),
        ("\u05d0\u200f\u05d1", "\u05d0\u200f\u05d1"),
        ("👩‍🚀", "👩‍🚀"),
        ("", None),
    ],
)
def test_what_is_not_seen_is_written_as_its_code(text: str, seen: str | None) -> None:
    html, reader = page(Param(text, text), Tag("audit.warning", text))
    assert reader.texts.get("td", [])[:1] == ([seen] if seen else [])
    html.encode()


def test_it_asks_nothing_of_the_network() -> None:
    html, reader = page(picture("figures/reliability.png"), Metric("test/accuracy", 0.9))
    addresses = [a[name] or "" for _, a in reader.tags for name in ("src", "href") if name in a]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "default-src 'none'" in html


def test_pictures_are_svg_that_follows_a_dark_page() -> None:
    item = picture("figures/reliability.png")
    predictions = pd.DataFrame({"label": ["a"], "predicted": ["a"], "confidence": [0.9]})
    _, reader = page(item, Table("tables/test_predictions.csv", predictions))
    assert item.figure.axes[0].get_rasterization_zorder() is None  # it is as it was
    assert "The mean confidence is 90.0%, the accuracy 100.0%" in reader.values("img", "alt")[0]
    kind, _, content = reader.values("img", "src")[0].partition(",")
    assert kind == "data:image/svg+xml"
    svg = unquote(content)
    assert "prefers-color-scheme: dark" in svg
    assert "stroke: var(--text)" in svg
    assert "<image" not in svg
    assert not re.search(rf"(fill|stroke): ({style.TEXT}|{style.PAPER})", svg)


def test_many_points_become_pixels() -> None:
    figure = style.new_figure((3, 2))
    axes = figure.subplots()
    axes.scatter(*np.random.default_rng(0).normal(size=(2, 5_000)))
    axes.set_xlabel("a label")
    _, reader = page(Picture("figures/drift.png", figure))
    (source,) = reader.values("img", "src")
    assert "<image" in unquote(source)
    assert ">a label</text>" in unquote(source)  # it can have another colour on a dark page
    assert len(source) < 100_000


def test_sections_stand_in_order_and_empty_ones_are_left_out() -> None:
    _, reader = page(
        picture("figures/reliability.png"),
        Metric("test/accuracy", 0.75, step=0),
        Table("tables/near_duplicates.csv", pd.DataFrame({"text": []})),
    )
    assert reader.texts["h2"] == ["Result", "Confidence"]
    assert reader.texts["a"] == ["Result", "Confidence"]
    assert reader.texts["dd"] == ["0.750"]
    targets = {a["href"] for tag, a in reader.tags if tag == "a"}
    assert targets <= {f"#{a['id']}" for _, a in reader.tags if "id" in a}


def test_the_headlines_a_b_and_c_stand_above_their_picture() -> None:
    headlines = pd.DataFrame({"headline": ["a"], "text": ["soups"], "words_not_in_training": [""]})
    html, _ = page(picture("figures/probes.png"), Table("tables/probe_headlines.csv", headlines))
    assert html.index("soups") < html.index("<figure>")


@pytest.mark.parametrize(
    ("value", "seen"), [("cnn", "cnn"), (None, "null"), (True, "true"), ((1, 2), "[1, 2]")]
)
def test_options_are_written_as_the_command_line_takes_them(value: object, seen: str) -> None:
    _, reader = page(Param("model.x", value))
    assert reader.texts["td"] == ["model.x", seen]


def test_what_tfidf_needs_is_said_where_it_was_not_found_out() -> None:
    frame = pd.DataFrame({"size": [50, 200], "accuracy": 0.8, "needs": [1234.5, np.nan]})
    items = [Table("tables/worth.csv", frame)]
    reader = Reader(page_text("Comparison", "a", "b", items, COMPARE_SECTIONS).content)
    assert reader.texts["td"] == ["50", "0.800", "1,234", "200", "0.800", "more than were tried"]


def test_names_of_options_stay_as_they_are() -> None:
    frame = pd.DataFrame({"test_accuracy": [0.9], "model.spatial_dropout": [0.2]})
    _, reader = page(Table("tables/versions.csv", frame))
    assert reader.texts["button"] == ["test accuracy", "model.spatial_dropout"]


def test_a_table_says_what_is_left_out() -> None:
    frame = pd.DataFrame({"word": [f"w{i}" for i in range(1234)], "count": range(1234)})
    html, reader = page(Table("tables/missing_words.csv", frame))
    assert len(reader.texts["td"]) == 2 * MAX_ROWS
    assert f"({MAX_ROWS} of 1,234 rows; a run has all in tables/missing_words.csv)" in html
    wide = pd.DataFrame(np.ones((1, 400), int), columns=[f"label {i}" for i in range(400)])
    html, _ = page(Table("tables/audit_overlaps.csv", wide))
    assert f"({MAX_COLUMNS} of 400 columns; a run has all in tables/audit_overlaps.csv)" in html

    values = {"text": "a", "label": "b", "predicted": "c", "confidence": 1.0}
    table = Table("tables/misclassified.csv", pd.DataFrame([values] * 50))
    html = page_text("", "", "", [table], EVALUATION_SECTIONS, has_run=False).content
    assert f"({MAX_ROWS} of 50 rows)" in html


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "0% of its 1 headline is found. So few headlines prove little. The commonest mistake"),
        (10, "0% of its 10 headlines are found. The commonest mistake"),
    ],
)
def test_a_label_with_few_headlines_proves_little(number: int, sentence: str) -> None:
    labels = {"label": ["tech", "news"], "recall": [0.0, 0.9], "headlines": [number, 20]}
    wrong = pd.DataFrame({"label": ["tech"], "predicted": ["news"]})
    items = [Table("tables/per_class.csv", pd.DataFrame(labels))]
    logged = Logged.from_items([*items, Table("tables/misclassified.csv", wrong)])
    assert f"The hardest label is “tech”: {sentence}" in hardest_labels(logged)


def test_of_many_labels_the_hardest_are_shown() -> None:
    names = [f"label {i}" for i in range(400)]
    frame = pd.DataFrame({"label": names, "recall": 1.0, "f1": np.linspace(1, 0, 400)})
    _, reader = page(Table("tables/per_class.csv", frame))
    assert reader.texts["td"][0] == "label 399"


def test_every_label_has_its_words() -> None:
    words = [f"w{i}" for i in range(200)]
    frame = pd.DataFrame({"label": ["a"] * 100 + ["b"] * 100, "word": words})
    _, reader = page(Table("tables/words_by_label.csv", frame))
    assert reader.texts["td"][::2] == ["a", "b"]
    assert reader.texts["td"][3].startswith("w100, w101, ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, "1,234,567"),
        (0.123456, "0.123"),
        (2000.0, "2,000"),
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (0.001744, "0.0017"),
        (float("nan"), ""),
        (True, "yes"),
    ],
)
def test_numbers_are_readable(value: object, shown: str) -> None:
    html, _ = page(Table("tables/seconds.csv", pd.DataFrame({"x": [value]})))
    assert re.findall(r"<td[^>]*>(.*?)</td>", html) == [shown]


def test_columns_of_numbers_in_words_are_sorted_as_numbers() -> None:
    frame = pd.DataFrame(
        {"method": ["a", "b"], "100": ["83.9 ± 0.5", "-"], "200": ["+1.2 (p .03)", "-"]}
    )
    html, _ = page(Table("tables/audit_overlaps.csv", frame))
    assert html.count('<th scope="col" class="number">') == 2


def test_the_better_table_of_mistakes_is_shown() -> None:
    values = {"label": ["a"], "predicted": ["b"], "confidence": [0.9]}
    simple = Table("tables/misclassified.csv", pd.DataFrame({"text": ["simple"], **values}))
    words = {"word_1": ["cup"], "contribution_1": [0.5], "word_2": [None], "contribution_2": [None]}
    better = pd.DataFrame({"text": ["better"], **values, **words})
    assert page(simple)[1].texts["td"][0] == "simple"
    _, reader = page(simple, Table("tables/why_misclassified.csv", better))
    assert reader.texts["td"] == ["better", "a", "b", "0.900", "cup +0.50"]


def test_every_section_has_something_to_show() -> None:
    for section in SECTIONS:
        assert (
            section.metrics or section.tables or section.pictures or section.params or section.code
        )
    assert COLUMNS.keys() <= {path for section in SECTIONS for path in section.tables or ()}


def evaluation(n_labels: int, name: str, text: str) -> Evaluation:
    random = np.random.default_rng(0)
    n = max(200, 2 * n_labels)
    return Evaluation(
        np.array([f"{text} {i}" for i in range(n)], object),
        random.integers(0, n_labels, n),
        random.dirichlet(np.ones(n_labels), n),
        tuple(f"{name} {i}" for i in range(n_labels)),
    )


@pytest.mark.parametrize("n_labels", [5, 50, 400])
def test_a_page_is_small_whatever_the_labels_and_headlines_are(n_labels: int) -> None:
    """Sections of the test split with long labels and headlines; the other sections have few rows."""
    long = "a very long text <&> " * 500
    items = report.evaluations_items({"frozen": evaluation(n_labels, long, long)}, "frozen")
    options: list[Item] = [Param(f"option.{i}", long) for i in range(70)]
    (page,) = report.run_page_items([*items, *options], long, long, "id", "sqlite:///mlflow.db")
    assert isinstance(page, report.Text)
    assert len(page.content.encode()) < MAX_BYTES / 4


def test_the_page_of_an_audit() -> None:
    headlines = load_headlines("bbc")
    reader = Reader(report.audit_page(headlines, audit(headlines)).content)
    assert reader.texts["h1"] == ["No signal is high, and nothing leaks."]
    assert reader.texts["h2"] == ["Shallow signals", "Leaks and wrong labels", "Data"]
    planted = plant("letter_case")
    reader = Reader(report.audit_page(planted, audit(planted)).content)
    assert reader.texts["h1"][0].startswith("The audit warns of 1 finding: ")
    assert reader.texts["strong"] == ["Warning of the audit:"]
