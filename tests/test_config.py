from __future__ import annotations

import pytest

from pipeline.base.errors import ConfigError
from pipeline.config import Config, flatten, groups, load_config, options


def test_defaults_in_code_are_those_of_conf() -> None:
    """Stages used by themselves behave as in a run."""
    composed, built = flatten(load_config()), flatten(Config())
    assert composed == built


@pytest.mark.parametrize("group", ["data", "vectors", "model", "training"])
def test_every_choice_composes(group: str) -> None:
    needs = {"file": [f"{group}.path=x"], "hub": ["data.path=x"]}
    for choice in options(group):
        load_config([f"{group}={choice}", *needs.get(choice, [])])


def test_groups_are_those_of_the_readme() -> None:
    assert groups() == ["data", "insight", "model", "tracking", "training", "vectors"]


def test_overrides_reach_every_level() -> None:
    config = load_config(["seed=7", "model=mean", "training.fine_tuned.epochs=3"])
    assert config.seed == config.data.seed == 7
    assert config.model.encoder == "mean"
    assert config.training.planned["fine_tuned"].epochs == 3


def test_the_split_can_keep_its_seed() -> None:
    config = load_config(["seed=7", "data.seed=1"])
    assert (config.seed, config.data.seed) == (7, 1)


def test_scratch_means_random_vectors_and_one_phase() -> None:
    config = load_config(["training=scratch"])
    assert config.vectors.source == "random"
    assert list(config.training.planned) == ["scratch"]


def test_no_epochs_leave_a_phase_out() -> None:
    assert list(load_config(["training.frozen.epochs=0"]).training.planned) == ["fine_tuned"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["data=bcc"],
            "data=bcc: expected one of bbc, file, hub, stop_clickbait; did you mean bbc",
        ),
        (["dta=bbc"], "no option 'dta' here; did you mean data?"),
        (["training.frozen.epoch=1"], "did you mean training.frozen.epochs?"),
        (["model=mean", "model.filters=3"], "model.filters belongs to model=cnn"),
        (["data.path=my.csv"], "data.path belongs to data=file, hub or stop_clickbait"),
        (["vectors.std=inf"], "vectors.std=inf: expected a finite number"),
        (["data.validation=1.5"], "data.validation=1.5: expected less than 1, got 1.5"),
        (["data.validation=0"], "data.validation=0: expected greater than 0, got 0"),
        (["training.frozen.epochs=-1"], "expected greater than or equal to 0, got -1"),
        (["training.frozen.epochs=1.5"], "training.frozen.epochs=1.5: expected a valid integer"),
        (["seed=abc"], "seed=abc: expected a valid integer"),
        (["+new=1"], "no option 'new' here"),
        (["+data.new=1"], "no option 'data.new' here"),
        (["seed"], "expected an override such as data.path=my.csv, got 'seed'"),
        (["data.path=a[b"], "goes in quotes"),
        (["data=file"], "data=file needs a file or folder: add data.path="),
        (["data=hub"], "data=hub needs the data set's name"),
        (["vectors=file"], "vectors=file needs a file: add vectors.path="),
        (["model.encoder=lstm"], "model.encoder=lstm: expected one of 'attention', 'bigru', 'cnn'"),
        (["model.kernel_sizes=[]"], "model.kernel_sizes"),
        (
            ["vectors.fallbacks=exakt"],
            "vectors.fallbacks=exakt: expected 'auto' or a list, got 'exakt'",
        ),
        (["vectors.fallbacks=[exact,stem]"], "vectors.fallbacks=stem: expected 'exact', 'lower', "),
        (["vectors.path=v.txt"], "vectors=corpus or file, which is not chosen: add vectors=file"),
        (["data.validation=0.6", "data.test=0.5"], "must stay below 1"),
        (["training.frozen.epochs=0", "training.fine_tuned.epochs=0"], "at least one phase"),
        (
            ["compare.seeds=x"],
            "compare.seeds=x: expected a whole number or a list, got 'x'",
        ),
        (["explain.seeds=[]"], "explain.seeds"),
        (["compare.sizes=20"], "expected a list, as in compare.sizes=[20], got 20"),
        (["compare.sizes=[]"], "compare.sizes=[]: expected at least one value, got []"),
        (["insight.words=alps"], "expected a list, as in insight.words=[alps], got 'alps'"),
        (["tracking.promote=often"], "expected 'auto', 'always' or 'never', got 'often'"),
    ],
)
def test_bad_options_are_named(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_config(overrides)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
