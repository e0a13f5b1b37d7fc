"""A real Chromium for the pages. Tests that use it are slow ones; without Chromium they are skipped.

Playwright is imported where it is used: `make test` has it not, and reads these files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES = ("chromium", "google-chrome")
ARGUMENTS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",  # which is small in containers
    "--disable-background-networking",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
TIMEOUT_SECONDS = 120  # of one step, on a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. It ends with the module: Playwright keeps an event loop until then,
    in which other modules' tests of asyncio cannot run."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install -e '.[browser]'")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program,
            args=list(ARGUMENTS),
            chromium_sandbox=False,
            timeout=1000 * TIMEOUT_SECONDS,
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(address)` opens a page: an http address on loopback, or the path of a file.

    `width`, `height`: of the window, in pixels. `dark`: whether the reader wants a dark page. More
    options are those of `Browser.new_context`. The test fails at its end if a page wrote an error to
    the console, or asked for anything but itself, this machine and what stands in it.
    """
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def start(
        address: str | Path,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        **options: Any,
    ) -> Page:
        url = address.as_uri() if isinstance(address, Path) else address
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(1000 * TIMEOUT_SECONDS)

        def check(asked: str) -> None:
            if not _is_near(asked, url):
                wrong.append(f"it asked for {asked}")

        context.on("request", lambda request: check(request.url))
        context.on("weberror", lambda error: wrong.append(f"error: {error.error}"))
        context.on(
            "console", lambda line: line.type == "error" and wrong.append(f"console: {line.text}")
        )
        page = context.new_page()
        page.on("websocket", lambda socket: check(socket.url))
        page.goto(url)
        return page

    yield start
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


def _is_near(asked: str, opened: str) -> bool:
    address = urlsplit(asked)
    return (
        address.scheme in ("data", "blob", "about")
        or address.hostname in ("127.0.0.1", "localhost")
        or asked.partition("#")[0] == opened.partition("#")[0]
    )


@dataclass(frozen=True)
class Accessibility:
    """How many of axe-core's rules a page passed, and one line for each element that broke one."""

    passed: int
    violations: tuple[str, ...]


@pytest.fixture
def check_accessibility() -> Callable[[Page], Accessibility]:
    """`check_accessibility(page)` looks at a page with axe-core: labels, order, contrast, keyboard.

    Raises AssertionError: a rule is broken. The message has the rule, the element and the reason.
    """
    axe_core = pytest.importorskip("axe_playwright_python.sync_playwright")

    def check(page: Page) -> Accessibility:
        results = axe_core.Axe().run(page, options={"resultTypes": ["violations", "passes"]})
        violations = tuple(
            f"{rule['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
            for rule in results.response["violations"]
            for node in rule["nodes"]
        )
        assert not violations, "\n".join(violations)
        return Accessibility(len(results.response["passes"]), violations)

    return check
