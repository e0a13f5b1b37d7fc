"""The report of a run as one HTML file. It opens without a network, and holds no link to elsewhere.

A page is made from the items that the run logged: the result in words, then the sections of
page_sections.py. It stays below MAX_BYTES: of long tables and texts it has the beginning.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.data.headlines import Headlines
from pipeline.insight.audit import Audit
from pipeline.insight.evaluation import Evaluation
from pipeline.insight.outcomes import Outcome
from pipeline.report import page_words as words
from pipeline.report.audit import audit_items, signals_items
from pipeline.report.compare import comparison_sentences
from pipeline.report.description import loading_code
from pipeline.report.items import Item, Text
from pipeline.report.page_columns import CHANGED, COLUMNS, HARDEST_FIRST, INSTEAD
from pipeline.report.page_pictures import draw
from pipeline.report.page_sections import (
    AUDIT_SECTIONS,
    COMPARE_SECTIONS,
    EVALUATION_SECTIONS,
    EXPLAIN_SECTIONS,
    RUN_SECTIONS,
    SEARCH_SECTIONS,
    Section,
)
from pipeline.report.page_words import Logged
from pipeline.report.results import result_sentence
from pipeline.report.search import SearchReport, search_sentence
from pipeline.report.stages import evaluations_items, headlines_items

REPORT = "report.html"
MAX_BYTES = 2_000_000
MAX_ROWS = 30
"""Rows of a table that a page shows. All of them are in the CSV file of the run."""
MAX_COLUMNS = 12
MAX_CELL = 300
"""Characters of a text that are shown."""

_LONG = 24  # characters from which a column of texts needs room on a phone
_NUMBER = re.compile(r"[+-]?\d[\d.,]*( ± | \(|$)|-$")
_NAMES = ("phase", "method", "classifier", "signal", "stage", "member")
"""Columns with names of the code, which are written as words."""
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Signs without a width that turn the order of letters around."""


def page_text(
    kind: str,
    name: str,
    result: str,
    items: Sequence[Item],
    sections: Sequence[Section] = RUN_SECTIONS,
    *,
    more: Sequence[str] = (),
    warning: str = "",
    code: Mapping[str, str] | None = None,
    has_run: bool = True,
) -> Text:
    """The page `report.html` of a run.

    Args:
        kind: What was done, such as "Training run".
        name: Of the run, or of the data.
        result: In one sentence. It is the heading of the page.
        items: All that was logged. Pictures are drawn again as SVG.
        sections: What stands on the page, in this order.
        more: Sentences that stand below the result. Empty ones are left out.
        warning: What to know of the result, beside the warnings of the audit.
        code: How the model is loaded: code by titles. None: there is no model.
        has_run: Whether a run has the whole of what is cut short here.
    """
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    logged = Logged.from_items(items)
    warnings = [("Warning of the audit", text) for text in words.warnings(logged)]
    if warning:
        warnings.append(("Warning", warning))
    html = environment.get_template("page.html").render(
        kind=kind,
        name=shown(name),
        result=shown(result, most=2 * MAX_CELL),
        more=[shown(text, most=2 * MAX_CELL) for text in more if text],
        warnings=[(title, shown(text, most=2 * MAX_CELL)) for title, text in warnings],
        parts=[
            part for section in sections if (part := _part(section, logged, code or {}, has_run))
        ],
    )
    return Text(REPORT, html)


def run_page_items(
    logged: Sequence[Item], name: str, result: str, run_id: str, uri: str
) -> list[Item]:
    """The page of a run of `pipeline train`.

    Args:
        logged: All that the run logged so far.
        name: Of the run.
        result: The result in one sentence.
        run_id: Of the run in MLflow.
        uri: The address of the store.
    """
    loading = loading_code(f"runs:/{run_id}/model", uri)
    code = {"On the command line": loading["sh"], "In Python": loading["python"]}
    values = Logged.from_items(logged)
    more = [words.classifiers(values), words.hardest_labels(values)]
    return [page_text("Training run", name, result, logged, more=more, code=code)]


def compare_page_items(
    logged: Sequence[Item], outcomes: Sequence[Outcome], headlines: Headlines, vectors: str
) -> list[Item]:
    """The page of a run of `pipeline compare`. `vectors`: the name of the set of vectors."""
    result, *more = comparison_sentences(outcomes, headlines, vectors)
    more.append(words.compared(Logged.from_items(logged)))
    name = f"{headlines.name} with {vectors}"
    return [page_text("Comparison", name, result, logged, COMPARE_SECTIONS, more=more)]


def explain_page_items(logged: Sequence[Item], headlines: Headlines) -> list[Item]:
    """The page of a run of `pipeline explain`."""
    means = words.by_method(Logged.from_items(logged).table("probes"), "rank_bc")
    result = (
        "Test headlines that are closer to a headline than one that means the same: "
        f"{means} (0% is best)."
    )
    kind = "What the embedding knows"
    return [page_text(kind, headlines.name, result, logged, EXPLAIN_SECTIONS)]


def search_page_items(
    logged: Sequence[Item], search: SearchReport, headlines: Headlines
) -> list[Item]:
    """The page of a run of `pipeline sweep`."""
    first, *more = re.split(r"(?<=[a-z%]\.) ", search_sentence(search))
    return [page_text("Search", headlines.name, first, logged, SEARCH_SECTIONS, more=more)]


def audit_page(headlines: Headlines, audited: Audit, described: Sequence[Item] = ()) -> Text:
    """The page of `pipeline audit`. `described`: the options, as items."""
    findings = len(audited.warnings())
    result = (
        f"The audit warns of {findings} {'finding' if findings == 1 else 'findings'}: a high "
        "accuracy on these headlines may be worth less."
        if findings
        else "No signal is high, and nothing leaks."
    )
    items = [
        *described,
        *headlines_items(headlines),
        *audit_items(audited),
        *signals_items(audited),
    ]
    more = [". ".join(audited.samples())]
    return page_text(
        "Audit of the data", headlines.name, result, items, AUDIT_SECTIONS, more=more, has_run=False
    )


def evaluation_page(evaluation: Evaluation, model: str, path: str, warning: str = "") -> Text:
    """The page of `pipeline evaluate`.

    `model`: its address. `path`: of the file of headlines. `warning`: what is said below the
    result.
    """
    items = evaluations_items({"model": evaluation}, "model")
    result = result_sentence(evaluation, "headlines")
    name = f"{model} on {path}"
    return page_text(
        "Evaluation", name, result, items, EVALUATION_SECTIONS, warning=warning, has_run=False
    )


def shown(text: object, most: int = MAX_CELL) -> str:
    """A text as a page shows it: in one line, and with its end left out where it is long.

    What is not seen, or turns the order of letters around, is written as its code.

    >>> shown("snow\\tin the Alps"), shown("a\\u202eb"), shown("x" * 9, most=4)
    ('snow in the Alps', 'a\\\\u202eb', 'xxx…')
    """
    line = " ".join(str(text)[: 4 * most].split())
    plain = "".join(
        c.encode("unicode_escape").decode()
        if c in _TURNS or unicodedata.category(c) in ("Cc", "Cs")
        else c
        for c in line[: most + 1]
    )
    return plain if len(plain) <= most and len(line) <= most else plain[: most - 1] + "…"


def _part(
    section: Section, logged: Logged, code: Mapping[str, str], has_run: bool
) -> dict[str, Any] | None:
    """What the template needs of a section, or None where there is nothing of it."""
    facts = [
        (title, _cell(logged.metrics[name]))
        for name, title in (section.metrics or {}).items()
        if name in logged.metrics
    ]
    facts += [
        (title, shown(logged.tags[name]))
        for name, title in (section.tags or {}).items()
        if logged.tags.get(name)
    ]
    above, tables = (
        _tables(captions or {}, logged, has_run) for captions in (section.above, section.tables)
    )
    if section.params and logged.params:
        rows = [(name, _option(value)) for name, value in logged.params.items()]
        frame = pd.DataFrame(rows, columns=["option", "value"], dtype=object)
        tables.append(_table("config.yaml", "All options", frame, most=len(frame)))
    pictures = [
        {
            "drawn": draw(logged.pictures[path]),
            "caption": drawing.caption,
            "shows": shown(drawing.shows(logged) or drawing.caption, most=3 * MAX_CELL),
        }
        for path, drawing in (section.pictures or {}).items()
        if path in logged.pictures
    ]
    codes = code if section.code else {}
    if not (facts or above or tables or pictures or codes):
        return None
    findings = [
        shown(text, most=3 * MAX_CELL) for find in section.findings if (text := find(logged))
    ]
    return {
        "section": section,
        "facts": facts,
        "above": above,
        "tables": tables,
        "pictures": pictures,
        "codes": codes,
        "findings": findings,
    }


def _tables(captions: Mapping[str, str], logged: Logged, has_run: bool) -> list[dict[str, Any]]:
    return [
        _table(path, caption, logged.tables[path], has_run=has_run)
        for path, caption in captions.items()
        if path in logged.tables and INSTEAD.get(path) not in logged.tables
    ]


def _table(
    path: str, caption: str, frame: pd.DataFrame, most: int = MAX_ROWS, *, has_run: bool = True
) -> dict[str, Any]:
    """What the template needs of a table: its columns and its first rows."""
    if path in CHANGED:
        frame = CHANGED[path](frame)
    names = COLUMNS.get(path) or {n: _title(n) for n in frame.columns}
    shown_names = [name for name in names if name in frame][:MAX_COLUMNS]
    rows = _first_rows(path, frame, most)[shown_names]
    kinds = [_kind(rows[name]) for name in shown_names]
    left_out = [
        f"{shown_count:,} of {count:,} {what}"
        for what, shown_count, count in (
            ("rows", len(rows), len(frame)),
            ("columns", len(shown_names), frame.shape[1]),
        )
        if shown_count < count
    ]
    return {
        "caption": caption,
        "left_out": " and ".join(left_out)
        + (f"; a run has all in {path}" if left_out and has_run else ""),
        "columns": [(shown(names[n]), kind) for n, kind in zip(shown_names, kinds, strict=True)],
        "rows": [
            [
                (words.spaced(value) if name in _NAMES else _cell(value), kind)
                for name, value, kind in zip(shown_names, row, kinds, strict=True)
            ]
            for row in rows.itertuples(index=False, name=None)
        ],
    }


def _title(column: str) -> str:
    """A name of a column as words. That of an option, such as `model.dropout`, stays as it is."""
    return column if "." in column else words.spaced(column) or "measure"


def _first_rows(path: str, frame: pd.DataFrame, most: int) -> pd.DataFrame:
    if path in HARDEST_FIRST and len(frame) > most:
        frame = frame.sort_values(HARDEST_FIRST[path], kind="stable")
    return frame.head(most)


def _kind(column: pd.Series[Any]) -> str:
    """How a column is written and sorted: `number`, also for texts such as "83.9 ± 0.5"; `long`
    texts."""
    if pd.api.types.is_numeric_dtype(column):
        return "" if pd.api.types.is_bool_dtype(column) else "number"
    texts = [str(value) for value in column]
    if all(map(_NUMBER.match, texts)):
        return "number"
    return "long" if max(map(len, texts)) > _LONG else ""


def _option(value: Any) -> str:
    """The value of an option as the command line takes it: `[1, 2, 3]`, `true`, `null`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cell(value: Any) -> str:
    """A value as it is read: whole numbers with commas, others with three decimals or two
    digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value != value:
            return ""
        if 0 < abs(value) < 0.01:
            return f"{value:.2g}"
        value += 0.0  # -0.0 becomes 0.0
        whole = abs(value) >= 100 or (value.is_integer() and abs(value) > 1)
        return f"{value:,.0f}" if whole else f"{value:.3f}"
    return shown(value)
