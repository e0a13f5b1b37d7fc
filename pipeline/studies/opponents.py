"""Opponents that `compare.also` names: any scikit-learn estimator, and sentence encoders.

    package.module:Factory           what gives a fresh estimator with fit(texts, labels) and
    predict sentence_transformers[:MODEL]    sentence vectors, and a logistic regression on them
    model2vec[:MODEL]                the same with a static model setfit[:MODEL]                   a
    sentence encoder that is fine-tuned

MODEL is a folder, or a name of the Hugging Face hub. An opponent is a `Baseline`, as those of
`pipeline.studies.baselines`: it learns from the same texts, and its seconds are taken in the same
way.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from pipeline.base.errors import ConfigError, nearest
from pipeline.base.files import file_digest
from pipeline.data.examples import Examples
from pipeline.studies.baselines import Baseline, Predict, fit_majority

_STRENGTHS = (0.1, 1, 10, 100)  # C of the logistic regression
_PAIRS = 20  # of texts, for each text: the number of SetFit's authors (Tunstall et al. 2022)


@dataclass(frozen=True, eq=False)
class Opponent:
    """A method that `compare.also` names.

    `name`: as it is shown. `fit`: as a baseline. `identity`: of its code; a comparison goes on only
    where it is the same.
    """

    name: str
    fit: Baseline
    identity: str


@dataclass(frozen=True)
class Encoder:
    """A package of sentence encoders.

    `package`: as pip calls it. `model`: where none is named. `load`: from a folder or a name to a
    baseline.
    """

    package: str
    model: str
    load: Callable[[str], Baseline]


def load_opponents(addresses: Sequence[str], taken: Collection[str] = ()) -> list[Opponent]:
    """The opponents, loaded. A module is looked for where Python looks, and in the current folder.

    `addresses`: in the forms above. `taken`: names of other methods.

    Raises ConfigError: there is no such module, factory, package or model, or two have one name.
    """
    opponents: list[Opponent] = []
    for address in addresses:
        with _foreign_code():
            opponent = _load(address)
        if opponent.name in (*taken, *(each.name for each in opponents)):
            raise ConfigError(
                "compare.also: expected methods with different names, got another "
                f"{opponent.name!r} ({address}): give the factory, or the folder, another name"
            )
        opponents.append(opponent)
    return opponents


def _load(address: str) -> Opponent:
    kind, _, which = address.partition(":")
    if kind in ENCODERS:
        encoder = ENCODERS[kind]
        if importlib.util.find_spec(kind) is None:
            raise ConfigError(
                f"compare.also: {address} needs the package {encoder.package}, which is not "
                f"installed: pip install {encoder.package}, or leave it out"
            )
        model = which or encoder.model
        if model.startswith(("/", ".", "~")) and not Path(model).is_dir():
            raise ConfigError(
                f"compare.also: {address}: there is no folder {model}: name the folder of a model"
            )
        with _named(address, "cannot be loaded", "name the folder of a model, or leave it out"):
            fit = encoder.load(model)
        identity = str(getattr(sys.modules[kind], "__version__", ""))
        return Opponent(_shown(f"{kind} {Path(model).name}"), fit, identity)
    factory = _factory(address, kind, which)
    with _named(address, "does not make an estimator", "mend it, or leave it out"):
        estimator = factory()
        if isinstance(estimator, type):
            raise TypeError(f"expected an estimator, got the class {estimator.__name__}")
        missing = [m for m in ("fit", "predict") if not callable(getattr(estimator, m, None))]
    if missing:
        raise ConfigError(
            f"compare.also: {address}: expected what makes an estimator with fit and predict, got "
            f"{type(estimator).__name__} without {missing[0]}"
        )
    return Opponent(_shown(which), _baseline(address, factory), _code(factory))


def _factory(address: str, module: str, name: str) -> Callable[[], Any]:
    """What makes an estimator: a function or a class."""
    if not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", address):
        raise ConfigError(
            f"compare.also: expected package.module:Factory, or one of {', '.join(ENCODERS)}, got "
            f"{address!r}{nearest(module, ENCODERS)}"
        )
    try:
        loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a module can raise anything
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise ConfigError(
                f"compare.also: {address}: there is no module {error.name!r}: install it, or start "
                "in the folder that has it"
            ) from error
        raise _failed(address, "cannot be imported", "mend it, or leave it out", error) from error
    try:
        factory: Callable[[], Any] = attrgetter(name)(loaded)
    except AttributeError as error:
        raise ConfigError(
            f"compare.also: {address}: the module has no {name!r}{nearest(name, vars(loaded))}"
        ) from error
    if not callable(factory):
        raise ConfigError(
            f"compare.also: {address}: expected a function or a class, got {type(factory).__name__}"
        )
    return factory


def _baseline(address: str, factory: Callable[[], Any]) -> Baseline:
    def fit(training: Examples, validation: Examples, seed: int) -> Predict:
        names = np.array(training.label_names, object)
        where = f"failed with {len(training):,} headlines, seed {seed}"
        with _named(address, where, "mend it, or leave it out"):
            estimator = _seeded(factory(), seed)
            estimator.fit(list(training.texts), names[list(training.labels)].tolist())

        def predict(texts: Sequence[str]) -> NDArray[np.int64]:
            with _named(address, where, "mend it, or leave it out"):
                predicted = [*estimator.predict(list(texts))]
            return _numbers(predicted, len(texts), training.label_names, address)

        return predict

    return _where_labels_differ(fit)


def _seeded(estimator: Any, seed: int) -> Any:
    """With this seed wherever scikit-learn's way to set one is there."""
    if hasattr(estimator, "get_params"):
        names = [name for name in estimator.get_params() if name.split("__")[-1] == "random_state"]
        if names:
            estimator.set_params(**dict.fromkeys(names, seed))
    return estimator


def _numbers(
    predicted: Sequence[Any], n: int, label_names: Sequence[str], address: str
) -> NDArray[np.int64]:
    if len(predicted) != n:
        raise ConfigError(
            f"compare.also: {address}: expected a label for each of {n:,} headlines, got "
            f"{len(predicted):,}"
        )
    number = {name: i for i, name in enumerate(label_names)}
    for label in predicted:
        if not isinstance(label, str) or label not in number:
            raise ConfigError(
                f"compare.also: {address}: expected labels that it learned, as {label_names[0]!r}, "
                f"got {_own_words(repr, label)[:60]}"
            )
    return np.array([number[label] for label in predicted], np.int64)


def _where_labels_differ(fit: Baseline) -> Baseline:
    """With few headlines all can have one label, which most estimators refuse."""

    def fit_or_majority(training: Examples, validation: Examples, seed: int) -> Predict:
        several = len(set(training.labels)) > 1
        return (fit if several else fit_majority)(training, validation, seed)

    return fit_or_majority


# ------------------------------------------------------------------------------- encoders


def _on_vectors(encode: Callable[[list[str]], Any], address: str) -> Baseline:
    """A logistic regression on vectors of texts. Its C is the one that does best on the validation
    texts, the smallest of equal ones."""

    def fit(training: Examples, validation: Examples, seed: int) -> Predict:
        with _named(address, "failed", "leave it out"):
            rows, held_out = (
                np.asarray(encode(list(e.texts)), np.float32) for e in (training, validation)
            )
            models = [
                LogisticRegression(C=c, max_iter=1_000, random_state=seed).fit(
                    rows, training.labels
                )
                for c in _STRENGTHS
            ]
            scores = [model.score(held_out, validation.labels) for model in models]
        best = models[int(np.argmax(scores))]

        def predict(texts: Sequence[str]) -> NDArray[np.int64]:
            with _named(address, "failed", "leave it out"):
                return best.predict(np.asarray(encode(list(texts)), np.float32))

        return predict

    return _where_labels_differ(fit)


def _load_sentence_transformers(model: str) -> Baseline:
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(model)
    return _on_vectors(
        lambda texts: encoder.encode(texts, show_progress_bar=False),
        f"sentence_transformers:{model}",
    )


def _load_model2vec(model: str) -> Baseline:
    from model2vec import StaticModel

    return _on_vectors(StaticModel.from_pretrained(model).encode, f"model2vec:{model}")


def _load_setfit(model: str) -> Baseline:
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    loaded = SetFitModel.from_pretrained(model)

    def fit(training: Examples, validation: Examples, seed: int) -> Predict:
        with (
            _named(f"setfit:{model}", f"failed with {len(training):,} headlines", "leave it out"),
            tempfile.TemporaryDirectory() as folder,
        ):
            fresh = copy.deepcopy(loaded)
            rows = {"text": list(training.texts), "label": list(training.labels)}
            arguments = TrainingArguments(
                output_dir=folder, num_iterations=_PAIRS, seed=seed, report_to="none",
                save_strategy="no", show_progress_bar=False,
            )  # fmt: skip
            Trainer(model=fresh, args=arguments, train_dataset=Dataset.from_dict(rows)).train()

        def predict(texts: Sequence[str]) -> NDArray[np.int64]:
            with _named(f"setfit:{model}", "failed", "leave it out"):
                return np.asarray(fresh.predict(list(texts), as_numpy=True), np.int64)

        return predict

    return _where_labels_differ(fit)


ENCODERS: Mapping[str, Encoder] = {
    "sentence_transformers": Encoder(
        "sentence-transformers",
        "sentence-transformers/all-MiniLM-L6-v2",
        _load_sentence_transformers,
    ),
    "model2vec": Encoder("model2vec", "minishlab/potion-base-8M", _load_model2vec),
    "setfit": Encoder("setfit", "sentence-transformers/paraphrase-MiniLM-L3-v2", _load_setfit),
}
"""By the name of the module."""


# --------------------------------------------------------------------------------- messages


@contextmanager
def _named(address: str, what: str, advice: str) -> Iterator[None]:
    """Raises ConfigError: code of others raised an error, of any kind, or would end the process."""
    try:
        with _foreign_code():
            yield
    except (Exception, SystemExit) as error:
        raise _failed(address, what, advice, error) from error


@contextmanager
def _foreign_code() -> Iterator[None]:
    """Python also looks for modules in the current folder. What is printed is no part of the
    results."""
    folder = str(Path.cwd())
    is_new = folder not in sys.path
    if is_new:
        sys.path.append(folder)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if is_new and folder in sys.path:
            sys.path.remove(folder)


def _failed(address: str, what: str, advice: str, error: BaseException) -> ConfigError:
    reason = _own_words(lambda e: (str(e).strip().splitlines() or ["no message"])[0], error)[:200]
    return ConfigError(
        f"compare.also: {address} {what} ({type(error).__name__}: {reason}): {advice}"
    )


def _own_words(describe: Callable[[Any], str], value: object) -> str:
    """What an object of other code says of itself, in one line."""
    try:
        return " ".join(describe(value).split())
    except (Exception, SystemExit):  # noqa: BLE001, its code can raise anything
        return f"a {type(value).__name__} that cannot be shown"


def _shown(name: str) -> str:
    """A name as MLflow takes it in that of a metric."""
    return re.sub(r"[^\w.\- ]", "_", name)


def _code(factory: Callable[[], Any]) -> str:
    """A digest of the file that has the factory; empty where there is none."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(factory))
    except TypeError:
        return ""
    return file_digest(Path(path)) if path and Path(path).is_file() else ""
