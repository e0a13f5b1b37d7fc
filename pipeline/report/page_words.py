"""What a page says in words: sentences made from the items of a run, with the numbers in them.

Each function takes what a run logged. It gives an empty text where the run did not log what it
needs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from pipeline.report.items import BETWEEN_WARNINGS, Item, Metric, Param, Picture, Table, Tag

_NAMED = 3  # labels, words or pairs that a sentence names
_WORDS = {
    "fine_tuned": "fine-tuned",
    "scratch": "from scratch",
    "tfidf": "TF-IDF",
    "fasttext": "fastText",
    "majority": "commonest label",
    "sif": "mean of the word vectors (sif)",
    "ngrams": "n-grams",
    "f1": "F1",
    "macro_f1": "macro F1",
}  # names of the code
_LISTED = 10  # words of a label in a table
_PROVES = 10  # below so many headlines, the recall of a label is mostly chance


@dataclass(frozen=True, eq=False)
class Logged:
    """What a run logged, by name or path. Of a series of metrics it has the last."""

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    pictures: Mapping[str, Figure]

    @classmethod
    def from_items(cls, items: Sequence[Item]) -> Logged:
        """The items by their kinds. Empty tables are left out."""
        return cls(
            params={item.name: item.value for item in items if isinstance(item, Param)},
            metrics={item.name: item.value for item in items if isinstance(item, Metric)},
            tags={item.name: item.value for item in items if isinstance(item, Tag)},
            tables={i.path: i.frame for i in items if isinstance(i, Table) and len(i.frame)},
            pictures={item.path: item.figure for item in items if isinstance(item, Picture)},
        )

    def table(self, name: str) -> pd.DataFrame:
        """A table by its name without folder and ending; an empty one where there is none."""
        return self.tables.get(f"tables/{name}.csv", pd.DataFrame())


# ------------------------------------------------------------------------------ the result


def hardest_labels(logged: Logged) -> str:
    """The label that is found least often, and the pair of labels that is confused most."""
    labels, wrong = logged.table("per_class"), logged.table("misclassified")
    if len(labels) < 2 or not len(wrong):
        return ""
    hardest = labels[labels["headlines"] > 0].nsmallest(1, "recall").iloc[0]
    number = int(hardest["headlines"])
    its = "1 headline is" if number == 1 else f"{number:,} headlines are"
    few = " So few headlines prove little." if number < _PROVES else ""
    return (
        f"The hardest label is {quoted(hardest['label'])}: {hardest['recall']:.0%} of its {its} "
        f"found.{few} The commonest mistake: {confused_pairs(logged, most=1)}."
    )


def confused_pairs(logged: Logged, most: int = _NAMED) -> str:
    """The pairs of labels that are confused most."""
    wrong = logged.table("misclassified")
    if not len(wrong):
        return ""
    pairs = Counter(zip(wrong["label"], wrong["predicted"], strict=True))
    return ", ".join(
        f"{quoted(label)} taken for {quoted(predicted)} ({times(count)})"
        for (label, predicted), count in pairs.most_common(most)
    )


def classifiers(logged: Logged) -> str:
    """How right the commonest label alone is, and each phase."""
    results = logged.table("results")
    if not len(results):
        return ""
    rows = zip(results["classifier"], results["test_accuracy"], strict=True)
    return (
        "Test accuracy: " + ", ".join(f"{spaced(name)} {value:.1%}" for name, value in rows) + "."
    )


def warnings(logged: Logged) -> list[str]:
    """What the audit warns of, one sentence each."""
    tag = logged.tags.get("audit.warning", "")
    return [text for text in tag.split(BETWEEN_WARNINGS) if text]


# ------------------------------------------------------------------- what the pictures show


def signals(logged: Logged) -> str:
    frame = logged.table("audit_signals")
    if not len(frame):
        return ""
    alone = frame[frame["signal"] != "majority"]
    best = alone.nlargest(1, "accuracy").iloc[0]
    majority = frame.loc[frame["signal"] == "majority", "accuracy"].sum()
    high = list(alone.loc[alone["remark"] == "high", "signal"])
    name = "all together" if best["signal"] == "together" else spaced(best["signal"])
    return (
        f"Of the shallow signals, {name} reach{'' if name == 'all together' else 'es'} the highest "
        f"test accuracy, {best['accuracy']:.1%}; the commonest label alone {majority:.1%}. "
        + (f"High: {', '.join(map(spaced, high))}." if high else "None is high.")
    )


def coverage(logged: Logged) -> str:
    frame, missing = logged.table("coverage"), logged.table("missing_words")
    if not len(frame):
        return ""
    share = 1 - frame.loc[frame["fallback"] == "missing", "tokens_share"].sum()
    words = [quoted(word) for word in missing.get("word", [])][:_NAMED]
    return f"{share:.1%} of the running words have a vector. " + (
        f"{len(missing):,} different words have none; the most frequent of them: "
        f"{', '.join(words)}."
        if words
        else "No word is without one."
    )


def curves(logged: Logged) -> str:
    frame = logged.table("epochs")
    parts = [
        f"{spaced(phase)}: from {rows['val_accuracy'].iloc[0]:.1%} to "
        f"{rows['val_accuracy'].max():.1%} in {len(rows)} {'epoch' if len(rows) == 1 else 'epochs'}"
        for phase, rows in (frame.groupby("phase", sort=False) if len(frame) else ())
    ]
    return f"Validation accuracy, first and best, {'; '.join(parts)}." if parts else ""


def confusion(logged: Logged) -> str:
    pairs, predictions = confused_pairs(logged), logged.table("test_predictions")
    if len(predictions) and not pairs:
        return f"All {len(predictions):,} test headlines got the right label."
    return f"Most often confused: {pairs}." if pairs else ""


def calibration(logged: Logged) -> str:
    frame = logged.table("test_predictions")
    if not len(frame):
        return ""
    sure, right = frame["confidence"].mean(), (frame["label"] == frame["predicted"]).mean()
    gap = sure - right
    chance = 2 * math.sqrt(right * (1 - right) / len(frame))  # two standard errors of the accuracy
    verdict = (
        "about right" if abs(gap) < max(0.02, chance) else "too sure" if gap > 0 else "too careful"
    )
    return (
        f"The mean confidence is {sure:.1%}, the accuracy {right:.1%}: the classifier is {verdict}."
    )


def thresholds(logged: Logged) -> str:
    frame = logged.table("thresholds")
    if not len(frame):
        return ""
    sure = frame.iloc[(frame["threshold"] - 0.8).abs().argmin()]
    if pd.isna(sure["accuracy"]):
        return ""
    return (
        f"Answering only from a confidence of {sure['threshold']:.0%} on, it answers "
        f"{sure['share_answered']:.0%} of the headlines and is right on {sure['accuracy']:.1%} of "
        "them."
    )


def label_sets(logged: Logged) -> str:
    frame = logged.table("label_sets")
    if not len(frame):
        return ""
    row = frame.iloc[(frame["coverage_asked"] - 0.9).abs().argmin()]
    return (
        f"Sets of labels for a coverage of {row['coverage_asked']:.0%} hold the right label of "
        f"{row['coverage_reached']:.1%} of the headlines, with {row['labels_per_set']:.2f} labels "
        f"on average; {row['empty_sets']:.1%} of the sets have none."
    )


def surest_half(logged: Logged) -> str:
    frame = logged.table("answered")
    if not len(frame):
        return ""
    row = frame.iloc[(frame["share_answered"] - 0.5).abs().argmin()]
    return (
        f"Of the surest {row['share_answered']:.0%} of the headlines, {row['accuracy']:.1%} are "
        "right."
    )


def unsure(logged: Logged) -> str:
    return " ".join(filter(None, (surest_half(logged), label_sets(logged))))


def reference(logged: Logged) -> str:
    """The statistic that belongs to the reference picture."""
    frame = logged.table("probes")
    if not len(frame):
        return ""
    label, number = frame["label"].iloc[0], frame["headlines"].iloc[0]
    headlines = (
        f"{number:,} test headlines with the label {quoted(label)}"
        if frame["label"].nunique() == 1
        else "test headlines with the label that the network gives b"
    )
    return (
        f"Headlines b and c mean the same in other words. The share of the {headlines} that are "
        f"closer to b than c is (0% is best, 50% is chance): {by_method(frame, 'rank_bc')}."
    )


def other_pairs(logged: Logged) -> str:
    """The same statistic over more pairs than one."""
    pairs = by_method(logged.table("probes"), "pairs_rank_median")
    number = len(
        logged.table("probe_pairs").get(["first", "second"], pd.DataFrame()).drop_duplicates()
    )
    return (
        f"One triple proves little. Over {number:,} other pairs that mean the same, the median is: "
        f"{pairs}."
        if pairs
        else ""
    )


def moved_words(logged: Logged) -> str:
    frame = logged.table("drift")
    if not len(frame) or not frame["distance"].max() > 0:
        return "Fine-tuning moved no word." if len(frame) else ""
    top = frame.drop_duplicates("word").nlargest(_NAMED, "distance")
    words = ", ".join(
        f"{quoted(word)} towards {quoted(label)}"
        for word, label in zip(top["word"], top["towards"], strict=True)
    )
    return f"Moved farthest: {words}."


def headline_map(logged: Logged) -> str:
    labels = logged.table("per_class").get("label")
    names = "" if labels is None else f" Labels: {', '.join(map(quoted, labels[:10]))}"
    return "Each point is a test headline, at the mean of its word vectors, before and after." + (
        names + (", and more." if labels is not None and len(labels) > 10 else "." if names else "")
    )


def cases(logged: Logged) -> str:
    return (
        "Training headlines as small filled marks, test headlines as larger hollow ones. Each "
        "label has its own colour and mark."
    )


def compared(logged: Logged) -> str:
    frame = logged.table("mean_outcomes")
    if not len(frame):
        return ""
    parts = []
    for size in sorted({frame["size"].min(), frame["size"].max()}):
        rows = frame[frame["size"] == size].sort_values("accuracy", ascending=False)
        values = zip(rows["method"], rows["accuracy"], strict=True)
        parts.append(
            f"with {size:,} training headlines: "
            + ", ".join(f"{spaced(name)} {value:.1%}" for name, value in values)
        )
    return f"Mean test accuracy {'; '.join(parts)}."


def searched(logged: Logged) -> str:
    frame = logged.table("trials")
    if not len(frame):
        return ""
    complete = frame[frame["state"] == "complete"]
    low, high = complete["accuracy"].min(), complete["accuracy"].max()
    return f"{len(complete)} complete trials, validation accuracy from {low:.1%} to {high:.1%}."


def important_options(logged: Logged) -> str:
    frame = logged.table("importances")
    parts = [f"{row.option} {row.importance:.0%}" for row in frame.head(_NAMED).itertuples()]
    return f"Most important: {', '.join(parts)}." if parts else ""


def unbeaten(logged: Logged) -> str:
    frame = logged.table("front")
    return f"{len(frame)} trials are beaten by no other one." if len(frame) else ""


# -------------------------------------------------------------------------------- the words


def misled(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of mistakes, with the words that misled in one column."""
    numbers = [name.removeprefix("word_") for name in frame.columns if name.startswith("word_")]
    words = [
        ", ".join(
            f"{row[f'word_{n}']} +{row[f'contribution_{n}']:.2f}"
            for n in numbers
            if isinstance(row[f"word_{n}"], str)
        )
        for row in frame.to_dict("records")
    ]
    return frame[["text", "label", "predicted", "confidence"]].assign(words_that_misled=words)


def words_of_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of words by label, with one row for each label."""
    groups = frame.groupby("label", sort=False)["word"]
    return pd.DataFrame(
        [{"label": label, "words": ", ".join(map(str, words[:_LISTED]))} for label, words in groups]
    )


def worth(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of the headlines that TF-IDF needs, with words where that was not found out."""
    needs = [f"{n:,.0f}" if n == n else "more than were tried" for n in frame["needs"]]
    return frame.assign(needs=needs)


def used_matches(frame: pd.DataFrame) -> pd.DataFrame:
    """The table of coverage, without the ways of matching that matched no word."""
    return frame[frame["types"] > 0]


def spaced(name: object) -> str:
    """A name of the code as words: `fine_tuned` is fine-tuned, `few_words` few words."""
    return _WORDS.get(str(name), str(name).replace("_", " "))


def quoted(name: object, most: int = 40) -> str:
    """A label or word of the data in a sentence: in quotes, and cut where it is long."""
    text = " ".join(str(name).split())
    return f"“{text if len(text) <= most else text[: most - 1] + '…'}”"


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count:,} times"


def by_method(frame: pd.DataFrame, column: str) -> str:
    """The mean of a fraction over the seeds, for each method."""
    if column not in frame or frame[column].isna().all():
        return ""
    means = frame.groupby("method", sort=False)[column].mean()
    return ", ".join(f"{spaced(name)} {value:.1%}" for name, value in means.items())
