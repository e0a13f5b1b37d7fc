"""`EmbeddingClassifier`: the same chain behind scikit-learn's interface."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from pipeline.base.errors import ConfigError, DataError, PipelineError
from pipeline.base.options import STRICT, Fraction, Seed, check_options
from pipeline.classifier.encoders import CnnOptions, ModelOptions
from pipeline.data.arrays import held_out_examples, list_labelled, list_texts, name_labels
from pipeline.data.examples import Examples
from pipeline.data.options import DataOptions
from pipeline.data.sampling import take_examples
from pipeline.data.splitting import hold_out, warn_of_rare
from pipeline.embedding.options import VectorsOptions
from pipeline.training.fit import fit
from pipeline.training.options import TrainingOptions

# The defaults are those of the rooms.
_DATA, _VECTORS, _MODEL, _TRAINING = (
    DataOptions(), VectorsOptions(), CnnOptions(), TrainingOptions(),
)  # fmt: skip
# What a parameter is called among the options.
_MODEL_NAMES = ("encoder", "max_tokens", "dropout", "letter_case", "sif", "ngrams")
_VECTORS_NAMES = ("std", "extra_words", "fallbacks", "min_coverage")
_TRAINING_NAMES = {
    "frozen_epochs": "frozen.epochs",
    "frozen_learning_rate": "frozen.learning_rate",
    "fine_tuned_epochs": "fine_tuned.epochs",
    "fine_tuned_learning_rate": "fine_tuned.learning_rate",
    "batch_size": "batch_size",
    "adversarial_epsilon": "adversarial_epsilon",
    "class_weight": "class_weight",
    "select": "select",
}
_OPTION = re.compile(r"\b(data|vectors|model|training)\.([a-z_]+(?:\.[a-z_]+)?)(=\.\.\.)?")


@dataclass(frozen=True, config=STRICT)
class _OwnOptions:
    """What is no option of a room."""

    validation: Fraction
    random_state: Seed
    warm_start: bool


class EmbeddingClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of short texts that starts from pretrained word vectors.

    Args:
        vectors: the name of a set (`pipeline vectors list`), a file, WordVectors or gensim
            KeyedVectors.
        encoder: `cnn`, `mean`, `bigru`, `attention` or `metric`.
        max_tokens: tokens of a text that are read; the rest is cut off. `auto`: what 99.5% of the
            training texts have, 24 to 128.
        dropout: fraction of the features that is left out at random in training.
        letter_case: whether the network sees capitals.
        sif, ngrams: whether this linear member is fitted beside the network.
        frozen_epochs: epochs in which the word vectors do not move; 0 leaves the phase out, and
            `auto` decides by the number of texts.
        frozen_learning_rate: of that phase.
        fine_tuned_epochs: epochs in which the word vectors are trained with the rest, likewise.
        fine_tuned_learning_rate: of that phase.
        batch_size: texts a step, or `auto`.
        adversarial_epsilon: how far word vectors are moved against a text's label in training, in
            lengths of a typical vector; 0 leaves these steps out.
        class_weight: how much the texts of a label count: None (each once), `balanced` (all labels
            the same) or a dict of weights by label; a label that is not in it has the weight 1.
        select: what decides on the held out texts between epochs and phases: `accuracy`,
            `balanced_accuracy`, `macro_f1` or `log_loss`.
        fallbacks: how a word without a vector is looked up in another spelling: `auto`, or a list
            of names.
        std: standard deviation to which the vectors are scaled; None leaves them as they are.
        extra_words: how many of the set's most frequent words can be read in new texts although
            no training text has them.
        min_coverage: fraction of the running words that need a vector, else `fit` refuses the set.
        validation: fraction of the training texts that is held out, where `fit` gets no
            validation_data. It chooses the best epoch and weighs the members.
        random_state: an integer, the seed of everything.
        warm_start: whether another `fit` begins from what the last one learned, and not from the
            vectors.

    After `fit` there are `classes_`, array (n_classes,); `fitted_`, a
    `pipeline.training.fit.Fitted` with the classifier, the matrix and its coverage, and the
    history.

    >>> from pipeline import EmbeddingClassifier
    >>> EmbeddingClassifier(encoder="mean").get_params()["encoder"]
    'mean'
    """

    def __init__(
        self,
        vectors: Any = _VECTORS.source,
        *,
        encoder: str = _MODEL.encoder,
        max_tokens: int | str = _MODEL.max_tokens,
        dropout: float = _MODEL.dropout,
        letter_case: bool = _MODEL.letter_case,
        sif: bool = _MODEL.sif,
        ngrams: bool = _MODEL.ngrams,
        frozen_epochs: int | str = _TRAINING.frozen.epochs,
        frozen_learning_rate: float = _TRAINING.frozen.learning_rate,
        fine_tuned_epochs: int | str = _TRAINING.fine_tuned.epochs,
        fine_tuned_learning_rate: float = _TRAINING.fine_tuned.learning_rate,
        batch_size: int | str = _TRAINING.batch_size,
        adversarial_epsilon: float = _TRAINING.adversarial_epsilon,
        class_weight: Any = _TRAINING.class_weight,
        select: str = _TRAINING.select,
        fallbacks: str | Sequence[str] = _VECTORS.fallbacks,
        std: float | None = _VECTORS.std,
        extra_words: int = _VECTORS.extra_words,
        min_coverage: float = _VECTORS.min_coverage,
        validation: float = _DATA.validation,
        random_state: int = _DATA.seed,
        warm_start: bool = False,
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
        self.adversarial_epsilon = adversarial_epsilon
        self.class_weight = class_weight
        self.select = select
        self.fallbacks = fallbacks
        self.std = std
        self.extra_words = extra_words
        self.min_coverage = min_coverage
        self.validation = validation
        self.random_state = random_state
        self.warm_start = warm_start

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: Sequence[Any],
        sample_weight: Sequence[float] | None = None,
        *,
        validation_data: Sequence[Any] | None = None,
        unlabelled: Sequence[str] | None = None,
    ) -> Self:
        """Train on texts and their labels.

        Args:
            X: a list or array of texts, (n,), or a table or array with one column of them, (n, 1).
            y: one label for each text: strings, whole numbers or truth values, (n,) or (n, 1).
            sample_weight: how much each text counts, (n,): one of weight 2 counts as two, one of
                weight 0 is left out. None: each counts once.
            validation_data: texts and their labels, as X and y, and perhaps weights, that choose
                the best epoch and weigh the members. None: a part of X does so, as `validation`
                says.
            unlabelled: texts without a label, as X. They are learned from where that helps: see
                `pipeline.classifier.unlabelled`.

        Raises:
            ConfigError: a parameter out of range, or with `warm_start` an encoder of another shape.
            DataError: no texts, a label that is missing or of another kind, not one label or weight
                for each text, too few texts, a weight that is negative or not finite, or
                validation_data or a class_weight with labels that y does not have.
            VectorsError: vectors that cannot be used, or that know too few of the words.
            TrainingError: a loss is not finite.
        """
        embedding, model, schedule = self._options()
        texts, values, weights = list_labelled(X, y, sample_weight)
        classes, labels = np.unique(values, return_inverse=True)
        names = name_labels(classes.tolist())
        more = [] if unlabelled is None else list_texts(unlabelled)
        training = Examples(texts, labels.tolist(), names, weights)
        if weights is not None:
            training = take_examples(training, np.flatnonzero(weights))
        counts = np.bincount(training.labels, minlength=len(classes))
        if len(classes) < 2 or (validation_data is None and counts.max() < 2):
            got = ", ".join(f"{name!r}: {n}" for name, n in zip(names, counts, strict=True))
            raise DataError(
                f"expected at least two labels, and one with two texts, got {got or 'no text'}"
            )
        if validation_data is None:
            training, held_out = self._split(training)
        else:
            held_out = held_out_examples(validation_data, classes.tolist(), names)
        earlier = getattr(self, "fitted_", None) if self.warm_start else None
        with _own_names():
            self.fitted_ = fit(
                training,
                held_out,
                self.vectors,
                embedding=embedding,
                model=model,
                schedule=schedule,
                seed=self.random_state,
                unlabelled=more,
                start=earlier.classifier if earlier else None,
            )
        self.classes_ = classes
        return self

    def _split(self, examples: Examples) -> tuple[Examples, Examples]:
        """The texts to learn from, and those that are held out."""
        labels, names = np.asarray(examples.labels), examples.label_names
        counts = np.bincount(labels, minlength=len(names))
        common = counts > 1
        n, n_labels = int(counts[common].sum()), int(common.sum())
        size = max(int(np.ceil(self.validation * n)), n_labels)
        if n - size < n_labels:
            raise DataError(
                f"validation={self.validation}: expected it to leave a training text for each of "
                f"{n_labels} labels, it leaves {n - size} of {n} texts"
            )
        if rare := [(names[i], 1) for i in np.flatnonzero(counts == 1)]:
            warn_of_rare(rare, 2)
        rows = np.arange(len(labels))
        rest, chosen = hold_out(rows, labels, size, common, self.random_state)
        return take_examples(examples, rest), take_examples(examples, chosen)

    def _options(self) -> tuple[VectorsOptions, ModelOptions, TrainingOptions]:
        """The parameters as checked options, so that a wrong one is named."""
        values = self.get_params(deep=False)
        check_options(
            _OwnOptions,
            {name: values[name] for name in ("validation", "random_state", "warm_start")},
        )
        if values["vectors"] is None:
            raise ConfigError("vectors=None: expected a name, a file, WordVectors or KeyedVectors")
        nested: dict[str, Any] = {}
        for name, path in _TRAINING_NAMES.items():
            *groups, leaf = path.split(".")
            place = nested.setdefault(groups[0], {}) if groups else nested
            place[leaf] = values[name]
        names = {path: name for name, path in _TRAINING_NAMES.items()}
        names[""] = "frozen_epochs, fine_tuned_epochs"  # what the schedule says as a whole
        return (
            check_options(VectorsOptions, {name: values[name] for name in _VECTORS_NAMES}),
            check_options(TypeAdapter(ModelOptions), {name: values[name] for name in _MODEL_NAMES}),
            check_options(TrainingOptions, nested, names),
        )

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float32]:  # noqa: N803
        """Probabilities: float32 array, (n, n_classes), in the order of `classes_`."""
        check_is_fitted(self, "fitted_")
        return self.fitted_.classifier.predict_proba(list_texts(X))

    def predict(self, X: Sequence[str]) -> NDArray[Any]:  # noqa: N803
        """The most probable label of each text: array, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


@contextmanager
def _own_names() -> Iterator[None]:
    """Messages name the parameters of the estimator, where the rooms name options."""
    try:
        yield
    except PipelineError as error:
        error.args = (_OPTION.sub(_own_name, str(error)),)
        raise


def _own_name(match: re.Match[str]) -> str:
    group, option, value = match[1], match[2], match[3] or ""
    if group == "training":
        return {path: name for name, path in _TRAINING_NAMES.items()}.get(option, option) + value
    if group == "vectors" and option in ("path", "source"):
        return f"vectors{value}"
    if group == "vectors" and option not in _VECTORS_NAMES:  # `fit` takes loaded vectors as well
        return f"load_vectors(..., {option}{value or '=...'})"
    return option + value
