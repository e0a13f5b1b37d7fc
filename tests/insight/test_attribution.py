"""What each word gives: the sums, what they are made of, and which texts are looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from networks import TEXTS, TRAIN, random_classifier, random_network

from pipeline.classifier.encoders import (
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    MeanOptions,
)
from pipeline.classifier.ensemble import FLOOR, Classifier
from pipeline.classifier.members import STEPS
from pipeline.classifier.ngram_fitting import fit_ngrams
from pipeline.classifier.ngram_hashing import CHARACTERS, WORDS, hash_ngrams
from pipeline.classifier.options import EncoderOptions
from pipeline.data.examples import Examples
from pipeline.embedding.text import tokenize
from pipeline.insight.attribution import Contributions, attribute, contributions
from pipeline.insight.evaluation import evaluate

PIECES = (
    *("Alps", "SNOW", "bank", "Don't", "the", "match,", "“goal”", "I'll", "70%", "avalanche"),
    *("zzqx", "Qwrtz", "and/or", "—", "wins", "a\u00a0b", "x\x00y", "...", "naïve", "Ⅷ"),
)


def random_texts(n: int = 300) -> list[str]:
    """Words of training, extra and unknown ones, 0 to 12 a text, with odd spaces."""
    random = np.random.default_rng(1)
    texts = [
        random.choice([" ", "  ", "\t"]).join(random.choice(PIECES, random.integers(0, 13)))
        for _ in range(n)
    ]
    return [*texts, "", "  ", "the the the the the the the the the the"]


def alone(options: EncoderOptions, n_labels: int = 3) -> Classifier:
    """A random network with no member beside it."""
    return Classifier(random_network(options, n_labels=n_labels))


def centred(scores: Any) -> Any:
    return scores - scores.mean(axis=-1, keepdims=True)


def expected_scores(classifier: Classifier, texts: list[str]) -> Any:
    return centred(np.log(classifier.predict_proba(texts).astype(np.float64)))


def all_scores(explained: tuple[Contributions, ...]) -> Any:
    return np.stack([contribution.scores for contribution in explained])


# -------------------------------------------------------------------------------------- the sums


OPTIONS = {
    "mean": MeanOptions(max_tokens=6),
    "mean and sif": MeanOptions(ngrams=False),
    "mean and n-grams": MeanOptions(sif=False, max_tokens=6),
    "cnn": CnnOptions(filters=8, max_tokens=6, letter_case=True),
    "attention": AttentionOptions(heads=2),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_sums_are_the_classifiers_answer(name: str) -> None:
    """With every member and without; cut after six tokens; with extra and unknown words."""
    classifier, texts = random_classifier(OPTIONS[name]), random_texts()
    explained = contributions(classifier, texts)
    assert [contribution.text for contribution in explained] == texts
    assert np.abs(all_scores(explained) - expected_scores(classifier, texts)).max() < 1e-4
    probabilities = np.stack([contribution.probabilities for contribution in explained])
    np.testing.assert_allclose(probabilities, classifier.predict_proba(texts), atol=1e-5)
    for contribution in explained:
        values = contribution.values
        np.testing.assert_allclose(values.sum(axis=1), 0, atol=1e-4)
        np.testing.assert_allclose(contribution.word_values.sum(0), values.sum(0), atol=1e-4)


def test_a_network_by_itself_and_two_labels() -> None:
    classifier, texts = alone(MeanOptions(), n_labels=2), random_texts()
    explained = contributions(classifier, texts)
    np.testing.assert_allclose(all_scores(explained), expected_scores(classifier, texts), atol=1e-4)
    for contribution in explained:
        np.testing.assert_allclose(contribution.values[:, 0], -contribution.values[:, 1], atol=1e-5)


def test_a_member_beyond_the_floor_counts_no_more() -> None:
    classifier, texts = random_classifier(scale=3), random_texts()
    unbounded = replace(classifier, floor=-1e9)
    batch = classifier.network.look_up(tf.constant(texts))
    logs = [member.log_probabilities(batch).numpy() for member in classifier.members]
    beyond = np.min(logs, axis=(0, 2)) < FLOOR
    assert 0.3 < beyond.mean() < 0.95
    sizes = []
    for each in (classifier, unbounded):
        explained = contributions(each, texts)
        assert np.abs(all_scores(explained) - expected_scores(each, texts)).max() < 1e-3
        sizes.append(np.array([np.abs(contribution.values).sum() for contribution in explained]))
    np.testing.assert_allclose(sizes[0][~beyond], sizes[1][~beyond], rtol=1e-4)
    assert sizes[0][beyond].mean() < 0.8 * sizes[1][beyond].mean()


def test_tokens_and_the_words_they_come_from() -> None:
    texts = ["Don't  lose 70% of\tsnow", "", "a\u00a0b \x00 zzqx"]
    plain, cased = (
        contributions(alone(MeanOptions(letter_case=case)), texts) for case in (False, True)
    )
    assert plain[0].words == ("Don't", "lose", "70%", "of", "snow")
    assert plain[0].tokens == ("do", "n't", "lose", "70", "%", "of", "snow")
    assert plain[0].word_of.tolist() == [0, 0, 1, 2, 2, 3, 4]
    assert cased[0].tokens == ("Do", "n't", "lose", "70", "%", "of", "snow")
    assert (plain[1].words, plain[1].tokens, len(plain[1].values)) == ((), (), 0)
    assert plain[2].words == ("a\u00a0b", "\x00", "zzqx")
    assert plain[2].word_of.tolist() == [0, 0, 2]  # the second has no token
    assert plain[2].word_values.shape == (3, 3)
    assert not plain[2].word_values[1].any()
    texts, classifier = random_texts(), alone(MeanOptions())
    explained = contributions(classifier, texts)
    assert [list(contribution.tokens) for contribution in explained] == tokenize(texts)
    assert contributions(classifier, []) == ()


def test_a_text_is_the_same_alone_and_among_others() -> None:
    classifier, texts = random_classifier(CnnOptions(filters=8)), random_texts(90)
    together = contributions(classifier, texts)
    for i in (0, 17, 63, 64, 89):
        (by_itself,) = contributions(classifier, [texts[i]])
        np.testing.assert_allclose(by_itself.values, together[i].values, atol=1e-4)
        np.testing.assert_allclose(by_itself.bias, together[i].bias, atol=1e-4)


# --------------------------------------------------------------------- what they are made of


def test_mean_is_divided_as_it_says() -> None:
    """Of the mean each word has its share; a maximum belongs to the word, or words, that hold it."""
    classifier = alone(MeanOptions())
    network = classifier.network
    kernel, bias = network.last_layer.get_weights()
    text = "Alps may, zzqx avalanche Alps"
    (rows,) = network.token_ids([text])
    vectors = network.embedder([rows])[0].numpy()[0]
    size = vectors.shape[1]
    expected = vectors @ kernel[:size] / len(vectors)
    for dimension, column in enumerate(vectors.T):
        holders = np.flatnonzero(column == column.max())
        expected[holders] += column.max() * kernel[size + dimension] / len(holders)
    (explained,) = contributions(classifier, [text])
    np.testing.assert_allclose(explained.values, centred(expected), atol=1e-5)
    np.testing.assert_allclose(explained.bias, centred(bias), atol=1e-5)


def test_cnn_is_divided_as_it_says() -> None:
    """Every filter belongs to the window that holds its maximum, and its bias to no word."""
    classifier = alone(CnnOptions(filters=8, kernel_sizes=(1, 3)))
    network = classifier.network
    kernel, bias = network.last_layer.get_weights()
    text = "Alps may win snow and avalanche"
    (rows,) = network.token_ids([text])
    vectors = network.embedder([rows])[0].numpy()[0]
    n, expected, left, place = len(vectors), np.zeros((len(vectors), 3)), bias.copy(), 0
    for size in (1, 3):
        weights, offsets = network.encoder.get_layer(f"convolution_{size}").get_weights()
        padded = np.pad(vectors, ((size // 2, size // 2), (0, 0)))
        windows = np.stack([padded[i : i + size] for i in range(n)])
        activations = np.einsum("nsw,swf->nf", windows, weights) + offsets
        for f, at in enumerate(activations.argmax(axis=0)):
            if activations[at, f] > 0:
                left += offsets[f] * kernel[place]
                for step in range(size):
                    token = at + step - size // 2
                    if 0 <= token < n:
                        expected[token] += vectors[token] @ weights[step, :, f] * kernel[place]
            place += 1
    (explained,) = contributions(classifier, [text])
    np.testing.assert_allclose(explained.values, centred(expected), atol=1e-5)
    np.testing.assert_allclose(explained.bias, centred(left), atol=1e-5)


def test_ngrams_are_divided_between_the_words_they_touch() -> None:
    """Against a loop over the places of the tokens in the marked string."""
    network = random_network()
    member = fit_ngrams(network.joined_tokens(TRAIN.texts), TRAIN.labels, 3)
    classifier = Classifier(network, (member,), (0.0, 1.0), floor=-1e9)
    table = member.layer.table.numpy()
    text = "Alps a, snow"
    (string,) = network.joined_tokens([text])
    assert string == b"alps a , snow"
    tokens = ["\x02", *string.decode().split(), "\x03"]
    character_owners = [
        owner
        for i, token in enumerate(tokens)
        for owner in [*[i - 1] * len(token), None]  # no token owns the space behind it
    ][:-1]
    all_owners = (list(range(-1, len(tokens) - 1)), character_owners)
    expected, left = np.zeros((4, 3)), member.layer.bias.numpy().astype(np.float64)
    hashed = hash_ngrams(tf.constant([string]), len(table))
    for (buckets, _), owners, sizes in zip(hashed, all_owners, (WORDS, CHARACTERS), strict=True):
        buckets = buckets.numpy()
        length = np.sqrt(table[buckets, 0].sum())
        for start in range(len(owners)):
            for size, bucket in zip(sizes, buckets[start], strict=True):
                touched = {o for o in owners[start : start + size] if o in range(4)}
                gives = table[bucket, 1:] / length
                for token in touched:
                    expected[token] += gives / len(touched)
                left += gives * (not touched)
    (explained,) = contributions(classifier, [text])
    np.testing.assert_allclose(explained.values, centred(expected), atol=1e-5)
    np.testing.assert_allclose(explained.bias, centred(left), atol=1e-5)
    assert np.abs(expected).max() > 0.01


@pytest.mark.parametrize("options", [AttentionOptions(heads=2), BiGruOptions(units=4)])
def test_integrated_gradients_are_complete(options: EncoderOptions) -> None:
    """They add up to the difference that the words make against zero vectors."""
    classifier, texts = alone(options), random_texts(60)
    network = classifier.network
    (rows,) = network.token_ids(texts)
    nothing = tf.zeros((*rows.shape, network.embedding.output_dim))
    at_zero = centred(network.encoder([nothing, tf.constant(rows != 0)])[0].numpy())

    def worst(steps: int | None) -> float:
        explained = contributions(classifier, texts, steps=steps)
        biases = np.stack([contribution.bias for contribution in explained])
        return float(np.abs(biases - at_zero).max())

    exact = worst(None)
    assert exact < 0.02
    assert exact < worst(1) / 3
    if isinstance(options, AttentionOptions):
        assert exact == worst(STEPS)


def test_where_one_gradient_is_exact_that_is_taken() -> None:
    texts = random_texts(20)
    for options in (MeanOptions(), CnnOptions(filters=8)):
        classifier = alone(options)
        chosen, exact = (contributions(classifier, texts, steps=steps) for steps in (None, 0))
        for contribution, same in zip(chosen, exact, strict=True):
            assert contribution.values.tobytes() == same.values.tobytes()
        if isinstance(options, MeanOptions):  # the gradient is the same all along the way
            stepwise = contributions(classifier, texts, steps=3)
            np.testing.assert_allclose(all_scores(chosen), all_scores(stepwise), atol=1e-5)
            np.testing.assert_allclose(chosen[0].values, stepwise[0].values, atol=1e-5)


# ---------------------------------------------------------------------- which texts are looked at


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return alone(MeanOptions())


def labelled(classifier: Classifier, labels: list[int] | None = None) -> Examples:
    texts = [*TEXTS, "", "Alps"]
    right = classifier.predict_proba(texts).argmax(axis=1).tolist()
    return Examples(texts, labels or right, ("a", "b", "c"))


def test_the_surest_mistakes_come_first(classifier: Classifier) -> None:
    examples = labelled(classifier, [i % 3 for i in range(182)])
    evaluation = evaluate(classifier, examples)
    attribution = attribute(classifier, evaluation)
    assert len(attribution.sample) == 182
    assert len(attribution.mistakes) == 20
    confidence = evaluation.confidence[list(attribution.mistakes)]
    assert (np.diff(confidence) <= 0).all()
    mistakes = evaluation.predicted != evaluation.labels
    assert confidence.min() >= np.sort(evaluation.confidence[mistakes])[-20]
    for place, explained in attribution.mistakes.items():
        assert mistakes[place]
        assert explained.text == examples.texts[place]
        assert explained.scores.argmax() == evaluation.predicted[place]
    assert len(attribute(classifier, evaluation, n_mistakes=3).mistakes) == 3


def test_some_of_many_texts_are_drawn(classifier: Classifier) -> None:
    evaluation = evaluate(classifier, labelled(classifier))
    first, same, changed = (
        list(attribute(classifier, evaluation, n_sample=30, seed=seed).sample) for seed in (0, 0, 1)
    )
    assert len(first) == 30
    assert first == same == sorted(first)
    assert first != changed


def test_nothing_wrong_is_no_mistake(classifier: Classifier) -> None:
    evaluation = evaluate(classifier, labelled(classifier))
    assert attribute(classifier, evaluation).mistakes == {}
