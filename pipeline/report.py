"""From results to what is logged: a list of typed items, made without any server.

Each function takes the results of a stage and gives Params, Metrics, Tags, Tables, Figures, Texts
and Inputs; `tracking` sends them off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.blending import Blend, PartResult
from pipeline.config import Config, flatten
from pipeline.data import Headlines
from pipeline.evaluation import Evaluation
from pipeline.matrix import Coverage, EmbeddingMatrix
from pipeline.training import Epoch, History

BLUE, ORANGE, GREY = "#4477aa", "#ee7733", "#888888"  # distinct for colour-blind readers


@dataclass(frozen=True)
class Param:
    name: str
    value: Any


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Tag:
    name: str
    value: str


@dataclass(frozen=True)
class Text:
    path: str
    content: str


@dataclass(frozen=True, eq=False)
class Table:
    path: str
    frame: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Picture:
    path: str
    figure: Figure


@dataclass(frozen=True, eq=False)
class Input:
    """A split of the data as an input of the run. `rows`: a datasets.Dataset."""

    name: str
    context: str
    rows: Any
    address: str
    sha256: str


Item = Param | Metric | Tag | Text | Table | Picture | Input


def of_config(config: Config) -> list[Item]:
    """Every option as a parameter, and the whole as YAML."""
    from omegaconf import OmegaConf

    values = asdict(config)
    items: list[Item] = [Param(name, value) for name, value in flatten(values).items()]
    return [*items, Text("config.yaml", OmegaConf.to_yaml(OmegaConf.create(values)))]


def of_headlines(headlines: Headlines) -> list[Item]:
    """The splits as inputs, their sizes, and what was dropped."""
    items: list[Item] = []
    for split, rows in headlines.splits.items():
        context = "training" if split == "train" else split
        digest = headlines.sha256[split]
        items += [
            Input(f"{headlines.name}-{split}", context, rows, headlines.address, digest),
            Metric(f"data/{split}", len(rows)),
            Tag(f"data.sha256.{split}", digest),
        ]
    return items + [Metric(f"data/dropped_{why}", n) for why, n in headlines.dropped.items()]


def of_matrix(matrix: EmbeddingMatrix) -> list[Item]:
    """What the ladder found at each rung (as a fraction of the tokens), and the missing words."""
    coverage = matrix.coverage
    by_rung = coverage_by_rung(coverage)
    return [
        Metric("coverage/types", coverage.types),
        Metric("coverage/tokens", coverage.tokens),
        *(
            Metric(f"coverage/{rung}", share)
            for rung, share in zip(by_rung["rung"], by_rung["tokens_share"], strict=True)
        ),
        Metric("vocabulary/words", len(matrix.words)),
        Metric("vocabulary/further_words", len(matrix.further_words)),
        Table("tables/coverage.csv", by_rung),
        Table("tables/missing_words.csv", missing_words(coverage)),
        Picture("figures/coverage.png", coverage_by_rung_figure(coverage)),
    ]


def of_epoch(epoch: Epoch, step: int) -> list[Item]:
    """The metrics of an epoch; `step` counts on through the phases."""
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return [Metric(f"{epoch.phase}/{name}", getattr(epoch, name), step) for name in names]


def of_history(history: History) -> list[Item]:
    """The learning curves, and the network's validation result of every phase."""
    items: list[Item] = [
        Picture("figures/learning_curves.png", learning_curves(history)),
        Tag("best_phase", history.best.name),
    ]
    for phase in history.phases:
        items += [
            Metric(f"validation/{phase.name}_accuracy", phase.best.val_accuracy),
            Metric(f"seconds/{phase.name}", phase.seconds),
        ]
    return items


def of_blend(blend: Blend) -> list[Item]:
    """The validation result of the classifier as it is logged, and what each part gives to it."""
    items: list[Item] = [
        Metric("validation/accuracy", blend.accuracy),
        Metric("validation/loss", blend.loss),
    ]
    for name, part in blend.parts.items():
        items += [
            Metric(f"blend/{name}_weight", part.weight),
            Metric(f"blend/{name}_val_accuracy", part.accuracy),
            Metric(f"blend/{name}_val_loss", part.loss),
        ]
    return items


def of_evaluations(evaluations: Mapping[str, Evaluation], kept_name: str) -> list[Item]:
    """Test results: all of the kept classifier's, and the accuracy and macro F1 of every one."""
    kept = evaluations[kept_name]
    low, high = kept.accuracy_interval
    items: list[Item] = [Metric(f"test/{name}", value) for name, value in kept.metrics().items()]
    items += [Metric("test/accuracy_low", low), Metric("test/accuracy_high", high)]
    for phase, evaluation in evaluations.items():
        items += [
            Metric(f"test/{phase}_accuracy", evaluation.accuracy),
            Metric(f"test/{phase}_macro_f1", evaluation.macro_f1),
        ]
    predictions = predictions_table(kept)
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    return [
        *items,
        Table("tables/per_class.csv", per_class(kept)),
        Table("tables/test_predictions.csv", predictions),
        Table("tables/misclassified.csv", wrong.sort_values("confidence", ascending=False)),
        Picture("figures/confusion_matrix.png", confusion_matrix(kept)),
        Picture("figures/reliability.png", reliability_diagram(kept)),
    ]


def of_seconds(seconds: Mapping[str, float]) -> list[Item]:
    """The time of each stage."""
    return [Metric(f"seconds/{stage}", value) for stage, value in seconds.items()]


# ------------------------------------------------------------------------------------ tables


def coverage_by_rung(coverage: Coverage) -> pd.DataFrame:
    """Different words (types) and running words (tokens) found at each rung: counts and shares."""
    frame = pd.DataFrame(
        [asdict(rung) for rung in coverage.rungs], columns=["rung", "types", "tokens"]
    )
    for name in ("types", "tokens"):
        frame[f"{name}_share"] = frame[name] / max(int(frame[name].sum()), 1)
    return frame


def missing_words(coverage: Coverage) -> pd.DataFrame:
    """Words without a vector and how often they were seen, most frequent first."""
    return pd.DataFrame(list(coverage.missing), columns=["word", "count"])


def per_class(evaluation: Evaluation) -> pd.DataFrame:
    """Precision, recall, F1 and number of headlines for each label."""
    from sklearn.metrics import precision_recall_fscore_support

    names = evaluation.label_names
    precision, recall, f1, support = precision_recall_fscore_support(
        evaluation.labels, evaluation.predicted, labels=range(len(names)), zero_division=0
    )
    return pd.DataFrame(
        {"label": names, "precision": precision, "recall": recall, "f1": f1, "headlines": support}
    )


def predictions_table(evaluation: Evaluation) -> pd.DataFrame:
    """A row a headline: text, label, predicted label, confidence, probability of each label."""
    names = np.array(evaluation.label_names, dtype=object)
    frame = pd.DataFrame(
        {
            "text": evaluation.texts,
            "label": names[evaluation.labels],
            "predicted": names[evaluation.predicted],
            "confidence": evaluation.confidence,
        }
    )
    probabilities = pd.DataFrame(
        evaluation.probabilities, columns=[f"p_{name}" for name in evaluation.label_names]
    )
    return pd.concat([frame, probabilities], axis=1)


# ----------------------------------------------------------------------------------- figures


def learning_curves(history: History) -> Figure:
    """Loss and accuracy by epoch, with a line where a new phase begins and the best epoch."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    steps = np.arange(1, len(history.epochs) + 1)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(steps, [getattr(e, name) for e in history.epochs], color=GREY, label="train")
        axes.plot(
            steps,
            [getattr(e, f"val_{name}") for e in history.epochs],
            color=BLUE,
            label="validation",
        )
        start = 0
        for phase in history.phases:
            if start:
                axes.axvline(start + 0.5, color=GREY, linestyle=":")
            axes.annotate(
                phase.name, (start + 0.6, 1.01), xycoords=("data", "axes fraction"), color=GREY
            )
            if phase is history.best:
                value = getattr(phase.best, f"val_{name}")
                axes.plot(start + phase.best.number, value, "o", color=ORANGE, label="kept")
            start += len(phase.epochs)
        axes.set_xlim(0.5, len(steps) + 0.5)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name + (" (nats)" if name == "loss" else ""))
        axes.set_xticks(steps[:: max(1, len(steps) // 12)])
        axes.legend()
    return figure


def coverage_by_rung_figure(coverage: Coverage, most: int = 20) -> Figure:
    """Types and tokens by rung of the ladder, and the `most` frequent words that it misses."""
    frame = coverage_by_rung(coverage)
    frame = frame[frame["types"] > 0].iloc[::-1]  # the first rung on top
    missing = coverage.missing[:most][::-1]
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    places = np.arange(len(frame))
    for name, colour, shift in (("types", GREY, -0.2), ("tokens", BLUE, 0.2)):
        shares = 100 * frame[f"{name}_share"]
        bars = left.barh(places + shift, shares, 0.38, color=colour, label=name)
        labels = [f"{s:.1f} %  ({n:,})" for s, n in zip(shares, frame[name], strict=True)]
        left.bar_label(bars, labels, padding=3, fontsize=8)
    left.set_yticks(places, frame["rung"])
    left.set_xlim(0, 140)
    left.set_xticks(range(0, 101, 20))
    left.set_xlabel("% of the words")
    left.set_title(f"{coverage.tokens:.1%} of the tokens have a vector")
    left.legend(loc="lower right")
    right.barh(range(len(missing)), [count for _, count in missing], color=ORANGE)
    right.set_yticks(
        range(len(missing)), [word for word, _ in missing], fontsize=8, parse_math=False
    )
    right.set_xlabel("times seen")
    right.set_title(f"{len(coverage.missing):,} words without a vector", fontsize="medium")
    return figure


def confusion_matrix(evaluation: Evaluation) -> Figure:
    """Counts by true and predicted label, coloured by the fraction of the true label."""
    counts, names = evaluation.confusion, evaluation.label_names
    size = 2.5 + 0.6 * len(names)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 20:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{len(evaluation.labels):,} headlines, accuracy {evaluation.accuracy:.3f}")
    figure.colorbar(picture, ax=axes, label="fraction of the true label")
    return figure


def reliability_diagram(evaluation: Evaluation) -> Figure:
    """Accuracy against confidence in bins; a calibrated model stays on the diagonal."""
    figure = Figure(figsize=(4.5, 5), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    confidence = [b.confidence for b in evaluation.bins]
    above.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="calibrated")
    above.plot(confidence, [b.accuracy for b in evaluation.bins], "o-", color=BLUE, label="model")
    above.set_ylabel("accuracy")
    above.set_title(f"expected calibration error {evaluation.ece:.3f}")
    above.legend()
    below.bar(confidence, [b.count for b in evaluation.bins], width=0.05, color=BLUE)
    below.set_ylabel("headlines")
    below.set_xlabel("confidence")
    return figure


def summary(
    headlines: Headlines,
    matrix: EmbeddingMatrix,
    history: History,
    blend: Blend,
    evaluations: Mapping[str, Evaluation],
    seconds: Mapping[str, float],
) -> tuple[list[tuple[str, str]], pd.DataFrame]:
    """The short table that ends a run: facts by name, and a row for the network after each phase
    and for the blend."""
    sizes = " / ".join(f"{len(headlines.splits[s]):,}" for s in headlines.splits)
    dropped = ", ".join(f"{count:,} {why}" for why, count in headlines.dropped.items() if count)
    coverage = matrix.coverage
    found = ", ".join(f"{rung.rung} {rung.types:,}" for rung in coverage.rungs if rung.types)
    facts = [
        ("data", f"{headlines.name}, {len(headlines.label_names)} labels"),
        (
            "headlines",
            f"{sizes} (train / validation / test){'; dropped ' * bool(dropped)}{dropped}",
        ),
        ("vectors", f"{matrix.weights.shape[1]} dimensions, {len(matrix.words):,} training words"),
        (
            "coverage",
            f"{coverage.types:.1%} of the words, {coverage.tokens:.1%} of the tokens"
            f"{'; words by ' * bool(found)}{found}",
        ),
        ("seconds", ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())),
    ]
    rows = [
        {
            "classifier": phase.name + (" (kept)" if phase is history.best and blend.alone else ""),
            "epochs": f"{phase.best.number} of {len(phase.epochs)}",
            "validation accuracy": f"{phase.best.val_accuracy:.4f}",
            "test accuracy": f"{evaluations[phase.name].accuracy:.4f}",
            "test macro F1": f"{evaluations[phase.name].macro_f1:.4f}",
            "seconds": f"{phase.seconds:.1f}",
        }
        for phase in history.phases
    ]
    if not blend.alone:
        facts.insert(-1, ("blend", ", ".join(_part(name, p) for name, p in blend.parts.items())))
        rows.append(
            {
                "classifier": "blend (kept)",
                "epochs": "",
                "validation accuracy": f"{blend.accuracy:.4f}",
                "test accuracy": f"{evaluations['blend'].accuracy:.4f}",
                "test macro F1": f"{evaluations['blend'].macro_f1:.4f}",
                "seconds": f"{blend.seconds:.1f}",
            }
        )
    return facts, pd.DataFrame(rows)


def _part(name: str, part: PartResult) -> str:
    return f"{name} {part.weight:.2f} (validation {part.accuracy:.4f})"
