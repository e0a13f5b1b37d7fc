"""The report of a run as one HTML file. It opens without a network, and holds no link to elsewhere.

A page is made from the items that the run logged. What stands on it, and where, is a table of
sections: RUN_SECTIONS. A new table or picture of a run is a row there.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from pipeline.base.addresses import masked
from pipeline.report.items import Item, Metric, Param, Picture, Table, Tag, Text

REPORT = "report.html"
MAX_ROWS = 30
"""Rows of a table that a page shows. All of them are in the CSV file of the run."""


@dataclass(frozen=True)
class Section:
    """A part of a page.

    `title`, `text`: what a reader sees first. `metrics`: their words by their names. `tags`: likewise.
    `tables`: captions by the paths of the tables. `pictures`: text alternatives by the paths of the
    pictures. `params`: whether the options of the run are shown. What a run did not log is left out,
    and so is a section with nothing.
    """

    title: str
    text: str = ""
    metrics: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    tables: Mapping[str, str] | None = None
    pictures: Mapping[str, str] | None = None
    params: bool = False


RUN_SECTIONS = (
    Section(
        "Result",
        "How often the classifier is right on headlines that it did not learn from.",
        metrics={
            "test/accuracy": "test accuracy",
            "test/macro_f1": "test macro F1",
            "test/log_loss": "log loss (nats)",
            "test/ece": "expected calibration error",
            "validation/accuracy": "validation accuracy",
        },
        tables={
            "tables/results.csv": "By classifier, with the 95 % interval of the test accuracy",
            "tables/per_class.csv": "By label",
        },
    ),
    Section(
        "Data",
        "The headlines, and what the audit says about them.",
        tags={"audit.warning": "warning of the audit"},
        tables={
            "tables/data.csv": "How many headlines there are, and how many were dropped",
            "tables/audit_signals.csv": "What can be told from shallow signals alone",
            "tables/near_duplicates.csv": "Headlines that stand in two splits, nearly the same",
        },
        pictures={
            "figures/audit_signals.png": "Bars: the test accuracy from each shallow signal alone, "
            "beside the majority class and the classifier. The table of signals has the numbers."
        },
    ),
    Section(
        "Vectors",
        "Which words of the training headlines have a vector.",
        metrics={"vectors/coverage": "fraction of the running words with a vector"},
        tables={
            "tables/vectors.csv": "The vectors in numbers",
            "tables/coverage.csv": "By the way in which a word was matched",
            "tables/missing_words.csv": "Words without a vector, the most frequent first",
        },
        pictures={
            "figures/coverage.png": "Left, bars: how many words each way of matching gave a vector. "
            "Right, bars: the most frequent words without one. The tables have the numbers."
        },
    ),
    Section(
        "Training",
        "First the embedding is frozen, then all weights are fine-tuned. The epoch with the best "
        "validation result is kept.",
        tags={"best_phase": "best phase"},
        tables={
            "tables/epochs.csv": "By epoch",
            "tables/members.csv": "The members of the ensemble",
        },
        pictures={
            "figures/learning_curves.png": "Lines: loss and accuracy by epoch, for the training and the "
            "validation headlines, through both phases. A dot marks the epoch that was kept."
        },
    ),
    Section(
        "Mistakes",
        "Which labels are taken for each other, and the headlines that were most wrong.",
        tables={
            "tables/why_misclassified.csv": "The most wrong headlines, with the words that misled",
            "tables/misclassified.csv": "The most wrong headlines",
            "tables/words_by_label.csv": "The words that speak most for each label",
        },
        pictures={
            "figures/confusion_matrix.png": "A grid: how often each true label (row) was predicted as "
            "each label (column). The table by label has precision and recall.",
        },
    ),
    Section(
        "Confidence",
        "How far the probabilities can be trusted, and what is won by answering only where the "
        "classifier is sure.",
        tables={"tables/thresholds.csv": "Answering only from a confidence on"},
        pictures={
            "figures/reliability.png": "A line: accuracy by confidence. A calibrated model lies on "
            "the diagonal. Below, bars: the number of headlines by confidence."
        },
    ),
    Section(
        "What the embedding knows",
        "Whether related words and headlines are near each other, before and after fine-tuning. One "
        "picture of three headlines proves little: look at the ranks over many pairs.",
        tables={
            "tables/probes.csv": "The reference picture in numbers: headlines a, b and c, by phase",
            "tables/probe_pairs_by_label.csv": "The same over pairs of test headlines, by label",
            "tables/neighbours.csv": "Nearest words before and after",
        },
        pictures={
            "figures/probes.png": "The reference picture: for each phase, the features of each word of the "
            "three headlines and of their means, as colours. The table has the cosines and ranks.",
            "figures/drift.png": "How far fine-tuning moved each word, against how often it is seen.",
            "figures/headline_map.png": "A map of the test headlines by label, by phase.",
            "figures/cases.png": "A map of the case base: training headlines and test headlines.",
        },
    ),
    Section(
        "How it was made",
        "The options of the run, its stages and the versions.",
        tables={
            "tables/seconds.csv": "Seconds by stage",
            "tables/versions.csv": "Versions of the packages",
        },
        params=True,
    ),
)

BY_COLUMN = {"tables/words_by_label.csv": "label"}
"""Tables of which each value of this column has its first rows shown."""

INSTEAD = {"tables/misclassified.csv": "tables/why_misclassified.csv"}
"""Tables that are left out where a better one was logged."""


def page_items(
    title: str,
    lead: str,
    items: Sequence[Item],
    sections: Sequence[Section] = RUN_SECTIONS,
    code: str = "",
) -> list[Item]:
    """The page `report.html` of a run.

    Args:
        title: Of the page.
        lead: The result in one sentence.
        items: All that the run logged. Pictures are drawn again as SVG.
        sections: What stands on the page, in this order.
        code: How the model is loaded, as Python code. Empty: there is no model.
    """
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    logged = _Logged.of(items)
    parts = [part for section in sections if (part := _part(section, logged))]
    html = environment.get_template("page.html").render(
        title=title, lead=lead, parts=parts, code=code
    )
    return [Text(REPORT, html)]


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
    code = (
        f'pipeline predict --model runs:/{run_id}/model "a headline"\n\n'
        f"import mlflow\n\nmlflow.set_tracking_uri({masked(uri)!r})\n"
        f"model = mlflow.pyfunc.load_model('runs:/{run_id}/model')\n"
        "model.predict(['a headline'])"
    )
    return page_items(name, result, logged, code=code)


@dataclass(frozen=True, eq=False)
class _Logged:
    """What a run logged, by name or path. Of a series of metrics it has the last."""

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Figure]

    @classmethod
    def of(cls, items: Sequence[Item]) -> _Logged:
        tables = {item.path: item.frame for item in items if isinstance(item, Table)}
        return cls(
            params={item.name: item.value for item in items if isinstance(item, Param)},
            metrics={item.name: item.value for item in items if isinstance(item, Metric)},
            tags={item.name: item.value for item in items if isinstance(item, Tag)},
            tables={p: t for p, t in tables.items() if INSTEAD.get(p) not in tables and len(t)},
            pictures={item.path: item.figure for item in items if isinstance(item, Picture)},
        )


def _part(section: Section, logged: _Logged) -> dict[str, Any] | None:
    """What a template needs of a section, or None where a run logged nothing of it."""
    facts = [
        (words, _cell(logged.metrics[name]))
        for name, words in (section.metrics or {}).items()
        if name in logged.metrics
    ]
    facts += [
        (words, logged.tags[name])
        for name, words in (section.tags or {}).items()
        if logged.tags.get(name)
    ]
    shown = [
        _table(path, caption, logged.tables[path])
        for path, caption in (section.tables or {}).items()
        if path in logged.tables
    ]
    if section.params and logged.params:
        frame = pd.DataFrame(logged.params.items(), columns=["option", "value"])
        shown.append(_table("config.yaml", "Options", frame, most=len(frame)))
    drawn = [
        {"alt": alt, "address": svg_address(logged.pictures[path])}
        for path, alt in (section.pictures or {}).items()
        if path in logged.pictures
    ]
    if not (facts or shown or drawn):
        return None
    return {"section": section, "facts": facts, "tables": shown, "pictures": drawn}


def _table(path: str, caption: str, frame: pd.DataFrame, most: int = MAX_ROWS) -> dict[str, Any]:
    numeric = [
        pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        for dtype in frame.dtypes
    ]
    first = frame.head(most)
    if path in BY_COLUMN:
        groups = frame.groupby(BY_COLUMN[path], sort=False)
        first = groups.head(max(most // max(groups.ngroups, 1), 1)).head(most)
    rows = [
        [
            {"text": _cell(value), "number": number}
            for value, number in zip(row, numeric, strict=True)
        ]
        for row in first.itertuples(index=False)
    ]
    return {
        "path": path,
        "caption": caption,
        "columns": list(zip(map(_words, frame.columns), numeric, strict=True)),
        "rows": rows,
        "left_out": len(frame) - len(rows),
        "n_rows": len(frame),
    }


def _words(column: object) -> str:
    return str(column).replace("_", " ")


def _cell(value: Any) -> str:
    """A value as it is read: whole numbers with commas, others with four digits."""
    if isinstance(value, float):
        if value != value:
            return ""
        return f"{value:,.0f}" if value.is_integer() and abs(value) > 1 else f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def svg_address(figure: Figure) -> str:
    """A figure as the address of an SVG picture: its text stays text, clouds of points are pixels."""
    clouds = [points for axes in figure.axes for points in axes.collections]
    before = [points.get_rasterized() for points in clouds]
    drawn = io.BytesIO()
    try:
        for points in clouds:
            points.set_rasterized(True)
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
            figure.savefig(drawn, format="svg", metadata={"Date": None}, dpi=110)
    finally:  # the figure is the caller's
        for points, rasterized in zip(clouds, before, strict=True):
            points.set_rasterized(rasterized)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()
