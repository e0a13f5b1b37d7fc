"""Descriptions in Markdown, as MLflow shows them: of the experiment, of runs and of models.

MLflow shows the first four lines of a run's description, the rest after a click. Lists show the
first line as it is. So the first line is the result, without markup. A shade over the last lines
takes the clicks, so the links come right after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import pandas as pd

from pipeline.base.addresses import MODEL_ADDRESS as MODEL_ADDRESS
from pipeline.base.addresses import masked, run_page
from pipeline.classifier.readme import escape_markdown, list_labels
from pipeline.data.headlines import Headlines
from pipeline.report.items import LINE, TRIAL, Item, Note, Picture

PICTURE = "figures/description.png"
"""The one picture that a description shows."""

_PICTURE_INCHES = 7.0  # at most so wide: MLflow shows a picture in its own size
_CHARTED = {
    LINE: "A chart with a line for each method",
    TRIAL: "A chart with a line for each trial",
}
_CONFUSIONS = "The confusions on the test headlines"
_TEXT = "Alps may lose 70% of snow"


@dataclass(frozen=True)
class RunAddress:
    """Where a run is, and the addresses of its pages and files as links of a description have them.

    They are relative to MLflow's page, so that they hold wherever its server is.
    """

    experiment_id: str
    run_id: str
    uri: str

    def page(self, path: str = "") -> str:
        """The page of the run, or that of one of its files or tabs."""
        return run_page(self.experiment_id, self.run_id, path)

    def file(self, path: str) -> str:
        """The content of a file, as a picture needs it."""
        return f"get-artifact?path={quote(path, safe='')}&run_uuid={self.run_id}"

    def lines(self, kind: str = LINE) -> str:
        """The page with a chart for each metric, and in it a line for each run of a kind below this
        one."""
        query = f"tags.mlflow.parentRunId = '{self.run_id}' and tags.kind = '{kind}'"
        metric = "validation/accuracy" if kind == TRIAL else "test/accuracy"
        return f"{_found_runs(self.experiment_id, query, metric)}&compareRunsMode=CHART"

    def links(self, more: Mapping[str, str] | None = None, *, report: bool = True) -> str:
        """Links to the pages of the run, in a line.

        `report`: whether it has a report.html. `more`: addresses by their titles.
        """
        pages = {
            **(more or {}),
            **({"The whole report": self.page("artifacts/report.html")} if report else {}),
            "Curves": self.page("model-metrics"),
            "All files": self.page("artifacts"),
        }
        return " · ".join(f"[{title}]({address})" for title, address in pages.items())


def experiment_description(experiment_id: str) -> str:
    """What the experiment is, and where to look first."""
    best = _found_runs(experiment_id, "tags.kind = 'train'")
    return (
        "Classifiers of short texts that start from pretrained word vectors.\n\nA run is one "
        "training, or a study with its trainings below it. A click on its name shows its result, "
        "the warnings about its data, its report, and how to load its model.\n\n- [All trainings, "
        f"the most accurate first]({best})\n- [Their curves and bars side by "
        f"side]({best}&compareRunsMode=CHART). `test/accuracy` is the accuracy on headlines that a "
        "run did not learn from, `test/accuracy/frozen` and the like that of each classifier.\n- "
        "[The models](#/models?workflowType=machine_learning): the alias `champion` has the best "
        "one on the same validation headlines.\n"
    )


def shown_picture(items: Sequence[Item], path: str) -> Picture | None:
    """The picture of that path, made small where it is wider than a description has room for.

    None: it is not among the items.
    """
    for item in items:
        if isinstance(item, Picture) and item.path == path:
            scale = _PICTURE_INCHES / item.figure.get_size_inches()[0]
            return item if scale >= 1 else Picture(PICTURE, item.figure, 100 * scale)
    return None


def started_items(what: str, headlines: Headlines) -> list[Item]:
    """The description of a run that has no result yet. `what`: what it does, in one sentence."""
    return [Note(f"{what}\n\nIt has no result yet.\n\n{_data(headlines)}\n")]


def run_items(
    result: str,
    results: pd.DataFrame,
    headlines: Headlines,
    options: Mapping[str, object],
    warnings: Sequence[str] | None,
    run: RunAddress,
    picture: Picture | None,
) -> list[Item]:
    """The description of a run of `pipeline train`, and its picture.

    Args:
        result: The result in one sentence.
        results: As `results_table` gives it.
        headlines: The data.
        options: The few that say what it is, by name.
        warnings: Of the audit; None: there was none.
        run: Where it is.
        picture: The one that matters, of `shown_picture`.
    """
    parts = [
        f"{result}\n{run.links()}\n{_warnings(warnings)}",
        _results(results),
        _data(headlines)
        + "; "
        + ", ".join(f"{name} {escape_markdown(str(value))}" for name, value in options.items()),
        *_address(_CONFUSIONS, picture, run),
        "## Load the model",
        loading_markdown(f"runs:/{run.run_id}/model", run.uri),
    ]
    return [Note("\n\n".join(parts) + "\n"), *_small(picture)]


def study_items(
    result: str,
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    headlines: Headlines,
    run: RunAddress,
    picture: Picture | None = None,
    *,
    charted: str = "",
) -> list[Item]:
    """The description of a study, and its picture.

    `table`: columns and rows, as texts. `charted`: the kind of the runs below it that are lines of
    a chart, a key of `_CHARTED`; empty: there are none, and no report.html.
    """
    chart = {_CHARTED[charted]: run.lines(charted)} if charted else {}
    links = run.links(chart, report=bool(charted))
    sentence = result[:1].upper() + result[1:].rstrip(".") + "."
    first, *more = re.split(r"(?<=[a-z%]\.) ", sentence, maxsplit=1)
    parts = [
        "\n".join([first, links, *more]),
        _table(*table),
        _data(headlines),
        *_address("The results in a picture", picture, run),
    ]
    return [Note("\n\n".join(parts) + "\n"), *_small(picture)]


def model_description(result: str, card: str, run: RunAddress, picture: Picture | None) -> str:
    """The description of a version in the registry. `card`: as `model_card` gives it."""
    links = run.links({"The run": run.page()})
    return "\n\n".join([f"{result}\n{links}", *_address(_CONFUSIONS, picture, run), card]) + "\n"


def loading_code(address: str, uri: str) -> dict[str, str]:
    """How a model is loaded, in Python and in a shell: `python`, `sh`. `uri`: of the store."""
    return {
        "python": "import mlflow\n\n"
        f"mlflow.set_tracking_uri({masked(uri)!r})\n"
        f"model = mlflow.pyfunc.load_model({address!r})\n"
        f"print(model.predict([{_TEXT!r}]))",
        "sh": f'pipeline predict --model {address} "{_TEXT}"',
    }


def loading_markdown(address: str, uri: str) -> str:
    """The same as Markdown."""
    blocks = loading_code(address, uri).items()
    return "\n\n".join(f"```{language}\n{code}\n```" for language, code in blocks)


def _found_runs(experiment_id: str, query: str, metric: str = "test/accuracy") -> str:
    """The page with the runs that a filter of MLflow lets through, those with the highest metric
    first.

    Ordered by a metric, MLflow shows runs below others as well.
    """
    order = quote(f"metrics.`{metric}`", safe="")
    return (
        f"#/experiments/{experiment_id}/runs?workflowType=machine_learning"
        f"&searchFilter={quote(query, safe='')}&orderByKey={order}&orderByAsc=false"
    )


def _warnings(warnings: Sequence[str] | None) -> str:
    if warnings is None:
        return "The data were not audited."
    if not warnings:
        return "The audit of the data found no shortcut and no leak."
    return "**Warning:** " + "; ".join(map(escape_markdown, warnings))


def _data(headlines: Headlines) -> str:
    sizes = " / ".join(f"{len(rows):,}" for rows in headlines.splits.values())
    labels = list_labels(headlines.label_names)
    name = escape_markdown(headlines.name)
    return f"Data: {name}, {sizes} headlines ({' / '.join(headlines.splits)}), labels {labels}"


def _results(results: pd.DataFrame) -> str:
    def cell(value: float) -> str:
        return "" if value != value else f"{value:.4f}"

    rows = [
        [
            f"**{row['classifier']} (kept)**" if row["kept"] else str(row["classifier"]),
            cell(row["test_accuracy"]),
            f"{cell(row['low'])} to {cell(row['high'])}" if row["low"] == row["low"] else "",
            cell(row["test_macro_f1"]),
        ]
        for row in results.to_dict("records")
    ]
    return _table(["classifier", "test accuracy", "95% interval", "test macro F1"], rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _address(shown: str, picture: Picture | None, run: RunAddress) -> list[str]:
    return [] if picture is None else [f"![{shown}]({run.file(picture.path)})"]


def _small(picture: Picture | None) -> list[Item]:
    """The picture, where it was made for the description."""
    return [picture] if picture is not None and picture.path == PICTURE else []
