"""`pipeline options`: every option of a run, its value and what it means."""

from __future__ import annotations

import re

import click

from pipeline.base.addresses import masked
from pipeline.cli.arguments import OVERRIDES, RunCommand
from pipeline.cli.terminal import print_table, terminal_width

_CHOICES_WIDTH = 100  # characters of a line that goes to no terminal


@click.command("options", cls=RunCommand)
@OVERRIDES
def list_options(overrides: tuple[str, ...]) -> None:
    """List the options of a run, their values and what they mean.

    \b
      pipeline options
      pipeline options model=metric data=file

    First come the groups with their choices, then each option with its value. Arguments are those
    of `pipeline train`: other choices have other options. The values are not checked here.
    """
    from pipeline.config import groups, option_values, options

    width = terminal_width()
    rows = [[group, ", ".join(options(group))] for group in groups()]
    print_table(["group", "choices"], rows, width=width or _CHOICES_WIDTH)
    click.echo()
    meanings = _meanings()
    # The provenance of a published set is a fact, not something to set.
    values = {n: v for n, v in option_values(overrides).items() if ".provenance." not in n}
    print_table(
        ["option", "value", "meaning"],
        [[name, _written(value), meanings.get(name, "")] for name, value in values.items()],
        width=width,
    )
    click.echo("\nOther choices have other options: pipeline options data=file model=metric")


def _written(value: object) -> str:
    """A value in the form in which it is set."""
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return "null" if value is None else masked(str(value))


def _meanings() -> dict[str, str]:
    """What each option means, by its name: the comment on its line in conf/."""
    from pipeline.base.files import conf_folder

    meanings: dict[str, str] = {}
    folder = conf_folder()
    for path in sorted(folder.rglob("*.yaml")):
        group = "" if path.parent == folder else f"{path.parent.name}."
        branch: list[str] = []
        for line in path.read_text("utf-8").splitlines():
            option = re.match(r"( *)(\w+):[^#]*(?:# (.*))?$", line)
            if option:
                branch = [*branch[: len(option[1]) // 2], option[2]]
                if option[3]:
                    meanings.setdefault(group + ".".join(branch), option[3])
    return meanings
