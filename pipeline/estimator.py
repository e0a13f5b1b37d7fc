"""The same stages behind scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted

from pipeline.base.errors import DataError
from pipeline.classifier.ensemble import blend
from pipeline.classifier.network import build_network, predict_probabilities
from pipeline.config import Config, load_config
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import conventions, spellings
from pipeline.embedding.matrix import build_embedding_matrix
from pipeline.embedding.text import build_vocabularies
from pipeline.training.loop import train


class EmbeddingClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of short texts that starts from pretrained word vectors.

    `vectors`: a name, a file, WordVectors or gensim KeyedVectors. `encoder`: `cnn`, `mean`,
    `bigru`, `attention` or `metric`, with the other options of conf/model/. `frozen_epochs`,
    `fine_tuned_epochs`: the schedule; 0 leaves a phase out. `validation`: the fraction of the training texts held out to
    choose the best epoch. `random_state`: the seed of everything.

    After `fit`: `classes_` (n_classes,), `classifier_` (the Network with its Keras model),
    `history_`, `blend_` and `coverage_`.

    >>> from pipeline import EmbeddingClassifier
    >>> EmbeddingClassifier(encoder="mean").get_params()["encoder"]
    'mean'
    """

    def __init__(
        self,
        vectors: Any = "glove_6b_50d",
        *,
        encoder: str = "cnn",
        max_tokens: int = 24,
        dropout: float = 0.3,
        letter_case: bool = False,
        sif: bool = True,
        ngrams: bool = True,
        frozen_epochs: int | str = "auto",
        frozen_learning_rate: float = 2e-3,
        fine_tuned_epochs: int | str = "auto",
        fine_tuned_learning_rate: float = 1e-3,
        batch_size: int | str = "auto",
        adversarial: float = 0.25,
        fallbacks: str | Sequence[str] = "auto",
        std: float | None = 0.4,
        extra_words: int = 100_000,
        validation: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.vectors = vectors
        self.encoder = encoder
        self.max_tokens = max_tokens
        self.dropout = dropout
        self.letter_case = letter_case
        self.sif = sif
        self.ngrams = ngrams
        self.frozen_epochs = frozen_epochs
        self.frozen_learning_rate = frozen_learning_rate
        self.fine_tuned_epochs = fine_tuned_epochs
        self.fine_tuned_learning_rate = fine_tuned_learning_rate
        self.batch_size = batch_size
        self.adversarial = adversarial
        self.fallbacks = fallbacks
        self.std = std
        self.extra_words = extra_words
        self.validation = validation
        self.random_state = random_state

    def fit(self, X: Sequence[str], y: Sequence[Any]) -> Self:  # noqa: N803
        """Train on texts and their labels (strings or integers).

        Raises ConfigError: a parameter out of range; DataError: too few texts of a label;
        VectorsError: vectors that cannot be used.
        """
        config = self._config()
        texts = _texts(X)
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        if len(labels) != len(texts):
            raise DataError(f"expected one label a text, got {len(texts)} and {len(labels)}")
        counts = np.bincount(labels)
        if len(self.classes_) < 2 or counts.min() < 2:
            raise DataError(
                "expected at least two labels with two texts each, got "
                + ", ".join(
                    f"{c!r}: {n}" for c, n in zip(self.classes_.tolist(), counts, strict=True)
                )
            )
        size = max(int(np.ceil(self.validation * len(texts))), len(self.classes_))
        training, held_out, training_labels, held_out_labels = train_test_split(
            texts, labels, test_size=size, stratify=labels, random_state=self.random_state
        )
        vocabularies = build_vocabularies(training, max_tokens=self.max_tokens)
        vectors = load_vectors(
            self.vectors,
            words=spellings(word for v in vocabularies.values() for word in v.words),
            most_frequent=self.extra_words,
        )
        vocabulary = vocabularies[conventions(vectors.first_words).contractions]
        matrix = build_embedding_matrix(
            vocabulary.words,
            vectors,
            counts=vocabulary.counts,
            extra_words=vectors.index_to_key if self.extra_words else (),
            std=self.std,
            fallbacks=config.vectors.fallbacks,
            seed=self.random_state,
        )
        network = build_network(
            matrix,
            len(self.classes_),
            config.model,
            contractions=vocabulary.contractions,
            seed=self.random_state,
        )
        examples = training, training_labels.tolist()
        validation = held_out, held_out_labels.tolist()
        self.history_ = train(
            network, examples, validation, config.training, seed=self.random_state
        )
        self.blend_ = blend(
            network, matrix, examples, validation, config.model, seed=self.random_state
        )
        self.classifier_ = self.blend_.classifier
        self.coverage_ = matrix.coverage
        return self

    def _config(self) -> Config:
        """The parameters as a checked configuration, so that a wrong one is named."""
        values = {
            "model": self.encoder,
            "model.max_tokens": self.max_tokens,
            "model.dropout": self.dropout,
            "model.letter_case": self.letter_case,
            "model.sif": self.sif,
            "model.ngrams": self.ngrams,
            "training.frozen.epochs": self.frozen_epochs,
            "training.frozen.learning_rate": self.frozen_learning_rate,
            "training.fine_tuned.epochs": self.fine_tuned_epochs,
            "training.fine_tuned.learning_rate": self.fine_tuned_learning_rate,
            "training.batch_size": self.batch_size,
            "training.adversarial_epsilon": self.adversarial,
            "vectors.fallbacks": self.fallbacks
            if isinstance(self.fallbacks, str)
            else [*self.fallbacks],
            "vectors.std": "null" if self.std is None else self.std,
            "vectors.extra_words": self.extra_words,
            "data.validation": self.validation,
            "seed": self.random_state,
        }
        return load_config([f"{name}={value}" for name, value in values.items()])

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float32]:  # noqa: N803
        """Probabilities: float32 array, (n, n_classes), in the order of `classes_`."""
        check_is_fitted(self, "classifier_")
        return predict_probabilities(self.classifier_, _texts(X))

    def predict(self, X: Sequence[str]) -> NDArray[Any]:  # noqa: N803
        """The most probable label of each text: array, (n,)."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _texts(values: Sequence[str]) -> list[str]:
    if isinstance(values, str):
        raise DataError("expected a list of texts, got one text: put it in a list")
    texts = list(values)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"expected texts, got {text!r} at position {i}")
    return texts
