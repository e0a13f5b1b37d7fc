"""The commands of the command line that stand by themselves, and what commands share.

audit.py     `pipeline audit`
cases.py     `pipeline cases`
compare.py   `pipeline compare`
explain.py   `pipeline explain`
vectors.py   `pipeline vectors`
why.py       `pipeline predict --why`
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.terminal import OVERRIDE

if TYPE_CHECKING:
    from pipeline.config import Config

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[NAME=VALUE]...")
MODEL = click.option(
    "--model",
    metavar="ADDRESS",
    help="models:/NAME@ALIAS, models:/NAME/VERSION, runs:/... or a local folder  "
    "[default: the champion for the data or the tracking.registered_model that is set]",
)


def config_of(overrides: Sequence[str]) -> Config:
    """The configuration that the arguments ask for."""
    from pipeline.config import load_config

    return load_config(overrides)


def model_address(model: str | None, config: Config) -> str:
    """`model`, or the address of the champion for the data."""
    if model is not None:
        return model
    from pipeline.tracking.runs import CHAMPION, registered_name

    data, path = config.data.source, config.data.path or ""
    if data == "hub":
        data = path.replace("/", "-")
    elif data == "file":
        data = Path(path).resolve().name.split(".")[0]
    name = registered_name(config.tracking, data)
    return f"models:/{name}@{CHAMPION}"


def headlines_of(arguments: Sequence[str], path: str | None = None) -> tuple[list[str], Config]:
    """The headlines among the arguments and in a file of one a line, and what NAME=VALUE ask for.

    Raises ConfigError: an option that there is not; DataError: a file that cannot be read.
    """
    from pipeline.base.errors import ConfigError, DataError

    overrides = [text for text in arguments if OVERRIDE.fullmatch(text)]
    texts = [text for text in arguments if not OVERRIDE.fullmatch(text)]
    try:
        config = config_of(overrides)
    except ConfigError as error:
        raise ConfigError(f"{error} (a headline of that form goes into a file: --file)") from error
    if not all(text.strip() for text in texts):
        raise DataError("expected a headline in each argument, got an empty one")
    return texts + (_read_lines(path) if path is not None else []), config


def _read_lines(path: str) -> list[str]:
    from pipeline.base.errors import DataError

    try:
        with click.open_file(path, encoding="utf-8") as lines:
            headlines = [line.strip() for line in lines if line.strip()]
    except OSError as error:
        raise DataError(
            f"{path}: expected a file with one headline a line: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8, got other bytes: convert the file, for example with "
            "iconv -f latin1 -t utf-8"
        ) from error
    if not headlines:
        raise DataError(f"{path}: expected one headline a line, found none")
    return headlines
