"""What commands share: their arguments and options, and what is made of them."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.data.headlines import Headlines

logger = logging.getLogger(__name__)

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[GROUP=CHOICE | NAME=VALUE]...")
HEADLINES = click.argument("headlines", nargs=-1, metavar="[HEADLINE]...")
HEADLINE_FILE = click.option(
    "--file",
    "path",
    metavar="FILE",
    help="A file with one headline a line, or a table (CSV, TSV, JSON, Parquet). - is standard "
    "input.",
)
TEXT_COLUMN = click.option(
    "--text", metavar="COLUMN", help="The column of headlines in a table.  [default: text]"
)
LABEL_COLUMN = click.option(
    "--label", metavar="COLUMN", help="The column of labels.  [default: label]"
)
_MODELS = (
    "A registered name such as headlines-bbc (its champion), models:/NAME@ALIAS, "
    "models:/NAME/VERSION, runs:/ID/model, or a folder.  [default: {}]"
)
MODEL = click.option("--model", metavar="MODEL", help=_MODELS.format("the only registered model"))
MODEL_OF_CASES = click.option(
    "--model",
    metavar="MODEL",
    help=_MODELS.format("the model of the cases; for a new folder the only registered model"),
)
TRUST = click.option(
    "--trust",
    is_flag=True,
    help="Load also a model that this package did not write. Its code runs on this machine.",
)
TRACKING_URI = click.option(
    "--tracking-uri",
    metavar="URI",
    help="The MLflow store of the model.  [default: MLFLOW_TRACKING_URI, or sqlite:///mlflow.db]",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")

COVERAGE = click.option(
    "--coverage",
    type=float,
    default=0.0,
    metavar="SHARE",
    help="Show the labels among which the right one is so often, as 0.9 for 90%.",
)

_TRAINING = ("data", "vectors", "model", "training")
# A run below which others are: it registers no model.
_STUDY = ("tracking.experiment", "tracking.uri", "tracking.run_name", "seed")
USES: Mapping[str, tuple[str, ...]] = {
    "train": (*_TRAINING, "insight", "tracking", "seed", "start"),
    "compare": (*_TRAINING, "training.scratch", "compare", *_STUDY),
    "explain": (
        *(*_TRAINING, "training.scratch", "explain", "insight.probes", "insight.words"),
        *_STUDY,
    ),
    "sweep": (*_TRAINING, "sweep", *_STUDY),
    "audit": ("data", "vectors", "model.letter_case", "seed"),
    "suggest": ("data", "vectors", "seed"),
    "vectors compare": ("data", "vectors", "seed"),
    "vectors compare --train": (*_TRAINING, *_STUDY),
}
"""The options of a run that each command uses. See `pipeline.config.unused_overrides`."""


def load_command_config(
    command: str, overrides: Sequence[str], fixed: Sequence[str] = ()
) -> Config:
    """The configuration that the arguments of a command ask for.

    `fixed`: overrides of the command itself, which those of the user replace.

    Raises ConfigError: an option that does not exist, a wrong value, or an option that the command
    does not use; DataError, MissingExtraError: the headlines are not there; VectorsError:
    the file of vectors is not there.
    """
    from pipeline.base.errors import ConfigError
    from pipeline.config import load_config, unused_overrides
    from pipeline.data.sources import check_source

    config = load_config([*fixed, *overrides])
    for name in unused_overrides(overrides, config, USES[command]):
        raise ConfigError(
            f"{name} is not used by `pipeline {command}`{_instead(name, command, config)}"
        )
    used_by = {
        "training.workers": (config.training.workers > 1, ("train",)),
        "data.unlabelled": (config.data.unlabelled is not None, ("train", "sweep", "suggest")),
    }
    for name, (given, commands) in used_by.items():
        if given and command not in commands:
            raise ConfigError(f"{name} is not used by `pipeline {command}`: leave it out")
    data = config.data
    files = [*data.added, *([data.unlabelled] if data.unlabelled else [])]
    check_source(data.source, data.path, files)
    if "vectors" in USES[command]:
        from pipeline.embedding.loading import check_vectors  # it imports pandas

        check_vectors(config.vectors)
    return config


def load_command_headlines(config: Config) -> Headlines:
    """The headlines of a command. What is wrong with them is found before TensorFlow and MLflow are
    imported, and before there is a run.

    Raises DataError: as `load_headlines`.
    """
    from dataclasses import asdict

    from pipeline.data.headlines import load_headlines

    return load_headlines(**asdict(config.data))


def _instead(name: str, command: str, config: Config) -> str:
    """What to do with an option that the command does not use."""
    from pipeline.config import unused_overrides

    room, _, phase = name.rpartition(".")[0].partition(".")
    if room == "training" and "training" in USES[command]:
        phases = ",".join(config.training.phases)
        return f" with training.phases=[{phases}]: leave it out, or add training={phase}"
    # The same command with another option comes first.
    candidates = sorted(USES, key=lambda candidate: not candidate.startswith(command))
    users = [
        candidate
        for candidate in candidates
        if not unused_overrides([name], config, USES[candidate])
    ]
    where = f" (`pipeline {users[0]}` uses it)" if users else ""
    return f": leave it out{where}"


def is_override(argument: str) -> bool:
    """Whether an argument is in the form of an option of a run, such as `data.path=my.csv`.

    A name with a letter too many or too few is in that form too, and so is any name with dots.
    """
    form = re.match(r"[+~]{0,2}(\w+)((?:\.\w+)*)=", argument)
    if form is None:
        return False
    from dataclasses import fields

    from pipeline.config import Config

    names = {field.name for field in fields(Config)}
    return bool(form[2] or difflib.get_close_matches(form[1], names, n=1, cutoff=0.8))


class RunCommand(click.Command):
    """A command that takes options of a run. It says how one is written."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name.lstrip("-")
            if not error.option_name.startswith("--") or (
                error.possibilities and not is_override(f"{name}=")
            ):
                raise
            place, written = next(
                (place, text)
                for place, text in enumerate(given)
                if text.startswith(error.option_name)
            )
            _, equals, value = written.partition("=")
            value = value if equals else next(iter(given[place + 1 :]), "VALUE")
            raise click.UsageError(
                f"there is no option {error.option_name!r}: an option of a run is written without "
                f"hyphens, as in {name}={value}",
                ctx,
            ) from error


class ModelCommand(click.Command):
    """A command that asks a logged model. It takes no options of a run.

    Where its arguments are headlines, it says how to write one that begins with a hyphen.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        for argument in filter(is_override, given):
            model_options = ("--model", "--tracking-uri", "--file", "--text", "--label")
            options = [name for name in model_options if name in self._option_names]
            raise click.UsageError(
                f"{argument!r} is in the form of an option of a run, which `{ctx.command_path}` "
                f"does not take: use {', '.join(options) or 'its own options'}"
                + ("; put a headline of that form into a file" if self._takes_headlines else ""),
                ctx,
            )
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            option = error.option_name
            headline = next((text for text in given if text.startswith(option)), option)
            mistyped = option.startswith("--") and not any(map(str.isspace, headline))
            if mistyped or not self._takes_headlines:
                raise
            raise click.UsageError(
                f"{headline!r} begins with a hyphen, as options do: put -- before the headlines, "
                "as "
                f'in `{ctx.command_path} -- "{headline}"`, or put them into a file (--file)',
                ctx,
            ) from error

    @property
    def _option_names(self) -> set[str]:
        return {name for parameter in self.params for name in parameter.opts}

    @property
    def _takes_headlines(self) -> bool:
        return "headlines" in self._option_names


def collect_headlines(
    arguments: Sequence[str], path: str | None = None, text: str | None = None
) -> list[str]:
    """The headlines among the arguments and in a file.

    `path`, `text`: as in `pipeline.data.reading.read_texts`. Each row has a headline, so that the
    answers stay beside the rows.

    Bytes that are no UTF-8 become U+FFFD, and what comes after `MAX_CHARACTERS` is left out.

    Raises DataError: an empty headline, or a file that cannot be read; UsageError: no headlines.
    """
    from pipeline.base.errors import DataError
    from pipeline.portable.text import MAX_CHARACTERS, normalize

    arguments = [readable(argument) for argument in arguments]
    for argument in arguments:
        if not argument.strip():
            raise DataError("expected a headline in each argument, got an empty one")
        if path is None and os.path.isfile(argument):
            logger.warning(
                "%s is read as a headline, and there is such a file: --file reads it", argument
            )
        if len(argument) > MAX_CHARACTERS:
            logger.warning(
                "a headline of %s characters: those after the first %s are not read",
                f"{len(argument):,}",
                f"{MAX_CHARACTERS:,}",
            )
    if path is None and text is not None:
        raise click.UsageError("--text names a column of --file, which is missing")
    headlines = [*arguments]
    if path is not None:
        from pipeline.data.reading import read_texts

        headlines += read_texts(path, text)
    if not headlines:
        raise click.UsageError("expected headlines: as arguments, or with --file")
    return normalize(headlines)


def readable(argument: str) -> str:
    """An argument as text: its bytes as UTF-8, whatever the locale is, and others as U+FFFD."""
    return os.fsencode(argument).decode("utf-8", "replace")
