"""Transfer learning for short texts: word vectors, a Keras classifier, MLflow.

The names below are imported when they are first used: `import pipeline` by itself loads neither
TensorFlow nor MLflow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.base.errors import PipelineError as PipelineError
    from pipeline.cases.casebase import CaseBase as CaseBase
    from pipeline.classifier.ensemble import Classifier as Classifier
    from pipeline.classifier.ensemble import Ensemble as Ensemble
    from pipeline.classifier.ensemble import fit_ensemble as fit_ensemble
    from pipeline.classifier.network import Network as Network
    from pipeline.classifier.network import build_network as build_network
    from pipeline.config import Config as Config
    from pipeline.config import load_config as load_config
    from pipeline.data.examples import Examples as Examples
    from pipeline.data.headlines import Headlines as Headlines
    from pipeline.data.headlines import load_headlines as load_headlines
    from pipeline.embedding.corpus import train_vectors as train_vectors
    from pipeline.embedding.joining import join_vectors as join_vectors
    from pipeline.embedding.loading import load_vectors as load_vectors
    from pipeline.embedding.matching import match_words as match_words
    from pipeline.embedding.matching import spellings as spellings
    from pipeline.embedding.matrix import EmbeddingMatrix as EmbeddingMatrix
    from pipeline.embedding.matrix import build_embedding_matrix as build_embedding_matrix
    from pipeline.embedding.text import tokenize as tokenize
    from pipeline.embedding.vectors import WordVectors as WordVectors
    from pipeline.embedding.vocabulary import Vocabulary as Vocabulary
    from pipeline.embedding.vocabulary import build_vocabulary as build_vocabulary
    from pipeline.estimator import EmbeddingClassifier as EmbeddingClassifier
    from pipeline.insight.attribution import Contributions as Contributions
    from pipeline.insight.attribution import contributions as contributions
    from pipeline.insight.audit import Audit as Audit
    from pipeline.insight.audit import audit as audit
    from pipeline.insight.embedding_report import EmbeddingReport as EmbeddingReport
    from pipeline.insight.embedding_report import report_embedding as report_embedding
    from pipeline.insight.evaluation import Evaluation as Evaluation
    from pipeline.insight.evaluation import evaluate as evaluate
    from pipeline.insight.probes import Probes as Probes
    from pipeline.insight.probes import activations as activations
    from pipeline.insight.probes import probe as probe
    from pipeline.insight.similarity import neighbours as neighbours
    from pipeline.insight.similarity import word_similarity as word_similarity
    from pipeline.portable import PortableClassifier as PortableClassifier
    from pipeline.portable import load_classifier as load_classifier
    from pipeline.training.fit import Fitted as Fitted
    from pipeline.training.fit import fit as fit
    from pipeline.training.history import History as History
    from pipeline.training.loop import train as train

_HOMES = {
    "base.errors": ("PipelineError",),
    "data.examples": ("Examples",),
    "data.headlines": ("Headlines", "load_headlines"),
    "embedding.text": ("tokenize",),
    "embedding.vocabulary": ("Vocabulary", "build_vocabulary"),
    "embedding.vectors": ("WordVectors",),
    "embedding.loading": ("load_vectors",),
    "embedding.corpus": ("train_vectors",),
    "embedding.joining": ("join_vectors",),
    "embedding.matching": ("match_words", "spellings"),
    "embedding.matrix": ("EmbeddingMatrix", "build_embedding_matrix"),
    "classifier.network": ("Network", "build_network"),
    "classifier.ensemble": ("Classifier", "Ensemble", "fit_ensemble"),
    "training.history": ("History",),
    "training.loop": ("train",),
    "training.fit": ("Fitted", "fit"),
    "insight.evaluation": ("Evaluation", "evaluate"),
    "insight.similarity": ("neighbours", "word_similarity"),
    "insight.probes": ("Probes", "activations", "probe"),
    "insight.embedding_report": ("EmbeddingReport", "report_embedding"),
    "insight.attribution": ("Contributions", "contributions"),
    "insight.audit": ("Audit", "audit"),
    "cases.casebase": ("CaseBase",),
    "portable": ("PortableClassifier", "load_classifier"),
    "config": ("Config", "load_config"),
    "estimator": ("EmbeddingClassifier",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value  # so that this is called once a name
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
