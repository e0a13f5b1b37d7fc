"""Bad arguments of the commands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bad_input import BadInput, Trial

from pipeline.cases.case import Case
from pipeline.cases.storage import SavedCases, write_cases


def _run(*arguments: str) -> Callable[[Trial], str]:
    return lambda trial: trial.command(*arguments)


def _cases_of(name: str) -> Callable[[Trial], str]:
    """`pipeline cases predict` with a folder that names this model."""

    def act(trial: Trial) -> str:
        vectors = np.ones((1, 2), np.float32)
        write_cases(trial.folder / "cases", SavedCases(5, name, 1, 0, [Case(0, "a", "b")], vectors))
        return trial.command("cases", "predict", "Alps")

    return act


_NO_MODEL = "error: there is no model in sqlite:///none.db: train one first (pipeline train), or name a folder with --model"
_NOT_TAKEN = "is in the form of an option of a run, which `pipeline predict` does not take: use --model, --tracking-uri, --file, --text; put a headline of that form into a file (see pipeline predict --help)"

ROWS = (
    BadInput(
        "predict: an option of a run with a space in its value",
        _run("predict", "Alps", "tracking.uri=sqlite:///with space/x.db"),
        f"error: 'tracking.uri=sqlite:///with space/x.db' {_NOT_TAKEN}",
    ),
    BadInput(
        "predict: an option of a run in quotes and brackets",
        _run("predict", "Alps", "data.path='my (1).csv'"),
        f"error: \"data.path='my (1).csv'\" {_NOT_TAKEN}",
    ),
    BadInput(
        "predict: an option of a run that does not exist",
        _run("predict", "Alps", "traking.uri=sqlite:///x.db"),
        f"error: 'traking.uri=sqlite:///x.db' {_NOT_TAKEN}",
    ),
    BadInput(
        "predict: a group of a run with two letters swapped",
        _run("predict", "Alps", "modle=mean"),
        f"error: 'modle=mean' {_NOT_TAKEN}",
    ),
    BadInput(
        "predict: a headline that begins with a hyphen",
        _run("predict", "-5 degrees in Alps"),
        "error: '-5 degrees in Alps' begins with a hyphen, as options do: put -- before the headlines, as in `pipeline predict -- \"-5 degrees in Alps\"`, or put them into a file (--file) (see pipeline predict --help)",
    ),
    BadInput(
        "predict: an option with a letter too many",
        _run("predict", "Alps", "--jsonn"),
        "error: No such option '--jsonn'. Did you mean '--json'? (see pipeline predict --help)",
    ),
    BadInput(
        "predict: no headline",
        _run("predict"),
        "error: expected headlines: as arguments, or with --file (see pipeline predict --help)",
    ),
    BadInput(
        "predict: an empty headline",
        _run("predict", "Alps", "  "),
        "error: expected a headline in each argument, got an empty one",
    ),
    BadInput(
        "predict: a column without a file",
        _run("predict", "Alps", "--text", "headline"),
        "error: --text names a column of --file, which is missing (see pipeline predict --help)",
    ),
    BadInput(
        "predict: a headline in bytes that are no UTF-8, and no model",
        _run("predict", "caf\udce9", "--tracking-uri", "sqlite:///none.db"),
        _NO_MODEL,
    ),
    BadInput(
        "predict: a folder that is no model",
        _run("predict", "Alps", "--model", "./model"),
        "error: ./model: expected a folder with a file MLmodel, there is none: name a registered model, or the folder that MLflow wrote",
    ),
    BadInput(
        "predict: a store that does not answer",
        _run("predict", "Alps", "--tracking-uri", "http://127.0.0.1:9"),
        "error: expected an MLflow server at http://127.0.0.1:PORT, none answered (ConnectionError): start it (make ui), or set tracking.uri, --tracking-uri or MLFLOW_TRACKING_URI",
    ),
    BadInput(
        "evaluate: no file",
        _run("evaluate"),
        "error: Missing option '--file'. (see pipeline evaluate --help)",
    ),
    BadInput(
        "compare: an option of the registry, where no model is registered",
        _run("compare", "tracking.promote=never"),
        "error: tracking.promote is not used by `pipeline compare`: leave it out (`pipeline train` uses it)",
    ),
    BadInput(
        "explain: another name of the registered model",
        _run("explain", "tracking.registered_model=mine"),
        "error: tracking.registered_model is not used by `pipeline explain`: leave it out (`pipeline train` uses it)",
    ),
    BadInput(
        "a command with two letters swapped",
        _run("pedrict", "Alps"),
        "error: No such command 'pedrict'. Did you mean 'predict'? (see pipeline --help)",
    ),
    BadInput(
        "a command in bytes that are no UTF-8",
        _run("caf\udce9"),
        r"error: No such command 'caf\udce9'. (see pipeline --help)",
    ),
    BadInput(
        "cases: a folder that names an address with code",
        _cases_of("file:///tmp/model"),
        "error: cases: expected cases that name a logged model, as in models:/ID, they name 'file:///tmp/model', which is not loaded: name their model with --model",
    ),
    BadInput(
        "cases: a folder that names a run",
        _cases_of("runs:/0123456789abcdef/model"),
        "error: cases: expected cases that name a logged model, as in models:/ID, they name 'runs:/0123456789abcdef/model', which is not loaded: name their model with --model",
    ),
    BadInput(
        "cases: a folder that names a version of a registered model",
        _cases_of("models:/headlines-bbc/1"),
        "error: cases: expected cases that name a logged model, as in models:/ID, they name 'models:/headlines-bbc/1', which is not loaded: name their model with --model",
    ),
    BadInput(
        "cases: a folder that is not there",
        _run("cases", "predict", "Alps"),
        "error: expected a folder with a case base, there is no cases/cases.npz to be read",
    ),
    BadInput(
        "cases: a damaged file",
        lambda trial: (
            trial.write("cases/cases.npz", b"PK\3\4 nothing"),
            trial.command("cases", "list"),
        )[1],
        "error: cases/cases.npz: expected a case base as CaseBase.save writes it, the file is damaged: put back a copy, or add the cases again in another folder",
    ),
)
