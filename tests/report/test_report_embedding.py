"""What is logged and printed of what the embedding knows, for one seed and for several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import all_words, topical_vectors
from drift_builders import NAMES, UNSEEN, examples, trained_for_report
from matplotlib.figure import Figure

from pipeline import build_embedding_matrix, build_network, report, train
from pipeline.classifier.encoders import CnnOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.embedding_report import EmbeddingReport, report_embedding
from pipeline.report.embedding_figures import drift_figure, headline_map, probes_figure
from pipeline.report.embedding_tables import (
    drift_table,
    neighbours_table,
    pairs_by_label,
    pairs_table,
    probes_table,
)
from pipeline.training.options import PhaseOptions, TrainingOptions


@pytest.fixture(scope="module")
def reports() -> list[EmbeddingReport]:
    """Two seeds of each of the three methods."""
    reports: list[EmbeddingReport] = []
    for seed in (0, 1):
        for scratch in (True, False):
            network, matrix, history = trained_for_report(seed, scratch=scratch)
            reports += report_embedding(
                network, matrix, history, examples(), examples(), words=["alps", UNSEEN], seed=seed
            )
    return reports


def metrics(reports: list[EmbeddingReport]) -> dict[str, float]:
    items = report.embedding_items(reports, figures=False)
    assert not [item for item in items if isinstance(item, report.Picture)]
    return {item.name: item.value for item in items if isinstance(item, report.Metric)}


def test_metrics_of_one_seed(reports: list[EmbeddingReport]) -> None:
    logged = metrics(reports[1:3])
    numbers = report.metrics_over_seeds(reports[1:3]).set_index("metric")["mean"]
    for each in reports[1:3]:
        method = each.method
        assert logged[f"words/rank_bc/{method}"] == each.probes.rank_bc
        assert logged[f"words/wordsim353/{method}"] == each.similarity["wordsim353"].spearman
        for name, value in each.probes.metrics().items():
            assert numbers[f"probe/{method}/{name}"] == value
        assert numbers[f"semantics/{method}/simlex999_pairs"] == 0
        assert f"semantics/{method}/simlex999" not in numbers  # there is nothing to correlate
    assert {"cos_ab", "cos_ac", "cos_bc", "rank_bc"} <= reports[1].probes.metrics().keys()
    assert numbers["drift/mean"] == pytest.approx(reports[2].drift.distances.mean()) != 0
    assert numbers["drift/median"] == np.median(reports[2].drift.distances)
    assert logged["words/moved/fine_tuned"] == numbers["drift/relative"]
    assert "words/moved/frozen" not in logged


def test_metrics_of_several_seeds(reports: list[EmbeddingReport]) -> None:
    logged = metrics(reports)
    table = report.metrics_over_seeds(reports).set_index("metric")
    for i, method in enumerate(("scratch", "frozen", "fine_tuned")):
        ranks = [each.probes.rank_bc for each in (reports[i], reports[i + 3])]
        assert logged[f"words/rank_bc/{method}"] == pytest.approx(np.mean(ranks))
        cosines = [each.probes.cos_bc for each in (reports[i], reports[i + 3])]
        row = table.loc[f"probe/{method}/cos_bc"]
        assert row["mean"] == pytest.approx(np.mean(cosines))
        assert row["std"] == pytest.approx(np.std(cosines, ddof=1))
    assert logged["words/moved/scratch"] != logged["words/moved/fine_tuned"]
    assert {"drift/scratch/mean", "drift/fine_tuned/mean"} < set(table.index)
    assert not {"drift/mean", "drift/frozen/mean"} & set(table.index)
    assert set(table["seeds"]) == {2}
    assert (table["low"] <= table["high"]).all()


def test_a_report_is_read_back_as_it_was_logged(reports: list[EmbeddingReport]) -> None:
    items = report.embedding_report_items(reports[2])
    params = {item.name: item.value for item in items if isinstance(item, report.Param)}
    assert params == {"method": "fine_tuned", "seed": 0}
    (file,) = [item for item in items if isinstance(item, report.File)]
    assert file.path == report.EMBEDDING_REPORT
    again = report.read_embedding_report(file.content)
    assert again.probes.metrics() == reports[2].probes.metrics()
    np.testing.assert_array_equal(again.drift.after, reports[2].drift.after)


def test_an_explanation(reports: list[EmbeddingReport]) -> None:
    columns, rows = report.explanation_rows(reports)
    assert columns == ["", "from scratch", "frozen", "fine-tuned"]
    cells = {row[0]: row[1:] for row in rows}
    accuracies = [each.accuracy for each in reports if each.method == "frozen"]
    assert cells["test accuracy"][1].startswith(f"{np.mean(accuracies):.4f} ± ")
    assert cells["agreement with people on simlex999, rank correlation (1 is best)"] == ["-"] * 3
    letters = report.explained_headlines(reports)
    assert [letter for letter, _ in letters] == ["a", "b", "c"]
    assert letters[1][1] == reports[0].probes.reference[1].text
    columns, rows = report.neighbours_rows(reports)
    assert columns == ["nearest words of", "from scratch", "frozen", "fine-tuned"]
    first, *_ = reports[0].drift.neighbours
    assert rows[0][:2] == [first.word, ", ".join(word for word, _ in first.after[:4])]
    sentence = report.explanation_sentence(reports)
    assert sentence.startswith("Headlines b and c mean the same")
    assert "scratch" in sentence
    assert "no vector for" in sentence
    items = report.explanation_items(reports, figures=False)
    logged = {item.name: item.value for item in items if isinstance(item, report.Metric)}
    assert logged["test/accuracy/frozen"] == pytest.approx(np.mean(accuracies))
    assert report.embedding_reports_sentence(reports[1:3]).startswith("seed 0: closer to b than c")


def test_tables(reports: list[EmbeddingReport]) -> None:
    probes = probes_table(reports)
    assert probes["method"].tolist() == [each.method for each in reports]
    assert probes["unseen_b"].str.contains(UNSEEN).all()
    unknown = probes["unseen_b"].str.contains(f"({UNSEEN})", regex=False)
    assert unknown.tolist() == [True, False, False] * 2
    pairs = pairs_table(reports)
    assert len(pairs) == len(reports) * len(reports[0].probes.pairs)
    assert pairs.loc[0, "first"] == reports[0].probes.pairs[0].first

    groups = pairs_by_label(reports).set_index(["method", "label", "unseen"])
    frozen = [reports[1], reports[4]]
    unseen = [pair for each in frozen for pair in each.probes.pairs if pair.unseen]
    label = unseen[0].label
    chosen = [pair for pair in unseen if pair.label == label]
    ranks = [pair.rank for pair in chosen]
    assert groups.loc[("frozen", label, True), "rank_median"] == pytest.approx(np.median(ranks))
    assert groups.loc[("frozen", label, True), "pairs"] == len({pair.first for pair in chosen})

    table, drift = drift_table(reports[2:3]), reports[2].drift
    assert len(table) == len(drift.words)
    assert table["distance"].is_monotonic_decreasing
    first = table.iloc[0]
    row = drift.words.index(first["word"])
    assert first["distance"] == pytest.approx(drift.distances[row], abs=1e-4)
    assert first["towards"] == NAMES[drift.pushes[row].argmax()]
    assert first["push"] == pytest.approx(drift.pushes[row].max(), abs=1e-4)
    assert first["count"] == drift.counts[row].sum()

    near = neighbours_table(reports).set_index(["method", "seed", "word"])
    assert near.loc[("frozen", 0, UNSEEN), "before"].count(",") == 7
    assert not near.loc[("frozen", 0, UNSEEN), "in_training"]


def test_pictures_have_a_block_for_each_method(reports: list[EmbeddingReport]) -> None:
    figure = probes_figure(reports)
    for each, axes in zip(reports, figure.axes, strict=False):  # the first seed of each method
        name = {"scratch": "from scratch", "fine_tuned": "fine-tuned"}.get(each.method, each.method)
        assert axes.get_title().startswith(f"{name}: cosines ab")
        labels = [label.get_text() for label in axes.get_yticklabels()]
        mark = "†" if each.method == "scratch" else "*"
        assert labels[labels.index("b)") + 1] == f"{UNSEEN} {mark}"
        values = axes.images[0].get_array()
        assert values.shape == (len(labels), 18) == (4 + 10 + 11 + 12 + 3, 18)
        # Features are in the order of b's mean, the same for all three headlines.
        probes = each.probes
        order = np.argsort((probes.reference[1].activations - probes.centre).mean(axis=0))
        for letter, probed in zip("abc", probes.reference, strict=True):
            first = labels.index(f"{letter})") + 1
            shown = values[first : first + len(probed.tokens)]
            centred = (probed.activations - probes.centre)[:, order]
            np.testing.assert_allclose(shown, centred, atol=1e-6)
        assert (np.diff(values[-2]) >= 0).all()  # the mean of b
    assert len(figure.axes) == 3
    moved = [each for each in reports if each.drift.moved]
    assert len(drift_figure(moved).axes) == 2 * 4  # with the colour bars
    assert len(headline_map(moved).axes) == 2 * 2


def test_the_order_of_a_picture_comes_from_b_alone(reports: list[EmbeddingReport]) -> None:
    """c must not influence what makes it look like b."""
    each = reports[1]
    a, b, c = each.probes.reference
    turned = replace(c, activations=c.activations[:, ::-1])
    turned_report = replace(each, probes=replace(each.probes, reference=(a, b, turned)))
    first, second = (
        probes_figure([e]).axes[0].images[0].get_array() for e in (each, turned_report)
    )
    np.testing.assert_array_equal(first[11:23], second[11:23])  # b
    np.testing.assert_array_equal(first[:11], second[:11])


def test_without_words_or_without_drift(reports: list[EmbeddingReport]) -> None:
    """An embedding without words, and one that never moved, are drawn too."""
    vectors = WordVectors.from_rows(all_words(), topical_vectors(all_words()))
    matrix = build_embedding_matrix([], vectors, extra_words=all_words())
    network = build_network(matrix, 3, CnnOptions(filters=6))
    headlines = examples()
    history = train(
        network,
        headlines,
        headlines,
        TrainingOptions(phases=("scratch",), scratch=PhaseOptions(epochs=1)),
    )
    empty = report_embedding(network, matrix, history, headlines, headlines)
    for each in (empty, reports[1:2]):
        for item in report.embedding_items(each):
            if isinstance(item, report.Picture):
                assert isinstance(item.figure, Figure)
                item.figure.canvas.draw()
