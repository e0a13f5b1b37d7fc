"""`pipeline options`: every option of a run, its value and what it means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

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
    width = terminal_width()
    line = min(width or _WIDEST, _WIDEST)
    meanings = _meanings(groups())
    # The provenance of a published set is a fact, not something to set.
    values = {n: v for n, v in option_values(overrides).items() if ".provenance." not in n}
    chosen = _with_word(values, words)
    elsewhere = _choices_with(_with_word(meanings, words)) if words else {}
    elsewhere = {name: text for name, text in elsewhere.items() if name not in values}
    shown_groups = [group for group in groups() if not words or group in words]
    if words and not (chosen or elsewhere or shown_groups):
        _refuse(words, [*values, *meanings])
    if shown_groups:
        rows = [[group, ", ".join(options(group))] for group in shown_groups]
        print_table(["group", "choices"], rows, width=line)
        click.echo()
    # A pipe gets each meaning in one line.
    formatter = click.HelpFormatter(width=line if width else 10_000)
    rows = [(f"{name}={_written(values[name])}", meanings.get(name, "")) for name in chosen]
    rows += [(name, f"with {where}: {meanings[name]}") for name, where in elsewhere.items()]
    if rows:
        formatter.write_dl([(escaped(a), escaped(b)) for a, b in rows], col_max=line * 2 // 5)
        click.echo(formatter.getvalue(), nl=False)
    if not words:
        click.echo("\nOther choices have other options: pipeline options data=file model=metric")


def _with_word(names: Iterable[str], words: Sequence[str]) -> list[str]:
    """The names that have one of the words in them; without words all names."""
    return [name for name in names if not words or any(word in name.lower() for word in words)]


def _choices_with(names: Sequence[str]) -> dict[str, str]:
    """Where options are that only some choices of their group have, as in `model=cnn, metric`."""
    from pipeline.config import groups, names_by_choice

    by_name = {}
    for group in groups():
        wanted = [name for name in names if name.startswith(f"{group}.")]
        by_choice = names_by_choice(group) if wanted else {}
        for name in wanted:
            homes = [choice for choice, its_names in by_choice.items() if name in its_names]
            if homes:
                by_name[name] = f"{group}={', '.join(homes)}"
    return by_name


def _refuse(words: Sequence[str], names: Sequence[str]) -> NoReturn:
    """Raises ConfigError: the words are in no name. It has the names that are most like them."""
    from pipeline.base.errors import ConfigError

    parts = {part: name for name in reversed(names) for part in [*name.split("."), name]}
    close = difflib.get_close_matches(words[0], parts, n=_NAMED)
    near = f"; near are {', '.join(dict.fromkeys(parts[part] for part in close))}" if close else ""
    raise ConfigError(
        f"no option has {' or '.join(map(repr, words))} in its name{near}: `pipeline options` lists all"
    )


def _written(value: object) -> str:
    """A value in the form in which it is set."""
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return "null" if value is None else masked(str(value))


def _meanings(groups: Sequence[str]) -> Mapping[str, str]:
    """What each option of any choice means, by its name: the comment on its line in conf/, or
    nothing."""
    from pipeline.base.files import conf_folder

    meanings: dict[str, str] = {}
    folder = conf_folder()
    files = [path for group in groups for path in sorted((folder / group).glob("*.yaml"))]
    for path in [*files, folder / "config.yaml"]:
        group = "" if path.parent == folder else f"{path.parent.name}."
        branch: list[str] = []
        for line in path.read_text("utf-8").splitlines():
            option = re.match(r"( *)(\w+):[^#]*(?:# (.*))?$", line)
            if option:
                branch = [*branch[: len(option[1]) // 2], option[2]]
                name = group + ".".join(branch)
                meanings[name] = meanings.get(name) or option[3] or ""
    return meanings
