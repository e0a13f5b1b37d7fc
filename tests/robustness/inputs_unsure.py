"""Thresholds, coverages and calibrations that cannot be used, and texts of which nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from bad_input import BadInput, Trial
from portable_folder import small_arrays, write_folder

RIGHT = np.array([0.2, 0.6, 0.7, 0.9], np.float32)


def calibrated(**changes: Any) -> dict[str, Any]:
    """The arrays of a small folder, with label shares and four validation texts; None takes one away."""
    arrays = {
        **small_arrays(),
        "prior": np.array([0.75, 0.25], np.float32),
        "calibration/right": RIGHT,
        "calibration/sizes": np.array([4], np.int32),
        "calibration/group_of": np.zeros(2, np.int32),
        **{name.replace("__", "/"): array for name, array in changes.items()},
    }
    return {name: array for name, array in arrays.items() if array is not None}


def _asked(texts: Any = ("Alps snow",), **params: Any) -> Callable[[Trial], object]:
    """A folder is asked, as `load_classifier(folder).answer(texts)`."""

    def act(trial: Trial) -> object:
        from pipeline import load_classifier

        folder = write_folder(trial.folder / "model", arrays=calibrated())
        rows = load_classifier(folder).answer(texts, **params)
        return "; ".join(_shown(row) for row in rows)

    return act


def _shown(row: dict[str, Any]) -> str:
    shares = ", ".join(f"{name} {value:.2f}" for name, value in row["probabilities"].items())
    sets = f", labels {row['labels']}" if "labels" in row else ""
    return f"{row['label']} ({shares}), mark {row['mark']}{sets}"


def _read(**changes: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import load_classifier

        return load_classifier(write_folder(trial.folder / "model", arrays=calibrated(**changes)))

    return act


def _older(trial: Trial) -> object:
    from pipeline import load_classifier

    return load_classifier(write_folder(trial.folder / "model")).answer(["Alps"], coverage=0.9)


def _served(params: str) -> Callable[[Trial], object]:
    """What a server answers for these params, written as JSON."""

    def act(trial: Trial) -> object:
        import json

        from pipeline import load_classifier
        from pipeline.tracking.scoring import respond

        folder = write_folder(trial.folder / "model", arrays=calibrated())
        body = f'{{"inputs": ["Alps snow"], "params": {params}}}'.encode()
        status, content = respond(load_classifier(folder), "models:/m/1", "application/json", body)
        given = json.loads(content)
        return f"{status}: {given.get('message') or _shown(given['predictions'][0])}"

    return act


def _command(*options: str) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        write_folder(trial.folder / "model", arrays=calibrated())
        return trial.command("predict", "--model", "model", *options)

    return act


_FORM = (
    "error: model: expected a classifier of `pipeline export`, model.json or words.json.gz has another "
    "form (expected {}): export the model again, or name another folder"
)
_ARRAY = (
    "error: model/model.safetensors: expected {}: export the model again, or name another folder"
)
_COVERAGE = "coverage: expected a number from 0 to below 1, as 0.9 for 90%, got {}"

ROWS = (
    BadInput("a coverage in per cent", _asked(coverage=90), "error: " + _COVERAGE.format(90)),
    BadInput("a coverage of 1", _asked(coverage=1), "error: " + _COVERAGE.format(1)),
    BadInput("a coverage below 0", _asked(coverage=-0.1), "error: " + _COVERAGE.format(-0.1)),
    BadInput("a text as a coverage", _asked(coverage="0.9"), "error: " + _COVERAGE.format("'0.9'")),
    BadInput(
        "a truth value as a coverage", _asked(coverage=True), "error: " + _COVERAGE.format(True)
    ),
    BadInput(
        "a coverage for which there are too few validation headlines",
        _asked(coverage=0.9),
        "error: coverage: expected at most 0.8, as the model has 4 validation headlines for it, got "
        "0.9: ask for less, or train with more",
    ),
    BadInput(
        "a coverage for a folder of an earlier version",
        _older,
        "error: coverage: expected a model with a calibration, this one has none, as it comes from an "
        "earlier version: train again, or leave coverage out",
    ),
    BadInput(
        "over HTTP: NaN as a coverage",
        _served('{"coverage": NaN}'),
        "400: " + _COVERAGE.format("nan"),
    ),
    BadInput(
        "over HTTP: null as a coverage",
        _served('{"coverage": null}'),
        "400: " + _COVERAGE.format(None),
    ),
    BadInput(
        "over HTTP: a list as a threshold",
        _served('{"threshold": [0.5]}'),
        "400: threshold: expected a number from 0 to 1, got [0.5]",
    ),
    BadInput(
        "--coverage 90 on the command line",
        _command("--coverage", "90", "Alps"),
        "error: " + _COVERAGE.format(90.0),
    ),
    BadInput(
        "--threshold -1 on the command line",
        _command("--threshold", "-1", "Alps"),
        "error: threshold: expected a number from 0 to 1, got -1.0",
    ),
    BadInput(
        "shares of the labels that add up to 2",
        _read(prior=np.ones(2, np.float32)),
        _FORM.format("shares of the labels in prior, which add up to 1"),
    ),
    BadInput(
        "a share below 0",
        _read(prior=np.array([-1, 2], np.float32)),
        _FORM.format("shares of the labels in prior, which add up to 1"),
    ),
    BadInput(
        "shares of three labels for two",
        _read(prior=np.full(3, 1 / 3, np.float32)),
        _ARRAY.format("float32 of shape (2) as prior, got float32 of (3,)"),
    ),
    BadInput(
        "a calibration with a NaN",
        _read(calibration__right=np.array([0.2, np.nan, 0.7, 0.9], np.float32)),
        _ARRAY.format("finite numbers in calibration/right"),
    ),
    BadInput(
        "a calibration of 64 bits",
        _read(calibration__right=RIGHT.astype(float)),
        _ARRAY.format("float32 of shape (any) as calibration/right, got float64 of (4,)"),
    ),
    BadInput(
        "a calibration that is not sorted",
        _read(calibration__right=RIGHT[::-1].copy()),
        _FORM.format("probabilities in calibration/right that rise in each group"),
    ),
    BadInput(
        "a calibration with a probability of 2",
        _read(calibration__right=2 * RIGHT),
        _FORM.format("probabilities in calibration/right that rise in each group"),
    ),
    BadInput(
        "a calibration without its sizes",
        _read(calibration__sizes=None),
        _ARRAY.format("an array calibration/sizes, there is none"),
    ),
    BadInput(
        "a calibration of fewer texts than it says",
        _read(calibration__sizes=np.array([5], np.int32)),
        _FORM.format("calibration/sizes above 0 that add up to the numbers of calibration/right"),
    ),
    BadInput(
        "a calibration with an empty group",
        _read(calibration__sizes=np.array([0, 4], np.int32)),
        _FORM.format("calibration/sizes above 0 that add up to the numbers of calibration/right"),
    ),
    BadInput(
        "a calibration without texts",
        _read(calibration__right=np.zeros(0, np.float32), calibration__sizes=np.zeros(0, np.int32)),
        _FORM.format("calibration/sizes above 0 that add up to the numbers of calibration/right"),
    ),
    BadInput(
        "a label in a group that there is not",
        _read(calibration__group_of=np.array([0, 1], np.int32)),
        _FORM.format("a group of calibration/sizes for each label in calibration/group_of"),
    ),
    BadInput(
        "a label in a group below 0",
        _read(calibration__group_of=np.array([0, -1], np.int32)),
        _FORM.format("a group of calibration/sizes for each label in calibration/group_of"),
    ),
    BadInput(
        "an empty text, and one of spaces",
        _asked(["", " \t"], coverage=0.8),
        "nature (nature 0.75, money 0.25), mark empty, labels ['nature', 'money']; "
        "nature (nature 0.75, money 0.25), mark empty, labels ['nature', 'money']",
    ),
    BadInput(
        "a text without a known word",
        _asked(["xqzw vvk"]),
        "nature (nature 0.50, money 0.50), mark no_known_word",
    ),
    BadInput(
        "a text of punctuation",
        _asked(["... !?"], threshold=0.99),
        "None (nature 0.50, money 0.50), mark no_known_word",
    ),
)
