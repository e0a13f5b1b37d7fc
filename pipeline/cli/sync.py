"""`pipeline sync`: send to the store what it did not take when a run ended."""

from __future__ import annotations

import click

from pipeline.cli.terminal import quiet_start


@click.command()
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="Only what is for this store. An address with a password must be given.  [default: all]",
)
def sync(tracking_uri: str | None) -> None:
    """Send the results that a store did not take.

    \b
      pipeline sync
      pipeline sync --tracking-uri http://127.0.0.1:5000

    Where a tracking server or a disk fails, a training goes on, and its results are kept in the
    cache. This sends them, in their order and once. A run whose process was killed ends as KILLED;
    the same `pipeline train` goes on with it.
    """
    from pipeline.base.errors import TrackingError
    from pipeline.base.files import runs_folder

    if not any(runs_folder().glob("*")):  # before TensorFlow and MLflow are imported
        click.echo("there is nothing to send")
        return
    with quiet_start():
        from pipeline.tracking.leftovers import send_left

    sent = send_left(tracking_uri)
    for run in sent:
        click.echo(str(run))
    if not sent:
        click.echo("there is nothing to send")
    left = [run for run in sent if run.left]
    if left:
        raise TrackingError(
            f"{len(left)} of {len(sent)} runs could not be sent as a whole: see that the store "
            "answers, then call pipeline sync again"
        )
