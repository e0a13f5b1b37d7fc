"""The spaces of a search. What is wrong with one is in tests/robustness/inputs_sweep.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.base.errors import ConfigError
from pipeline.config import load_config
from pipeline.studies.space import (
    Choices,
    Range,
    check_space,
    load_space,
    overrides_of,
    spaces,
    written,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def test_what_a_file_can_say(path: Path) -> None:
    path.write_text(
        "objectives: [accuracy, megabytes]\n"
        "model: [mean, cnn]\n"
        "model.sif: [true, false]\n"
        "vectors.fallbacks: [auto, [exact, lower]]\n"
        "training.frozen.learning_rate: {low: 1e-4, high: 1e-2, log: true}\n"
        "model.max_tokens: {low: 16, high: 48, step: 8}\n"
    )
    space = load_space(str(path))
    assert (space.file, space.objectives) == ("mine.yaml", ("accuracy", "megabytes"))
    assert space.options == {
        "model": Choices(("mean", "cnn")),
        "model.sif": Choices(("true", "false")),
        "vectors.fallbacks": Choices(("auto", "[exact,lower]")),
        "training.frozen.learning_rate": Range(1e-4, 1e-2, log=True),
        "model.max_tokens": Range(16, 48, step=8),
    }
    assert space.options["model.max_tokens"].whole
    assert not space.options["training.frozen.learning_rate"].whole


def test_what_decides_in_training_is_the_objective_unless_the_file_says_another(
    path: Path,
) -> None:
    path.write_text("model: [mean, cnn]")
    assert load_space(str(path)).objectives == ("accuracy",)
    assert load_space(str(path), "log_loss").objectives == ("log_loss",)
    path.write_text("objectives: accuracy\nmodel: [mean, cnn]")
    assert load_space(str(path), "log_loss").objectives == ("accuracy",)


@pytest.mark.parametrize("name", spaces())
def test_the_spaces_of_conf_hold_the_defaults(name: str) -> None:
    """So that the first trial has them."""
    space = load_space(name)
    defaults = check_space(space, load_config)
    assert defaults.keys() == space.options.keys()
    assert load_config(overrides_of(defaults)) == load_config()


def test_the_workers_of_a_training_are_not_searched(path: Path) -> None:
    path.write_text("training.workers: [1, 2]")
    with pytest.raises(ConfigError, match=r"^mine.yaml: training.workers cannot be searched"):
        check_space(load_space(str(path)), load_config)


def test_a_default_outside_of_the_space_is_none(path: Path) -> None:
    path.write_text(
        "model.dropout: [0.1, 0.2]\nmodel: [mean, bigru]\ntraining.frozen.patience: [2, null]"
    )
    assert check_space(load_space(str(path)), load_config) == {"training.frozen.patience": "null"}


def test_a_value_is_written_as_an_override_has_it() -> None:
    values = {"model.dropout": written(0.1), "vectors.fallbacks": written(["exact", "lower"])}
    config = load_config(overrides_of(values))
    assert (config.model.dropout, config.vectors.fallbacks) == (0.1, ("exact", "lower"))
