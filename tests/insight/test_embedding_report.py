"""What is known of each phase, kept in a file, and what is reported of several."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import all_words, make_headlines, topical_vectors
from matplotlib.figure import Figure

from pipeline import build_embedding_matrix, build_network, report, report_embedding, train
from pipeline.classifier.encoders import CnnOptions, ModelOptions
from pipeline.embedding.matrix import FIRST_WORD
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.embedding_report import EmbeddingReport
from pipeline.training.options import PhaseOptions, TrainingOptions

NAMES = ("money", "nature", "sport")
WORDS = [*all_words(), "tiger", "cat", "coffee"]  # with "cup", pairs of WordSim-353
UNSEEN = ("himalaya",)


def known_of(
    seed: int, *, scratch: bool = False, config: ModelOptions | None = None
) -> tuple[EmbeddingReport, ...]:
    vectors = WordVectors.of(WORDS, topical_vectors(WORDS))
    if scratch:
        vectors = WordVectors.of([], np.zeros((0, 8), np.float32))
    words = [word for word in WORDS if word not in UNSEEN]
    matrix = build_embedding_matrix(words, vectors, extra_words=() if scratch else UNSEEN)
    classifier = build_network(matrix, 3, config or CnnOptions(filters=6), seed=seed)
    names = ("scratch",) if scratch else ("frozen", "fine_tuned")
    schedule = TrainingOptions(**{name: PhaseOptions(epochs=1) for name in names})
    texts, labels = make_headlines(40)
    training = texts, [NAMES.index(label) for label in labels]
    history = train(classifier, training, training, schedule, seed=seed)
    before = classifier.get_weights()
    known = report_embedding(
        classifier, matrix, history, training, training, NAMES, words=["alps", *UNSEEN], seed=seed
    )
    for one, other in zip(before, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)  # the weights that were kept stay
    for phase, of in zip(history.phases, known, strict=True):
        counts = of.drift.counts.sum(axis=1)
        after = phase.weights[0][FIRST_WORD:]
        assert after.shape == (len(words), 8)
        np.testing.assert_array_equal(of.drift.after, after[np.argsort(-counts, kind="stable")])
    return known


@pytest.fixture(scope="module")
def known() -> list[EmbeddingReport]:
    """Two seeds of each of the three starts."""
    return [k for seed in (0, 1) for s in (True, False) for k in known_of(seed, scratch=s)]


def same(one: Any, other: Any) -> bool:
    assert type(one) is type(other)
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return one == other or (one != one and other != other)  # NaN is the same


def test_phases_are_looked_at_by_their_own_weights(known: list[EmbeddingReport]) -> None:
    assert [(k.start, k.seed) for k in known] == [
        (start, seed) for seed in (0, 1) for start in ("scratch", "frozen", "fine_tuned")
    ]
    scratch, frozen, tuned = known[:3]
    assert not frozen.drift.moved
    assert tuned.drift.moved
    assert scratch.drift.moved
    np.testing.assert_array_equal(frozen.drift.after, tuned.drift.before)
    assert 2 <= frozen.similarity["wordsim353"].pairs_known < 10  # tiger and cat, cup and coffee
    assert frozen.probes.reference[1].unseen == scratch.probes.reference[1].unseen
    assert "himalaya" in scratch.probes.reference[1].unknown
    assert "himalaya" not in frozen.probes.reference[1].unknown
    assert scratch.drift.neighbours[0].word == "alps"
    assert {"himalaya"} == {near.word for near in frozen.drift.neighbours if not near.trained}


def test_it_is_kept_in_a_file(known: list[EmbeddingReport], tmp_path: Path) -> None:
    for one, other in pairwise(known):
        one.save(tmp_path / "known.npz")
        again = EmbeddingReport.load(tmp_path / "known.npz")
        assert same(one, again)
        assert not same(other, again)


def metrics(known: list[EmbeddingReport]) -> dict[str, float]:
    items = report.knowledge_items(known)
    return {item.name: item.value for item in items if isinstance(item, report.Metric)}


def test_what_is_logged_of_one_seed(known: list[EmbeddingReport]) -> None:
    logged = metrics(known[1:3])
    for k in known[1:3]:
        for name, value in k.probes.metrics().items():
            assert logged[f"probe/{k.start}/{name}"] == value
        assert logged[f"semantics/{k.start}/wordsim353"] == k.similarity["wordsim353"].spearman
        assert logged[f"semantics/{k.start}/simlex999_pairs"] == 0
        assert f"semantics/{k.start}/simlex999" not in logged  # there is nothing to correlate
    assert {"cos_ab", "cos_ac", "cos_bc", "rank_bc"} <= known[1].probes.metrics().keys()
    assert logged["drift/mean"] == pytest.approx(known[2].drift.distances.mean()) != 0
    assert logged["drift/median"] == np.median(known[2].drift.distances)
    assert not [name for name in logged if "drift/fine_tuned" in name or "_std" in name]
    assert not [name for name in metrics(known[1:2]) if name.startswith("drift")]  # frozen alone


def test_what_is_logged_of_several_seeds(known: list[EmbeddingReport]) -> None:
    logged = metrics(known)
    for i, start in enumerate(("scratch", "frozen", "fine_tuned")):
        values = [k.probes.cos_bc for k in (known[i], known[i + 3])]
        assert logged[f"probe/{start}/cos_bc"] == pytest.approx(np.mean(values))
        assert logged[f"probe/{start}/cos_bc_std"] == pytest.approx(np.std(values, ddof=1))
    assert logged["drift/scratch/mean"] != logged["drift/fine_tuned/mean"]
    assert "drift/mean" not in logged
    assert "drift/frozen/mean" not in logged
    table = report.over_seeds(known).set_index("figure")
    assert table.loc["probe/frozen/cos_bc", "mean"] == pytest.approx(logged["probe/frozen/cos_bc"])
    assert set(table["seeds"]) == {2}
    assert (table["low"] <= table["high"]).all()


def test_tables(known: list[EmbeddingReport]) -> None:
    probes = report.probes_table(known)
    assert probes["start"].tolist() == [k.start for k in known]
    assert probes["unseen_b"].str.contains("himalaya").all()
    assert probes["unseen_b"].str.contains("(himalaya)", regex=False).tolist() == [
        True, False, False
    ] * 2  # fmt: skip
    pairs = report.pairs_table(known)
    assert len(pairs) == len(known) * len(known[0].probes.pairs)
    assert pairs.loc[0, "first"] == known[0].probes.pairs[0].first
    groups = report.pairs_by_label(known).set_index(["start", "label", "unseen"])
    of = [pair for k in (known[1], known[4]) for pair in k.probes.pairs if pair.unseen]
    label = of[0].label
    ranks = [pair.rank for pair in of if pair.label == label]
    assert groups.loc[("frozen", label, True), "rank_median"] == pytest.approx(np.median(ranks))
    assert groups.loc[("frozen", label, True), "pairs"] == len(
        {pair.first for pair in of if pair.label == label}
    )
    drift = report.drift_table(known[2:3])
    assert len(drift) == len(known[2].drift.words)
    assert drift["distance"].is_monotonic_decreasing
    first, of = drift.iloc[0], known[2].drift
    row = of.words.index(first["word"])
    assert first["distance"] == pytest.approx(of.distances[row], abs=1e-4)
    assert first["towards"] == NAMES[of.pushes[row].argmax()]
    assert first["push"] == pytest.approx(of.pushes[row].max(), abs=1e-4)
    assert first["count"] == of.counts[row].sum()
    near = report.neighbours_table(known).set_index(["start", "seed", "word"])
    assert near.loc[("frozen", 0, "himalaya"), "before"].count(",") == 7
    assert not near.loc[("frozen", 0, "himalaya"), "in_training"]


def test_pictures_have_a_block_for_each_start(known: list[EmbeddingReport]) -> None:
    probes = report.probes_figure(known)
    for k, axes in zip(known, probes.axes, strict=False):  # seed 0 of each
        assert axes.get_title().startswith(f"{k.start}: cosines ab")
        labels = [label.get_text() for label in axes.get_yticklabels()]
        mark = "†" if k.start == "scratch" else "*"
        assert labels[labels.index("b)") + 1] == f"himalaya {mark}"
        values = axes.images[0].get_array()
        assert values.shape == (len(labels), 18) == (4 + 10 + 11 + 12 + 3, 18)
        # Features are in the order of b's mean, the same for all three headlines.
        order = np.argsort([b.mean() for b in (k.probes.reference[1].activations.T
                                              - k.probes.centre[:, None])])  # fmt: skip
        for letter, probed in zip("abc", k.probes.reference, strict=True):
            first = labels.index(f"{letter})") + 1
            shown = values[first : first + len(probed.tokens)]
            usual = (probed.activations - k.probes.centre)[:, order]
            np.testing.assert_allclose(shown, usual, atol=1e-6)
        assert (np.diff(values[-2]) >= 0).all()  # the mean of b
    assert len(probes.axes) == 3
    moved = [k for k in known if k.drift.moved]
    assert len(report.drift_figure(moved).axes) == 2 * 4  # with the colour bars
    assert len(report.headline_map(moved).axes) == 2 * 2


def test_the_order_of_a_picture_comes_from_b_alone(known: list[EmbeddingReport]) -> None:
    """c may not have a say in what makes it look like b."""
    k = known[1]
    a, b, c = k.probes.reference
    turned = replace(c, activations=c.activations[:, ::-1])
    other = replace(k, probes=replace(k.probes, reference=(a, b, turned)))
    one, two = (report.probes_figure([of]).axes[0].images[0].get_array() for of in (k, other))
    np.testing.assert_array_equal(one[11:23], two[11:23])  # b
    np.testing.assert_array_equal(one[:11], two[:11])


def test_without_words_or_drift_to_speak_of(known: list[EmbeddingReport]) -> None:
    """An embedding whose words were all too rare, and one that never moved, are drawn too."""
    vectors = WordVectors.of(all_words(), topical_vectors(all_words()))
    matrix = build_embedding_matrix([], vectors, extra_words=all_words())
    classifier = build_network(matrix, 3, CnnOptions(filters=6))
    texts, labels = make_headlines(40)
    training = texts, [NAMES.index(label) for label in labels]
    history = train(classifier, training, training, TrainingOptions(scratch=PhaseOptions(epochs=1)))
    empty = report_embedding(classifier, matrix, history, training, training, NAMES)
    for of in (empty, known[1:2]):
        for item in report.knowledge_items(of):
            if isinstance(item, report.Picture):
                assert isinstance(item.figure, Figure)
                item.figure.canvas.draw()
