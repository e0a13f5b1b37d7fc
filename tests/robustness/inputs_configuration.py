"""Bad options of a run."""

from __future__ import annotations

from bad_input import BadInput

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
        "error: seed=one: expected a valid integer, unable to parse string as an integer, got 'one'",
    ),
)
