"""What each word gives: the sums, what they are made of, and where they are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from builders import all_words, make_headlines, topical_vectors

from pipeline import report
from pipeline.classifier import ensemble as blending
from pipeline.classifier.encoders import (
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    MeanOptions,
    ModelOptions,
)
from pipeline.classifier.ensemble import FLOOR, blend, joined
from pipeline.classifier.network import (
    Network,
    build_network,
    export_saved_model,
)
from pipeline.classifier.ngrams import CHARACTERS, WORDS, hash_ngrams
from pipeline.embedding.matrix import EmbeddingMatrix, build_embedding_matrix
from pipeline.embedding.text import tokenize
from pipeline.embedding.vectors import WordVectors
from pipeline.embedding.vocabulary import build_vocabulary
from pipeline.insight.attribution import (
    STEPS,
    Contributions,
    attribute,
    contribution_function,
    contributions,
)
from pipeline.insight.evaluation import score

TEXTS, LABELS = make_headlines(40)
NAMES = sorted(set(LABELS))
NUMBERS = [NAMES.index(label) for label in LABELS]
TRAIN = (TEXTS[:60], NUMBERS[:60])
VALIDATION = (TEXTS[60:], NUMBERS[60:])
PIECES = (
    *("Alps", "SNOW", "bank", "Don't", "the", "match,", "“goal”", "I'll", "70%", "avalanche"),
    *("zzqx", "Qwrtz", "and/or", "—", "wins", "a\u00a0b", "x\x00y", "...", "naïve", "Ⅷ"),
)


def random_headlines(n: int = 300) -> list[str]:
    """Words of training, further and unknown ones, of 0 to 12 words, with odd spaces."""
    random = np.random.default_rng(1)
    texts = [
        random.choice([" ", "  ", "\t"]).join(random.choice(PIECES, random.integers(0, 13)))
        for _ in range(n)
    ]
    return [*texts, "", "  ", "the the the the the the the the the"]


def small_matrix() -> EmbeddingMatrix:
    words = [*all_words(), "avalanche", "naïve"]
    vocabulary = build_vocabulary(TRAIN.texts)
    vectors = WordVectors.of(words, topical_vectors(words))
    return build_embedding_matrix(
        vocabulary.words, vectors, counts=vocabulary.counts, extra_words=words, std=0.4
    )


def network(config: ModelOptions, scale: float = 0.3, n_labels: int = 3) -> Network:
    """With random weights and biases, of which none is zero."""
    classifier = build_network(small_matrix(), n_labels, config)
    random = np.random.default_rng(2)
    classifier.set_weights(
        [random.normal(0, scale, w.shape).astype(np.float32) for w in classifier.get_weights()]
    )
    return classifier


def blended(config: ModelOptions, monkeypatch: pytest.MonkeyPatch, scale: float = 0.3) -> Network:
    """All parts that the configuration asks for, with weights that do not add up to one."""
    monkeypatch.setattr(
        blending, "_weigh", lambda logs, truth: np.array([0.3, 0.5, 0.7])[: len(logs)]
    )
    result = blend(network(config, scale), small_matrix(), TRAIN, VALIDATION, config)
    assert not result.alone
    return result.classifier


def expected_scores(classifier: Network, texts: list[str]) -> Any:
    logs = np.log(classifier.predict_proba(texts).astype(np.float64))
    return logs - logs.mean(axis=1, keepdims=True)


def scores_of(given: tuple[Contributions, ...]) -> Any:
    return np.stack([one.scores for one in given])


CONFIGS = {
    "mean": MeanOptions(max_tokens=6),
    "mean and pooled": MeanOptions(ngrams=False),
    "mean and wide": MeanOptions(sif=False, max_tokens=6),
    "cnn": CnnOptions(filters=8, max_tokens=6, letter_case=True),
    "attention": AttentionOptions(heads=2),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_sums_are_the_models_answer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every part and without; cut after six tokens; with further and unknown words."""
    classifier, texts = blended(CONFIGS[name], monkeypatch), random_headlines()
    given = contributions(classifier, texts)
    assert [one.text for one in given] == texts
    assert np.abs(scores_of(given) - expected_scores(classifier, texts)).max() < 1e-4
    probabilities = np.stack([one.probabilities for one in given])
    np.testing.assert_allclose(probabilities, classifier.predict_proba(texts), atol=1e-5)
    assert all(np.allclose(one.values.sum(axis=1), 0, atol=1e-4) for one in given)
    assert all(np.allclose(one.of_words.sum(0), one.values.sum(0), atol=1e-4) for one in given)


def test_a_network_by_itself_and_two_labels() -> None:
    classifier, texts = network(MeanOptions(), n_labels=2), random_headlines()
    given = contributions(classifier, texts)
    np.testing.assert_allclose(scores_of(given), expected_scores(classifier, texts), atol=1e-4)
    assert all(np.allclose(one.values[:, 0], -one.values[:, 1], atol=1e-5) for one in given)


def test_a_part_beyond_the_floor_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, texts = blended(MeanOptions(), monkeypatch, scale=3), random_headlines()
    logits = classifier.head.predict(list(classifier.token_ids(texts)), verbose=0)
    beyond = tf.nn.log_softmax(logits).numpy().min(axis=1) < FLOOR
    assert beyond.mean() > 0.3
    given = contributions(classifier, texts)
    assert np.abs(scores_of(given) - expected_scores(classifier, texts)).max() < 1e-4
    # Of what the network gives, no more is left than the floor lets through.
    most = max(np.abs(one.values).sum() for one in given)
    monkeypatch.setattr("pipeline.insight.attribution.FLOOR", -1e9)
    again = build_anew(classifier)
    assert max(np.abs(one.values).sum() for one in contributions(again, texts)) > 1.5 * most


def build_anew(classifier: Network) -> Network:
    """The same without what was compiled before."""
    del classifier.model._contribution_function
    return classifier


def test_tokens_and_the_words_they_come_from() -> None:
    texts = ["Don't  lose 70% of\tsnow", "", "a\u00a0b \x00 zzqx"]
    plain, cased = (
        contributions(network(MeanOptions(letter_case=case)), texts) for case in (False, True)
    )
    assert plain[0].words == ("Don't", "lose", "70%", "of", "snow")
    assert plain[0].tokens == ("do", "n't", "lose", "70", "%", "of", "snow")
    assert plain[0].word_of.tolist() == [0, 0, 1, 2, 2, 3, 4]
    assert cased[0].tokens == ("Do", "n't", "lose", "70", "%", "of", "snow")
    assert (plain[1].words, plain[1].tokens, len(plain[1].values)) == ((), (), 0)
    assert plain[2].words == ("a\u00a0b", "\x00", "zzqx")
    assert plain[2].word_of.tolist() == [0, 0, 2]  # the second has no token
    assert plain[2].of_words.shape == (3, 3)
    assert not plain[2].of_words[1].any()
    texts = random_headlines()
    given = contributions(network(MeanOptions()), texts)
    assert [list(one.tokens) for one in given] == tokenize(texts)
    assert contributions(network(MeanOptions()), []) == ()


def test_a_headline_is_the_same_alone_and_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, texts = blended(CnnOptions(filters=8), monkeypatch), random_headlines(90)
    together = contributions(classifier, texts)
    for i in (0, 17, 63, 64, 89):
        (alone,) = contributions(classifier, [texts[i]])
        np.testing.assert_allclose(alone.values, together[i].values, atol=1e-4)
        np.testing.assert_allclose(alone.bias, together[i].bias, atol=1e-4)


def centred(scores: Any) -> Any:
    return scores - scores.mean(axis=-1, keepdims=True)


def test_mean_is_divided_as_it_says() -> None:
    """Of the mean each word has its share; a maximum belongs to the word, or words, that hold it."""
    classifier = network(MeanOptions())
    kernel, bias = classifier.encoder.get_layer("logits").get_weights()
    text = "Alps may, zzqx avalanche Alps"
    (rows,) = classifier.token_ids([text])
    vectors = classifier.embedder([rows])[0].numpy()[0]
    size = vectors.shape[1]
    expected = vectors @ kernel[:size] / len(vectors)
    for dimension, column in enumerate(vectors.T):
        holders = np.flatnonzero(column == column.max())
        expected[holders] += column.max() * kernel[size + dimension] / len(holders)
    (given,) = contributions(classifier, [text])
    np.testing.assert_allclose(given.values, centred(expected), atol=1e-5)
    np.testing.assert_allclose(given.bias, centred(bias), atol=1e-5)


def test_cnn_is_divided_as_it_says() -> None:
    """Every filter belongs to the window that holds its maximum, and its bias to no word."""
    classifier = network(CnnOptions(filters=8, kernel_sizes=(1, 3)))
    kernel, bias = classifier.encoder.get_layer("logits").get_weights()
    text = "Alps may lose snow zzqx avalanche"
    (rows,) = classifier.token_ids([text])
    vectors = classifier.embedder([rows])[0].numpy()[0]
    n, expected, left, place = len(vectors), np.zeros((len(vectors), 3)), bias.copy(), 0
    for size in (1, 3):
        weights, offsets = classifier.encoder.get_layer(f"convolution_{size}").get_weights()
        padded = np.pad(vectors, ((size // 2, size // 2), (0, 0)))
        windows = np.stack([padded[i : i + size] for i in range(n)])
        activations = np.einsum("nsw,swf->nf", windows, weights) + offsets
        for f, at in enumerate(activations.argmax(axis=0)):
            if activations[at, f] > 0:
                left += offsets[f] * kernel[place]
                for step in range(size):
                    token = at + step - size // 2
                    if 0 <= token < n:
                        gives = vectors[token] @ weights[step, :, f]
                        expected[token] += gives * kernel[place]
            place += 1
    (given,) = contributions(classifier, [text])
    np.testing.assert_allclose(given.values, centred(expected), atol=1e-5)
    np.testing.assert_allclose(given.bias, centred(left), atol=1e-5)


def test_ngrams_are_divided_between_the_words_they_touch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a loop over the places of the tokens in the marked string."""
    monkeypatch.setattr(blending, "_weigh", lambda logs, truth: np.array([1e-9, 1.0]))
    monkeypatch.setattr(blending, "_LEAST", 0)
    monkeypatch.setattr("pipeline.insight.attribution.FLOOR", -1e9)
    config = MeanOptions(sif=False)
    classifier = blend(network(config), small_matrix(), TRAIN, VALIDATION, config).classifier
    wide = classifier.model.get_layer("wide")
    table = wide.table.numpy()
    text = "Alps a, snow"
    (string,) = joined(classifier, [text])
    assert string == b"alps a , snow"
    tokens = ["\x02", *string.decode().split(), "\x03"]
    owner_of_letters = [
        owner
        for i, token in enumerate(tokens)
        for owner in [*[i - 1] * len(token), None]  # none owns the space behind it
    ][:-1]
    owners = (list(range(-1, len(tokens) - 1)), owner_of_letters)
    expected, left = np.zeros((4, 3)), wide.bias.numpy().astype(np.float64)
    found = hash_ngrams(tf.constant([string]), len(table))
    for (buckets, _), owner, sizes in zip(found, owners, (WORDS, CHARACTERS), strict=True):
        buckets = buckets.numpy()
        length = np.sqrt(table[buckets, 0].sum())
        for start in range(len(owner)):
            for size, bucket in zip(sizes, buckets[start], strict=True):
                touched = {o for o in owner[start : start + size] if o in range(4)}
                gives = table[bucket, 1:] / length
                for token in touched:
                    expected[token] += gives / len(touched)
                left += gives * (not touched)
    (given,) = contributions(classifier, [text])
    np.testing.assert_allclose(given.values, centred(expected), atol=1e-5)
    np.testing.assert_allclose(given.bias, centred(left), atol=1e-5)
    assert np.abs(expected).max() > 0.01


@pytest.mark.parametrize("config", [AttentionOptions(heads=2), BiGruOptions(units=8)])
def test_integrated_gradients_are_complete(config: ModelOptions) -> None:
    """They add up to the difference that the words make against zero vectors."""
    classifier, texts = network(config), random_headlines(60)
    (rows,) = classifier.token_ids(texts)
    nothing = np.zeros((*rows.shape, classifier.embedding.output_dim), np.float32)
    at_zero = centred(classifier.encoder([nothing, rows != 0]).numpy())

    def worst(steps: int | None) -> float:
        given = contributions(classifier, texts, steps=steps)
        return float(np.abs(np.stack([one.bias for one in given]) - at_zero).max())

    assert worst(None) == worst(STEPS)
    assert worst(STEPS) < 0.02
    assert worst(STEPS) < worst(1) / 3


def test_where_one_gradient_is_exact_that_is_taken() -> None:
    texts = random_headlines(20)
    for config in (MeanOptions(), CnnOptions(filters=8)):
        classifier = network(config)
        chosen, exact, other = (contributions(classifier, texts, steps=s) for s in (None, 0, 3))
        for one, same in zip(chosen, exact, strict=True):
            assert one.values.tobytes() == same.values.tobytes()
        if isinstance(config, MeanOptions):  # the gradient is the same all along the way
            np.testing.assert_allclose(scores_of(chosen), scores_of(other), atol=1e-5)
            np.testing.assert_allclose(chosen[0].values, other[0].values, atol=1e-5)


def test_it_is_exported_beside_the_scorer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    classifier, texts = blended(CnnOptions(filters=8), monkeypatch), random_headlines(30)
    function = contribution_function(classifier)
    export_saved_model(classifier, tmp_path / "both", {"contributions": function})
    export_saved_model(classifier, tmp_path / "plain")
    plain, both = (tf.saved_model.load(tmp_path / name) for name in ("plain", "both"))
    assert not hasattr(plain, "contributions")  # what was compiled is not exported unasked
    scores = [model(tf.constant(texts)).numpy().tobytes() for model in (plain, both)]
    assert scores[0] == scores[1]
    given = both.contributions(tf.constant(texts))
    expected = contributions(classifier, texts)
    np.testing.assert_allclose(
        given["values"].flat_values, np.concatenate([one.values for one in expected]), atol=1e-5
    )
    sizes = [
        sum(path.stat().st_size for path in (tmp_path / name).rglob("*") if path.is_file())
        for name in ("plain", "both")
    ]
    assert sizes[0] < sizes[1] < 1.2 * sizes[0]


def test_what_a_run_logs() -> None:
    """The surest mistakes with their words, and the words of each label."""
    classifier, texts = network(MeanOptions()), [*TEXTS, "", "Alps"]
    labels = [*NUMBERS, 0, 1]
    evaluation = score(classifier.predict_proba(texts), texts, labels, NAMES)
    found = attribute(classifier, evaluation)
    assert len(found.sample) == len(texts)
    wrong = [evaluation.texts[i] for i in found.wrong]
    confidence = evaluation.confidence[list(found.wrong)]
    assert len(wrong) == 20
    assert (np.diff(confidence) <= 0).all()
    mistakes = evaluation.predicted != evaluation.labels
    assert confidence.min() >= np.sort(evaluation.confidence[mistakes])[-20]

    tables = {item.path: item.frame for item in report.attribution_items(found, evaluation)}
    why = tables["tables/why_misclassified.csv"]
    assert why["text"].tolist() == wrong
    for row in why.to_dict("records"):
        (given,) = contributions(classifier, [row["text"]])
        of_label = given.of_words[:, NAMES.index(row["predicted"])]
        best = np.sort(of_label[of_label > 0])[::-1][:3]
        shown = [row[f"contribution_{n}"] for n in (1, 2, 3) if row[f"word_{n}"] in given.words]
        np.testing.assert_allclose(shown, best, atol=1e-5)
        assert row["predicted"] != row["label"]
    words = tables["tables/words_by_label.csv"]
    assert set(words["label"]) == set(NAMES)
    assert words["count"].min() >= 3
    occurrences = [t for text in texts for t in tokenize([text])[0]]
    first = words.iloc[0]
    assert occurrences.count(first["word"]) == first["count"]
    by_hand = [
        value[0]
        for one in contributions(classifier, texts)
        for token, value in zip(one.tokens, one.values, strict=True)
        if token == first["word"]
    ]
    assert first["mean_contribution"] == pytest.approx(np.mean(by_hand), abs=1e-5)
    assert words.groupby("label")["mean_contribution"].apply(lambda v: v.is_monotonic_decreasing).all()  # fmt: skip


def test_of_many_headlines_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.insight.attribution._SAMPLE", 30)
    classifier = network(MeanOptions())
    evaluation = score(classifier.predict_proba(TEXTS), TEXTS, NUMBERS, NAMES)
    one, same, other = (list(attribute(classifier, evaluation, seed=s).sample) for s in (0, 0, 1))
    assert len(one) == 30
    assert one == same
    assert one != other


def test_nothing_wrong_is_an_empty_table() -> None:
    classifier = network(MeanOptions())
    probabilities = classifier.predict_proba(TEXTS)
    right = score(probabilities, TEXTS, probabilities.argmax(axis=1).tolist(), NAMES)
    why, _ = report.attribution_items(attribute(classifier, right), right)
    assert len(why.frame) == 0
    assert "contribution_3" in why.frame.columns
    few = score(probabilities[:2], TEXTS[:2], NUMBERS[:2], NAMES)
    assert len(report.words_by_label(attribute(classifier, few), few.label_names)) == 0
