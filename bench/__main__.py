"""Time and memory against the usual ways: reading vectors, learning, predicting.

python -m bench --headlines FOLDER --vectors glove.6B.100d.txt --only training,prediction
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from bench import accuracy, reading
from bench.learning import Task, print_level, print_prediction, print_steps, print_training
from bench.measure import versions
from bench.portable import print_portable

SECTIONS: dict[str, tuple[str, Callable[[Task, float], object]]] = {
    "training": ("Fine-tuning", lambda task, _: print_training(task)),
    "steps": ("The time of a step, and the size of the table", lambda task, _: print_steps(task)),
    "level": ("Time to a level of accuracy", print_level),
    "prediction": ("Prediction", lambda task, _: (print_prediction(task), print_portable(task))),
}
_LEVELS = {"bbc": 0.85, "file": 0.98}  # of validation accuracy, by the source of the headlines


def _sections(_: click.Context, __: click.Parameter, value: str) -> list[str]:
    names, sections = value.split(","), ["reading", *SECTIONS, "accuracy"]
    for name in names:
        if name not in sections:
            raise click.BadParameter(f"expected some of {','.join(sections)}, got {name!r}")
    return names


@click.command()
@click.option(
    "--only",
    metavar="SECTIONS",
    default=",".join(["reading", *SECTIONS]),
    show_default=True,
    callback=_sections,
    help="What to measure, with commas between. There is also accuracy: it takes half an hour, and "
    "its --headlines is the folder of Stop Clickbait.",
)
@click.option(
    "--vectors",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help="A GloVe text file  [default: glove_6b_50d]",
)
@click.option(
    "--headlines",
    type=click.Path(exists=True, resolve_path=True),
    help="A file or folder of headlines, as data.path  [default: BBC]",
)
@click.option("--text", default="headline", show_default=True, help="The column of the texts.")
@click.option("--label", default="label", show_default=True, help="The column of the labels.")
@click.option(
    "--level",
    type=click.FloatRange(0, 1),
    help="The validation accuracy of the section `level`  [default: 0.98; BBC 0.85]",
)
@click.option(
    "--repeats",
    default=3,
    show_default=True,
    help="How often reading is timed; the best time is shown.",
)
@click.option("--large", is_flag=True, help="Read also files of the size of GoogleNews.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False),
    help="Where the files that are read are made  [default: a temporary folder]",
)
@click.pass_context
def main(
    context: click.Context,
    only: list[str],
    vectors: str | None,
    headlines: str | None,
    text: str,
    label: str,
    level: float | None,
    **reading_options: Any,
) -> None:
    """Measure reading, learning and predicting beside the usual ways, and print tables."""
    if "reading" in only:
        click.echo("## Reading vectors\n")
        shared = {"vectors": vectors, "headlines": headlines, "text": text}
        context.invoke(reading.main, **shared, **reading_options)
    data: dict[str, Any] = {"source": "bbc"}
    if headlines:
        data = {"source": "file", "path": headlines, "text": text, "label": label}
    task: Task = {"data": data, "vectors": vectors or "glove_6b_50d"}
    sections = [name for name in only if name in SECTIONS]
    if sections:
        packages = ["tensorflow", "keras", "scikit-learn", "mlflow", "fasttext-numpy2"]
        click.echo(f"\n{versions(*filter(_installed, packages))}")
    for name in sections:
        title, print_tables = SECTIONS[name]
        click.echo(f"\n## {title}")
        print_tables(task, _LEVELS[data["source"]] if level is None else level)
    if "accuracy" in only:
        click.echo("\n## Accuracy")
        context.invoke(accuracy.main, vectors=vectors or "", clickbait=headlines)


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
