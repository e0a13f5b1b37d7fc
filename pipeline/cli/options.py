"""`pipeline options`: every option of a run, its value and what it means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from pipeline.base.addresses import masked
from pipeline.cli.arguments import RunCommand
from pipeline.cli.terminal import escaped, print_table, terminal_width

_WIDEST = 100  # characters of a line
_NAMED = 3  # near names that a message has


@click.command("options", cls=RunCommand)
@click.argument("arguments", nargs=-1, metavar="[WORD | GROUP=CHOICE | NAME=VALUE]...")
def list_options(arguments: tuple[str, ...]) -> None:
    """List the options of a run, their values and what they mean.

    \b
      pipeline options
      pipeline options epochs
      pipeline options model=metric data=file

    First come the groups with their choices, then each option with its value. A WORD picks the
    options that have it in their name. The other arguments are those of `pipeline train`: other
    choices have other options. The values are not checked here.
    """
    from pipeline.config import groups, option_values, options

    words = [text.lower() for text in arguments if "=" not in text]
    overrides = [text for text in arguments if "=" in text]
    values = {name: v for name, v in option_values(overrides).items() if _can_be_set(name)}
    meanings = _meanings(overrides)
    elsewhere = [row for row in _of_other_choices() if row[0] not in values]
    chosen = [(f"{n}={_written(values[n])}", meanings.get(n, "")) for n in _having(words, values)]
    if words:
        named = _having(words, (name for name, _ in elsewhere))
        chosen += [row for row in elsewhere if row[0] in named]
    shown_groups = [group for group in groups() if not words or group in words]
    every = [*values, *(name for name, _ in elsewhere)]
    if missed := [word for word in words if word not in groups() and not _having([word], every)]:
        _refuse(missed, every)

    width = terminal_width()
    line = min(width or _WIDEST, _WIDEST)
    if shown_groups:
        rows = [[group, ", ".join(options(group))] for group in shown_groups]
        print_table(["group", "choices"], rows, width=line)
        click.echo()
    # A pipe gets each meaning in one line.
    formatter = click.HelpFormatter(width=line if width else 10_000)
    if chosen:
        formatter.write_dl([(escaped(a), escaped(b)) for a, b in chosen], col_max=line * 2 // 5)
    click.echo(formatter.getvalue(), nl=False)
    if not words:
        click.echo("\nOther choices have other options: pipeline options data=file model=metric")


def _can_be_set(name: str) -> bool:
    """The provenance of a published set is a fact, not something to set."""
    return ".provenance." not in name


def _having(words: Sequence[str], names: Iterable[str]) -> list[str]:
    """The names that have one of the words in them; without words all names."""
    return [name for name in names if not words or any(word in name.lower() for word in words)]


def _refuse(words: Sequence[str], names: Sequence[str]) -> NoReturn:
    """Raises ConfigError: the words are in no name. It has the names that are most like each."""
    from pipeline.base.errors import ConfigError

    parts = {part: name for name in reversed(names) for part in [*name.split("."), name]}
    close = [part for w in words for part in difflib.get_close_matches(w, parts, n=_NAMED)]
    near = f"; near are {', '.join(dict.fromkeys(parts[part] for part in close))}" if close else ""
    raise ConfigError(
        f"no option has {' or '.join(map(repr, words))} in its name{near}: `pipeline options` "
        "lists all"
    )


def _written(value: object) -> str:
    """A value in the form in which it is set."""
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else masked(str(value))


def _meanings(overrides: Sequence[str]) -> dict[str, str]:
    """What each option means that can be set together with the choices among the overrides."""
    from pipeline.base.files import conf_folder

    path = conf_folder() / "config.yaml"
    meanings = _read(path)
    choices: dict[str, str] = {}
    for row in _yaml(path)["defaults"]:
        choices |= row if isinstance(row, dict) else {}
    choices |= {group: choice for group, _, choice in (text.partition("=") for text in overrides)}
    for group, choice in choices.items():
        if (file := conf_folder() / group / f"{choice}.yaml").is_file():
            meanings |= {f"{group}.{name}": meaning for name, meaning in _read(file).items()}
    return meanings


def _of_other_choices() -> list[tuple[str, str]]:
    """Each option of any choice: its name, and with which choices it can be set, and what it
    means."""
    from pipeline.base.files import conf_folder
    from pipeline.config import groups, options

    homes: dict[tuple[str, str], list[str]] = {}
    for group in groups():
        for choice in options(group):
            for name, meaning in _read(conf_folder() / group / f"{choice}.yaml").items():
                homes.setdefault((f"{group}.{name}", meaning), []).append(choice)
    return [
        (name, f"with {name.partition('.')[0]}={', '.join(choices)}" + (meaning and f": {meaning}"))
        for (name, meaning), choices in homes.items()
        if _can_be_set(name)
    ]


def _read(path: Path) -> dict[str, str]:
    """The options in a file of conf/, and in those that it takes over, with what they mean: the
    comments on their lines."""
    meanings: dict[str, str] = {}
    text, group = path.read_text("utf-8"), path.parent.name
    for default in _yaml(path).get("defaults", ()):
        if isinstance(default, str) and default != "_self_":
            file, at, place = default.partition("@")
            shared = _read(path.with_name(f"{file}.yaml"))
            meanings |= {f"{place}.{n}" if at else n: meaning for n, meaning in shared.items()}
    branch: list[str] = []
    for line in text.splitlines():
        option = re.match(r"( *)(\w+):[^#]*(?:# (.*))?$", line)
        if option:
            branch = [*branch[: len(option[1]) // 2], option[2]]
            name = ".".join(branch)
            meanings[name] = option[3] or meanings.get(name, "")
    if text.startswith("# @package _global_"):  # its names begin at the top, and are of any group
        own = {name.partition(".")[2]: m for name, m in meanings.items() if name.startswith(group)}
        meanings = {name: meaning for name, meaning in own.items() if name}
    sections = {name.rpartition(".")[0] for name in meanings} | {"defaults"}
    return {name: meaning for name, meaning in meanings.items() if name not in sections}


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    return dict(yaml.safe_load(path.read_text("utf-8")))
