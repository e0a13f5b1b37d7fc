"""What the stages of a run log, and the summary at its end, without a server."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from builders import make_headlines
from datasets import Dataset, DatasetDict
from networks import BOTH, NAMES, TEST, TRAIN, VALIDATION, built, small_matrix

from pipeline import report
from pipeline.classifier.ensemble import Classifier, Decision, Ensemble, MemberResult
from pipeline.classifier.options import Select
from pipeline.classifier.unlabelled import SelfLabelled
from pipeline.data.examples import Examples
from pipeline.data.headlines import load_headlines
from pipeline.data.weighting import label_weights
from pipeline.embedding.vocabulary import choose_length
from pipeline.insight.evaluation import Evaluation, evaluate, evaluate_probabilities
from pipeline.report.figures import confusion_matrix
from pipeline.report.tables import predictions_table
from pipeline.training.history import History
from pipeline.training.loop import train


@pytest.fixture(scope="module")
def history() -> History:
    return train(built(), TRAIN, VALIDATION, BOTH)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(built(), TEST)


def metrics(items: list[report.Item]) -> dict[str, float]:
    return {item.name: item.value for item in items if isinstance(item, report.Metric)}


def tables(items: list[report.Item]) -> dict[str, pd.DataFrame]:
    return {item.path: item.frame for item in items if isinstance(item, report.Table)}


def pictures(items: list[report.Item]) -> list[str]:
    return [item.path for item in items if isinstance(item, report.Picture)]


RESULTS = {
    "accuracy": 0.8,
    "balanced_accuracy": 0.7,
    "macro_f1": 0.6,
    "log_loss": 0.5,
}


DECIDED = Decision("log_loss", 0.4, 0.5, weighed=False)


def test_options_are_parameters_and_a_file() -> None:
    items = report.config_items({"seed": 3, "model": {"encoder": "cnn", "filters": 5}})
    params = {item.name: item.value for item in items if isinstance(item, report.Param)}
    assert params == {"seed": 3, "model.encoder": "cnn", "model.filters": 5}
    assert report.Text("config.yaml", "seed: 3\nmodel:\n  encoder: cnn\n  filters: 5\n") in items


def test_headlines_without_a_label() -> None:
    items = report.unlabelled_items(SelfLabelled(TRAIN, 1_200, 0.9, 0.75, used=True))
    numbers = tables(items)["tables/unlabelled.csv"].set_index("what")["value"]
    assert list(numbers) == [1_200, 1, 0.9, 0.75]


def test_the_weights_of_labels() -> None:
    training = Examples(["a", "b", "c"], [0, 0, 1], ("money", "nature"))
    items = report.label_weights_items(training, label_weights(training, "balanced"))
    frame = tables(items)["tables/label_weights.csv"]
    assert frame.to_dict("list") == {
        "label": ["money", "nature"],
        "training_headlines": [2, 1],
        "weight": [0.75, 1.5],
    }


def test_the_matrix() -> None:
    matrix = small_matrix(TRAIN.texts)
    items = report.matrix_items(matrix)
    assert pictures(items) == ["figures/coverage.png"]
    assert metrics(items) == {"vectors/coverage": matrix.coverage.tokens}
    numbers = tables(items)["tables/vectors.csv"].set_index("what")["value"]
    assert numbers["training words"] == len(matrix.words)
    assert pictures(report.matrix_items(matrix, figures=False)) == []


def test_how_much_of_a_headline_is_read() -> None:
    items = report.length_items(choose_length(["a b c", "a"], max_tokens=2))
    numbers = tables(items)["tables/length.csv"].set_index("what")["value"]
    assert numbers.tolist() == [2, 3, 2, 1, 0.25]


def test_the_history(history: History) -> None:
    items = report.history_items(history)
    assert pictures(items) == ["figures/learning_curves.png"]
    assert report.Tag("best_phase", history.best.name) in items
    rows = tables(items)["tables/epochs.csv"]
    assert rows["step"].tolist() == [*range(1, len(history.epochs) + 1)]
    kept = rows[rows["kept"]].set_index("phase")["val_accuracy"]
    assert kept.to_dict() == {phase.name: phase.best.val_accuracy for phase in history.phases}
    assert pictures(report.history_items(history, figures=False)) == []
    epoch = history.epochs[0]
    assert metrics(report.epoch_items(epoch, 1))["epochs/val_loss"] == epoch.val_loss


def test_the_evaluations(evaluation: Evaluation) -> None:
    right = evaluate_probabilities(np.eye(3)[TEST.labels], TEST)
    items = report.evaluations_items({"frozen": evaluation, "ensemble": right}, "ensemble")
    values = metrics(items)
    assert values["test/accuracy"] == values["test/accuracy/ensemble"] == 1
    assert values["test/accuracy/frozen"] == evaluation.accuracy
    names = ("confusion_matrix", "reliability", "unsure")
    assert pictures(items) == [f"figures/{name}.png" for name in names]
    frames = tables(items)
    assert len(frames["tables/test_predictions.csv"]) == len(TEST)
    assert len(frames["tables/misclassified.csv"]) == 0
    assert frames["tables/per_class.csv"]["label"].tolist() == NAMES
    (compared,) = [item.frame for item in items if isinstance(item, report.ComparedTable)]
    assert compared.columns.tolist()[:2] == ["text", "predicted"]
    assert len(compared) == len(TEST)
    all_of_it, *_, surest = frames["tables/thresholds.csv"].itertuples()
    assert (all_of_it.threshold, all_of_it.share_answered, all_of_it.accuracy) == (0, 1, 1)
    assert surest.share_answered == 1  # the probabilities of `right` are 0 and 1
    some = report.evaluations_items({"frozen": evaluation}, "frozen")
    rows = next(i.frame for i in some if getattr(i, "path", "") == "tables/thresholds.csv")
    assert rows["share_answered"].is_monotonic_decreasing
    sure = evaluation.confidence >= 0.5
    half = rows.set_index("threshold").loc[0.5]
    assert half["share_answered"] == sure.mean()
    right = evaluation.predicted == evaluation.labels
    assert half["accuracy"] == pytest.approx(right[sure].mean(), nan_ok=True)
    without = report.evaluations_items({"frozen": evaluation}, "frozen", figures=False)
    assert pictures(without) == []


def test_many_labels_take_no_more_room() -> None:
    """Of 300 labels: pairs instead of a matrix, and the most probable labels of a headline."""
    names = tuple(f"label {i}" for i in range(300))
    truth = np.arange(600) % 300
    predicted = np.where(np.arange(600) < 40, 7, truth)
    examples = Examples([f"headline {i}" for i in range(600)], truth.tolist(), names)
    many = evaluate_probabilities(0.5 * np.eye(300)[predicted] + 0.5 / 300, examples)
    figure = confusion_matrix(many)
    assert figure.get_size_inches().max() < 10
    assert len(figure.axes[0].get_yticklabels()) == 25
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "label 0  as  label 7"
    table = predictions_table(many)
    assert table.columns[-2:].tolist() == ["label_5", "p_5"]
    assert table["label_1"].tolist() == table["predicted"].tolist()
    assert table["p_1"].tolist() == table["confidence"].tolist()


def test_a_spreadsheet_runs_no_cell() -> None:
    frame = pd.DataFrame(
        {"=1": ["=1+1", "+a", "-b", "@c", "\td", "-0.5"], "n": [-0.5, 1, 2, 3, 4, 5]}
    )
    table = report.Table("t.csv", frame)
    read = pd.read_csv(io.StringIO(table.csv()), dtype={"'=1": str})
    assert read["'=1"].tolist() == ["'=1+1", "'+a", "'-b", "'@c", "'\td", "-0.5"]
    assert read["n"].tolist() == frame["n"].tolist()
    assert table.frame["=1"].iloc[0] == "=1+1"


def test_the_summary(history: History, evaluation: Evaluation) -> None:
    headlines = load_headlines(*make_headlines(20))
    alone = Ensemble(
        Classifier(built()), {"network": MemberResult(1, 0.8, 0.5)}, RESULTS, DECIDED, 0.1
    )
    evaluations = {"frozen": evaluation, "fine_tuned": evaluation}
    matrix = small_matrix(TRAIN.texts)
    facts, table = report.summary(headlines, matrix, history, alone, evaluations, {"fit": 2.0})
    names = [name for name, _ in facts]
    assert names == ["data", "headlines", "vectors", "coverage", "seconds"]
    assert dict(facts)["seconds"] == "fit 2.0"
    assert dict(facts)["headlines"].endswith("(train / validation / test)")
    kept = f"{history.best.name} (kept)"
    assert kept in table["classifier"].tolist()
    assert set(table["test accuracy"]) == {f"{evaluation.accuracy:.4f}"}
    assert table["epochs"].iloc[0].endswith(" of 3")
    with_cases = evaluations | {"cases": evaluation}
    _, table = report.summary(headlines, matrix, history, alone, with_cases, {})
    assert table["classifier"].tolist()[-1] == "nearest cases"
    assert table["validation accuracy"].tolist()[-1] == ""


@pytest.mark.parametrize(
    ("decision", "weight", "kept"),
    [
        (DECIDED, 0.5, "the ensemble: validation loss 0.4000, that of the network alone 0.5000"),
        (
            Decision("macro_f1", 0.9, 0.8, weighed=True),
            0.5,
            "the ensemble: validation macro F1 0.9000, that of the network alone 0.8000, by the "
            "weights of the headlines",
        ),
        (
            Decision("log_loss", 0.6, 0.5, weighed=False),
            0.0,
            "the network alone: validation loss 0.5000, no ensemble was better",
        ),
    ],
)
def test_the_summary_says_what_decided(
    history: History, evaluation: Evaluation, decision: Decision, weight: float, kept: str
) -> None:
    members = {"network": MemberResult(1, 0.8, 0.5), "sif": MemberResult(weight, 0.8, 0.5)}
    ensemble = Ensemble(Classifier(built()), members, RESULTS, decision, 0.1)
    headlines, matrix = load_headlines(*make_headlines(20)), small_matrix(TRAIN.texts)
    evaluations = {"frozen": evaluation, "fine_tuned": evaluation, "ensemble": evaluation}
    facts, _ = report.summary(headlines, matrix, history, ensemble, evaluations, {"fit": 2.0})
    assert dict(facts)["kept"] == kept


@pytest.mark.parametrize(
    ("select", "logged"),
    [
        ("accuracy", {"validation/accuracy": 0.8}),
        ("macro_f1", {"validation/accuracy": 0.8, "validation/macro_f1": 0.6}),
    ],
)
def test_what_decides_is_a_metric(select: Select, logged: dict[str, float]) -> None:
    whole = Ensemble(
        Classifier(built()), {"network": MemberResult(1, 0.8, 0.5)}, RESULTS, DECIDED, 0.1
    )
    assert metrics(report.ensemble_items(whole, select)) == logged


def test_the_result(history: History, evaluation: Evaluation) -> None:
    right = evaluate_probabilities(np.eye(3)[TEST.labels], TEST)
    both = Ensemble(
        Classifier(built()), {"network": MemberResult(1, 0.8, 0.5)}, RESULTS, DECIDED, 0.1
    )
    evaluations = {"frozen": evaluation, "fine_tuned": evaluation, "ensemble": right}
    rows = report.results_table(history, both, evaluations, 0.25).set_index("classifier")
    assert rows.index.tolist() == ["frozen", "fine_tuned", "ensemble", "commonest label"]
    assert rows.index[rows["kept"]].tolist() == ["ensemble"]
    assert rows["test_accuracy"]["commonest label"] == 0.25
    assert rows["low"]["ensemble"] < 1 == rows["high"]["ensemble"]
    assert np.isnan(rows["low"]["commonest label"])
    low = f"{rows['low']['ensemble']:.1%}"
    sentence = f"Right on 100.0% of {len(TEST)} test headlines (95% interval {low} to 100.0%)."
    assert report.result_sentence(right) == sentence


def test_the_seconds_name_the_parts_of_fit() -> None:
    items = report.seconds_items({"data": 0.5, "fit": 3.0, "total": 4.0}, {"matrix": 1.0})
    rows = tables(items)["tables/seconds.csv"].set_index("stage")["seconds"]
    assert rows.to_dict() == {"data": 0.5, "fit": 3.0, "fit: matrix": 1.0, "total": 4.0}
    assert list(rows.index) == ["data", "fit", "fit: matrix", "total"]


def test_the_share_of_the_commonest_label_is_that_of_training() -> None:
    rows = {
        "train": (["a", "b", "c"], ["x", "y", "y"]),
        "validation": (["d", "e"], ["x", "y"]),
        "test": (["f", "g", "h", "i"], ["x", "x", "x", "y"]),
    }
    splits = {s: Dataset.from_dict({"text": t, "label": n}) for s, (t, n) in rows.items()}
    headlines = load_headlines(DatasetDict(splits))
    assert report.majority_share(headlines) == 0.25
