"""The command line: `pipeline` and `python -m pipeline`. Heavy modules are imported only by the
commands that need them, so that --help answers at once."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pipeline.terminal import print_table
from pipeline.vectors_cli import vectors

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.run import RunResult
    from pipeline.training import Epoch

_OVERRIDE = re.compile(r"[+~]{0,2}[a-z_]+(\.[a-z_]+)*=\S*|~[a-z_.]+")

OVERRIDES = click.argument("overrides", nargs=-1, metavar="[NAME=VALUE]...")
MODEL = click.option(
    "--model",
    metavar="ADDRESS",
    help="models:/NAME@ALIAS, models:/NAME/VERSION, runs:/... or a local folder  "
    "[default: the champion for the data or the tracking.registered_model that is set]",
)


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
    config = _config(overrides)
    with _quiet_start():
        from pipeline.run import run

    with _epoch_display(config) as on_epoch:
        result = run(config, _interruptible(on_epoch))
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
    config = _config(["data=file", *overrides])
    with _quiet_start():
        from pipeline.data import read_labelled
        from pipeline.errors import DataError
        from pipeline.evaluation import score
        from pipeline.report import per_class
        from pipeline.tracking import load_model

    assert config.data.path is not None
    labelled = read_labelled(config.data.path, config.data.text, config.data.label)
    predictions = load_model(_model_address(model, config), config.tracking).predict(labelled.texts)
    names = list(predictions[0]["probabilities"])
    unknown = sorted(set(labelled.labels) - set(names))
    if unknown:
        raise DataError(
            f"{config.data.path}: the model knows the labels {', '.join(names)}, the file has "
            f"{unknown[0]!r}"
        )
    evaluation = score(
        [[row["probabilities"][name] for name in names] for row in predictions],
        labelled.texts,
        [names.index(label) for label in labelled.labels],
        names,
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
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each headline.")
def predict(headlines: tuple[str, ...], model: str | None, path: str | None, as_json: bool) -> None:
    """Label headlines with a logged model.

    \b
      pipeline predict "Alps may lose 70% of snow by end of the century"
      pipeline predict --file headlines.txt --json
      cat headlines.txt | pipeline predict --file -

    An argument such as tracking.uri=... is an option; a headline of that form goes into a file.
    """
    from pipeline.errors import ConfigError

    overrides = [text for text in headlines if _OVERRIDE.fullmatch(text)]
    texts = [text for text in headlines if not _OVERRIDE.fullmatch(text)]
    try:
        config = _config(overrides)
    except ConfigError as error:
        raise ConfigError(f"{error} (a headline of that form goes into a file: --file)") from error
    if path is not None:
        texts += _read_lines(path)
    if not texts:
        raise click.UsageError("expected headlines: as arguments, or with --file")
    with _quiet_start():
        from pipeline.tracking import load_model

    rows = load_model(_model_address(model, config), config.tracking).predict(texts)
    if as_json:
        for text, row in zip(texts, rows, strict=True):
            click.echo(json.dumps({"text": text, **row}, ensure_ascii=False))
        return
    print_table(
        ["label", "probability", "headline"],
        [[r["label"], f"{r['probability']:.3f}", t] for t, r in zip(texts, rows, strict=True)],
    )


@vectors.command("compare")
@click.argument("sets", nargs=-1, metavar="SET... [NAME=VALUE]...")
@click.option("--text", metavar="FILE", help="What corpus sets are trained on: text, or a folder.")
@click.option("--words", metavar="WORD,WORD", default="", help="Show the neighbours of these.")
@click.option("--train", "with_runs", is_flag=True, help="Train with each set: frozen, fine-tuned.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="Runs a set.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each set.")
def compare_sets(
    sets: tuple[str, ...],
    text: str | None,
    words: str,
    with_runs: bool,
    seeds: int,
    as_json: bool,
) -> None:
    """Put sets of word vectors side by side.

    \b
      pipeline vectors compare glove_6b_50d corpus:skipgram --words alps,minister
      pipeline vectors compare glove_6b_50d my.vec glove_6b_50d+corpus:cbow --train --seeds 3

    A SET is a name, a file, corpus:skipgram, corpus:cbow or corpus:fasttext (trained on --text or
    the BBC articles, without those of validation and test headlines), or several joined by +.
    Shown are Spearman's correlation with people's judgements of word pairs (in brackets, how many
    pairs the set knows), and with --train the accuracy on the data that NAME=VALUE choose: mean and
    standard deviation over the seeds from `seed` on; each run is in MLflow.
    """
    from dataclasses import replace

    from pipeline import comparing

    overrides = [name for name in sets if _OVERRIDE.fullmatch(name)]
    names = [name for name in sets if not _OVERRIDE.fullmatch(name)]
    if not names:
        raise click.UsageError("expected the sets to compare: names, files, corpus:skipgram, ...")
    # What serves predictions does not change because sets were compared.
    fixed = ["tracking.promote=never", *overrides]
    options = {name: [*fixed, *comparing.overrides_of(name, text)] for name in names}
    configs = {name: _config(options[name]) for name in names}
    from pipeline.vectors.choice import choose_vectors

    if with_runs or any(map(comparing.trains, configs.values())):
        with _quiet_start():
            from pipeline.run import run

    asked = [word.strip() for word in words.split(",") if word.strip()]
    reports = [
        comparing.describe(
            name, choose_vectors(config.vectors, held_out=comparing.held_out(config)), asked
        )
        for name, config in configs.items()
    ]
    worth = {}
    for name, config in configs.items() if with_runs else ():
        results = []
        for seed in range(config.seed, config.seed + seeds):
            one = _config([*options[name], f"seed={seed}"])
            title = one.tracking.run_name or f"{one.data.source}-{name}-{one.model.encoder}-{seed}"
            one = replace(one, tracking=replace(one.tracking, run_name=title))
            with _epoch_display(one) as on_epoch:
                results.append(run(one, _interruptible(on_epoch)))
        worth[name] = comparing.downstream(results)
    if as_json:
        for report in reports:
            values = comparing.as_values(report, worth.get(report.name))
            click.echo(json.dumps(values, ensure_ascii=False))
        return
    print_table(*comparing.table(reports, worth))
    if asked:
        click.echo()
        print_table(*comparing.neighbours_table(reports))


@cli.command()
@OVERRIDES
def stages(overrides: tuple[str, ...]) -> None:
    """Say what each stage takes and gives, and list the options.

    With overrides, the options are shown as they would be set.
    """
    config = _config(overrides)
    from pipeline.config import flatten, groups, options

    print_table(["stage", "takes", "gives", "import"], [list(row) for row in STAGES])
    click.echo()
    print_table(["group", "choices"], [[g, ", ".join(options(g))] for g in groups()])
    click.echo()
    values = {k: "null" if v is None else str(v) for k, v in flatten(config).items()}
    print_table(["option", "value"], [list(item) for item in values.items()])


STAGES = (
    ("data", "a source", "Headlines", "from pipeline import load_headlines"),
    ("text", "headlines", "Vocabulary", "from pipeline import build_vocabulary"),
    ("vectors", "a name, file or KeyedVectors", "WordVectors", "from pipeline import load_vectors"),
    (
        "matrix",
        "words, WordVectors",
        "EmbeddingMatrix",
        "from pipeline import build_embedding_matrix",
    ),
    ("model", "EmbeddingMatrix", "Classifier", "from pipeline import build_classifier"),
    ("training", "Classifier, headlines, labels", "History", "from pipeline import train"),
    ("evaluation", "Classifier, headlines, labels", "Evaluation", "from pipeline import evaluate"),
    ("all of them", "Config", "RunResult, an MLflow run", "from pipeline.run import run"),
)


cli.add_command(vectors)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; errors of the user end in one line and exit code 2."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in argv
    # --debug may stand anywhere, though it belongs to the group.
    argv = [*["--debug"] * debug, *(argument for argument in argv if argument != "--debug")]
    argv = argv or ["--help"]
    _set_up_messages(debug)
    _received.clear()
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell's background job ignores SIGINT, and goes on doing so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    from pipeline.errors import PipelineError

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


_received: list[int] = []  # signals that asked for the end


def _interrupt(number: int, _: object) -> None:
    _received.append(number)
    raise KeyboardInterrupt(*["by SIGTERM"] * (number == signal.SIGTERM))


def _interruptible(on_epoch: Callable[[Epoch], None]) -> Callable[[Epoch], None]:
    """Ask again after each epoch: an exception that a signal raises where Python cannot pass it
    on, as in a destructor or a callback from C++, is dropped there."""

    def checked(epoch: Epoch) -> None:
        on_epoch(epoch)
        if _received:
            _interrupt(_received[0], None)

    return checked


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


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Keep aside what TensorFlow's C++ code prints when it is imported, which no setting stops.

    It is shown after all where the import fails, and with --debug.
    """
    if logging.getLogger().isEnabledFor(logging.INFO):
        yield
        return
    if sys.stderr.isatty():
        click.echo("starting TensorFlow and MLflow ...", err=True)
    with tempfile.TemporaryFile() as aside:
        stderr = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except ImportError:
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _config(overrides: Sequence[str]) -> Config:
    from pipeline.config import load_config

    return load_config(overrides)


def _model_address(model: str | None, config: Config) -> str:
    if model is not None:
        return model
    from pipeline.sources import name_of
    from pipeline.tracking import CHAMPION, registered_name

    name = registered_name(config.tracking, name_of(config.data.source, config.data.path or ""))
    return f"models:/{name}@{CHAMPION}"


def _read_lines(path: str) -> list[str]:
    from pipeline.errors import DataError

    try:
        with click.open_file(path, encoding="utf-8") as lines:
            headlines = [line.strip() for line in lines if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a file with one headline a line ({error})") from error
    if not headlines:
        raise DataError(f"{path}: expected one headline a line, found none")
    return headlines


@contextmanager
def _epoch_display(config: Config) -> Iterator[Any]:
    """A bar for the epochs on a terminal, a line an epoch elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    logger = logging.getLogger("pipeline")
    phases = config.training.phases
    console = Console(stderr=True)
    if not console.is_terminal:

        def line(epoch: Epoch) -> None:
            logger.info(
                "%s: epoch %d of %d, loss %.4f, validation accuracy %.4f",
                epoch.phase, epoch.number, phases[epoch.phase].epochs, epoch.loss, epoch.val_accuracy,
            )  # fmt: skip

        yield line
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("epoch {task.completed} of {task.total}, {task.fields[shown]}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console)
    bars: dict[str, Any] = {}

    def advance(epoch: Epoch) -> None:
        progress.start()  # not before: until then a download may show a bar of its own
        if epoch.phase not in bars:
            total = phases[epoch.phase].epochs
            bars[epoch.phase] = progress.add_task(epoch.phase, total=total, shown="")
        shown = f"validation accuracy {epoch.val_accuracy:.4f}"
        progress.update(bars[epoch.phase], completed=epoch.number, shown=shown)

    try:
        yield advance
    finally:
        progress.stop()


def _print_summary(result: RunResult) -> None:
    from pipeline.report import summary

    facts, phases = summary(
        result.headlines, result.matrix, result.history, result.evaluations, result.seconds
    )
    for name, value in facts:
        click.echo(f"{name:<10} {value}")
    click.echo()
    print_table(list(phases.columns), phases.to_numpy().tolist())
    click.echo()
    registered = result.registered
    role = "is the champion" if registered.champion else "is not the champion"
    click.echo(f"model      {registered.uri} {role}: {registered.reason}")
    click.echo(f"run        {result.run_id} at {result.tracking_uri}")
    if result.tracking_uri.startswith("http"):
        address = f"{result.tracking_uri.rstrip('/')}/#/experiments/{result.experiment_id}"
        click.echo(f"see it     {address}/runs/{result.run_id}")
    else:
        click.echo("see it     make ui, then open the address that it prints")


if __name__ == "__main__":
    main()
