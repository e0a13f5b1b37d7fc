"""The commands of the command line that stand by themselves, and what commands share.

vectors.py   `pipeline vectors`
why.py       `pipeline predict --why`
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

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
    from pipeline.sources import name_of
    from pipeline.tracking import CHAMPION, registered_name

    name = registered_name(config.tracking, name_of(config.data.source, config.data.path or ""))
    return f"models:/{name}@{CHAMPION}"
