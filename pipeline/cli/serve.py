"""`pipeline serve`: answer over HTTP."""

from __future__ import annotations

from contextlib import suppress

import click

from pipeline.cli.arguments import MODEL, TRACKING_URI, ModelCommand


@click.command(cls=ModelCommand)
@MODEL
@TRACKING_URI
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=5001, show_default=True, type=click.IntRange(1, 65535), help="The port."
)
def serve(model: str | None, tracking_uri: str | None, host: str, port: int) -> None:
    """Answer over HTTP with a trained model.

    \b
      pipeline serve --model headlines-bbc
      curl http://127.0.0.1:5001/invocations -H "Content-Type: application/json" -d '{"inputs": ["Alps"]}'

    The protocol is that of MLflow's scoring server: JSON with inputs, instances, dataframe_split or
    dataframe_records, and perhaps params (top_k, threshold, coverage, why); text/csv; Parquet. Each
    text gets one answer, or the whole request gets a 400 that says why. Anyone who reaches the port
    may ask: put a proxy with a login before it on an open network.
    """
    from pipeline.tracking.models import load_lean
    from pipeline.tracking.scoring import application, listen, run_server

    loaded = load_lean(model, tracking_uri)
    listener = listen(host, port)  # only now, so that nobody takes it for ready before
    click.echo(f"{loaded.address} answers at http://{host}:{port}/invocations (Ctrl-C ends it)")
    with suppress(KeyboardInterrupt):  # the way to end it
        run_server(application(loaded.classifier, loaded.address), listener)
