"""How good the training texts are as cases."""

from __future__ import annotations

from pipeline.cases.casebase import CaseBase, Embeds
from pipeline.data.examples import Examples
from pipeline.insight.evaluation import Evaluation, evaluate_probabilities


def evaluate_cases(model: Embeds, training: Examples, test: Examples) -> Evaluation:
    """Let the training texts as cases decide on the test texts.

    `model`: embeds the texts, such as a Network.
    Raises MissingExtraError: faiss is not installed.
    """
    names = training.label_names
    cases = CaseBase(model, training.texts, [names[label] for label in training.labels])
    column = {name: i for i, name in enumerate(cases.labels)}
    columns = [column[name] for name in names]
    return evaluate_probabilities(cases.predict_proba(test.texts)[:, columns], test)
