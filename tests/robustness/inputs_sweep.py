"""Bad searches: spaces, budgets, journals, and runs that are no search."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bad_input import BadInput, Trial
from inputs_stores import begin, database, own_cache

from pipeline.cli.searched import best_overrides
from pipeline.report.items import Text
from pipeline.report.search import SEARCH
from pipeline.studies.space import Choices, Space, check_space, load_space

STORE = "sqlite:///{}/mlflow.db"


def _space(content: str | bytes, *, check: bool = False) -> Callable[[Trial], str]:
    """Read a space. `check`: also compose its options."""

    def act(trial: Trial) -> str:
        from pipeline.config import load_config

        space = load_space(str(trial.write("my.yaml", content)))
        return str(check_space(space, load_config) if check else space)

    return act


def _run(*arguments: str) -> Callable[[Trial], str]:
    return lambda trial: trial.command(*arguments)


def _with_space(content: str, *arguments: str) -> Callable[[Trial], str]:
    def act(trial: Trial) -> str:
        trial.write("my.yaml", content)
        return trial.command("sweep", "sweep.space=my.yaml", *arguments)

    return act


def _without_optuna(trial: Trial) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] == "optuna"]:
            patch.delitem(sys.modules, name)
        patch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
        from pipeline.studies.space import check_optuna

        return str(check_optuna())


def _asks(command: str, kind: str, argument: str) -> Callable[[Trial], str]:
    """A command about a run of another kind, or of a search that did not finish."""

    def act(trial: Trial) -> str:
        trial.write("mlflow.db", database())
        with own_cache(trial):
            with pytest.raises(KeyboardInterrupt), begin(trial, tags={"kind": kind}) as tracked:
                raise KeyboardInterrupt
            run_id = tracked.run_id
            given = argument.format(run_id)
            uri = f"tracking.uri={STORE.format(trial.folder)}"
            return trial.command(command, *given.split(), uri).replace(run_id, "RUN_ID")

    return act


def _damaged(content: str) -> Callable[[Trial], str]:
    """Train with the options of a search whose file was changed."""

    def act(trial: Trial) -> str:
        trial.write("mlflow.db", database())
        with own_cache(trial):
            with begin(trial, tags={"kind": "sweep"}) as search:
                search.log([Text(SEARCH, content)])
            uri = f"tracking.uri={STORE.format(trial.folder)}"
            shown = trial.command("train", f"sweep={search.run_id}", uri)
        return shown.replace(search.run_id, "RUN_ID")

    return act


def _forged(trial: Trial) -> str:
    trial.write("mlflow.db", database())
    best = {"number": 0, "state": "complete", "options": {"model.dropout": "0.3", "data.path": "x"}}
    with own_cache(trial):
        with begin(trial, tags={"kind": "sweep"}) as search:
            search.log([Text(SEARCH, json.dumps({"trials": [best], "best": 0, "given": []}))])
        uri = f"tracking.uri={STORE.format(trial.folder)}"
        return " ".join(best_overrides([f"sweep={search.run_id}", uri])[0][:-1])


def _pipe(trial: Trial) -> str:
    os.mkfifo(trial.folder / "my.yaml")
    return str(load_space("my.yaml"))


def _trial_itself(trial: Trial) -> str:
    trial.write("mlflow.db", database())
    uri = f"tracking.uri={STORE.format(trial.folder)}"
    with own_cache(trial), begin(trial, tags={"kind": "sweep"}) as search:
        from pipeline.tracking.options import TrackingOptions
        from pipeline.tracking.runs import tracked_run

        options = TrackingOptions(uri=STORE.format(trial.folder))
        with tracked_run(options, "trial-7", parent=search.run_id, tags={"kind": "trial"}) as run:
            pass
        shown = trial.command("train", f"sweep={run.run_id}", uri)
    return shown.replace(run.run_id, "RUN_ID").replace(search.run_id, "SEARCH_ID")


_OPTIONS = Space("my.yaml", ("accuracy",), {"model.dropout": Choices(("0.1", "0.3"))})


def _journal(change: Callable[[Path], object], key: str = "first") -> Callable[[Trial], str]:
    """Open a journal that was changed since."""

    def act(trial: Trial) -> str:
        from pipeline.studies.journal import Journal

        path = trial.folder / "journal.log"
        Journal(path, _OPTIONS, "first", 0, {"model.dropout": "0.3"}).claim(1)
        change(path)
        return str(Journal(path, _OPTIONS, key, 0, {}))

    return act


def _second_line(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b'{"op_code": 2, "wor\n', *lines[2:]]))


_NO_RUN = "0" * 32
_JOURNAL_END = "it is damaged: remove it, and the search begins again; the runs of its trials stay"

ROWS = (
    BadInput(
        "space: an option with two letters swapped",
        _space("model.dropuot: [0.1, 0.3]", check=True),
        "error: my.yaml: there is no option 'model.dropuot' here; did you mean model.dropout?; `pipeline options` lists the options",
    ),
    BadInput(
        "space: a value out of range",
        _space("model.dropout: [0.1, 1.5]", check=True),
        "error: my.yaml: model.dropout=1.5: expected less than 1, got 1.5",
    ),
    BadInput(
        "space: an option of only one of the choices",
        _space("model: [mean, cnn]\nmodel.filters: [64, 128]", check=True),
        "error: my.yaml: model.filters belongs to model=cnn or metric, which is not chosen: add model=cnn",
    ),
    BadInput(
        "space: an option of the data",
        _space("data.validation: [0.1, 0.2]", check=True),
        "error: my.yaml: data.validation cannot be searched, as all trials have the same headlines: expected an option of vectors, model, training",
    ),
    BadInput(
        "space: no choices",
        _space("model.dropout: []"),
        "error: my.yaml: model.dropout: expected two different values or more, got []",
    ),
    BadInput(
        "space: the same choice twice",
        _space("model.dropout: [0.1, 0.1]"),
        "error: my.yaml: model.dropout: expected two different values or more, got [0.1,0.1]",
    ),
    BadInput(
        "space: low above high",
        _space("model.dropout: {low: 0.5, high: 0.1}"),
        "error: my.yaml: model.dropout: expected low < high, got low 0.5 and high 0.1",
    ),
    BadInput(
        "space: a bound that is no number",
        _space("model.dropout: {low: .nan, high: 0.5}"),
        "error: my.yaml: model.dropout: expected low < high, got low nan and high 0.5",
    ),
    BadInput(
        "space: a bound in words",
        _space("model.dropout: {low: none, high: 0.5}"),
        "error: my.yaml: model.dropout: expected a number as low, got 'none'",
    ),
    BadInput(
        "space: a logarithm of zero",
        _space("model.dropout: {low: 0, high: 0.5, log: true}"),
        "error: my.yaml: model.dropout: expected low above 0 with log: true, got 0",
    ),
    BadInput(
        "space: a step with log",
        _space("model.dropout: {low: 0.1, high: 0.5, log: true, step: 0.1}"),
        "error: my.yaml: model.dropout: expected log or step, got both: leave one out",
    ),
    BadInput(
        "space: a step that misses high",
        _space("model.dropout: {low: 0.0, high: 0.5, step: 0.3}"),
        "error: my.yaml: model.dropout: expected a step that leads from low 0.0 to high 0.5, got 0.3",
    ),
    BadInput(
        "space: a word of a range with a letter missing",
        _space("model.dropout: {lo: 0.1, high: 0.5}"),
        "error: my.yaml: model.dropout: expected low and high, and log or step, got 'lo'; did you mean low?",
    ),
    BadInput(
        "space: a range without its end",
        _space("model.dropout: {low: 0.1}"),
        "error: my.yaml: model.dropout: expected low and high, high is missing",
    ),
    BadInput(
        "space: one value",
        _space("model.dropout: 0.5"),
        "error: my.yaml: model.dropout: expected a list of values, or {low: ..., high: ...}, got 0.5",
    ),
    BadInput(
        "space: an objective with a letter missing",
        _space("objectives: [acuracy]\nmodel.dropout: [0.1, 0.3]"),
        "error: my.yaml: objectives: expected names of accuracy, balanced_accuracy, macro_f1, log_loss, megabytes, milliseconds, got 'acuracy'; did you mean accuracy?",
    ),
    BadInput(
        "space: several objectives without the accuracy as the first",
        _space("objectives: [megabytes, accuracy]\nmodel.dropout: [0.1, 0.3]"),
        "error: my.yaml: objectives: expected accuracy as the first of several, got megabytes: the best trial is chosen among the most accurate ones",
    ),
    BadInput(
        "space: an empty file",
        _space(""),
        "error: my.yaml: expected a line for each option to search, such as model.dropout: [0.1, 0.3], there is none",
    ),
    BadInput(
        "space: a bracket that is never closed",
        _space("model.dropout: [0.1, 0.3"),
        "error: my.yaml, line 1: expected YAML: expected ',' or ']', but got '<stream end>'",
    ),
    BadInput(
        "space: an option twice",
        _space("model.dropout: [0.1, 0.3]\nmodel.dropout: [0.2, 0.4]"),
        "error: my.yaml, line 2: expected YAML: found duplicate key model.dropout",
    ),
    BadInput(
        "space: a list instead of lines with names",
        _space("- model.dropout"),
        "error: my.yaml: expected lines such as model.dropout: [0.1, 0.3], got ['model.dropout']",
    ),
    BadInput(
        "space: bytes that are no text",
        _space(b"\xff\xfe\x00\x01"),
        "error: sweep.space=my.yaml: expected one of default, size, or a YAML file (it is no text in UTF-8)",
    ),
    BadInput(
        "space: a value of the environment",
        _space("model.dropout: [0.1, '${oc.env:HOME}']"),
        "error: my.yaml: model.dropout: expected plain values, got ${...}: write the value",
    ),
    BadInput(
        "space: 20,000 lists in each other",
        _space("model.dropout: " + "[" * 20_000),
        "error: my.yaml: expected plain values, got too many lists in lists",
    ),
    BadInput(
        "space: a step that is almost zero",
        _space("model.dropout: {low: 0.1, high: 0.5, step: 1e-300}"),
        "error: my.yaml: model.dropout: expected at most 1,000,000 steps from low 0.1 to high 0.5, got a step of 1e-300",
    ),
    BadInput(
        "space: a step of 1.5 for whole numbers",
        _space("model.max_tokens: {low: 1, high: 4, step: 1.5}", check=True),
        "error: my.yaml: model.max_tokens=2.5: expected a valid integer, got 2.5",
    ),
    BadInput(
        "sweep: a pipe as the space",
        _pipe,
        "error: sweep.space=my.yaml: expected one of default, size, or a YAML file (it is no regular file)",
    ),
    BadInput(
        "sweep: a space that does not exist",
        _run("sweep", "sweep.space=defualt"),
        "error: sweep.space=defualt: expected one of default, size, or a YAML file (No such file or directory); did you mean default?",
    ),
    BadInput(
        "sweep: an option that the space searches",
        _with_space("model.dropout: [0.1, 0.3]", "model.dropout=0.5"),
        "error: model.dropout=0.5: the space my.yaml searches model.dropout: leave one of both out",
    ),
    BadInput(
        "sweep: no trials",
        _run("sweep", "sweep.trials=0"),
        "error: sweep.trials=0: expected greater than or equal to 1, got 0",
    ),
    BadInput(
        "sweep: no minutes",
        _run("sweep", "sweep.minutes=0"),
        "error: sweep.minutes=0: expected greater than 0, got 0",
    ),
    BadInput(
        "sweep: no processes",
        _run("sweep", "sweep.processes=0"),
        "error: sweep.processes=0: expected greater than or equal to 1, got 0",
    ),
    BadInput(
        "sweep: a space where train takes a run",
        _run("sweep", "sweep=size"),
        "error: sweep=size: a space is named with sweep.space=size; sweep=RUN_ID belongs to `pipeline train` (see pipeline sweep --help)",
    ),
    BadInput(
        "sweep: Optuna is not installed",
        _without_optuna,
        "error: a search for options needs the package optuna, which is not installed: pip install 'headline-transfer[sweep]'",
    ),
    BadInput(
        "sweep --resume: an option that makes it another search",
        _run("sweep", "--resume", _NO_RUN, "model=mean"),
        "error: --resume takes the options of the search, 'model=mean' would be another one: leave it out (see pipeline sweep --help)",
    ),
    BadInput(
        "sweep --resume: a run of train",
        _asks("sweep", "train", "--resume {}"),
        "error: expected a run of `pipeline sweep`, the run RUN_ID is a train",
    ),
    BadInput(
        "train: a search that does not exist",
        _asks("train", "sweep", f"sweep={_NO_RUN}"),
        f"error: could not read the search {_NO_RUN} in sqlite:///mlflow.db: Run with id={_NO_RUN} not found",
    ),
    BadInput(
        "train: a run that is no search",
        _asks("train", "compare", "sweep={}"),
        "error: expected a run of `pipeline sweep`, the run RUN_ID is a compare",
    ),
    BadInput(
        "train: a search that has not finished",
        _asks("train", "sweep", "sweep={}"),
        "error: the search RUN_ID has not finished (KILLED): go on with it, as in `pipeline sweep --resume RUN_ID`; sweep.trials=N ends it sooner",
    ),
    BadInput(
        "train: a trial instead of its search",
        _trial_itself,
        "error: the run RUN_ID is a trial: expected the search that it belongs to: sweep=SEARCH_ID, or sweep=SEARCH_ID/7 for this trial",
    ),
    *(
        BadInput(
            f"train: the file of a search, {what}",
            _damaged(content),
            "error: the search RUN_ID: search.json is damaged: begin the search again, or name another one",
        )
        for what, content in {
            "without its best trial": '{"trials": []}',
            "as a list": "[1]",
            "cut": '{"trials": [',
        }.items()
    ),
    BadInput(
        "train: a search with an option of the data in its trial (it is left out)",
        _forged,
        "model.dropout=0.3",
    ),
    BadInput(
        "train: how long a search goes on",
        _run("train", "sweep.trials=3"),
        "error: sweep.trials is not used by `pipeline train`: leave it out (`pipeline sweep` uses it)",
    ),
    BadInput(
        "journal of a search: a line that was cut",
        _journal(_second_line),
        f"error: journal.log: expected a journal of Optuna, line 2 is no JSON: {_JOURNAL_END}",
    ),
    BadInput(
        "journal of a search: JSON of something else",
        _journal(lambda path: path.write_text('{"a": 1}\n')),
        f"error: journal.log: expected a journal of Optuna, KeyError: 'op_code': {_JOURNAL_END}",
    ),
    BadInput(
        "journal of a search with another space or other data",
        _journal(lambda path: None, key="second"),
        "error: journal.log: the journal belongs to a search with another space, other data or other options: remove it, and the search begins again",
    ),
)
