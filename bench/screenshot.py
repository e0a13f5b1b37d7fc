"""The beginning of a page as a picture, such as docs/report.png.

    python -m bench.screenshot report.html docs/report.png

It needs the extra `browser` and Chromium: `make test-slow` installs both.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click


@click.command()
@click.argument("page", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("picture", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--width", default=900, show_default=True, help="Of the window, in pixels.")
@click.option("--height", default=760, show_default=True, help="Of the picture, in pixels.")
def main(page: Path, picture: Path, width: int, height: int) -> None:
    """Write the beginning of PAGE as PICTURE, a PNG file."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise click.ClickException("expected Chromium, found none: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        window = browser.new_page(viewport={"width": width, "height": height})
        window.goto(page.resolve().as_uri())
        window.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
