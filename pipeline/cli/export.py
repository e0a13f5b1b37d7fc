"""`pipeline export`: a trained model as a folder that needs neither TensorFlow nor MLflow."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from pipeline.cli.arguments import TRACKING_URI, ModelCommand
from pipeline.cli.terminal import print_facts


@click.command(cls=ModelCommand)
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--dtype",
    default="float16",
    show_default=True,
    type=click.Choice(["float32", "float16", "int8"]),
    help="How numbers are kept. float32 keeps them as they were trained.",
)
@click.option(
    "--words",
    type=click.IntRange(0),
    help="How many words to keep that training did not see, the most frequent ones.  [default: all]",
)
@TRACKING_URI
def export(
    model: str, folder: Path, dtype: str, words: int | None, tracking_uri: str | None
) -> None:
    """Write a trained model to a folder.

    \b
      pipeline export headlines-bbc my-model
      pipeline export headlines-bbc my-model --dtype int8 --words 10000
      pipeline predict --model my-model "Alps may lose 70% of snow by end of the century"

    The folder holds arrays, JSON and a README. It can be zipped, moved and renamed. Nothing in it
    is executed when it is read, and its digests are checked.
    """
    from pipeline.base.errors import ModelError
    from pipeline.classifier.repacking import repack_classifier
    from pipeline.tracking.models import find_model, read_facts

    with find_model(model, tracking_uri) as source:
        if source.classifier is None:
            raise ModelError(
                f"{source.address}: expected a model that `pipeline train` logged: only such a one "
                "can be exported"
            )
        facts = read_facts(source)
        size = repack_classifier(
            source.classifier, folder, dtype=dtype, extra_words=words, facts=facts
        )
    print_facts(
        [("model", source.address), ("folder", f"{folder}, {size / 1e6:.1f} MB"),
         ("use it", f'pipeline predict --model {shlex.quote(str(folder))} "a headline"')]
    )  # fmt: skip
