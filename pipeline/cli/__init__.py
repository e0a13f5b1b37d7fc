"""The door: the command line `pipeline`. One file a command, and app.py, which lists them."""

from pipeline.cli.app import main

__all__ = ["main"]
