"""Earlier classifiers from which no training can begin."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bad_input import BadInput, Trial
from portable_folder import WORDS, small_arrays, small_model, write_folder

HEADLINES = "text,label\n" + "".join(
    f"{words} {i},{label}\n"
    for i in range(6)
    for words, label in (("Alps lose snow", "nature"), ("Bank has profit", "money"))
)
VECTORS = "alps 1 0\nlose 0 0\nsnow 1 0\nbank 0 1\nhas 0 0\nprofit 0 1\n"


def small_data(trial: Trial) -> list[str]:
    """Twelve headlines and vectors of their words, as options of a run."""
    data, vectors = trial.write("my.csv", HEADLINES), trial.write("my.txt", VECTORS)
    return [
        "data=file", f"data.path={data}", "vectors=file", f"vectors.path={vectors}", "model=mean",
        "tracking.uri=sqlite:///none.db",
    ]  # fmt: skip


def _train(
    start: str, make: Callable[[Trial], object] | None = None, *more: str
) -> Callable[[Trial], str]:
    """`pipeline train start=...`. No store is made, and no file but what `make` writes."""

    def act(trial: Trial) -> str:
        if make:
            make(trial)
        options = small_data(trial)
        before = sorted(trial.folder.rglob("*"))
        shown = trial.command("train", *options, f"start={start}", *more)
        assert sorted(trial.folder.rglob("*")) == before
        return shown

    return act


def _folder(**content: Any) -> Callable[[Trial], Path]:
    return lambda trial: write_folder(trial.folder / "m", **content)


def _edited(trial: Trial) -> None:
    model = write_folder(trial.folder / "m") / "model.json"
    model.write_bytes(model.read_bytes().replace(b"nature", b"forest"))


def _foreign(trial: Trial) -> None:
    trial.write("m/MLmodel", "model_uuid: abc\nflavors: {}\n")


def _fit(start: Callable[[Trial], Any], vectors: str = VECTORS) -> Callable[[Trial], object]:
    """`fit(..., start=...)`, which ends before a network is built."""

    def act(trial: Trial) -> object:
        from pipeline import Examples, fit
        from pipeline.classifier.encoders import MeanOptions

        examples = Examples(["Alps lose snow", "Bank has profit"], [0, 1], ("nature", "money"))
        path = trial.write("my.txt", vectors)
        return fit(examples, examples, path, model=MeanOptions(), start=start(trial))

    return act


def _loaded(trial: Trial) -> object:
    from pipeline import load_classifier

    return load_classifier(write_folder(trial.folder / "m"))


def _with_extra(trial: Trial) -> Path:
    """A folder with rows of words that its training did not see."""
    arrays = {**small_arrays(), "network/extra": np.array([[3, -1], [2, 5]], np.float32)}
    words = json.dumps([*WORDS, "summer", "winter"]).encode()
    return write_folder(trial.folder / "m", arrays=arrays, words=gzip.compress(words))


def _warm(value: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import EmbeddingClassifier

        return EmbeddingClassifier(warm_start=value).fit(["a", "b"] * 4, ["x", "y"] * 4)

    return act


ACTS: dict[str, Callable[[Trial], object]] = {
    "start: a folder that is not there": _train("old/model"),
    "start: a file": _train("my.csv"),
    "start: an empty folder": _train("m", lambda trial: (trial.folder / "m").mkdir()),
    "start: a name, and no store": _train("headlines-my"),
    "start: the ID of a run, and no store": _train("0123456789abcdef" * 2),
    "start: no text": _train(""),
    "start: a list": _train("[a,b]"),
    "start: an address of another kind": _train("s3://bucket/model"),
    "start: a folder whose labels were edited": _train("m", _edited),
    "start: a folder of another version": _train("m", _folder(model={**small_model(), "version": 9})),
    "start: a model that this package did not write": _train("m", _foreign),
    "start: another encoder": _train("m", _folder(), "model=cnn"),
    "start: another letter case": _train("m", _folder(), "model.letter_case=true"),
    "start: for a command that trains for itself": lambda trial: trial.command(
        "compare", *small_data(trial), "start=m"
    ),
    "start: a number, in Python": _fit(lambda trial: 5),
    "start: a classifier without its folder, in Python": _fit(_loaded),
    "start: vectors of other dimensions": _fit(
        lambda trial: write_folder(trial.folder / "m"), VECTORS.replace("\n", " 1\n")
    ),
    "start: other vectors of the same dimensions": _fit(_with_extra, f"{VECTORS}summer 1 0\nwinter 0 1\n"),
    "start: numbers that are not finite": _fit(
        lambda trial: write_folder(
            trial.folder / "m", arrays={**small_arrays(), "head/bias": np.array([np.nan, 0], np.float32)}
        )
    ),
    "warm_start: a text": _warm("often"),
}  # fmt: skip

GETS = {
    "start: a folder that is not there": "error: start: old/model: expected a folder with a model, there is none: name a registered model, or a folder that `pipeline export` or MLflow wrote",
    "start: a file": "error: start: my.csv: expected a folder with a model, got a file: name the folder; unpack an archive first",
    "start: an empty folder": "error: start: m: expected a folder of `pipeline export`, it has no file SHA256SUMS: name another",
    "start: a name, and no store": "error: start: there is no model in sqlite:///none.db: train one first (pipeline train), or name a folder with start=",
    "start: the ID of a run, and no store": "error: start: there is no model in sqlite:///none.db: train one first (pipeline train), or name a folder with start=",
    "start: no text": "error: start=: String should have at least 1 character, got ''",
    "start: a list": "error: start=['a', 'b']: expected a valid string, got ['a', 'b']",
    "start: an address of another kind": "error: start: s3://bucket/model: expected models:/NAME/VERSION, models:/NAME@ALIAS or runs:/ID/model: copy a model from elsewhere to a folder, and name that",
    "start: a folder whose labels were edited": "error: start: m/model.json: expected the digest in SHA256SUMS, the file has another: it is damaged or was changed: export the model again, or copy the folder again",
    "start: a folder of another version": "error: start: m/model.json: expected version 1 of the format, got 9: export the model again with the package that reads it",
    "start: a model that this package did not write": "error: start: m: expected a model that this version of `pipeline train` logged, it is another: name another, or train without start",
    "start: another encoder": "error: start: expected model=mean, as the earlier classifier has, got model=cnn: set model=mean, or leave start out",
    "start: another letter case": "error: start: expected model.letter_case=false, as the earlier classifier has, got model.letter_case=true: set model.letter_case=false, or leave start out",
    "start: for a command that trains for itself": "error: start is not used by `pipeline compare`: leave it out (`pipeline train` uses it)",
    "start: a number, in Python": "error: fit: expected Start or Classifier or str or path or None as start, got 5 (int)",
    "start: a classifier without its folder, in Python": "error: fit: expected Start or Classifier or str or path or None as start, got PortableClassifier(label_nam...prior=None, calibration=None) (PortableClassifier)",
    "start: vectors of other dimensions": "error: start: expected vectors of 2 dimensions, as the earlier classifier has, got 3: choose the vectors that it was trained with",
    "start: other vectors of the same dimensions": "error: start: expected the vectors that the earlier classifier was trained with, got other rows for 2 words: choose the same vectors and vectors.postprocess, or leave start out",
    "start: numbers that are not finite": "error: m/model.safetensors: expected finite numbers in head/bias: export the model again, or name another folder",
    "warm_start: a text": "error: warm_start=often: expected a valid boolean, unable to interpret input, got 'often'",
}

ROWS = tuple(BadInput(what, act, GETS[what]) for what, act in ACTS.items())
