"""The case base: answers, changes, files, and learning from cases."""

from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import BOTH, NAMES, TEST, TRAIN, VALIDATION, built, trained

from pipeline import CaseBase, PipelineError
from pipeline.base.archive import load_archive, save_archive
from pipeline.base.errors import DataError, MissingExtraError, ModelError
from pipeline.cases.case import Neighbour
from pipeline.cases.casebase import ENOUGH
from pipeline.cases.evaluation import evaluate_cases
from pipeline.classifier.encoders import MetricOptions
from pipeline.classifier.ensemble import Classifier
from pipeline.classifier.network import Network
from pipeline.data.examples import Examples
from pipeline.training.options import PhaseOptions, TrainingOptions


class Plane:
    """A headline is a point, written as its coordinates."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: list[str]) -> np.ndarray[Any, Any]:
        self.asked += texts
        return np.array([[float(value) for value in text.split()] for text in texts], np.float32)


CORNERS = ["0 0", "0 1", "1 0", "9 9", "9 8"]
LABELS = ["low", "low", "low", "high", "high"]


def corners(k: int = 3) -> CaseBase:
    return CaseBase(Plane(), CORNERS, LABELS, k=k)


# ------------------------------------------------------------------------------------- answering


def test_the_nearest_cases_decide() -> None:
    cases = corners()
    assert cases.predict(["1 1", "8 8"]).tolist() == ["low", "high"]
    low, high = cases.answer(["1 1", "8 8"])
    assert low.votes == {"low": 3}
    assert high.votes == {"high": 2, "low": 1}
    assert [case.id for case in high.neighbours[:2]] == [4, 3]
    assert cases.neighbours("0 3", k=1) == [Neighbour(1, "0 1", "low", distance=2.0)]
    np.testing.assert_allclose(cases.predict_proba(["8 8"]), [[2 / 3, 1 / 3]], atol=1e-6)
    assert cases.labels == ("high", "low")


def test_cases_that_were_removed_come_back_under_their_ids() -> None:
    cases = corners()
    before, gone = set(cases), [case for case in cases if case.label == "high"]
    cases.remove([case.id for case in gone])
    assert cases.add(["9 8"], ["high"]) == [5]
    cases.restore(gone)  # of "9 8" there is one already
    assert {case.id for case in cases} == {0, 1, 2, 3, 5}
    cases.remove([5])
    cases.restore(gone)
    assert set(cases) == before
    assert cases.predict(["8 8"]).tolist() == ["high"]
    assert not cases.n_new


def test_neighbours_are_exact_whatever_came_and_went() -> None:
    random = np.random.default_rng(0)
    points = {i: random.normal(size=3).astype(np.float32) for i in range(500)}

    class Random:
        def embed(self, texts: list[str]) -> np.ndarray[Any, Any]:
            return np.array([points[int(text)] for text in texts])

    cases = CaseBase(Random(), [str(i) for i in range(400)], ["a"] * 400)
    gone = random.choice(400, 150, replace=False).tolist()
    cases.remove(gone)
    cases.add([str(i) for i in range(400, 450)], ["b"] * 50)
    left = sorted({*range(450)} - {*gone})
    assert [case.id for case in cases] == left
    for asked in range(450, 500):
        distances = np.linalg.norm(np.array([points[i] for i in left]) - points[asked], axis=1)
        expected = np.argsort(distances)[:7]
        near = cases.neighbours(str(asked), k=7)
        assert [case.id for case in near] == [left[i] for i in expected]
        np.testing.assert_allclose([c.distance for c in near], distances[expected], rtol=1e-5)
        assert all(case.text == str(case.id) for case in near)


def test_where_votes_are_equal_the_nearer_ones_win() -> None:
    cases = CaseBase(Plane(), ["0 0", "0 5"], ["one", "two"], k=2)
    assert cases.predict(["0 2", "0 3"]).tolist() == ["one", "two"]
    assert cases.predict_proba(["0 2", "0 3"]).argmax(axis=1).tolist() == [0, 1]


def test_fewer_cases_than_neighbours() -> None:
    assert len(corners(k=50).neighbours("0 0")) == 5


# ------------------------------------------------------------------------------------- changing


def test_changes_count_at_once_and_new_labels_may_come() -> None:
    cases = corners()
    assert cases.predict(["5 5"]).tolist() == ["high"]
    ids = cases.add(["5 5", "5 6", "6 5"], ["middle"] * 3)
    assert ids == [5, 6, 7]
    assert cases.predict(["5 5"]).tolist() == ["middle"]
    assert cases.labels == ("high", "low", "middle")
    cases.remove(ids)
    assert cases.predict(["5 5"]).tolist() == ["high"]
    assert len(cases) == 5
    assert cases.add(["5 5"], ["middle"]) == [8]  # an id is never used again


def test_what_is_there_is_not_added_again() -> None:
    cases = corners()
    assert cases.add([" 0  0 ", "7 7", "7 7", "0 0"], ["low", "high", "high", "high"]) == [
        0,
        5,
        5,
        6,
    ]
    assert [case.label for case in cases if case.text == "0 0"] == ["low", "high"]
    cases.remove([0])
    assert cases.add(["0 0"], ["low"]) == [7]


def test_all_cases_may_go() -> None:
    cases = corners()
    cases.remove(range(5))
    with pytest.raises(DataError, match="expected cases to ask, there are none"):
        cases.predict(["0 0"])
    cases.add(["1 1"], ["again"])
    assert cases.predict(["0 0"]).tolist() == ["again"]


BAD = {
    "one label a text": (lambda: corners().add(["1 1"], []), "1 texts and 0 labels"),
    "no text": (lambda: corners().add(["1 1", " "], ["a", "b"]), "expected a text, got ' ' at position 1"),
    "no label": (lambda: corners().add(["1 1"], [""]), "expected a label, got '' at position 0"),
    "a number": (lambda: corners().add(["1 1"], [3]), "expected a label, got 3 at position 0"),
    "one text": (lambda: corners().add("1 1", ["a"]), "put it in a list"),
    "an id": (lambda: corners().remove([2, 77]), "there is no case 77 among the 5 cases"),
    "k": (lambda: CaseBase(Plane(), k=0), "expected k of 1 or more neighbours, got 0"),
    "width": (lambda: corners().predict(["1 1 1"]), "represents headlines by 2 numbers, .* got 3"),
    "no model": (lambda: CaseBase(None).add(["1 1"], ["a"]), "loaded without it"),
    "adapt what": (lambda: corners().adapt(), "expected a Network to train further"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_said_and_changes_nothing(case: str) -> None:
    call, message = BAD[case]
    with pytest.raises(PipelineError, match=message):
        call()


def test_a_bad_change_leaves_all_as_it_was() -> None:
    cases = corners()
    for change in (
        lambda: cases.remove([0, 77]),
        lambda: cases.add(["3 3", ""], ["a", "b"]),
        lambda: cases.add(["3 3 3"], ["a"]),
    ):
        with pytest.raises(PipelineError):
            change()
    assert [case.text for case in cases] == CORNERS
    assert cases.add(["3 3"], ["low"]) == [5]


def test_faiss_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "faiss":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'headline-transfer\[cases\]'"):
        CaseBase(Plane())


# -------------------------------------------------------------------------------- save and load


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    cases = CaseBase(Plane(), CORNERS, LABELS, k=2, name="plane")
    cases.remove([1])
    cases.add(["5 5"], ["Mitte ü"])
    cases.save(tmp_path / "a" / "b")
    loaded = CaseBase.load(tmp_path / "a" / "b", Plane(), name="plane")
    assert list(loaded) == list(cases)
    assert (loaded.k, loaded.n_new, loaded.labels) == (2, 1, cases.labels)
    asked = ["4 4", "0 0", "9 9"]
    assert loaded.answer(asked) == cases.answer(asked)
    assert loaded.add(["6 6"], ["x"]) == cases.add(["6 6"], ["x"]) == [6]
    assert isinstance(loaded.model, Plane)
    assert loaded.model.asked == [*asked, "6 6"]  # nothing was represented anew to load it
    empty = CaseBase(Plane())
    empty.save(tmp_path / "empty")
    assert len(CaseBase.load(tmp_path / "empty")) == 0


def test_another_model_is_refused(tmp_path: Path) -> None:
    CaseBase(Plane(), CORNERS, LABELS, name="models:/one").save(tmp_path)
    message = "the cases were made with models:/one, and cannot be used with models:/two"
    with pytest.raises(ModelError, match=message):
        CaseBase.load(tmp_path, Plane(), name="models:/two")
    alone = CaseBase.load(tmp_path)  # for a look, and to remove some
    alone.remove([0])
    assert len(alone) == 4
    with pytest.raises(
        ModelError, match="the cases need models:/one to tell where a headline lies"
    ):
        alone.predict(["0 0"])


@pytest.mark.parametrize("where", ["replace", "savez"])
def test_a_crash_while_saving_leaves_the_old_one(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = corners()
    cases.save(tmp_path)

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os if where == "replace" else np, where, crash)
    cases.add(["5 5"], ["middle"])
    with pytest.raises(KeyboardInterrupt):
        cases.save(tmp_path)
    monkeypatch.undo()
    assert [case.text for case in CaseBase.load(tmp_path)] == CORNERS
    assert [path.name for path in tmp_path.iterdir()] == ["cases.npz"]


def test_a_damaged_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"expected a folder with a case base, there is no .*cases\.npz"
    ):
        CaseBase.load(tmp_path)
    corners().save(tmp_path)
    file = tmp_path / "cases.npz"
    content = file.read_bytes()
    values = load_archive(file)
    ids, vectors = values["ids"], values["vectors"]

    def written(values: dict[str, Any], *cases: np.ndarray[Any, Any]) -> bytes:
        save_archive(file, {**values, **dict(zip(("ids", "vectors"), cases, strict=True))})
        return file.read_bytes()

    for damaged in (
        b"",
        content[: len(content) // 2],
        content[:-30],
        b"x" + content[1:],
        written(values, ids, vectors[:3]),
        written(values, ids, vectors[0]),
        written(values, ids[:3], vectors[:3]),
        written(values, ids, vectors * np.nan),
        written(values, ids * 0, vectors),
        written({**values, "pairs": None}, ids, vectors),
        written({**values, "k": "many"}, ids, vectors),
        written({**values, "pairs": [1] * 5}, ids, vectors),
        written({name: values[name] for name in ("k", "name")}, ids, vectors),
    ):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match="the file is damaged: put back a copy") as error:
            CaseBase.load(tmp_path)
        assert len(str(error.value).splitlines()) == 1
    file.write_bytes(content)
    assert len(CaseBase.load(tmp_path)) == 5


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="could not save the cases: "):
        corners().save(tmp_path / "file" / "cases")


# ------------------------------------------------------------------------------ on a classifier


@pytest.fixture(scope="module")
def classifier() -> Network:
    return trained(MetricOptions(filters=16, width=10))[0]


def named(examples: Examples) -> tuple[list[str], list[str]]:
    return list(examples.texts), [NAMES[number] for number in examples.labels]


def test_its_representation_and_its_file(classifier: Network, tmp_path: Path) -> None:
    """Saved with its model, the folder needs nothing else."""
    cases = CaseBase(classifier, *named(TRAIN))
    texts, labels = named(TEST)
    assert (cases.predict(texts) == np.array(labels)).mean() > 0.85
    cases.save(tmp_path)
    (model,) = tmp_path.glob("model-*.keras")
    loaded = CaseBase.load(tmp_path)
    assert loaded.predict_proba(texts).tobytes() == cases.predict_proba(texts).tobytes()
    with pytest.raises(ModelError, match="hold their own model, and cannot be used with"):
        CaseBase.load(tmp_path, classifier)
    # Removing some loads no model, and keeps it, in the same folder or in another one.
    untouched = CaseBase.load(tmp_path)
    untouched.remove([0])
    untouched.save(tmp_path)
    untouched.save(tmp_path / "copy")
    assert [path.name for path in tmp_path.glob("model-*")] == [model.name]
    assert CaseBase.load(tmp_path / "copy").neighbours(texts[0])
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(ModelError, match="it is missing or damaged: put back a copy"):
        CaseBase.load(tmp_path).predict(texts)


def test_a_classifier_gives_its_network(classifier: Network, tmp_path: Path) -> None:
    """Whatever stands beside the network in a classifier, its network embeds and is saved."""
    cases = CaseBase(Classifier(classifier, label_names=tuple(NAMES)), *named(TRAIN))
    cases.save(tmp_path)
    assert len(list(tmp_path.glob("model-*.keras"))) == 1
    again = CaseBase.load(tmp_path)
    assert again.answer(TEST.texts) == CaseBase(classifier, *named(TRAIN)).answer(TEST.texts)


def test_training_texts_are_evaluated_as_cases(classifier: Network) -> None:
    evaluation = evaluate_cases(classifier, TRAIN, TEST)
    cases = CaseBase(classifier, *named(TRAIN))
    predicted = [NAMES[label] for label in evaluation.predicted]
    assert predicted == cases.predict(TEST.texts).tolist()
    assert evaluation.accuracy > 0.85
    assert evaluation.label_names == tuple(NAMES)


def test_adapt_takes_what_is_better(tmp_path: Path) -> None:
    """A network to which all headlines are one is bettered by its cases."""
    texts, labels = named(TRAIN)
    blind = built(MetricOptions(filters=16, width=10))
    layer = blind.encoder.get_layer("representation")
    layer.set_weights([0 * values for values in layer.get_weights()])
    cases = CaseBase(blind, texts[:9], labels[:9])
    assert (cases.n_new, cases.enough) == (0, False)
    cases.add(texts, labels)
    assert (cases.n_new, cases.enough) == (len(texts) - 9, len(texts) - 9 >= ENOUGH)
    before = cases.model
    cases.save(tmp_path)
    adapted = cases.adapt(VALIDATION, BOTH)
    assert adapted.kept
    assert adapted.after > adapted.before
    assert cases.model is not before
    assert cases.n_new == 0
    # What it says now is what a fresh case base on the new representation says.
    fresh = CaseBase(cases.model, texts, labels)
    assert [a.label for a in cases.answer(TEST.texts)] == fresh.predict(TEST.texts).tolist()
    cases.save(tmp_path)
    assert len(list(tmp_path.glob("model-*"))) == 1  # the one before is gone
    assert CaseBase.load(tmp_path).answer(TEST.texts) == cases.answer(TEST.texts)


def test_adapt_keeps_what_is_not_worse(classifier: Network) -> None:
    """Here with nothing to learn: the phases do not move the weights."""
    still = TrainingOptions(phases=("fine_tuned",), fine_tuned=PhaseOptions(1, 1e-12))
    cases = CaseBase(classifier, *named(TRAIN))
    answers = cases.answer(TEST.texts)
    cases.add(*named(TEST))
    adapted = cases.adapt(None, still)
    assert not adapted.kept
    assert cases.model is classifier
    assert cases.n_new == 0
    cases.remove([case.id for case in cases][len(TRAIN.texts) :])
    assert cases.answer(TEST.texts) == answers


def test_adapt_needs_something_to_go_by(classifier: Network) -> None:
    cases = CaseBase(classifier, *named(TRAIN))
    with pytest.raises(DataError, match=r"expected at least 3 new cases, .* got 0"):
        cases.adapt()
    with pytest.raises(DataError, match="got 'weather', of which there is no case"):
        cases.adapt(Examples(["rain"], [0], ("weather",)))
    with pytest.raises(DataError, match="of the labels of the cases, got none"):
        cases.adapt(Examples([], [], ("nature",)))
    with pytest.raises(DataError, match="at least two labels to adapt to, got 1"):
        CaseBase(classifier, ["snow"], ["nature"]).adapt()
