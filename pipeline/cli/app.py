"""The command line: the table of commands, and how a command ends."""

from __future__ import annotations

import atexit
import gc
import os
import resource
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from pipeline.base.addresses import masked
from pipeline.base.errors import PipelineError
from pipeline.cli.audit import audit_data
from pipeline.cli.cases import cases
from pipeline.cli.compare import compare
from pipeline.cli.demo import demo
from pipeline.cli.evaluate import evaluate
from pipeline.cli.explain import explain
from pipeline.cli.export import export
from pipeline.cli.options import list_options
from pipeline.cli.predict import predict
from pipeline.cli.score import score
from pipeline.cli.serve import serve
from pipeline.cli.signals import INTERRUPTED, Interrupts
from pipeline.cli.suggest import suggest
from pipeline.cli.sweep import sweep
from pipeline.cli.sync import sync
from pipeline.cli.terminal import escaped, set_up_messages
from pipeline.cli.train import train
from pipeline.cli.vectors import vectors

# A new command is a file and a row here. It imports what is heavy when it is called, so that
# --help answers at once.
COMMANDS: tuple[click.Command, ...] = (
    train,
    predict,
    evaluate,
    score,
    export,
    serve,
    demo,
    audit_data,
    suggest,
    compare,
    explain,
    sweep,
    cases,
    vectors,
    sync,
    list_options,
)


class _InOrder(click.Group):
    """A group whose help lists the commands in the order of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_InOrder,
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and all messages.")
@click.version_option(package_name="headline-transfer")
def cli(debug: bool) -> None:
    """Transfer learning for short texts.

    It puts pretrained word vectors into an embedding matrix, trains a Keras classifier with the
    embedding frozen and then fine-tuned, and logs each run to MLflow.

    \b
      pipeline train
      pipeline predict "Alps may lose 70% of snow by end of the century"

    NAME=VALUE sets an option of a run. GROUP=CHOICE takes another file of conf/. `pipeline options`
    lists them.

    \b
      pipeline train data=file data.path=my.csv data.text=headline data.label=topic
      pipeline train model=mean training.fine_tuned.epochs=3
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line. An error of the user ends in one line and exit code 2."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    # --debug belongs to the group, and may stand anywhere before --.
    end = argv.index("--") if "--" in argv else len(argv)
    debug = "--debug" in argv[:end]
    if debug:
        argv = [
            "--debug",
            *(argument for argument in argv[:end] if argument != "--debug"),
            *argv[end:],
        ]
    set_up_messages(debug)
    if arguments is None:  # a process of its own, at whose end Python need not look for garbage
        atexit.register(gc.freeze)
    interrupts = Interrupts()
    with interrupts.listening():
        try:
            cli.main(argv or ["--help"], "pipeline", standalone_mode=False, obj=interrupts)
        except PipelineError as error:
            if debug:
                raise
            _fail(str(error), 2)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "pipeline"
            _fail(f"{error.format_message()} (see {path} --help)", 2)
        except click.ClickException as error:
            _fail(error.format_message(), 2)
        except (KeyboardInterrupt, click.Abort):
            if arguments is None:  # a process of its own, which no thread may hold up
                click.echo("error: interrupted", err=True)
                os._exit(INTERRUPTED)
            _fail("interrupted", INTERRUPTED)
        except (MemoryError, ImportError, SystemError) as error:
            if debug or not _is_short_of_memory(error):
                raise
            _fail(
                f"the memory is not enough ({str(error) or type(error).__name__}): raise its limit "
                "(ulimit -v), or use less",
                2,
            )
        except BrokenPipeError:  # head has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(141)
        except OSError as error:  # a full disk, a read-only folder, a name that is too long
            if debug:
                raise
            if arguments is None and error.filename is None:  # it may be the output itself
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            where = error.filename2 or error.filename
            _fail(f"{where}: {error.strerror}" if where else str(error.strerror or error), 2)
    sys.exit(0)


def _is_short_of_memory(error: Exception) -> bool:
    """Also where Python says something else, as while it imports: under a limit of memory."""
    limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    mapping = "failed to map" in str(error) or "allocate memory" in str(error)
    return isinstance(error, MemoryError) or mapping or (limited and isinstance(error, SystemError))


def _fail(message: str, code: int) -> NoReturn:
    lines = map(escaped, masked(message).split("\n"))  # names in it may hold orders to the terminal
    click.echo("error: " + "\n".join(lines), err=True)
    sys.exit(code)
