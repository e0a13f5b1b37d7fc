"""Transfer learning for short texts: word vectors, a Keras classifier, MLflow.

The names below are imported when they are first used: `import pipeline` by itself loads neither
TensorFlow nor MLflow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.attribution import Contributions as Contributions
    from pipeline.attribution import contributions as contributions
    from pipeline.auditing import Audit as Audit
    from pipeline.auditing import audit as audit
    from pipeline.blending import Blend as Blend
    from pipeline.blending import blend as blend
    from pipeline.casebase import CaseBase as CaseBase
    from pipeline.config import Config as Config
    from pipeline.config import load_config as load_config
    from pipeline.data import Headlines as Headlines
    from pipeline.data import load_headlines as load_headlines
    from pipeline.errors import PipelineError as PipelineError
    from pipeline.estimator import EmbeddingClassifier as EmbeddingClassifier
    from pipeline.evaluation import Evaluation as Evaluation
    from pipeline.evaluation import evaluate as evaluate
    from pipeline.knowledge import Knowledge as Knowledge
    from pipeline.knowledge import assess as assess
    from pipeline.matching import candidates as candidates
    from pipeline.matching import match as match
    from pipeline.matrix import EmbeddingMatrix as EmbeddingMatrix
    from pipeline.matrix import build_embedding_matrix as build_embedding_matrix
    from pipeline.model import Classifier as Classifier
    from pipeline.model import build_classifier as build_classifier
    from pipeline.model import predict_probabilities as predict_probabilities
    from pipeline.probes import Probes as Probes
    from pipeline.probes import activations as activations
    from pipeline.probes import probe as probe
    from pipeline.semantics import neighbours as neighbours
    from pipeline.semantics import word_similarity as word_similarity
    from pipeline.text import Vocabulary as Vocabulary
    from pipeline.text import build_vocabulary as build_vocabulary
    from pipeline.text import tokenize as tokenize
    from pipeline.training import History as History
    from pipeline.training import train as train
    from pipeline.vectors import WordVectors as WordVectors
    from pipeline.vectors import load_vectors as load_vectors
    from pipeline.vectors.corpus import train_vectors as train_vectors
    from pipeline.vectors.joining import join as join

_HOMES = {
    "attribution": ("Contributions", "contributions"),
    "auditing": ("Audit", "audit"),
    "blending": ("Blend", "blend"),
    "casebase": ("CaseBase",),
    "config": ("Config", "load_config"),
    "data": ("Headlines", "load_headlines"),
    "errors": ("PipelineError",),
    "estimator": ("EmbeddingClassifier",),
    "evaluation": ("Evaluation", "evaluate"),
    "knowledge": ("Knowledge", "assess"),
    "matching": ("candidates", "match"),
    "matrix": ("EmbeddingMatrix", "build_embedding_matrix"),
    "model": ("Classifier", "build_classifier", "predict_probabilities"),
    "probes": ("Probes", "activations", "probe"),
    "semantics": ("neighbours", "word_similarity"),
    "text": ("Vocabulary", "build_vocabulary", "tokenize"),
    "training": ("History", "train"),
    "vectors": ("WordVectors", "load_vectors"),
    "vectors.corpus": ("train_vectors",),
    "vectors.joining": ("join",),
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
