"""The one chain: what it gives, that it is the stages by hand, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import all_words, topical_vectors, write_glove
from networks import NAMES, QUICK, TEST, TRAIN, VALIDATION, phase, small_vectors

from pipeline.base.errors import VectorsError
from pipeline.classifier.encoders import CnnOptions, MeanOptions
from pipeline.classifier.ensemble import Classifier, fit_ensemble
from pipeline.classifier.network import Network, build_network
from pipeline.data.examples import Examples
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import spellings
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.options import CorpusOptions, VectorsOptions
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabularies
from pipeline.training.fit import Fitted, fit
from pipeline.training.history import Epoch
from pipeline.training.loop import train

MODEL = CnnOptions(filters=4)
SHORT = phase("frozen", 1)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit(TRAIN, VALIDATION, small_vectors(), model=MODEL, schedule=QUICK, seed=3)


def test_a_classifier_names_the_labels(fitted: Fitted) -> None:
    predicted = fitted.classifier.predict(TEST.texts)
    assert set(predicted) == set(NAMES)
    assert (predicted == np.array(NAMES)[list(TEST.labels)]).mean() > 0.9


def test_everything_that_was_learned_on_the_way(fitted: Fitted) -> None:
    assert fitted.kept == "ensemble"
    assert [phase.name for phase in fitted.history.phases] == ["frozen", "fine_tuned"]
    assert fitted.network is fitted.classifier.network
    assert fitted.ensemble.classifier is fitted.classifier
    assert fitted.vocabulary.words == fitted.matrix.words
    assert 0.5 < fitted.matrix.coverage.tokens < 1
    assert list(fitted.seconds) == [
        "vocabulary", "vectors", "matrix", "network", "training", "ensemble",
    ]  # fmt: skip
    assert min(fitted.seconds.values()) > 0


def test_it_gives_the_bits_of_the_stages_by_hand(fitted: Fitted) -> None:
    vocabularies = build_vocabularies(TRAIN.texts, max_tokens=fitted.length.max_tokens)
    words = spellings(word for v in vocabularies.values() for word in v.words)
    options = VectorsOptions()
    vectors = load_vectors(small_vectors(), words=words, most_frequent=options.extra_words)
    vocabulary = vocabularies["split"]
    matrix = build_embedding_matrix(
        vocabulary.words, vectors, counts=vocabulary.counts, extra_words=vectors.index_to_key,
        std=options.std, seed=3,
    )  # fmt: skip
    network = build_network(matrix, 3, MODEL, contractions="split", seed=3)
    history = train(network, TRAIN, VALIDATION, QUICK, seed=3)
    ensemble = fit_ensemble(network, matrix, TRAIN, VALIDATION, seed=3)
    assert fitted.matrix.weights.tobytes() == matrix.weights.tobytes()
    assert fitted.history.epochs == history.epochs
    assert fitted.ensemble.members == ensemble.members
    expected = ensemble.classifier.predict_proba(TEST.texts)
    assert fitted.classifier.predict_proba(TEST.texts).tobytes() == expected.tobytes()


def test_what_can_be_measured(fitted: Fitted) -> None:
    """Each phase with its own weights, then the ensemble; afterwards the best phase's again."""
    best = fitted.network.predict_proba(TEST.texts).tobytes()
    by_phase = {phase.name: phase.weights for phase in fitted.history.phases}
    measured = fitted.measure_methods(
        lambda method: method.get_weights() if isinstance(method, Network) else method
    )
    assert [*measured] == [*fitted.method_seconds] == ["frozen", "fine_tuned", "ensemble"]
    assert measured["ensemble"] is fitted.classifier
    for name, weights in by_phase.items():
        for weight, expected in zip(measured[name], weights, strict=True):
            assert weight.tobytes() == expected.tobytes()
    seconds = [*fitted.method_seconds.values()]
    assert 0 < seconds[0] < seconds[1] < seconds[2]
    assert fitted.network.predict_proba(TEST.texts).tobytes() == best


def test_a_measurement_that_fails_leaves_the_best_weights(fitted: Fitted) -> None:
    worse = next(p for p in fitted.history.phases if p is not fitted.history.best)
    best = [weight.tobytes() for weight in fitted.history.best.weights]

    def measure(method: Network | Classifier) -> None:
        assert isinstance(method, Network)
        if [weight.tobytes() for weight in method.get_weights()] != best:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as held:
        fitted.measure_methods(measure)
    # While the traceback, and with it every frame, is still there.
    assert held.traceback
    assert worse.name in ("frozen", "fine_tuned")
    assert [weight.tobytes() for weight in fitted.network.get_weights()] == best


def test_without_members_the_best_phase_is_kept() -> None:
    model = MeanOptions(sif=False, ngrams=False)
    fitted = fit(TRAIN, VALIDATION, small_vectors(), model=model, schedule=SHORT)
    assert fitted.kept == fitted.history.best.name == "frozen"
    assert [*fitted.method_seconds] == ["frozen"]
    assert fitted.ensemble.network_only
    assert isinstance(fitted.classifier, Classifier)
    assert len(fitted.classifier.predict(TEST.texts)) == len(TEST)


def test_it_says_what_it_does() -> None:
    seen: list[str] = []

    def note_matrix(matrix: EmbeddingMatrix) -> None:
        assert matrix.weights.shape[1] == 8
        seen.append("matrix")

    def note_epoch(epoch: Epoch) -> None:
        seen.append(f"{epoch.phase} {epoch.number}")

    fit(
        TRAIN, VALIDATION, small_vectors(), model=MeanOptions(), schedule=phase("frozen", 2),
        on_matrix=note_matrix, on_epoch=note_epoch,
    )  # fmt: skip
    assert seen == ["matrix", "frozen 1", "frozen 2"]


# ------------------------------------------------------------------------------------- vectors


def test_vectors_as_a_file_as_an_object_and_as_options(tmp_path: Path) -> None:
    words = all_words()
    write_glove(tmp_path / "vectors.txt", words)
    file = tmp_path / "vectors.txt"
    vectors = WordVectors.from_rows(words, topical_vectors(words))
    options = VectorsOptions(source="file", path=str(file))
    model = MeanOptions(sif=False, ngrams=False)
    results = [
        fit(TRAIN, VALIDATION, source, embedding=embedding, model=model, schedule=SHORT)
        for source, embedding in ((file, None), (vectors, None), (None, options))
    ]
    assert len({result.network.predict_proba(TEST.texts).tobytes() for result in results}) == 1
    assert results[0].matrix.coverage.tokens == 1


def test_options_hold_for_vectors_that_are_given() -> None:
    embedding = VectorsOptions(std=1.0, extra_words=0, missing="zeros")
    fitted = fit(
        TRAIN, VALIDATION, small_vectors(), embedding=embedding, model=MeanOptions(), schedule=SHORT
    )  # fmt: skip
    assert not fitted.matrix.extra_words
    rows = fitted.matrix.weights[[2 + fitted.matrix.words.index(w) for w in ("alps", "goal")]]
    assert rows[0].any()
    assert not rows[1].any()  # a word without a vector
    present = fitted.matrix.weights[fitted.matrix.weights.any(axis=1)]
    assert present.std() == pytest.approx(1, abs=1e-3)


def test_vectors_that_know_too_few_words_are_refused() -> None:
    foreign = WordVectors.from_rows(["der", "die", "das", "new"], np.eye(4, dtype=np.float32))
    model = MeanOptions(sif=False, ngrams=False)
    with pytest.raises(VectorsError, match="expected vectors for at least 30% of the tokens, got"):
        fit(TRAIN, VALIDATION, foreign, model=model, schedule=SHORT)
    anyway = VectorsOptions(min_coverage=0)
    fitted = fit(TRAIN, VALIDATION, foreign, embedding=anyway, model=model, schedule=SHORT)
    assert 0 < fitted.matrix.coverage.tokens < 0.3


def test_own_vectors_never_see_held_out_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word that only the held-out texts have gets no vector."""
    texts = [f"{text} leaked" for text in TEST.texts]
    (tmp_path / "own.txt").write_text("\n".join([*TRAIN.texts, *texts] * 3), "utf-8")
    monkeypatch.setenv("HEADLINE_TRANSFER_CACHE", str(tmp_path / "cache"))
    embedding = CorpusOptions(path=str(tmp_path / "own.txt"), vector_size=8, epochs=1, min_count=1)
    model = MeanOptions(sif=False, ngrams=False)

    def words(held_out: list[str]) -> set[str]:
        fitted = fit(
            TRAIN, VALIDATION, embedding=embedding, model=model, schedule=SHORT, held_out=held_out
        )  # fmt: skip
        return {*fitted.matrix.words, *fitted.matrix.extra_words}

    assert "leaked" in words([])
    assert "leaked" not in words(texts)


def test_random_vectors_need_a_size() -> None:
    with pytest.raises(VectorsError, match="random vectors need a vector_size"):
        fit(TRAIN, VALIDATION, "random", schedule=SHORT)
    fitted = fit(
        TRAIN, VALIDATION, embedding=VectorsOptions(source="random", vector_size=5),
        model=MeanOptions(), schedule=phase("scratch", 1),
    )  # fmt: skip
    assert fitted.matrix.weights.shape[1] == 5
    assert [*fitted.method_seconds] == ["scratch", "ensemble"]


def test_two_labels_and_a_label_that_only_validation_has() -> None:
    two = [i for i, label in enumerate(TRAIN.labels) if label < 2]
    training = Examples([TRAIN.texts[i] for i in two], [TRAIN.labels[i] for i in two], TRAIN.label_names)  # fmt: skip
    fitted = fit(training, VALIDATION, small_vectors(), model=MeanOptions(), schedule=SHORT)
    assert fitted.classifier.predict_proba(TEST.texts).shape == (len(TEST), 3)
    binary = replace(training, label_names=TRAIN.label_names[:2])
    fitted = fit(binary, binary, small_vectors(), model=MeanOptions(), schedule=SHORT)
    assert set(fitted.classifier.predict(TEST.texts)) == set(NAMES[:2])
