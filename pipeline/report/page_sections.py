"""What stands on a page, and where: a table of sections for each kind of run.

A new table or picture of a run is a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.report import page_words as words
from pipeline.report.page_words import Logged


@dataclass(frozen=True)
class Drawing:
    """A picture on a page. `caption`: how to read it. `shows`: what it shows, its text
    alternative."""

    caption: str
    shows: Callable[[Logged], str]


@dataclass(frozen=True)
class Section:
    """A part of a page.

    `title`, `text`: what a reader sees first. `findings`: what came out, in words. `metrics`: their
    words by their names. `tags`: likewise. `above`: captions of the tables above the pictures, by
    the paths. `pictures`: by their paths. `tables`: captions of the tables below them. `params`:
    whether the options of the run are shown. `code`: whether it says how to load the model. What a
    run did not log is left out, and so is a section with nothing.
    """

    title: str
    text: str = ""
    findings: tuple[Callable[[Logged], str], ...] = ()
    metrics: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    above: Mapping[str, str] | None = None
    pictures: Mapping[str, Drawing] | None = None
    tables: Mapping[str, str] | None = None
    params: bool = False
    code: bool = False


_DATA = {"tables/data.csv": "How many headlines there are, and how many were dropped"}
_SIGNALS = {
    "figures/audit_signals.png": Drawing(
        "The test accuracy from each shallow signal alone. A signal near the model, or near 1, is "
        "a shortcut: the labels may be told without the meaning.",
        words.signals,
    )
}
_AUDIT = {
    "tables/audit_signals.csv": "What can be told from shallow signals alone. Gap closed: how far "
    "a signal comes from the commonest label (0) to all right (1)",
    "tables/audit_overlaps.csv": "Headlines of one split with a near-duplicate in another",
    "tables/near_duplicates.csv": "The near-duplicates",
    "tables/contradictions.csv": "The same headline with several labels",
    "tables/wrong_labels.csv": "Labels that are probably wrong: two simple models, fitted to the "
    "other headlines, do not believe them",
    "tables/audit_spaces.csv": "Headlines without spaces between words",
    "tables/audit_groups.csv": "A linear model on sources that it has not seen",
}
_EMBEDDING = Section(
    "What the embedding knows",
    "Whether headlines that mean the same are near each other, in each phase.",
    findings=(words.reference, words.other_pairs),
    above={"tables/probe_headlines.csv": "The headlines a, b and c"},
    pictures={
        "figures/probes.png": Drawing(
            "The reference picture. Each row is a word, each column a feature of the layer after "
            "the embedding. Below are the means of a, b and c. Where the network takes c for the "
            "same as b, both have the same colours. Look at the ranks over many pairs, too.",
            words.reference,
        ),
        "figures/drift.png": Drawing(
            "How far training moved each word. A line leads from where a word was.",
            words.moved_words,
        ),
        "figures/headline_map.png": Drawing(
            "Test headlines before and after training. Near points have similar words.",
            words.headline_map,
        ),
        "figures/cases.png": Drawing(
            "Training headlines as cases, with the test headlines among them.", words.cases
        ),
    },
    tables={
        "tables/probes.csv": "The reference picture in numbers",
        "tables/probe_pairs_by_label.csv": "The same over other pairs that mean the same, by label",
        "tables/neighbours.csv": "Nearest words before and after training",
    },
)
_MADE = Section(
    "How it was made",
    "The options of the run and the versions: with them the run can be made again.",
    tables={
        "tables/seconds.csv": "Seconds by stage, those of fit with its parts",
        "tables/versions.csv": "Versions of the packages",
    },
    params=True,
)

RUN_SECTIONS = (
    Section(
        "Result",
        "How often the classifier is right on headlines that it did not learn from.",
        metrics={
            "test/accuracy": "test accuracy",
            "test/macro_f1": "test macro F1",
            "test/log_loss": "log loss (nats)",
            "test/ece": "expected calibration error",
            "validation/accuracy": "validation accuracy",
        },
        tables={
            "tables/results.csv": "By classifier, with the 95% interval of the test accuracy",
            "tables/per_class.csv": "By label",
        },
    ),
    Section(
        "Data",
        "The headlines that it learned from, and those that it was tested on.",
        findings=(words.signals,),
        pictures=_SIGNALS,
        tables=_DATA | _AUDIT,
    ),
    Section(
        "Vectors",
        "Which words of the training headlines have a vector.",
        findings=(words.coverage,),
        pictures={
            "figures/coverage.png": Drawing(
                "Left: how many words each way of matching gave a vector. Right: the most frequent "
                "words without one.",
                words.coverage,
            )
        },
        tables={
            "tables/vectors.csv": "The vectors in numbers",
            "tables/coverage.csv": "By the way in which a word was matched",
            "tables/missing_words.csv": "Words without a vector, the most frequent first",
        },
    ),
    Section(
        "Training",
        "First the embedding is frozen, then all weights are fine-tuned. The epoch with the best "
        "validation result is kept.",
        findings=(words.curves,),
        pictures={
            "figures/learning_curves.png": Drawing(
                "Loss and accuracy by epoch. A dotted line shows where a phase begins, a star the "
                "epoch that was kept.",
                words.curves,
            )
        },
        tables={
            "tables/label_weights.csv": "How much each training headline of a label counts "
            "(training.class_weight)",
            "tables/length.csv": "How much of a headline is read",
            "tables/unlabelled.csv": "What came of the headlines without a label",
            "tables/epochs.csv": "Every epoch",
            "tables/members.csv": "The members of the ensemble",
        },
    ),
    Section(
        "Mistakes",
        "Which labels are taken for each other, and the headlines that were most wrong.",
        findings=(words.confusion,),
        pictures={
            "figures/confusion_matrix.png": Drawing(
                "Rows are the true labels, columns the predicted ones. What is off the diagonal is "
                "wrong.",
                words.confusion,
            )
        },
        tables={
            "tables/why_misclassified.csv": "The most wrong headlines, with the words that misled",
            "tables/misclassified.csv": "The most wrong headlines",
            "tables/words_by_label.csv": "The words that speak most for each label",
        },
    ),
    Section(
        "Confidence",
        "How far the probabilities can be trusted, and what is won by answering only where the "
        "classifier is sure.",
        findings=(words.calibration, words.thresholds, words.label_sets),
        pictures={
            "figures/reliability.png": Drawing(
                "Accuracy by confidence: a calibrated classifier lies on the diagonal, one that is "
                "too sure below it. The bars count the headlines.",
                words.calibration,
            ),
            "figures/unsure.png": Drawing(
                "Left: accuracy of the surest headlines, by their share. Right: how often sets of "
                "labels hold the right one, with the mean number of labels in a set.",
                words.unsure,
            ),
        },
        tables={
            "tables/answered.csv": "Answering only the surest headlines",
            "tables/label_sets.csv": "Sets of labels. Coverage: how often a set holds the right "
            "label",
            "tables/thresholds.csv": "Answering only from a confidence on",
            "tables/marks.csv": "Headlines whose answer means little",
        },
    ),
    _EMBEDDING,
    Section("Load the model", code=True),
    _MADE,
)
"""A run of `pipeline train`."""

EVALUATION_SECTIONS = (
    Section(
        "Result",
        "How often the classifier is right on the headlines of the file.",
        metrics={
            "test/accuracy": "accuracy",
            "test/macro_f1": "macro F1",
            "test/balanced_accuracy": "balanced accuracy",
            "test/log_loss": "log loss (nats)",
            "test/ece": "expected calibration error",
        },
        tables={"tables/per_class.csv": "By label"},
    ),
    *(section for section in RUN_SECTIONS if section.title in ("Mistakes", "Confidence")),
)
"""The page of `pipeline evaluate --report`."""

COMPARE_SECTIONS = (
    Section(
        "Result",
        "Each method learned from growing numbers of training headlines, several times each. All "
        "were tested on the same headlines.",
        pictures={
            "figures/compare.png": Drawing(
                "Mean test accuracy by the number of training headlines. The shade is the 95% "
                "interval of the mean.",
                words.compared,
            )
        },
        tables={
            "tables/accuracy_by_size.csv": "Test accuracy in %, mean and standard deviation, by "
            "the number of training headlines",
            "tables/worth.csv": "How many headlines TF-IDF needs for the accuracy of fine-tuned "
            "vectors",
            "tables/difference_by_size.csv": "Points of test accuracy between methods, with the "
            "p-value of a paired test",
        },
    ),
    Section("Data", "The headlines that were compared on.", tables=_DATA),
    Section(
        "Every trial",
        "One row for each method, number of training headlines and seed.",
        tables={"compare.csv": "The trials"},
    ),
    _MADE,
)
"""A run of `pipeline compare`."""

EXPLAIN_SECTIONS = (
    _EMBEDDING,
    Section(
        "In numbers",
        "The same network from scratch, with frozen and with fine-tuned vectors.",
        tables={"tables/summary.csv": "Mean and standard deviation over the seeds, and the range"},
    ),
    Section("Data", "The headlines that were learned.", tables=_DATA),
    _MADE,
)
"""A run of `pipeline explain`."""

SEARCH_SECTIONS = (
    Section(
        "Result",
        "The best trial beside the defaults, on the validation headlines. The test headlines were "
        "not looked at.",
        pictures={
            "figures/search_history.png": Drawing(
                "Each trial in its order, and the best so far. Pruned trials stand at the accuracy "
                "that they had come to.",
                words.searched,
            ),
            "figures/search_front.png": Drawing(
                "Accuracy against the other objectives. A square is beaten by no other trial. The "
                "star was chosen.",
                words.unbeaten,
            ),
        },
        tables={"tables/best.csv": "What was tried", "tables/front.csv": "Trials that none beats"},
    ),
    Section(
        "Options",
        "Which options made the difference.",
        findings=(words.important_options,),
        pictures={
            "figures/search_importance.png": Drawing(
                "How much of the differences between the best trials and all trials an option "
                "explains (PED-ANOVA).",
                words.important_options,
            ),
            "figures/search_slices.png": Drawing(
                "The objective over each option. Light points are late trials, the star is the "
                "chosen one.",
                words.searched,
            ),
        },
        tables={"tables/importances.csv": "Importance of each option, from 0 to 1"},
    ),
    Section("Every trial", tables={"tables/trials.csv": "The trials"}),
    Section("Data", "The headlines that were learned.", tables=_DATA),
    _MADE,
)
"""A run of `pipeline sweep`."""

AUDIT_SECTIONS = (
    Section(
        "Shallow signals",
        "How often the label is told by length, letter case, digits, punctuation or a few words "
        "alone.",
        findings=(words.signals,),
        pictures=_SIGNALS,
        tables={
            "tables/audit_signals.csv": _AUDIT["tables/audit_signals.csv"],
            "tables/audit_features.csv": "Means of the signals by label",
        },
    ),
    Section(
        "Leaks and wrong labels",
        "Headlines that stand in two splits, have two labels, or probably a wrong one.",
        tables={path: caption for path, caption in _AUDIT.items() if "signals" not in path},
    ),
    Section("Data", tables=_DATA),
    _MADE,
)
"""The page of `pipeline audit --report`."""
