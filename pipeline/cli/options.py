"""`pipeline options`: every option of a run and its value."""

from __future__ import annotations

import click

from pipeline.base.addresses import masked
from pipeline.cli.arguments import OVERRIDES
from pipeline.cli.terminal import print_table


@click.command("options")
@OVERRIDES
def list_options(overrides: tuple[str, ...]) -> None:
    """List the options of a run and their values.

    \b
      pipeline options
      pipeline options model=metric data=file data.path=my.csv

    First come the groups with their choices, then each option with its value. Arguments are those
    of `pipeline train`: other choices have other options.
    """
    from pipeline.config import groups, option_values, options

    values = option_values(overrides)
    print_table(["group", "choices"], [[group, ", ".join(options(group))] for group in groups()])
    click.echo()
    print_table(["option", "value"], [[name, _written(values[name])] for name in values])


def _written(value: object) -> str:
    """A value in the form in which it is set."""
    if isinstance(value, tuple):
        return f"[{','.join(map(str, value))}]"
    return "null" if value is None else masked(str(value))
