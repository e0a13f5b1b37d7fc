"""The report of a run as one page."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from pipeline.report import style
from pipeline.report.items import Item, Metric, Param, Picture, Table, Tag
from pipeline.report.page import MAX_ROWS, RUN_SECTIONS, page_items

EVIL = '<script>alert("x")</script> & "quotes"'


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
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data.strip())


def picture(path: str) -> Picture:
    figure = style.new_figure((3, 2))
    figure.subplots().scatter([1, 2], [1, 2])
    return Picture(path, figure)


def page(*items: Item, code: str = "") -> tuple[str, Reader]:
    (text,) = page_items(EVIL, "Right on 9 of 10.", items, code=code)
    assert text.path == "report.html"
    return text.content, Reader(text.content)


def test_texts_are_shown_and_not_run() -> None:
    table = Table("tables/misclassified.csv", pd.DataFrame({"text": [EVIL], "p": [0.5]}))
    html, reader = page(table, Tag("audit.warning", EVIL), Param("data.path", EVIL), code=EVIL)
    assert [tag for tag, _ in reader.tags].count("script") == 1  # the page's own, which sorts
    assert reader.texts["h1"] == [EVIL]
    assert EVIL in reader.texts["td"]
    assert EVIL in reader.texts["dd"]
    assert reader.texts["pre"] == [EVIL]
    assert html.count("</script>") == 1


def test_it_asks_nothing_of_the_network() -> None:
    html, reader = page(picture("figures/reliability.png"), Metric("test/accuracy", 0.9))
    addresses = [a[name] or "" for _, a in reader.tags for name in ("src", "href") if name in a]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "default-src 'none'" in html


def test_pictures_are_svg_with_a_text_alternative() -> None:
    item = picture("figures/reliability.png")
    _, reader = page(item)
    assert item.figure.axes[0].collections[0].get_rasterized() is not True  # it is as it was
    (image,) = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert "accuracy by confidence" in (image["alt"] or "")
    kind, _, content = (image["src"] or "").partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(content)


def test_sections_stand_in_order_and_empty_ones_are_left_out() -> None:
    _, reader = page(
        picture("figures/reliability.png"),
        Metric("test/accuracy", 0.75, step=0),
        Table("tables/near_duplicates.csv", pd.DataFrame({"text": []})),
    )
    assert reader.texts["h2"] == ["Result", "Confidence"]
    assert reader.texts["a"] == ["Result", "Confidence"]
    assert reader.texts["dd"] == ["0.75"]
    targets = {a["href"] for tag, a in reader.tags if tag == "a"}
    assert targets <= {f"#{a['id']}" for _, a in reader.tags if "id" in a}


def test_a_long_table_says_what_is_left_out() -> None:
    frame = pd.DataFrame({"word": [f"w{i}" for i in range(1234)], "count": range(1234)})
    html, reader = page(Table("tables/missing_words.csv", frame))
    assert len(reader.texts["td"]) == 2 * MAX_ROWS
    assert f"({MAX_ROWS} of 1,234 rows; all are in tables/missing_words.csv)" in html


def test_every_label_has_its_words() -> None:
    frame = pd.DataFrame(
        {"label": ["a"] * 100 + ["b"] * 100, "word": [f"w{i}" for i in range(200)]}
    )
    _, reader = page(Table("tables/words_by_label.csv", frame))
    assert {text for text in reader.texts["td"] if len(text) == 1} == {"a", "b"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        (2000.0, "2,000"),
        (float("nan"), ""),
        (True, "True"),
    ],
)
def test_numbers_are_readable(value: object, shown: str) -> None:
    html, _ = page(Table("tables/thresholds.csv", pd.DataFrame({"x": [value]})))
    assert re.findall(r"<td[^>]*>(.*?)</td>", html) == [shown]


def test_the_better_table_of_mistakes_is_shown() -> None:
    simple = Table("tables/misclassified.csv", pd.DataFrame({"text": ["simple"]}))
    better = Table("tables/why_misclassified.csv", pd.DataFrame({"text": ["better"]}))
    assert page(simple)[1].texts["td"] == ["simple"]
    assert page(simple, better)[1].texts["td"] == ["better"]


def test_every_section_has_something_to_show() -> None:
    for section in RUN_SECTIONS:
        assert section.metrics or section.tables or section.pictures or section.params
