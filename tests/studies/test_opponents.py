"""Opponents that `compare.also` names."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import ROOT, main

from pipeline.base.errors import ConfigError
from pipeline.data.examples import Examples
from pipeline.data.headlines import Headlines
from pipeline.data.sampling import sample_examples
from pipeline.studies.opponents import load_opponents

(EXAMPLE,) = re.findall(
    r"```python\n(.*?def bayes.*?)```", (ROOT / "docs" / "compare.md").read_text("utf-8"), re.S
)
MODULE = (
    f"{EXAMPLE}\n\n"
    + '''
from sklearn.ensemble import RandomForestClassifier


def forest():
    return make_pipeline(CountVectorizer(), RandomForestClassifier(5))


class Counts:
    """No scikit-learn at all: the label whose words the text has."""

    def fit(self, texts, labels):
        self.words = {}
        for text, label in zip(texts, labels):
            self.words.setdefault(label, set()).update(text.split())
        return self

    def predict(self, texts):
        best = lambda text: max(self.words, key=lambda name: len(self.words[name] & set(text.split())))
        return [best(text) for text in texts]


class Fails(Counts):
    def fit(self, texts, labels):
        raise RuntimeError(f"too few: {len(texts)}\\nand a second line")


class Number(Counts):
    def predict(self, texts):
        return [7 for _ in texts]


class Short(Counts):
    def predict(self, texts):
        return super().predict(texts)[1:]
'''
)

OWN = ("mine", "beside", "nearby")

# The three packages as these opponents use them: a word is a number, and a text the counts of some.
ENCODERS = {
    "sentence_transformers": '''
import numpy as np
from pathlib import Path
from zlib import crc32

__version__ = "1.0"


def vectors(texts):
    rows = np.zeros((len(texts), 512), np.float32)
    for row, text in zip(rows, texts):
        for word in text.split():
            row[crc32(word.lower().encode()) % 512] += 1
    return rows


class SentenceTransformer:
    def __init__(self, model):
        if not Path(model).is_dir():
            raise OSError(f"{model} is not a local folder and\\n is no model of 'https://huggingface.co'")

    def encode(self, texts, show_progress_bar=None):
        assert isinstance(texts, list) and show_progress_bar is False
        return vectors(texts)
''',
    "model2vec": '''
from sentence_transformers import SentenceTransformer, vectors

__version__ = "1.0"


class StaticModel:
    @classmethod
    def from_pretrained(cls, path):
        SentenceTransformer(path)
        return cls()

    def encode(self, sentences):
        return vectors(sentences)
''',
    "setfit": '''
import numpy as np
from sentence_transformers import SentenceTransformer, vectors
from sklearn.linear_model import LogisticRegression

__version__ = "1.0"


class SetFitModel:
    @classmethod
    def from_pretrained(cls, path):
        SentenceTransformer(path)
        made = cls()
        made.head = None
        return made

    def predict(self, inputs, as_numpy=False):
        assert as_numpy
        return self.head.predict(vectors(inputs))


class TrainingArguments:
    def __init__(self, output_dir, num_iterations, seed, report_to, save_strategy, show_progress_bar):
        assert report_to == "none" and save_strategy == "no"


class Trainer:
    def __init__(self, model, args, train_dataset):
        self.model, self.data = model, train_dataset

    def train(self):
        assert self.model.head is None, "it was trained before"
        self.model.head = LogisticRegression(C=100).fit(vectors(self.data["text"]), self.data["label"])
''',
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, which is not where Python looks, with a module. Nothing of it stays."""
    (tmp_path / "mine.py").write_text(MODULE)
    before = list(sys.path), set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = before[0]
    for name in [name for name in sys.modules.keys() - before[1] if name in (*OWN, *ENCODERS)]:
        del sys.modules[name]


@pytest.fixture
def encoders(folder: Path) -> Path:
    """The three packages, and the folder of a model."""
    for name, content in ENCODERS.items():
        (folder / f"{name}.py").write_text(content)
    (folder / "small-model").mkdir()
    return folder


def accuracy(address: str, headlines: Headlines) -> float:
    """Of the opponent after 60 headlines; the same once more with the same seed."""
    (opponent,) = load_opponents([address])
    training = sample_examples(headlines.examples("train"), 60, seed=0)
    validation, test = headlines.examples("validation"), headlines.examples("test")
    first, second = (opponent.fit(training, validation, 0)(test.texts) for _ in range(2))
    assert (first == second).all()
    assert first.dtype.kind == "i"
    # All headlines of one label: that is the answer.
    few = [i for i, label in enumerate(training.labels) if label == 1]
    single = replace(training, texts=[training.texts[i] for i in few], labels=[1] * len(few))
    assert set(opponent.fit(single, validation, 0)(test.texts)) == {1}
    return float((first == np.array(test.labels)).mean())


@pytest.mark.parametrize("name", ["bayes", "forest", "Counts"])
def test_an_estimator_of_one_s_own(name: str, folder: Path, headlines: Headlines) -> None:
    assert accuracy(f"mine:{name}", headlines) > 0.6


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder(name: str, encoders: Path, headlines: Headlines) -> None:
    assert accuracy(f"{name}:small-model", headlines) > 0.6
    (opponent,) = load_opponents([f"{name}:{encoders / 'small-model'}"])
    assert (opponent.name, opponent.identity) == (f"{name} small-model", "1.0")


def test_the_current_folder_is_where_python_looks_only_while_that_code_runs(folder: Path) -> None:
    (folder / "beside.py").write_text(
        "from mine import Counts\n\n\ndef make():\n    import nearby\n    return Counts()\n"
    )
    (folder / "nearby.py").write_text("")
    before = list(sys.path)
    assert str(folder) not in before
    (opponent,) = load_opponents(["beside:make"])
    assert sys.path == before
    del sys.modules["nearby"]
    two = Examples(["Alps lose snow", "Bank has profit"], [0, 1], ("nature", "money"))
    assert opponent.fit(two, two, 0)(["snow"]).tolist() == [0]  # it imports nearby once more
    assert sys.path == before
    with pytest.raises(ConfigError, match="there is no module 'none'"):
        load_opponents(["none:make"])
    assert sys.path == before


def test_other_code_is_another_comparison(folder: Path) -> None:
    before = [opponent.identity for opponent in load_opponents(["mine:bayes", "mine:Counts"])]
    (folder / "mine.py").write_text(MODULE + "\n# changed\n")
    after = [opponent.identity for opponent in load_opponents(["mine:bayes", "mine:Counts"])]
    assert len({*before, *after}) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Fails",
            r"mine:Fails failed with 2 headlines, seed 5 \(RuntimeError: too few: 2\): mend it",
        ),
        ("Number", "mine:Number: expected labels that it learned, as 'x', got 7"),
        ("Short", "mine:Short: expected a label for each of 3 headlines, got 2"),
    ],
)
def test_what_goes_wrong_in_a_trial_names_the_opponent(
    name: str, message: str, folder: Path
) -> None:
    (opponent,) = load_opponents([f"mine:{name}"])
    two = Examples(["alps snow", "bank profit"], [0, 1], ("x", "y"))
    with pytest.raises(ConfigError, match=f"^compare.also: {message}"):
        opponent.fit(two, two, 5)(["a", "b", "c"])


def test_names_are_different(folder: Path) -> None:
    assert [o.name for o in load_opponents(["mine:bayes", "mine:Counts"])] == ["bayes", "Counts"]
    with pytest.raises(ConfigError, match=r"another 'bayes' \(mine:bayes\)"):
        load_opponents(["mine:bayes", "mine:bayes"])


def test_an_opponent_that_fails_ends_the_comparison_and_what_is_done_stays(
    overrides: list[str], folder: Path, runs: Callable[[str], list[Any]],
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    grid = ["compare.sizes=[20]", "compare.seeds=[1]", "compare.also=[mine:bayes,mine:Fails]"]
    code, _, err = main(capfd, "compare", *overrides, *grid)
    assert code == 2
    assert "error: compare.also: mine:Fails failed with 20 headlines, seed 1 (RuntimeError: too few: 20)" in err  # fmt: skip
    assert "Traceback" not in err
    (failed,) = runs("attributes.run_name LIKE 'compare-%'")
    assert failed.info.status == "FAILED"
    (done,) = runs("attributes.run_name = 'bayes-20-1'")
    assert done.info.status == "FINISHED"
    assert 0 < done.data.metrics["seconds"] < 60
