"""The site of `make docs`, by Sphinx: the README, the pages of docs/, the notebooks, the public names.

The pages stay as they are on disk, so that the same links work in the repository. What the site
needs besides is added here: the navigation to the README, and a page of public names for each room.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import re
from itertools import groupby
from pathlib import Path

from sphinx.application import Sphinx

import pipeline
from pipeline.cli.terminal import quiet_start

ROOT = Path(__file__).resolve().parents[2]

project = "headline-transfer"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# The source folder is the whole repository: only pages and notebooks of it are read.
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "docs/**.md", "notebooks/*.ipynb"]
exclude_patterns = [
    path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ("docs", "notebooks")
]

nb_execution_mode = "off"  # the notebooks are stored with their outputs
myst_heading_anchors = 4
smartquotes = False  # the quotes of messages are as they are written
default_role = "literal"  # `code` in docstrings is written as in Markdown
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_default_options = {
    "exclude-members": "set_fit_request, set_score_request"
}  # scikit-learn's, for its own use
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = project
html_favicon = "icon.svg"
html_static_path = ["site.css", "site.js"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_additional_pages = {"index": "index.html"}
templates_path = ["."]
html_show_sourcelink = html_copy_source = html_show_sphinx = html_show_copyright = False
html_use_index = False


def _colours(block: str) -> dict[str, str]:
    """The colours of a block of colours.css, under the names that the theme has for them."""
    value = dict(re.findall(r"--(\w+): (#\w+);", block))
    names = {
        "ink": ("foreground-primary",),
        "quiet": ("foreground-secondary", "foreground-muted"),
        "paper": ("background-primary",),
        "band": ("background-secondary",),
        "line": ("background-border",),
        "accent": ("brand-primary", "brand-content", "brand-visited"),
    }
    return {f"color-{theme}": value[ours] for ours, theirs in names.items() for theme in theirs}


# The colours and fonts of report.html.
_LIGHT, _DARK = (ROOT / "pipeline/report/colours.css").read_text("utf-8").split("@media")
html_theme_options = {
    "light_css_variables": {**_colours(_LIGHT), "font-stack": "system-ui, sans-serif"},
    "dark_css_variables": _colours(_DARK),
}

# What stands in the navigation, in its order. Other pages and notebooks come after those named here.
QUESTIONS = (
    "learning",
    "compare",
    "embedding",
    "search",
    "audit",
    "why",
    "suggest",
    "unsure",
    "cases",
    "vectors",
)
NOTEBOOKS = (
    "quickstart",
    "what_an_embedding_learns",
    "is_transfer_worth_it",
    "few_labels",
    "own_vectors",
    "reuse_a_stage",
)
ROOMS = ("data", "embedding", "classifier", "training", "insight", "cases", "portable")
_TREE = """
```{{toctree}}
:caption: {caption}
:hidden:

{rows}
```
"""
_ARRAY = re.compile(
    r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[([^]]+)\]\]"
)


def _add_navigation(app: Sphinx, name: str, source: list[str]) -> None:
    """Sphinx reads the navigation from the front page."""
    if name != root_doc:
        return
    trees = {
        "Questions": _all_of("docs", ".md", QUESTIONS),
        "Notebooks": _all_of("notebooks", ".ipynb", NOTEBOOKS),
        "Public names": _all_of("docs/api", ".md", ROOMS),
        "To work on it": ["CONTRIBUTING"],
    }
    for caption, pages in trees.items():
        source[0] += _TREE.format(caption=caption, rows="\n".join(pages))


def _all_of(folder: str, ending: str, first: tuple[str, ...]) -> list[str]:
    stems = sorted(path.stem for path in (ROOT / folder).glob(f"*{ending}"))
    ordered = [*(s for s in first if s in stems), *(s for s in stems if s not in first)]
    return [f"{folder}/{stem}" for stem in ordered]


def _room(name: str) -> str:
    """The room that a public name comes from: the second part of its module's name."""
    return inspect.getmodule(getattr(pipeline, name)).__name__.split(".")[1]


def _write_names(app: Sphinx) -> None:
    """A page for each room: what the room does, and its public names, as `pipeline` gives them."""
    folder = ROOT / "docs" / "api"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    logging.getLogger().setLevel(
        logging.WARNING
    )  # of the libraries; Sphinx has a logger of its own
    with quiet_start():  # the names import TensorFlow
        by_room = groupby(sorted(pipeline.__all__, key=_room), key=_room)
    for room, names in by_room:
        text = inspect.getdoc(importlib.import_module(f"pipeline.{room}"))
        parts = [f"# {room}", text.split("\n\n")[0]]
        for name in sorted(names, key=lambda name: (not name[0].isupper(), name)):
            is_class = inspect.isclass(getattr(pipeline, name))
            what = ("class", "\n   :members:") if is_class else ("function", "")
            parts.append(f"```{{eval-rst}}\n.. auto{what[0]}:: pipeline.{name}{what[1]}\n```")
        (folder / f"{room}.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def _shorten(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    signature: str | None,
    *_: object,
) -> tuple[str | None, None] | None:
    """Write `NDArray[float32]`, as the code does, and `...` for a default that is made anew."""
    if signature is None:
        return None
    return _ARRAY.sub(r"NDArray[\1]", signature).replace("<factory>", "..."), None


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", _write_names)
    app.connect("source-read", _add_navigation)
    app.connect("autodoc-process-signature", _shorten)
