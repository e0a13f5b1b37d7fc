"""conf/ and the options of the rooms: one set of defaults, and messages that name the option."""

from __future__ import annotations

import pytest
import yaml

from pipeline.base.errors import ConfigError
from pipeline.base.files import conf_folder
from pipeline.base.options import check_options
from pipeline.config import (
    Config,
    groups,
    load_config,
    option_values,
    options,
    unused_overrides,
)
from pipeline.data.options import DataOptions
from pipeline.training.options import TrainingOptions

NEEDED = {
    "data=file": ["data.path=x"],
    "data=hub": ["data.path=x"],
    "vectors=file": ["vectors.path=x"],
}
# The options that make a choice what it is. All others have the defaults of its dataclass.
MADE_OF = {
    "data=file": ["source", "path"],
    "data=hub": ["source", "path"],
    "data=stop_clickbait": ["source"],
    "vectors=conceptnet-numberbatch-17-06-300": ["source", "extra_words"],
    "vectors=fasttext-cc": ["source", "language"],
    "vectors=file": ["source", "path"],
    "vectors=random": ["source", "vector_size", "extra_words"],
    "training=frozen": ["phases"],
    "training=fine_tuned": ["phases"],
    "training=scratch": ["phases"],
    "insight=none": ["audit", "embedding", "attribution", "figures"],
}


def test_the_defaults_of_conf_are_those_of_the_code() -> None:
    """Stages that are used by themselves behave as in a run."""
    assert load_config() == Config()


@pytest.mark.parametrize("choice", [f"{g}={name}" for g in groups() for name in options(g)])
def test_a_choice_has_the_defaults_of_its_dataclass(choice: str) -> None:
    group = choice.partition("=")[0]
    chosen = getattr(load_config([choice, *NEEDED.get(choice, [])]), group)
    names = MADE_OF.get(choice, ["source"] if group == "vectors" else [])
    assert type(chosen)(**{name: getattr(chosen, name) for name in names}) == chosen


def test_a_source_has_its_own_fraction_for_validation() -> None:
    """In Python as on the command line."""
    for source, fraction in (("bbc", 0.1), ("stop_clickbait", 0.2)):
        assert DataOptions(source=source).validation == fraction
        assert load_config([f"data={source}"]).data.validation == fraction
    assert DataOptions(source="stop_clickbait", validation=0.3).validation == 0.3


def test_what_networks_share_stands_once() -> None:
    shared = yaml.safe_load((conf_folder() / "model" / "_base.yaml").read_text("utf-8"))
    for choice in options("model"):
        own = yaml.safe_load((conf_folder() / "model" / f"{choice}.yaml").read_text("utf-8"))
        assert not shared.keys() & own.keys(), choice


def test_overrides_reach_every_level() -> None:
    config = load_config(["seed=7", "model=mean", "training.fine_tuned.epochs=3"])
    assert config.seed == config.data.seed == 7
    assert config.model.encoder == "mean"
    assert config.training.planned["fine_tuned"].epochs == 3


def test_the_split_can_keep_its_seed() -> None:
    config = load_config(["seed=7", "data.seed=1"])
    assert (config.seed, config.data.seed) == (7, 1)


def test_scratch_is_a_network_alone_from_random_vectors() -> None:
    config = load_config(["training=scratch", "training.scratch.epochs=2"])
    assert config.vectors.source == "random"
    assert {name: phase.epochs for name, phase in config.training.planned.items()} == {"scratch": 2}
    assert (config.model.sif, config.model.ngrams) == (False, False)
    assert load_config(["training=scratch", "model=mean", "model.sif=true"]).model.sif


def test_scratch_has_a_schedule_without_being_chosen() -> None:
    """`compare` and `explain` train from scratch in any case."""
    config = load_config(["training.scratch.epochs=2"])
    assert config.training.scratch.epochs == 2
    assert list(config.training.planned) == ["frozen", "fine_tuned"]


def test_no_epochs_leave_a_phase_out() -> None:
    assert list(load_config(["training.frozen.epochs=0"]).training.planned) == ["fine_tuned"]


def test_what_a_run_looks_at_can_be_chosen() -> None:
    def looks(*overrides: str) -> list[bool]:
        insight = load_config(overrides).insight
        return [insight.audit, insight.embedding, insight.attribution, insight.figures]

    assert looks() == [True] * 4
    assert looks("insight=none") == [False] * 4
    assert looks("insight=none", "insight.audit=true") == [True, False, False, False]
    assert looks("insight.figures=false") == [True, True, True, False]


def test_options_that_can_be_set() -> None:
    values = option_values(["model=mean", "seed=3"])
    assert values["model.encoder"] == "mean"
    assert values["data.seed"] == 3
    assert {"model.filters", "data.path"}.isdisjoint(values)
    assert "data.path" in option_values(["data=file", "data.path=x"])


@pytest.mark.parametrize(
    ("overrides", "uses", "unused"),
    [
        (["model=mean", "model.sif=false", "seed=1"], ["model", "seed"], []),
        (["model=mean", "model.letter_case=true"], ["model.letter_case"], ["model"]),
        (["compare.seeds=3", "+compare.sizes=[20]"], ["data"], ["compare.seeds", "compare.sizes"]),
        (["training.scratch.epochs=2"], ["training"], ["training.scratch.epochs"]),
        (["training.scratch.epochs=2"], ["training", "training.scratch"], []),
        (["training=scratch", "training.scratch.epochs=2"], ["training"], []),
        (
            ["training=scratch", "training.frozen.patience=2"],
            ["training", "training.scratch"],
            ["training.frozen.patience"],
        ),
        (["training.phases=[frozen]", "training.fine_tuned={epochs: 2}"], ["training"],
         ["training.fine_tuned"]),
    ],
)  # fmt: skip
def test_overrides_that_change_nothing(
    overrides: list[str], uses: list[str], unused: list[str]
) -> None:
    assert unused_overrides(overrides, load_config(overrides), uses) == unused


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["data=bcc"],
            "data=bcc: expected one of bbc, file, hub, stop_clickbait; did you mean bbc",
        ),
        (
            ["data='my folder/a.csv'"],
            "data=my folder/a.csv: expected one of bbc, file, hub, stop_clickbait; for a file of "
            "yours: data=file 'data.path=my folder/a.csv'",
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
        (
            ["training.frozen.epochs=many"],
            "training.frozen.epochs=many: expected a whole number or 'auto', got 'many'",
        ),
        (["seed=abc"], "seed=abc: expected a valid integer"),
        (["+new=1"], "no option 'new' here"),
        (["+data.new=1"], "no option 'data.new' here"),
        (["seed"], "expected NAME=VALUE, such as data.path=my.csv, got 'seed'"),
        (["data=file"], "data=file needs a file or folder: add data.path="),
        (["data=hub"], "data=hub needs the data set's name"),
        (["vectors=file"], "vectors=file needs a file: add vectors.path="),
        (["model.encoder=lstm"], "model.encoder=lstm: expected one of 'attention', 'bigru', 'cnn'"),
        (["model.kernel_sizes=[]"], "model.kernel_sizes"),
        (["model.sif=3"], "model.sif=3: expected a valid boolean"),
        (
            ["vectors.fallbacks=exakt"],
            "vectors.fallbacks=exakt: expected 'auto' or a list, got 'exakt'",
        ),
        (["vectors.fallbacks=[exact,stem]"], "vectors.fallbacks: expected one of exact, lower, "),
        (["vectors.path=v.txt"], "vectors=corpus or file, which is not chosen: add vectors=file"),
        (["data.validation=0.6", "data.test=0.5"], "must stay below 1"),
        (["training.frozen.epochs=0", "training.fine_tuned.epochs=0"], "at least one phase"),
        (
            ["compare.seeds=x"],
            "compare.seeds=x: expected a whole number or a list, got 'x'",
        ),
        (["compare.seeds=0"], "expected greater than or equal to 1, got 0"),
        (["compare.seeds=[1,x]"], "compare.seeds=x: expected a valid integer"),
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


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"frozen": {"epochs": -1}}, "frozen_epochs=-1: expected greater than or equal to 0"),
        (
            {"frozen": {"epochs": "x"}},
            "frozen_epochs=x: expected a whole number or 'auto', got 'x'",
        ),
        ({"batch_size": 0}, "batch_size=0: expected greater than or equal to 1, got 0"),
        ({"fine_tuned": {"epoch": 1}}, "there is no option 'fine_tuned.epoch'"),
        ({"frozen": {"epochs": 0}, "fine_tuned": {"epochs": 0}}, "at least one phase needs epochs"),
    ],
)
def test_a_caller_has_names_of_its_own(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_options(TrainingOptions, values, {"frozen.epochs": "frozen_epochs"})
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    "override",
    [
        "data.path=${oc.env:HOME}",
        r"data.path=$\{oc.env:HOME\}",
        "data.path='\"${oc.env:HOME}\"'",
        "insight.words=[alps,${oc.env:HOME}]",
        "tracking.run_name=${seed}",
    ],
)
def test_nothing_is_looked_up_for_a_value(override: str) -> None:
    """Hydra would put the value of a variable of the environment into the run."""
    name = override.partition("=")[0]
    with pytest.raises(ConfigError, match=rf"^{name}: expected a plain value, got one with \$"):
        load_config(["data=file", "data.path=x", override])


@pytest.mark.parametrize(
    "value",
    ["The Title (EN)", "a,b", 'a "b" (c)', r"C:\data\(y)", "ends in (\\", "[x", "it's", "a: (b)"],
)
def test_a_value_needs_no_quotes_of_its_own(value: str) -> None:
    config = load_config(["data=file", "data.path=my.csv", f"data.text={value}"])
    assert config.data.text == value


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ("[r1.csv,à_é.csv]", ("r1.csv", "à_é.csv")),
        ("[ 雪 , snow ]", ("雪", "snow")),
        ("[a&b,#x,don't]", ("a&b", "#x", "don't")),
        ("[a=b,c[1],d(e),f:g]", ("a=b", "c[1]", "d(e)", "f:g")),
        (r"""["a,b",'c,d',C:\x y,ü]""", ("a,b", "c,d", r"C:\x y", "ü")),
        (r"""["a \"b\"",é]""", ('a "b"', "é")),
        ("[1984,müll]", ("1984", "müll")),
        ("[1984]", ("1984",)),
    ],
)
def test_the_items_of_a_list_need_no_quotes(value: str, items: tuple[str, ...]) -> None:
    assert load_config([f"insight.words={value}"]).insight.words == items


@pytest.mark.parametrize(
    "option",
    ["data.text", "data.path", "tracking.run_name", "tracking.experiment", "insight.probes"],
)
def test_a_name_may_be_a_whole_number(option: str) -> None:
    group, name = option.split(".")
    config = load_config(["data=file", "data.path=x", f"{option}=2024"])
    assert getattr(getattr(config, group), name) == "2024"


def test_a_file_may_be_named_as_a_number() -> None:
    assert load_config(["data.added=2024"]).data.added == ("2024",)
    assert load_config(["start=2024"]).start == "2024"


def test_a_value_in_quotes_is_what_they_hold() -> None:
    config = load_config(["data=file", "data.path='my (1).csv'", 'data.text="a (b)"'])
    assert (config.data.path, config.data.text) == ("my (1).csv", "a (b)")
