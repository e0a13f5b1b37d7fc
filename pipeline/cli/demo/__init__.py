"""`pipeline demo`: a page on this machine that shows what a model says, and why."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import click

from pipeline.cli.arguments import MODEL, TRACKING_URI, ModelCommand

HOST = "127.0.0.1"
_PAGE_MODULES = ("pipeline.cli.demo.server", "starlette.applications", "uvicorn")


@click.command(cls=ModelCommand)
@MODEL
@TRACKING_URI
@click.option(
    "--cases",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the case base: corrections are kept there.  [default: one in cases/ for "
    "each model]",
)
@click.option(
    "--port", default=5002, show_default=True, type=click.IntRange(1, 65535), help="The port."
)
def demo(model: str | None, tracking_uri: str | None, folder: Path | None, port: int) -> None:
    """Try a trained model on a page of your browser.

    \b
      pipeline demo --model headlines-bbc

    Type headlines, and see the labels as you type, the words that made them, the nearest training
    headlines, and what each part of the classifier says. Correct a label, and the case base has it
    at once. Give a file, and get it back with labels.

    The page is for this machine alone, and asks nothing of the internet.
    """
    from pipeline.tracking.scoring import listen, run_server
    from pipeline.tracking.trained import load_with_record

    listener = listen(HOST, port)
    # Another process asks MLflow, which takes seconds. Meanwhile this one imports what the page
    # needs.
    threading.Thread(target=_import_page, daemon=True).start()
    loaded, record = load_with_record(model, tracking_uri)
    from pipeline.cli.demo.server import application
    from pipeline.cli.demo.session import Session

    session = Session(loaded, record, folder or Path("cases", f"demo-{loaded.id}"))
    if folder is not None or session.is_kept():  # an error ends the command
        session.read_cases()
    else:
        threading.Thread(target=session.read_cases, daemon=True).start()
    click.echo(f"{loaded.address}: open http://{HOST}:{port} in a browser (Ctrl-C ends it)")
    with suppress(KeyboardInterrupt):  # the way to end it
        run_server(application(session), listener)
    click.echo("the demo has ended")


def _import_page() -> None:
    for name in _PAGE_MODULES:
        import_module(name)
