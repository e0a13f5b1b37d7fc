"""Bad options of a run."""

from __future__ import annotations

from collections.abc import Callable

from bad_input import BadInput, Trial


def _train(*overrides: str) -> Callable[[Trial], str]:
    return lambda trial: trial.command("train", *overrides)


def _audit(*overrides: str) -> Callable[[Trial], str]:
    return lambda trial: trial.command("audit", *overrides)


ROWS = (
    BadInput(
        "an option that does not exist",
        lambda trial: trial.command("train", "model.dropuot=0.5"),
        "error: there is no option 'model.dropuot' here; did you mean model.dropout?; `pipeline options` lists the options",
    ),
    BadInput(
        "a choice that does not exist",
        lambda trial: trial.command("train", "model=lstm"),
        "error: model=lstm: expected one of attention, bigru, cnn, mean, metric",
    ),
    BadInput(
        "a value of another type",
        lambda trial: trial.command("train", "seed=one"),
        "error: seed=one: expected a valid integer, got 'one'",
    ),
    BadInput(
        "a decimal number as a name",
        _train("tracking.run_name=1.50"),
        "error: tracking.run_name=1.5: expected a text, got 1.5: put it in quotes, as in 'tracking.run_name=\"1.5\"'",
    ),
    BadInput(
        "a truth value as a name",
        _train("tracking.run_name=true"),
        "error: tracking.run_name=True: expected a text, got True: put it in quotes, as in 'tracking.run_name=\"True\"'",
    ),
    BadInput(
        "a list with letters that are not ASCII, of files that are not there",
        _train("data.added=[à.csv,b.csv]"),
        "error: expected a file of headlines, there is none at à.csv",
    ),
    BadInput(
        "a list with a quote that is never closed",
        _train('insight.words=[alps,"snow]'),
        'error: insight.words=[alps,"snow]: expected a list, where quotes and brackets close: put such an item in double quotes, as in \'insight.words=["an item"]\'',
    ),
    BadInput(
        "a seed of 5,000 digits",
        _train("seed=" + "1" * 5000),
        f"error: seed={'1' * 200}...: expected a number of fewer digits, got '{'1' * 200}...'",
    ),
    BadInput(
        "an option that is taken away",
        _train("~seed"),
        "error: ~seed: expected NAME=VALUE or GROUP=CHOICE, where no option is taken away (~) or put elsewhere (@): set another value, or null where the option may have none",
    ),
    BadInput(
        "a group that is taken away",
        _train("~data"),
        "error: ~data: expected NAME=VALUE or GROUP=CHOICE, where no option is taken away (~) or put elsewhere (@): set another value, or null where the option may have none",
    ),
    BadInput(
        "an option with + in front, which is there already",
        _audit("+seed=1.5"),
        "error: seed=1.5: expected a valid integer, got 1.5",
    ),
    BadInput(
        "a group that is put elsewhere",
        _train("data@other=file"),
        "error: data@other=file: expected NAME=VALUE or GROUP=CHOICE, where no option is taken away (~) or put elsewhere (@): set another value, or null where the option may have none",
    ),
    BadInput(
        "an option without a value",
        _train("seed"),
        "error: expected NAME=VALUE, such as data.path=my.csv, got 'seed'",
    ),
    BadInput(
        "a value without a name",
        _train("=3"),
        "error: there is no option '' here; `pipeline options` lists the options",
    ),
    BadInput(
        "a list of choices",
        _train("model=[cnn,mean]"),
        "error: model=['cnn', 'mean']: expected one of attention, bigru, cnn, mean, metric",
    ),
    BadInput(
        "several values for one option, as for a sweep",
        _train("seed=1,2"),
        "error: seed=1,2: expected a valid integer, got '1,2'",
    ),
    BadInput(
        "a setting of Hydra",
        _train("hydra.run.dir=out"),
        "error: there is no option 'hydra.run.dir' here; `pipeline options` lists the options",
    ),
    BadInput(
        "a value that is looked up elsewhere",
        _train("data.path=${oc.env:HOME}"),
        'error: data.path: expected a plain value, got one with ${...}, which would be looked up elsewhere: write the value itself, or let the shell do it, as in data.path="$HOME"',
    ),
    BadInput(
        "a fraction above 1",
        _train("data.test=1.5"),
        "error: data.test=1.5: expected less than 1, got 1.5",
    ),
    BadInput(
        "fractions that leave no training headlines",
        _train("data.validation=0.5", "data.test=0.5"),
        "error: data: validation + test must stay below 1, got 0.5 + 0.5",
    ),
    BadInput(
        "a number that is not a number",
        _train("training.fine_tuned.learning_rate=nan"),
        "error: training.fine_tuned.learning_rate=nan: expected less than 10, got nan",
    ),
    BadInput(
        "an infinite learning rate",
        _train("training.fine_tuned.learning_rate=inf"),
        "error: training.fine_tuned.learning_rate=inf: expected less than 10, got inf",
    ),
    BadInput(
        "a seed below 0",
        _train("seed=-1"),
        "error: seed=-1: expected greater than or equal to 0, got -1",
    ),
    BadInput(
        "a seed of 100 digits",
        _train("seed=" + "9" * 100),
        "error: seed=9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999: expected less than 2147483648, got 9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999",
    ),
    BadInput(
        "an option of a phase that is left out",
        _train("training=frozen", "training.fine_tuned.epochs=3"),
        "error: training.fine_tuned.epochs is not used by `pipeline train` with training.phases=[frozen]: leave it out, or add training=fine_tuned",
    ),
    BadInput(
        "a list in the place of a name",
        _train("data.text=[a,b]"),
        "error: data.text belongs to data=file or hub, which is not chosen: add data=file",
    ),
    BadInput(
        "an option named with a zero-width space",
        _train("se\u200bed=1"),
        "error: expected NAME=VALUE, such as data.path=my.csv, got 'se\\u200bed=\"1\"'",
    ),
    BadInput(
        "an option twice: the last one counts",
        _audit("seed=1.5", "seed=2.5"),
        "error: seed=2.5: expected a valid integer, got 2.5",
    ),
)
