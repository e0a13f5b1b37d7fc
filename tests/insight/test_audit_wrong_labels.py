"""Labels that are probably wrong: against cleanlab, and planted among real headlines."""

from __future__ import annotations

import numpy as np
import pytest
from audit_builders import headlines_in_splits, random_texts, table
from builders import make_headlines
from cleanlab.count import num_label_issues
from cleanlab.rank import get_self_confidence_for_each_label
from numpy.typing import NDArray

from bench.wrong_labels import find_planted
from pipeline.base.errors import DataError
from pipeline.data.headlines import load_headlines
from pipeline.embedding.loading import choose_vectors, load_vectors
from pipeline.embedding.options import CorpusOptions
from pipeline.insight.audit import CHECKS, Audit, AuditBounds, audit
from pipeline.insight.audit.wrong_labels import WrongLabels, count_wrong_labels, rank_labels

ONLY = {"wrong_labels": CHECKS["wrong_labels"]}


def wrong_labels(audited: Audit) -> WrongLabels:
    result = audited.checks["wrong_labels"]
    assert isinstance(result, WrongLabels)
    return result


def noisy(n: int, n_labels: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities, (n, n_labels), and labels of which a part is wrong."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, n_labels, n)
    scores = random.normal(size=(n, n_labels)) + 2 * np.eye(n_labels)[truth]
    labels = np.where(random.random(n) < 0.2, random.integers(0, n_labels, n), truth)
    labels[:n_labels] = np.arange(n_labels)
    exponents = np.exp(scores)
    return exponents / exponents.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize(("n", "n_labels"), [(200, 2), (500, 5), (300, 10)])
def test_the_number_and_the_order_are_those_of_cleanlab(n: int, n_labels: int) -> None:
    for seed in range(5):
        probabilities, labels = noisy(n, n_labels, seed)
        expected = num_label_issues(labels, probabilities, estimation_method="off_diagonal")
        assert count_wrong_labels(probabilities, labels) == expected > 0
        confidence = get_self_confidence_for_each_label(labels, probabilities)
        assert rank_labels(probabilities, labels).tolist() == np.argsort(confidence).tolist()


def test_planted_wrong_labels_of_bbc_are_found() -> None:
    planted = find_planted(load_headlines("bbc"), 0.05, 0, "glove_6b_50d")
    assert planted.first > 0.85
    assert planted.more > 0.65
    assert 0.7 < planted.recall < 0.95
    assert planted.listed < 0.08
    without = find_planted(load_headlines("bbc"), 0.05, 0, None)
    assert 0.45 < without.recall < planted.recall


def test_one_hard_headline_of_a_rare_label_makes_no_others_wrong() -> None:
    rows = [[0.9, 0.1, 1e-6], [0.45, 0.55, 1e-6], [0.1, 0.9, 1e-6], [0.5, 0.5, 1e-9]]
    assert count_wrong_labels(np.array(rows), np.array([0, 0, 1, 2])) == 0


def test_the_table_names_the_label_and_the_probable_one() -> None:
    texts, labels = make_headlines(60)
    i = labels.index("money")
    audited = audit(load_headlines(texts, [*labels[:i], "sport", *labels[i + 1 :]]), checks=ONLY)
    (row,) = table(audited, "wrong_labels").to_dict("records")
    assert (row["text"], row["label"], row["probable_label"]) == (texts[i], "sport", "money")
    assert row["probability"] < 0.1
    assert audited.warnings() == []
    numbers = audited.metrics()
    assert numbers["wrong_labels"] == 1
    assert numbers["wrong_labels_headlines"] == 180
    assert numbers["wrong_labels_agreement"] == pytest.approx(179 / 180)


def test_of_many_headlines_a_sample_is_looked_at() -> None:
    headlines = load_headlines(*make_headlines(60))
    audited = audit(headlines, checks=ONLY, bounds=AuditBounds(max_label_headlines=50))
    result = wrong_labels(audited)
    assert (result.headlines, result.available) == (50, 180)
    assert audited.samples() == ["wrong labels are looked for in a random 50 headlines"]


def test_rare_labels_and_words_without_vectors() -> None:
    texts = random_texts(60, seed=9)
    labels = [*["a"] * 30, *["b"] * 29, "c"]
    splits = headlines_in_splits(train=[*zip(texts, labels, strict=True)])
    empty = load_vectors("random", vector_size=5)
    alone = wrong_labels(audit(splits, checks=ONLY))
    assert alone.headlines == 120
    assert wrong_labels(audit(splits, checks=ONLY, vectors=empty)) == alone


def test_nothing_is_looked_for_where_labels_are_not_in_several_headlines() -> None:
    few = AuditBounds(max_label_headlines=1)
    assert audit(headlines_in_splits(), checks=ONLY, bounds=few).checks == {}


def test_vectors_that_would_have_to_be_trained_are_left_out() -> None:
    headlines = load_headlines("bbc")
    options = CorpusOptions(path="no_such_text.txt")
    with pytest.raises(DataError, match=r"no_such_text\.txt"):
        choose_vectors(options)
    alone, trained = (audit(headlines, checks=ONLY, vectors=v) for v in (None, options))
    assert wrong_labels(trained) == wrong_labels(alone)
