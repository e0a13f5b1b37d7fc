"""Opponents that `pipeline compare` cannot hold against the classifier."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from bad_input import BadInput, Trial
from inputs_start import small_data

ESTIMATOR = """
class Base:
    def fit(self, texts, labels):
        self.labels = labels

    def predict(self, texts):
        return [self.labels[0]] * len(texts)

"""


@contextmanager
def _clean() -> Iterator[None]:
    """What is imported meanwhile is not kept."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules.keys() - modules if name.startswith("mine")]:
            del sys.modules[name]


def _compare(also: str, module: str = "") -> Callable[[Trial], str]:
    """`pipeline compare compare.also=...` with a file mine.py. No store is made."""

    def act(trial: Trial) -> str:
        trial.write("mine.py", ESTIMATOR + module)
        with _clean(), patch.dict(sys.modules, {"setfit": None}):  # as if it were not installed
            shown = trial.command("compare", *small_data(trial), f"compare.also={also}")
        assert not (trial.folder / "none.db").exists()
        return shown

    return act


def _trial(module: str) -> Callable[[Trial], object]:
    """An opponent `mine:Other` learns from two headlines and is asked about three."""

    def act(trial: Trial) -> object:
        from pipeline import Examples
        from pipeline.studies.opponents import load_opponents

        trial.write("mine.py", ESTIMATOR + module)
        two = Examples(["Alps lose snow", "Bank has profit"], [0, 1], ("nature", "money"))
        with _clean():
            (opponent,) = load_opponents(["mine:Other"])
            return opponent.fit(two, two, 0)(["a", "b", "c"]).tolist()

    return act


ACTS: dict[str, Callable[[Trial], object]] = {
    "an opponent without a colon": _compare("[mine.Base]"),
    "an opponent with a misspelt name": _compare("[setfitt]"),
    "an opponent that is no list": _compare("mine:Base"),
    "an opponent whose module is not there": _compare("[mime:Base]"),
    "an opponent whose module is named as a file": _compare("[mine.py:Base]"),
    "an opponent whose module has a mistake": _compare("[mine:Base]", "def (:"),
    "an opponent whose module imports what is not there": _compare("[mine:Base]", "import nowhere"),
    "an opponent whose module would end the process": _compare(
        "[mine:Base]", "raise SystemExit(0)"
    ),
    "an opponent that its module does not have": _compare("[mine:Bass]"),
    "an opponent that is a number": _compare("[mine:n]", "n = 3"),
    "an opponent that needs arguments": _compare("[mine:make]", "def make(c): return Base()"),
    "an opponent that makes no estimator": _compare("[mine:make]", "def make(): return 'SVC'"),
    "an opponent with the name of a method": _compare("[mine:tfidf]", "tfidf = Base"),
    "an opponent twice": _compare("[mine:Base,mine:Base]"),
    "an opponent whose package is not installed": _compare("[setfit:/models/small]"),
    "opponents for a command that has none": lambda trial: trial.command(
        "train", *small_data(trial), "compare.also=[mine:Base]"
    ),
    "an opponent whose fit raises an error of two lines": _trial(
        "class Other(Base):\n    def fit(self, texts, labels): raise ValueError('no\\nmore')"
    ),
    "an opponent that gives numbers for labels": _trial(
        "class Other(Base):\n    def predict(self, texts): return [0] * len(texts)"
    ),
    "an opponent that gives labels it never saw": _trial(
        "class Other(Base):\n    def predict(self, texts): return ['sport'] * len(texts)"
    ),
    "an opponent whose error has no words": _trial(
        "class Bad(Exception):\n    def __str__(self): raise ValueError\n"
        "class Other(Base):\n    def fit(self, texts, labels): raise Bad"
    ),
    "an opponent whose labels cannot be shown": _trial(
        "class Bad:\n    def __repr__(self): raise ValueError\n"
        "class Other(Base):\n    def predict(self, texts): return [Bad()] * len(texts)"
    ),
    "an opponent that gives too few labels": _trial(
        "class Other(Base):\n    def predict(self, texts): return self.labels[:1]"
    ),
    "an opponent that gives one number for all": _trial(
        "class Other(Base):\n    def predict(self, texts): return 1"
    ),
}

GETS = {
    "an opponent without a colon": "error: compare.also: expected package.module:Factory, or one of sentence_transformers, model2vec, setfit, got 'mine.Base'",
    "an opponent with a misspelt name": "error: compare.also: expected package.module:Factory, or one of sentence_transformers, model2vec, setfit, got 'setfitt'; did you mean setfit?",
    "an opponent that is no list": "error: compare.also=mine:Base: expected a list, as in compare.also=[mine:Base], got 'mine:Base'",
    "an opponent whose module is not there": "error: compare.also: mime:Base: there is no module 'mime': install it, or start in the folder that has it",
    "an opponent whose module is named as a file": "error: compare.also: mine.py:Base: there is no module 'mine.py': install it, or start in the folder that has it",
    "an opponent whose module has a mistake": "error: compare.also: mine:Base cannot be imported (SyntaxError: invalid syntax (mine.py, line 9)): mend it, or leave it out",
    "an opponent whose module imports what is not there": "error: compare.also: mine:Base cannot be imported (ModuleNotFoundError: No module named 'nowhere'): mend it, or leave it out",
    "an opponent whose module would end the process": "error: compare.also: mine:Base cannot be imported (SystemExit: 0): mend it, or leave it out",
    "an opponent that its module does not have": "error: compare.also: mine:Bass: the module has no 'Bass'; did you mean Base?",
    "an opponent that is a number": "error: compare.also: mine:n: expected a function or a class, got int",
    "an opponent that needs arguments": "error: compare.also: mine:make does not make an estimator (TypeError: make() missing 1 required positional argument: 'c'): mend it, or leave it out",
    "an opponent that makes no estimator": "error: compare.also: mine:make: expected what makes an estimator with fit and predict, got str without fit",
    "an opponent with the name of a method": "error: compare.also: expected methods with different names, got another 'tfidf' (mine:tfidf): give the factory, or the folder, another name",
    "an opponent twice": "error: compare.also: expected methods with different names, got another 'Base' (mine:Base): give the factory, or the folder, another name",
    "an opponent whose package is not installed": "error: compare.also: setfit:/models/small needs the package setfit, which is not installed: pip install setfit, or leave it out",
    "opponents for a command that has none": "error: compare.also is not used by `pipeline train`: leave it out (`pipeline compare` uses it)",
    "an opponent whose fit raises an error of two lines": "error: compare.also: mine:Other failed with 2 headlines, seed 0 (ValueError: no): mend it, or leave it out",
    "an opponent that gives numbers for labels": "error: compare.also: mine:Other: expected labels that it learned, as 'nature', got 0",
    "an opponent that gives labels it never saw": "error: compare.also: mine:Other: expected labels that it learned, as 'nature', got 'sport'",
    "an opponent whose error has no words": "error: compare.also: mine:Other failed with 2 headlines, seed 0 (Bad: a Bad that cannot be shown): mend it, or leave it out",
    "an opponent whose labels cannot be shown": "error: compare.also: mine:Other: expected labels that it learned, as 'nature', got a Bad that cannot be shown",
    "an opponent that gives too few labels": "error: compare.also: mine:Other: expected a label for each of 3 headlines, got 1",
    "an opponent that gives one number for all": "error: compare.also: mine:Other failed with 2 headlines, seed 0 (TypeError: Value after * must be an iterable, not int): mend it, or leave it out",
}

ROWS = tuple(BadInput(what, act, GETS[what]) for what, act in ACTS.items())
