"""Weights of headlines and labels, and labels with hardly a headline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bad_input import BadInput, Trial
from builders import make_headlines

TEXTS, LABELS = make_headlines(20)


def audited(weights: Sequence[object], *overrides: str) -> Callable[[Trial], object]:
    """What `pipeline audit` says to headlines, of which the first ones have these weights."""
    values = [*weights, *[1] * (len(TEXTS) - len(weights))]
    rows = [f'{t},{n},"{w}"' for t, n, w in zip(TEXTS, LABELS, values, strict=True)]

    def act(trial: Trial) -> object:
        trial.write("x.csv", "\n".join(["text,label,views", *rows]) + "\n")
        return trial.command(
            "audit", "data=file", "data.path=x.csv", "data.weight=views", *overrides
        )

    return act


def composed(*overrides: str) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline.config import load_config

        return load_config(overrides)

    return act


def class_weight(text: str) -> Callable[[Trial], object]:
    """The weights that `training.class_weight` gives."""

    def act(trial: Trial) -> object:
        from pipeline.config import load_config

        return load_config([f"training.class_weight={text}"]).training.class_weight

    return act


def tabled(
    blank: object, label: object, weight: object, tested: float = 1
) -> Callable[[Trial], object]:
    """How many headlines of files with weights there are, with one more row in train."""

    def act(trial: Trial) -> object:
        from pipeline.data.headlines import load_headlines

        for split, rows in (("train", slice(0, 40)), ("test", slice(40, 60))):
            lines = [
                f"{t},{n},{tested if split == 'test' else 1}"
                for t, n in zip(TEXTS[rows], LABELS[rows], strict=True)
            ]
            more = [f'"{blank}",{label},{weight}'] if split == "train" else []
            trial.write(f"{split}.csv", "\n".join(["text,label,views", *lines, *more]))
        headlines = load_headlines("file", path=trial.folder, weight="views")
        sizes = [str(len(rows)) for rows in headlines.splits.values()]
        return f"{' + '.join(sizes)} headlines, left out: {headlines.dropped}"

    return act


def weighed(class_weight: Any, weights: Sequence[float] | None = None) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline.data.examples import Examples
        from pipeline.data.weighting import weigh_labels

        examples = Examples(TEXTS[:3], [0, 1, 2], ("money", "nature", "sport"), weights)
        return weigh_labels(examples, examples, class_weight)[0].weights

    return act


def loaded(texts: Sequence[str], labels: Sequence[object]) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline.data.headlines import Headlines, load_headlines

        kept: list[Headlines] = []
        warnings = trial.warnings(lambda: kept.append(load_headlines(texts, labels)))
        sizes: Mapping[str, int] = {split: len(rows) for split, rows in kept[0].splits.items()}
        return f"{warnings}\n{' + '.join(map(str, sizes.values()))} headlines"

    return act


def _row(got: str, row: int) -> str:
    return (
        f"error: x.csv: expected a number from 0 to 1e+09 in column 'views', got {got} in row {row}: "
        "mend it, or leave data.weight (in Python: weight) out"
    )


_NAMES = "error: training.class_weight: expected names of labels, 'money, nature, sport', got"

ROWS = [
    BadInput("a weight that is negative", audited([1, -2]), _row("'-2'", 2)),
    BadInput("a weight that is a word", audited([1, 1, "many"]), _row("'many'", 3)),
    BadInput("a weight with a decimal comma", audited(["0,5"]), _row("'0,5'", 1)),
    BadInput("a headline without a weight", audited([1, ""]), _row("''", 2)),
    BadInput(
        "a blank headline without a weight",
        tabled("  ", "money", ""),
        "36 + 4 + 20 headlines, left out: {'empty': 1, 'unlabelled': 0, 'duplicates': 0, 'contradictions': 0}",
    ),
    BadInput(
        "a headline without a label, whose weight is a word",
        tabled("Ice again", " ", "many"),
        "36 + 4 + 20 headlines, left out: {'empty': 0, 'unlabelled': 1, 'duplicates': 0, 'contradictions': 0}",
    ),
    BadInput(
        "all weights of the test headlines are 0",
        tabled("", "money", "", 0),
        "36 + 4 + 20 headlines, left out: {'empty': 1, 'unlabelled': 0, 'duplicates': 0, 'contradictions': 0}",
    ),
    BadInput("a weight that is no number (NaN)", audited(["nan"]), _row("'nan'", 1)),
    BadInput("a weight without end", audited(["inf"]), _row("'inf'", 1)),
    BadInput(
        "all weights are 0",
        audited([0] * len(TEXTS)),
        "error: data.weight=views: expected a headline of train with a weight above 0, all 42 have 0: change the weights, or leave the option out",
    ),
    BadInput(
        "a column of weights that there is not",
        audited([], "data.weight=view"),
        "error: x.csv: there is no column 'view', it has 'text', 'label', 'views': set data.weight (in Python: weight)",
    ),
    BadInput(
        "the column of labels as weights",
        audited([], "data.weight=label"),
        "error: data: expected different columns, label and weight are both 'label'",
    ),
    BadInput(
        "a column of weights for headlines that have none",
        composed("data.weight=views"),
        "error: data.weight belongs to data=file or hub, which is not chosen: add data=file",
    ),
    BadInput(
        "class_weight with a letter too few",
        composed("training.class_weight=balance"),
        "error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {\"R&D: new\": 2}, got 'balance'; did you mean balanced?",
    ),
    BadInput(
        "class_weight that is a number",
        composed("training.class_weight=2"),
        'error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {"R&D: new": 2}, got 2',
    ),
    BadInput(
        "class_weight with a weight below 0",
        composed("training.class_weight={sport: -1}"),
        "error: training.class_weight: expected a number from 0 to 1e+09 as the weight of the label 'sport', got -1",
    ),
    BadInput(
        "class_weight with a word as a weight",
        composed("training.class_weight={sport: much}"),
        "error: training.class_weight: expected a number from 0 to 1e+09 as the weight of the label 'sport', got 'much'",
    ),
    BadInput(
        "class_weight for labels with other signs in their names, in double quotes",
        class_weight(
            """{"R&D: new": 2, "a, b": 3, "say \\"x\\"": 4, "[x]": 5, "1": 6, "true": 7}"""
        ),
        """{'R&D: new': 2.0, 'a, b': 3.0, 'say "x"': 4.0, '[x]': 5.0, '1': 6.0, 'True': 7.0}""",
    ),
    BadInput(
        "the same without quotes",
        class_weight("{R&D: new: 2}"),
        "error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {\"R&D: new\": 2}, got '{R&D: new: 2}'",
    ),
    BadInput(
        "class_weight with one label twice",
        class_weight('{"sport": 2, "sport": 3}'),
        "error: training.class_weight: expected one weight for each label, 'sport' has two",
    ),
    BadInput(
        "class_weight with one label in two forms",
        class_weight("{1: 2, 1.0: 3}"),
        "error: training.class_weight: expected one weight for each label, '1' has two",
    ),
    BadInput(
        "class_weight without a label",
        class_weight("{}"),
        "error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {\"R&D: new\": 2}, got '{}'",
    ),
    BadInput(
        "class_weight with an empty label",
        class_weight('{"": 2}'),
        "error: training.class_weight: expected the name of a label, got ''",
    ),
    BadInput(
        "class_weight that is cut off",
        class_weight("{sport: 2"),
        "error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {\"R&D: new\": 2}, got '{sport: 2'",
    ),
    BadInput(
        "class_weight with a weight in quotes",
        class_weight('{sport: "2"}'),
        "error: training.class_weight: expected a number from 0 to 1e+09 as the weight of the label 'sport', got '\"2\"'",
    ),
    BadInput(
        "class_weight with a mapping as a weight",
        class_weight("{sport: {a: 1}}"),
        "error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {\"R&D: new\": 2}, got '{sport: {a: 1}}'",
    ),
    BadInput(
        "class_weight with a label and no weight",
        class_weight("{sport}"),
        "error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {\"R&D: new\": 2}, got '{sport}'",
    ),
    BadInput(
        "class_weight that is a list",
        class_weight("[sport,2]"),
        "error: training.class_weight: expected balanced or the weight of each label, as in {sport: 2, politics: 0.5}, with double quotes around any other name, as in {\"R&D: new\": 2}, got ['sport', 2]",
    ),
    BadInput(
        "class_weight with a weight without end",
        class_weight("{sport: inf}"),
        "error: training.class_weight: expected a number from 0 to 1e+09 as the weight of the label 'sport', got inf",
    ),
    BadInput(
        "class_weight for a label that is spelled otherwise",
        weighed({"Sport": 2.0}),
        f"{_NAMES} 'Sport'; did you mean sport?",
    ),
    BadInput("class_weight for a label that there is not", weighed({"x": 2.0}), f"{_NAMES} 'x'"),
    BadInput(
        "weights of headlines and of labels that leave nothing",
        weighed({"money": 0.0}, [1, 0, 0]),
        "error: expected a text of training with a weight above 0, all 3 have 0: change the weights of the texts or labels",
    ),
    BadInput(
        "too few weights, in Python",
        weighed(None, [1, 2]),
        "error: weights: expected one weight a text, got 2 for 3 texts",
    ),
    BadInput(
        "a score that there is not, as what decides",
        composed("training.select=f1"),
        "error: training.select=f1: expected 'accuracy', 'balanced_accuracy', 'macro_f1' or 'log_loss', got 'f1'",
    ),
    BadInput(
        "labels with one and with two headlines",
        loaded([*TEXTS, "a b", "c d", "e f"], [*LABELS, "one", "two", "two"]),
        "data: 2 labels have fewer than 3 headlines, which all stay in train, so that no result tells of them: 'one' (1), 'two' (2)\n45 + 6 + 12 headlines",
    ),
    BadInput(
        "all labels have one or two headlines",
        loaded(TEXTS[:3], ["one", "two", "two"]),
        "error: label 'two' has 2 headlines left, others have no more: expected at least 3 of a label (one a split): add some",
    ),
]
