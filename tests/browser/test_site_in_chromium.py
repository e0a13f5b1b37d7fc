"""The site of `make docs`: built without a warning, every page reachable, nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from builders import ROOT

import pipeline

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx", reason="pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site").resolve() / "html"
    ran = subprocess.run(
        [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going",
         "-c", "docs/site", ".", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_page_is_reachable_and_no_link_is_broken(site: Path) -> None:
    todo, seen = [site / "index.html"], set()
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        content = page.read_text("utf-8")
        # The first page leads to the README by a refresh and a link.
        for target in re.findall(r'<a [^>]*href="([^"]*)"', content):
            parts = urlsplit(target)
            if parts.scheme or not target:
                continue
            linked = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert linked.is_file(), f"{page.name}: {target}"
            if linked.suffix == ".html":
                todo.append(linked)
                anchor = unquote(parts.fragment)
                if anchor:
                    names = re.findall(r'\bid="([^"]*)"', linked.read_text("utf-8"))
                    assert anchor in names, f"{page.name}: {target}"
    assert seen >= {path for path in site.rglob("*.html") if path.name != "search.html"}
    pages = {path.relative_to(site).with_suffix("").as_posix() for path in seen}
    sources = [*ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.ipynb"), ROOT / "README.md"]
    assert {path.relative_to(ROOT).with_suffix("").as_posix() for path in sources} <= pages


def test_every_public_name_is_explained(site: Path) -> None:
    text = "".join(path.read_text("utf-8") for path in site.glob("docs/api/*.html"))
    for name in pipeline.__all__:
        assert f'id="pipeline.{name}"' in text, name


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:link|script|img|iframe)\b[^>]*?(?:src|href)="([^"]*)"', path.read_text("utf-8")
        )
        assert not [target for target in loaded if re.match(r"(https?:)?//", target)], path


def test_the_first_page_and_the_search(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{address}/index.html")
    page.wait_for_url("**/README.html")
    assert page.locator("h1").inner_text().startswith("headline-transfer")
    page.locator("input[name=q]").first.fill("frozen")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=frozen*")
    page.locator("#search-results li a", has_text="default recipe").first.wait_for()


@pytest.mark.parametrize("name", ["README", "docs/vectors", "docs/robustness"])
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (390, True)])
def test_a_page_fits_and_can_be_read(
    address: str,
    name: str,
    width: int,
    dark: bool,
    open_page: Callable[..., Page],
    check_accessibility: Callable[..., object],
) -> None:
    page = open_page(f"{address}/{name}.html", width=width, dark=dark)
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    check_accessibility(page)
