"""The layer after the embedding, and which headlines it takes to be alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from builders import all_words, make_headlines, topical_vectors

from pipeline import (
    Network,
    activations,
    build_embedding_matrix,
    build_network,
    build_vocabulary,
    load_headlines,
    probe,
    train,
)
from pipeline.base.errors import DataError
from pipeline.classifier.encoders import (
    AttentionOptions,
    BiGruOptions,
    CnnOptions,
    MeanOptions,
    ModelOptions,
)
from pipeline.data.examples import Examples
from pipeline.embedding.vectors import WordVectors
from pipeline.insight.probes import Pair, Probes, Reference, Sentences, load_sentences
from pipeline.training.options import PhaseOptions, TrainingOptions

TEXTS = ["Alps may lose snow", "", "the bank", "xyzzy of the himalaya"]
NAMES = ("money", "nature", "sport")


def built(config: ModelOptions, seed: int = 0, unseen: tuple[str, ...] = ("himalaya",)) -> Network:
    """A network of all words of the builders; the words of `unseen` are in the second table."""
    vectors = WordVectors.from_rows(all_words(), topical_vectors(all_words()))
    words = [word for word in all_words() if word not in unseen]
    matrix = build_embedding_matrix(words, vectors, extra_words=unseen)
    return build_network(matrix, 3, config, seed=seed)


def rows_of(classifier: Network, texts: list[str]) -> np.ndarray:
    """The word vectors of each token, looked up by hand: float32 array, (n, tokens, vector_size)."""
    (rows,) = classifier.token_ids(texts)
    extra = classifier.embedder.get_layer("extra").embeddings.numpy()
    table = np.concatenate([classifier.embedding.embeddings.numpy(), extra])
    return table[rows]


def test_activations_of_convolutions() -> None:
    classifier = built(CnnOptions(filters=5, kernel_sizes=(1, 3)))
    result = activations(classifier, TEXTS)
    assert result.values.shape == (4, 4, 10)
    assert result.values.dtype == np.float32
    assert result.present.tolist() == [
        [True] * 4,
        [False] * 4,
        [True] * 2 + [False] * 2,
        [True] * 4,
    ]
    vectors = np.pad(rows_of(classifier, TEXTS), [(0, 0), (1, 1), (0, 0)])
    kernel, bias = classifier.encoder.get_layer("convolution_3").get_weights()
    for token in range(4):
        by_hand = np.einsum("nkd,kdf->nf", vectors[:, token : token + 3], kernel) + bias
        np.testing.assert_allclose(result.values[:, token, 5:], np.maximum(by_hand, 0), atol=1e-5)


@pytest.mark.parametrize("config", [MeanOptions(), AttentionOptions()])
def test_activations_are_the_word_vectors_where_these_are_pooled(config: ModelOptions) -> None:
    classifier = built(config)
    result = activations(classifier, TEXTS)
    np.testing.assert_array_equal(result.values, rows_of(classifier, TEXTS))


def test_activations_are_states() -> None:
    classifier = built(BiGruOptions(units=7))
    result = activations(classifier, TEXTS)
    assert result.values.shape == (4, 4, 14)
    # Max-pooled, they are what the output layer takes.
    kernel, bias = classifier.encoder.get_layer("logits").get_weights()
    highest = np.where(result.present[:, :, None], result.values, -np.inf).max(axis=1)
    highest[1] = 0  # the headline without tokens
    logits = highest @ kernel + bias
    np.testing.assert_allclose(logits, classifier.head(classifier.token_ids(TEXTS)), atol=1e-5)


def test_activations_follow_the_weights() -> None:
    classifier = built(CnnOptions(filters=5))
    first, again = (activations(classifier, TEXTS).values for _ in range(2))
    np.testing.assert_array_equal(first, again)  # no dropout
    classifier.set_weights([2 * weights for weights in classifier.get_weights()])
    assert not np.allclose(activations(classifier, TEXTS).values, first)


# ------------------------------------------------------------------------------------------- ranks

SENTENCES = Sentences(
    Reference("the match of the team", "Himalaya loses ice again", "alps may lose snow", "nature"),
    (
        Pair("bank wins new profit", "market record for shares", "money"),
        Pair("alps loses ice", "snow of the himalaya", "nature"),
        Pair("the final of the cup", "striker wins league", "no such label"),
    ),
)


@pytest.fixture(scope="module")
def test_split() -> Examples:
    texts, labels = make_headlines(40)
    return Examples(texts, [NAMES.index(label) for label in labels], NAMES)


def slowly(
    classifier: Network, how: str, first: str, second: str, crowd: list[str]
) -> tuple[float, float]:
    """The rank and the plain cosine, computed one headline after the other."""
    texts = [first, second, *crowd]
    result = activations(classifier, texts)
    values = rows_of(classifier, texts) if how == "embedding" else result.values
    pool = np.max if how == "max" else np.mean
    query, target, *others = [
        pool(vectors[present], axis=0)
        for vectors, present in zip(values, result.present, strict=True)
    ]

    def cosine(first: np.ndarray, second: np.ndarray) -> float:
        return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))

    plain, mean = cosine(query, target), np.mean(others, axis=0)
    closer = [
        cosine(vector - mean, query - mean) > cosine(target - mean, query - mean)
        for text, vector in zip(crowd, others, strict=True)
        if text not in (first, second)
    ]
    return float(np.mean(closer)), plain


@pytest.mark.parametrize("config", [CnnOptions(filters=6, kernel_sizes=(1, 2)), MeanOptions()])
def test_ranks_and_cosines_one_by_one(config: ModelOptions, test_split: Examples) -> None:
    classifier = built(config)
    # A probe sentence may be one of the test headlines: it is not ranked against itself.
    texts = [*test_split.texts, "alps loses ice"]
    labels = [*test_split.labels, NAMES.index("nature")]
    result = probe(classifier, Examples(texts, labels, NAMES), SENTENCES)

    def with_label(label: str) -> list[str]:
        return [text for text, i in zip(texts, labels, strict=True) if NAMES[i] == label]

    a, b, c = SENTENCES.reference.a, SENTENCES.reference.b, SENTENCES.reference.c
    nature = with_label("nature")
    assert (result.label, result.headlines) == ("nature", len(nature)) == ("nature", 41)
    for how, rank in (
        ("mean", result.rank_bc), ("max", result.rank_bc_max), ("embedding", result.rank_bc_embedding)
    ):  # fmt: skip
        assert rank == pytest.approx(slowly(classifier, how, b, c, nature)[0])
    for pair, cosine in (((a, b), result.cos_ab), ((a, c), result.cos_ac), ((b, c), result.cos_bc)):
        assert cosine == pytest.approx(slowly(classifier, "mean", *pair, nature)[1], abs=1e-5)
    for pair, ranked in zip(SENTENCES.pairs, result.pairs, strict=True):
        label = pair.label
        if label not in NAMES:  # then it is the network's
            label = NAMES[classifier.predict_proba([pair.first])[0].argmax()]
        assert ranked.label == label
        slow = [slowly(classifier, how, pair.first, pair.second, with_label(label))[0]
                for how in ("mean", "embedding")]  # fmt: skip
        assert [ranked.rank, ranked.rank_embedding] == pytest.approx(slow)
    metrics = result.metrics()
    ranks = [pair.rank for pair in result.pairs]
    assert metrics["pairs_rank_median"] == sorted(ranks)[1]
    assert metrics["pairs_rank_mean"] == pytest.approx(sum(ranks) / 3)
    assert metrics["pairs_unseen_rank_mean"] == ranks[1]  # the one with the Himalaya
    assert metrics["rank_bc"] == result.rank_bc


def test_words_that_were_not_in_training_are_named(test_split: Examples) -> None:
    sentences = Sentences(
        Reference("the match 70%", "Xyzzy of the Himalaya", "the Alps"), (Pair("him", "alps 50"),)
    )
    result = probe(built(MeanOptions()), test_split, sentences)
    a, b, c = result.reference
    assert (a.tokens, a.unseen) == (("the", "match", "70", "%"), ())  # a number is no word
    assert (b.tokens, b.unseen) == (("xyzzy", "of", "the", "himalaya"), ("xyzzy", "himalaya"))
    assert (b.unknown, c.unseen) == (("xyzzy",), ())
    assert b.activations.shape == (4, 8)
    assert result.pairs[0].unseen == ("him",)


def test_a_label_without_test_headlines_has_no_rank(test_split: Examples) -> None:
    pairs = zip(test_split.texts, test_split.labels, strict=True)
    texts = [text for text, i in pairs if NAMES[i] == "money"]
    result = probe(built(MeanOptions()), Examples(texts, [0] * len(texts), NAMES), SENTENCES)
    assert np.isnan(result.rank_bc)
    assert "rank_bc" not in result.metrics()
    assert "cos_bc" in result.metrics()


def test_of_very_many_headlines_a_sample_is_taken(test_split: Examples) -> None:
    classifier = built(MeanOptions())
    result, again = (
        probe(classifier, test_split, SENTENCES, max_headlines=60, batch_size=batch_size)
        for batch_size in (7, 512)
    )
    assert result.headlines == again.headlines < 40
    assert result.metrics() == pytest.approx(again.metrics(), abs=1e-6)


# ------------------------------------------------------------------- a meaning that is planted

N_TOPICS = 8


def planted() -> Iterator[tuple[str, Probes]]:
    """Two labels with four topics each. The labels do not tell the topics apart.

    The sentences of a pair have one topic, and words that training does not see.
    """
    random = np.random.default_rng(0)
    words = [f"w{topic}x{i}" for topic in range(N_TOPICS) for i in range(12)]
    centres = random.normal(0, 1, (N_TOPICS, 16))
    values = [centres[int(word[1])] + random.normal(0, 0.5, 16) for word in words]
    vectors = WordVectors.from_rows(words, np.array(values, np.float32))

    def headline(topic: int, low: int, high: int) -> str:
        chosen = random.choice(np.arange(low, high), 4, replace=False)
        return " ".join(f"w{topic}x{i}" for i in chosen)

    topics = [topic for topic in range(N_TOPICS) for _ in range(40)]
    texts, labels = [headline(t, 0, 8) for t in topics], [t // 4 for t in topics]
    tested = [headline(t, 0, 8) for t in topics]
    pairs = [Pair(headline(t, 0, 8), headline(t, 8, 12), "xy"[t // 4]) for t in range(N_TOPICS)]
    sentences = Sentences(
        Reference(headline(5, 8, 12), headline(0, 8, 12), headline(0, 8, 12), "x"), tuple(pairs)
    )
    training = Examples(texts, labels, ("x", "y"))
    vocabulary = build_vocabulary(texts)
    for method in ("frozen", "scratch"):
        chosen = vectors if method == "frozen" else vectors.emptied()
        extra = words if method == "frozen" else ()
        matrix = build_embedding_matrix(vocabulary.words, chosen, extra_words=extra, std=0.4)
        classifier = build_network(matrix, 2, CnnOptions(filters=32, kernel_sizes=(1, 2)))
        schedule = TrainingOptions(phases=(method,), **{method: PhaseOptions(epochs=6)})
        history = train(classifier, training, training, schedule)
        assert history.best.best.val_accuracy > 0.95  # either knows the labels
        yield method, probe(classifier, Examples(tested, labels, ("x", "y")), sentences)


def test_scratch_knows_the_labels_and_not_the_meaning() -> None:
    result = {method: probes.metrics() for method, probes in planted()}
    frozen, scratch = result["frozen"], result["scratch"]
    # A quarter of the headlines with the label are of the topic, and may be as close.
    assert frozen["pairs_unseen_rank_median"] < 0.25 < scratch["pairs_unseen_rank_median"]
    assert frozen["pairs_rank_embedding_median"] < 0.25 < scratch["pairs_rank_embedding_median"]
    assert frozen["rank_bc"] < 0.25


# --------------------------------------------------------------------------------------- sentences


def test_the_sentences_that_come_with_it() -> None:
    sentences = load_sentences()
    reference = sentences.reference
    assert reference.a == "Here are 21 healthy fall soups to stock your freezer"
    assert reference.b == "Himalaya might miss 50% of its ice in eighty years"
    assert reference.c == "Alps may lose 70% of snow by end of the century"
    assert len(sentences.pairs) >= 24
    assert {pair.label for pair in sentences.pairs} == {"news", "clickbait"}
    texts = [text for pair in sentences.pairs for text in (pair.first, pair.second)]
    assert len({text.lower() for text in texts}) == 2 * len(sentences.pairs)
    headlines = load_headlines("bbc")
    assert not {text for split in headlines.splits for text in headlines.texts(split)} & set(texts)
    words = set(build_vocabulary(headlines.texts("train")).words)
    unseen = [text for text in texts if set(text.lower().split()) - words]
    assert len(unseen) > len(texts) / 2


GOOD = "reference: {a: one, b: two, c: three}\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected probe sentences in YAML .*No such file"),
        ("a: [", "expected probe sentences in YAML .*while parsing"),
        ("", "the whole: .*expected the form of conf/probes.yaml"),
        ("pairs: []", "reference: .*equired.*: expected the form"),
        ("reference: {a: one, b: two}", "reference.c: .*equired.*: expected the form"),
        (GOOD + "pair: []", "pair: Unexpected .*: expected the form"),
        (GOOD + "pairs: [[one, two]]", "pairs.0.*: expected the form"),
        (GOOD + "pairs: [{first: one, second: 2}]", "pairs.0.second: .*valid string"),
        (GOOD + "pairs: [{first: one, second: ' '}]", "pairs.0.second: .*at least 1 character"),
    ],
)
def test_a_file_that_is_none_is_said_in_a_line(
    content: str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=message) as raised:
        load_sentences(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_sentences_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + "pairs: [{first: one, second: eins}]")
    assert load_sentences(path) == Sentences(
        Reference("one", "two", "three"), (Pair("one", "eins"),)
    )
