"""The command line: `pipeline` and `python -m pipeline`. Heavy modules are imported only by the
commands that need them, so that --help answers at once."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from pipeline.cli.arguments import MODEL, OVERRIDES, config_of, headlines_of, model_address
from pipeline.cli.audit import audit_data
from pipeline.cli.cases import cases
from pipeline.cli.compare import compare
from pipeline.cli.explain import explain
from pipeline.cli.signals import interrupt, interruptible, received
from pipeline.cli.terminal import epoch_display, print_run, print_table, quiet_start
from pipeline.cli.vectors import vectors

if TYPE_CHECKING:
    from pipeline.run import RunResult


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and more messages.")
@click.version_option(package_name="headline-transfer")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Transfer learning for short texts.

    Loads headlines, puts pretrained word vectors into an embedding matrix, trains a Keras
    classifier with the embedding frozen and then fine-tuned, and logs the run to MLflow.

    Options of a run are set by NAME=VALUE, and GROUP=CHOICE takes another file of conf/:

    \b
      pipeline train data=file data.path=my.csv data.text=headline data.label=topic
      pipeline train model=mean training.fine_tuned.epochs=3

    `pipeline stages` lists the stages and all options.
    """
    context.obj = debug


@cli.command()
@OVERRIDES
def train(overrides: tuple[str, ...]) -> None:
    """Run the whole pipeline and log it as one MLflow run.

    \b
      pipeline train
      pipeline train data=stop_clickbait data.path=folder seed=1
      pipeline train vectors=file vectors.path=glove.6B.100d.txt
      pipeline train training=scratch
    """
    config = config_of(overrides)
    with quiet_start():
        from pipeline.run import run

    with epoch_display() as on_epoch:
        result = run(config, interruptible(on_epoch))
    _print_summary(result)


@cli.command()
@MODEL
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@OVERRIDES
def evaluate(model: str | None, as_json: bool, overrides: tuple[str, ...]) -> None:
    """Evaluate a logged model on a file of labelled headlines.

    \b
      pipeline evaluate --model models:/headlines-bbc@champion data.path=new.csv
      pipeline evaluate --model ./model data.path=new.csv data.text=headline data.label=topic
    """
    for option, given in (("data.path", False), ("tracking.registered_model", model is not None)):
        if not given and not any(text.startswith(f"{option}=") for text in overrides):
            instead = " or --model" if option.startswith("tracking") else ""
            raise click.UsageError(f"evaluate needs {option}=...{instead}")
    config = config_of(["data=file", *overrides])
    with quiet_start():
        from pipeline.base.errors import DataError
        from pipeline.data.examples import Examples
        from pipeline.data.headlines import read_labelled
        from pipeline.insight.evaluation import evaluate_probabilities
        from pipeline.report import per_class
        from pipeline.tracking.runs import load_model

    assert config.data.path is not None
    labelled = read_labelled(config.data.path, config.data.text, config.data.label)
    predictions = load_model(model_address(model, config), config.tracking).predict(labelled.texts)
    names = list(predictions[0]["probabilities"])
    unknown = sorted(set(labelled.labels) - set(names))
    if unknown:
        raise DataError(
            f"{config.data.path}: the model knows the labels {', '.join(names)}, the file has "
            f"{unknown[0]!r}"
        )
    labels = [names.index(label) for label in labelled.labels]
    evaluation = evaluate_probabilities(
        [[row["probabilities"][name] for name in names] for row in predictions],
        Examples(labelled.texts, labels, tuple(names)),
    )
    figures = evaluation.metrics()
    if as_json:
        click.echo(json.dumps({"headlines": len(labelled.texts), **figures}))
        return
    low, high = evaluation.accuracy_interval
    click.echo(f"{len(labelled.texts):,} headlines of {config.data.path}")
    click.echo(f"accuracy {evaluation.accuracy:.4f} (95 % interval {low:.4f} to {high:.4f})")
    click.echo("  ".join(f"{name} {figures[name]:.4f}" for name in ("macro_f1", "log_loss", "ece")))
    table = per_class(evaluation)
    print_table(list(table.columns), table.round(4).astype(str).to_numpy().tolist())


@cli.command()
@click.argument("headlines", nargs=-1, metavar="[HEADLINE | NAME=VALUE]...")
@MODEL
@click.option("--file", "path", metavar="FILE", help="One headline a line; - reads standard input.")
@click.option("--why", is_flag=True, help="Show what each word gives to the label.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each headline.")
def predict(
    headlines: tuple[str, ...], model: str | None, path: str | None, why: bool, as_json: bool
) -> None:
    """Label headlines with a logged model.

    \b
      pipeline predict "Alps may lose 70% of snow by end of the century"
      pipeline predict --why "Alps may lose 70% of snow by end of the century"
      pipeline predict --file headlines.txt --json
      cat headlines.txt | pipeline predict --file -

    An argument such as tracking.uri=... is an option; a headline of that form goes into a file.

    With --why each word has a number for the label: how much it raises (+) or lowers (-) the
    log-probability against the mean of all labels. They add up, with what is no word's.
    """
    texts, config = headlines_of(headlines, path)
    if not texts:
        raise click.UsageError("expected headlines: as arguments, or with --file")
    with quiet_start():
        from pipeline.tracking.runs import load_model, predict_why

    loaded = load_model(model_address(model, config), config.tracking)
    rows = predict_why(loaded, texts) if why else loaded.predict(texts)
    if as_json:
        for text, row in zip(texts, rows, strict=True):
            click.echo(json.dumps({"text": text, **row}, ensure_ascii=False))
        return
    if why:
        from pipeline.cli.why import print_why

        print_why(texts, rows)
        return
    print_table(
        ["label", "probability", "headline"],
        [[r["label"], f"{r['probability']:.3f}", t] for t, r in zip(texts, rows, strict=True)],
    )


@cli.command()
@OVERRIDES
def stages(overrides: tuple[str, ...]) -> None:
    """Say what each stage takes and gives, and list the options.

    With overrides, the options are shown as they would be set.
    """
    config = config_of(overrides)
    from pipeline.config import flatten, groups, options

    print_table(["stage", "takes", "gives", "import"], [list(row) for row in STAGES])
    click.echo()
    print_table(["group", "choices"], [[g, ", ".join(options(g))] for g in groups()])
    click.echo()
    values = {k: "null" if v is None else str(v) for k, v in flatten(config).items()}
    print_table(["option", "value"], [list(item) for item in values.items()])


STAGES = (
    ("data", "a source", "Headlines", "from pipeline import load_headlines"),
    ("auditing", "Headlines", "Audit", "from pipeline import audit"),
    ("text", "headlines", "Vocabulary", "from pipeline import build_vocabulary"),
    ("vectors", "a name, file or KeyedVectors", "WordVectors", "from pipeline import load_vectors"),
    (
        "matrix",
        "words, WordVectors",
        "EmbeddingMatrix",
        "from pipeline import build_embedding_matrix",
    ),
    ("model", "EmbeddingMatrix", "Network", "from pipeline import build_network"),
    ("training", "Network, headlines, labels", "History", "from pipeline import train"),
    ("blending", "Network, EmbeddingMatrix, headlines", "Blend", "from pipeline import blend"),
    ("evaluation", "Network, headlines, labels", "Evaluation", "from pipeline import evaluate"),
    (
        "semantics",
        "Network, History, headlines",
        "EmbeddingReport",
        "from pipeline import report_embedding",
    ),
    ("attribution", "Network, headlines", "Contributions", "from pipeline import contributions"),
    ("all of them", "Config", "RunResult, an MLflow run", "from pipeline.run import run"),
)


for command in (audit_data, cases, compare, explain, vectors):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; errors of the user end in one line and exit code 2."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in argv
    # --debug may stand anywhere, though it belongs to the group.
    argv = [*["--debug"] * debug, *(argument for argument in argv if argument != "--debug")]
    argv = argv or ["--help"]
    _set_up_messages(debug)
    received.clear()
    signal.signal(signal.SIGTERM, interrupt)
    # A shell's background job ignores SIGINT, and goes on doing so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)
    from pipeline.base.errors import PipelineError

    try:
        cli.main(argv, prog_name="pipeline", standalone_mode=False)
    except PipelineError as error:
        if debug:
            raise
        _fail(str(error), 2)
    except click.UsageError as error:
        _fail(f"{error.format_message()} (see pipeline --help)", 2)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted", 130)
    except BrokenPipeError:  # head has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(0)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


def _set_up_messages(debug: bool) -> None:
    """Lines of the stages on standard error; of the libraries only what matters."""
    level = logging.INFO if debug else logging.ERROR
    logging.basicConfig(format="%(message)s", level=level, force=True)
    logging.getLogger("pipeline").setLevel(logging.INFO)
    if debug:
        return
    # Set before the libraries are imported, as some of them set up their own messages then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore", module=r"(mlflow|keras|datasets|tensorflow)\.")


def _print_summary(result: RunResult) -> None:
    from pipeline.report import summary

    facts, phases = summary(
        result.headlines,
        result.fitted.matrix,
        result.fitted.history,
        result.fitted.ensemble,
        result.evaluations,
        result.seconds,
    )
    for name, value in facts:
        click.echo(f"{name:<10} {value}")
    if result.audit and (warnings := result.audit.warnings(result.evaluation.accuracy)):
        click.echo(f"audit      {'; '.join(warnings)}")
    click.echo()
    print_table(list(phases.columns), phases.to_numpy().tolist())
    click.echo()
    registered = result.registered
    role = "is the champion" if registered.champion else "is not the champion"
    click.echo(f"model      {registered.uri} {role}: {registered.reason}")
    print_run(result.run_id, result.experiment_id, result.tracking_uri)


if __name__ == "__main__":
    main()
