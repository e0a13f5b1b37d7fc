"""Bad arguments of the commands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping

import numpy as np
from bad_input import BadInput, Trial

from pipeline.cases.case import Case
from pipeline.cases.storage import SavedCases, StoredNetwork, write_cases
from pipeline.classifier.encoders import MeanOptions
from pipeline.cli.terminal import print_json, print_table


def _run(*arguments: str) -> Callable[[Trial], str]:
    return lambda trial: trial.command(*arguments)


def _cases_of(name: str) -> Callable[[Trial], str]:
    """`pipeline cases predict` with a folder that names this model."""

    def act(trial: Trial) -> str:
        vectors = np.ones((1, 2), np.float32)
        write_cases(trial.folder / "cases", SavedCases(5, name, 1, 0, [Case(0, "a", "b")], vectors))
        return trial.command("cases", "predict", "Alps")

    return act


def _pipe_as_cases(trial: Trial) -> str:
    (trial.folder / "cases").mkdir()
    os.mkfifo(trial.folder / "cases" / "cases.npz")
    return trial.command("cases", "list")


def _own_network(*options: str) -> Callable[[Trial], str]:
    """`pipeline cases predict` with a folder that holds a file of Keras."""

    def act(trial: Trial) -> str:
        file = trial.write("model-0123456789abcdef.keras", b"PK\3\4 code")
        network = StoredNetwork(file, MeanOptions())
        saved = SavedCases(5, "", 1, 0, [Case(0, "a", "b")], np.ones((1, 2), np.float32), network)
        write_cases(trial.folder / "cases", saved)
        return trial.command("cases", "predict", "Alps", *options)

    return act


def _in_a_table(headline: str) -> Callable[[Trial], str]:
    """A headline in a table on the terminal."""

    def act(trial: Trial) -> str:
        print_table(["headline"], [[headline]])
        return trial.capfd.readouterr().out.splitlines()[-1]

    return act


def _in_json(headline: str) -> Callable[[Trial], str]:
    def act(trial: Trial) -> str:
        print_json({"text": headline})
        printed: str = trial.capfd.readouterr().out
        assert json.loads(printed) == {"text": headline}
        return printed

    return act


def _with(files: Mapping[str, str], *arguments: str) -> Callable[[Trial], str]:
    """A command after these files were written to the folder `model`."""

    def act(trial: Trial) -> str:
        for name, content in files.items():
            trial.write(f"model/{name}", content)
        return trial.command(*arguments)

    return act


_FOREIGN = {
    "MLmodel": "flavors:\n  python_function:\n    loader_module: evil\nmodel_uuid: a1\n",
    "evil.py": "raise SystemExit('it ran')",
}
_PREDICT = ("predict", "Alps", "--model", "model")
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
        "options: a word with a letter too few",
        _run("options", "drpout"),
        "error: no option has 'drpout' in its name; near are model.dropout: `pipeline options` lists all",
    ),
    BadInput(
        "options: a word that is like no option",
        _run("options", "xqzw"),
        "error: no option has 'xqzw' in its name: `pipeline options` lists all",
    ),
    BadInput(
        "options: a known word and one that is like no option",
        _run("options", "epochs", "xqzw"),
        "error: no option has 'xqzw' in its name: `pipeline options` lists all",
    ),
    BadInput(
        "options: two words with a letter too few",
        _run("options", "drpout", "epchs"),
        "error: no option has 'drpout' or 'epchs' in its name; near are model.dropout, training.frozen.epochs: `pipeline options` lists all",
    ),
    BadInput(
        "train: an option of a run with hyphens",
        _run("train", "--seed", "3"),
        "error: there is no option '--seed': an option of a run is written without hyphens, as in seed=3 (see pipeline train --help)",
    ),
    BadInput(
        "compare: a group of a run with hyphens and =",
        _run("compare", "--model=mean"),
        "error: there is no option '--model': an option of a run is written without hyphens, as in model=mean (see pipeline compare --help)",
    ),
    BadInput(
        "train: an option of a run with hyphens, without a value",
        _run("train", "data=bbc", "--training.batch_size"),
        "error: there is no option '--training.batch_size': an option of a run is written without hyphens, as in training.batch_size=VALUE (see pipeline train --help)",
    ),
    BadInput(
        "train: an option with two letters swapped",
        _run("train", "--hlep"),
        "error: No such option '--hlep'. Did you mean '--help'? (see pipeline train --help)",
    ),
    BadInput(
        "train: --resume with what is no ID, in a folder without runs",
        _run("train", "--resume", "abc"),
        "error: could not read the options of the run abc in sqlite:///mlflow.db: there is no such store yet",
    ),
    BadInput(
        "predict: a zip file as the model",
        _with({"model.zip": "PK"}, "predict", "Alps", "--model", "model/model.zip"),
        "error: model/model.zip: expected a folder with a model, got a file: name the folder; unpack an archive first",
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
        "error: ./model: expected a folder with a model, there is none: name a registered model, or a folder that `pipeline export` or MLflow wrote",
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
        "cases: a folder of cases that were made with the folder of an export, without that folder",
        _cases_of("models:/c-0123456789abcdef"),
        "error: cases: the cases were made with a folder of `pipeline export`: name it with --model",
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
        "cases: a pipe in the place of the file",
        _pipe_as_cases,
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
    BadInput(
        "predict: a folder of MLflow that this package did not write, with code",
        _with(_FOREIGN, *_PREDICT),
        "error: model: expected a model that this version of `pipeline train` logged, it is another: train again; if you trust whoever made it, `pipeline predict --trust` runs its code",
    ),
    BadInput(
        "evaluate: the same folder",
        _with(
            {**_FOREIGN, "t.csv": "text,label\nAlps,a\n"},
            "evaluate",
            "--file",
            "model/t.csv",
            "--model",
            "model",
        ),
        "error: model: expected a model that this version of `pipeline train` logged, it is another: train again; if you trust whoever made it, `pipeline predict --trust` runs its code",
    ),
    BadInput(
        "serve: the same folder",
        _with(_FOREIGN, "serve", "--model", "model"),
        "error: model: expected a model that this version of `pipeline train` logged, it is another: train again; if you trust whoever made it, `pipeline predict --trust` runs its code",
    ),
    BadInput(
        "cases: a model that is code",
        _with(_FOREIGN, "cases", "add", "Alps", "--as", "nature", "--model", "model"),
        "error: model: expected a model that this version of `pipeline train` logged, it is another: train again; if you trust whoever made it, `pipeline predict --trust` runs its code",
    ),
    BadInput(
        "export: the same folder",
        _with(_FOREIGN, "export", "model", "new"),
        "error: model: expected a model that `pipeline train` logged: only such a one can be exported",
    ),
    BadInput(
        "predict: a folder whose file MLmodel is damaged",
        _with({"MLmodel": "{ flavors: ["}, *_PREDICT),
        "error: could not load the model model: its file MLmodel is damaged: put back a copy, or name another with --model",
    ),
    BadInput(
        "predict: a folder with something else",
        _with({"model.pkl": "x"}, *_PREDICT),
        "error: model: expected a folder of `pipeline export`, it has no file SHA256SUMS: name another",
    ),
    BadInput(
        "predict: a folder of `pipeline export` that lacks a file",
        _with({"SHA256SUMS": f"{'0' * 64}  model.json\n"}, *_PREDICT),
        "error: model: expected a folder of `pipeline export`, it has no file model.json: name another",
    ),
    BadInput(
        "predict: a folder of `pipeline export` with a file that was changed",
        _with({"SHA256SUMS": f"{'0' * 64}  model.json\n", "model.json": "{}"}, *_PREDICT),
        "error: model/model.json: expected the digest in SHA256SUMS, the file has another: it is damaged or was changed: export the model again, or copy the folder again",
    ),
    BadInput(
        "export: another kind of number",
        _run("export", "headlines-bbc", "new", "--dtype", "int4"),
        "error: Invalid value for '--dtype': 'int4' is not one of 'float32', 'float16', 'int8'. (see pipeline export --help)",
    ),
    BadInput(
        "export: no folder",
        _run("export", "headlines-bbc"),
        "error: Missing argument 'FOLDER'. (see pipeline export --help)",
    ),
    BadInput(
        "serve: a port that does not exist",
        _run("serve", "--port", "70000"),
        "error: Invalid value for '--port': 70000 is not in the range 1<=x<=65535. (see pipeline serve --help)",
    ),
    BadInput(
        "predict: a name with a line break",
        _run("predict", "Alps", "--model", "head\nlines"),
        r"error: expected the name of a model, got 'head\nlines'",
    ),
    BadInput(
        "predict: an empty name",
        _run("predict", "Alps", "--model", ""),
        "error: expected the name of a model, got ''",
    ),
    *(
        BadInput(
            f"predict: a model at {address}",
            _run("predict", "Alps", "--model", address),
            f"error: {shown}: expected models:/NAME/VERSION, models:/NAME@ALIAS or runs:/ID/model: copy a model from elsewhere to a folder, and name that",
        )
        for address, shown in (
            ("file:///tmp/model", "file:///tmp/model"),
            ("s3://bucket/model", "s3://bucket/model"),
            ("http://alice:secret@host/model", "http://alice:***@host/model"),
        )
    ),
    BadInput(
        "cases: a folder with a network in a file of Keras",
        _own_network(),
        "error: cases: the cases hold a network of their own, in a file of Keras, which may be code: if you trust whoever made the folder, add --trust",
    ),
    BadInput(
        "the same with --trust, where the file is damaged",
        _own_network("--trust"),
        "error: cases/model-0123456789abcdef.keras: expected the model that CaseBase.save wrote, it is missing or damaged: put back a copy, or add the cases again in another folder",
    ),
    BadInput(
        "a headline with an order to the terminal (ESC), in a table",
        _in_a_table("Alps \x1b[31mlose\x1b[0m snow"),
        "Alps \\x1b[31mlose\\x1b[0m snow",
    ),
    BadInput(
        "a headline with a sign that turns the text around (U+202E), in a table",
        _in_a_table("Alps \u202elose snow"),
        "Alps \\u202elose snow",
    ),
    BadInput(
        "a headline with a line separator (U+2028), in a table",
        _in_a_table("Alps\u2028lose snow"),
        "Alps\\u2028lose snow",
    ),
    BadInput(
        "a headline with a zero-width space and a byte order mark, in a table",
        _in_a_table("Al\u200bps\ufeff"),
        "Al\\u200bps\\ufeff",
    ),
    BadInput(
        "a headline with a joiner of letters (U+200C), as Persian has them, in a table",
        _in_a_table("می\u200cخواهم"),
        "می\u200cخواهم",
    ),
    BadInput(
        "a headline in Chinese with a wide space, in a table",
        _in_a_table("雪\u3000山"),
        "雪\u3000山",
    ),
    BadInput(
        "a headline with a line separator (U+2028), as JSON: one line",
        _in_json("Alps\u2028lose snow"),
        '{"text": "Alps\\u2028lose snow"}',
    ),
    BadInput(
        "a headline with a sign beyond 16 bits and a tag, as JSON",
        _in_json("😀\U000e0041"),
        '{"text": "😀\\udb40\\udc41"}',
    ),
)
