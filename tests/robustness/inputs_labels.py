"""Labels that contradict each other, and files of labels that people filled in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bad_input import BadInput, Trial
from builders import make_headlines

TEXTS, LABELS = make_headlines(20)
CSV = "\n".join(["text,label", *(f"{t},{n}" for t, n in zip(TEXTS, LABELS, strict=True))]) + "\n"
TWICE = f"{CSV}{TEXTS[0]},another\n"


def audited(content: str, *overrides: str, **files: str) -> Callable[[Trial], object]:
    """What `pipeline audit` says to headlines and further files, whose names have `_` for the dot."""

    def act(trial: Trial) -> object:
        trial.write("x.csv", content)
        for name, more in files.items():
            trial.write(name.replace("_", "."), more)
        return trial.command("audit", "data=file", "data.path=x.csv", *overrides)

    return act


def in_python(texts: Sequence[str], labels: Sequence[object], **options: object) -> Callable[[Trial], object]:  # fmt: skip
    def act(trial: Trial) -> object:
        from pipeline.data.headlines import Headlines, load_headlines

        kept: list[Headlines] = []
        warnings = trial.warnings(
            lambda: kept.append(load_headlines(texts, labels, **options))  # type: ignore[arg-type]
        )
        n = sum(map(len, kept[0].splits.values()))
        return f"{warnings}\n{n} headlines, labels {', '.join(kept[0].label_names)}".strip()

    return act


def in_python_added(texts: Sequence[str], labels: Sequence[str]) -> Callable[[Trial], object]:
    """The same with further labels, which stand in a file."""

    def act(trial: Trial) -> object:
        lines = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
        file = trial.write("filled.csv", "\n".join(["text,label", *lines]))
        return in_python(TEXTS, LABELS, added=file)(trial)

    return act


def suggested(content: str, *arguments: str, **files: str) -> Callable[[Trial], object]:
    """What `pipeline suggest` says, and that it has written nothing."""

    def act(trial: Trial) -> object:
        trial.write("x.csv", content)
        for name, more in files.items():
            trial.write(f"{name[:-4]}.{name[-3:]}", more)
        before = {file: file.read_bytes() for file in trial.folder.iterdir()}
        error = trial.command("suggest", "data=file", "data.path=x.csv", *arguments)
        assert {file: file.read_bytes() for file in trial.folder.iterdir()} == before
        return error

    return act


def suggested_in_python(n: int) -> object:
    from pipeline.data.headlines import load_headlines
    from pipeline.insight.suggestions import suggest

    return suggest(load_headlines(TEXTS, LABELS), n)


ROWS = [
    BadInput(
        "a headline with two labels, where that is an error",
        audited(TWICE, "data.contradictions=error"),
        "error: expected one label for each headline, got several for 1: 'Bond may of tax after' as money, another: mend them, or set data.contradictions (in Python: contradictions) to first or drop",
    ),
    BadInput(
        "the same in Python",
        in_python([*TEXTS, *TEXTS[:4]], [*LABELS, *"abcd"], contradictions="error"),
        "error: expected one label for each headline, got several for 4: 'Bond may of tax after' as money, a; 'Again and and forest glacier' as nature, b; 'Final after after goal record' as sport, c; ...: mend them, or set data.contradictions (in Python: contradictions) to first or drop",
    ),
    BadInput(
        "the same, and none of its rows shall stay",
        in_python([*TEXTS, TEXTS[0]], [*LABELS, "another"], contradictions="drop"),
        "data: contradicting labels for 1 of 59 headlines, of which none stays: 'Bond may of tax after' as money, another\n59 headlines, labels money, nature, sport",
    ),
    BadInput(
        "a rule for such headlines that there is not",
        audited(CSV, "data.contradictions=last"),
        "error: data.contradictions=last: expected 'first', 'drop' or 'error', got 'last'",
    ),
    BadInput(
        "every headline has two labels, and none shall stay",
        in_python(
            ["Alps lose snow", "Rates rise"] * 2, ["a", "b", "b", "a"], contradictions="drop"
        ),
        "error: expected labelled headlines in train, none is left of 4 rows (0 empty, 0 unlabelled, 4 repeated or contradicting)",
    ),
    BadInput(
        "a file of labels to add that is not there",
        audited(CSV, "data.added=[filled.csv]"),
        "error: expected a file of headlines, there is none at filled.csv",
    ),
    BadInput(
        "one in which no label was filled in",
        audited(
            CSV, "data.added=filled.csv", filled_csv="text,label\nAlps lose snow,\nRates rise,\n"
        ),
        "error: filled.csv: expected labels in the column 'label', none of 2 headlines has one: fill them in, or leave the file out of data.added",
    ),
    BadInput(
        "one with another column of labels",
        audited(CSV, "data.added=[filled.csv]", filled_csv="text,topic\nAlps lose snow,nature\n"),
        "error: filled.csv: there is no column 'label', it has 'text', 'topic': set data.label (in Python: label)",
    ),
    BadInput(
        "one that is empty",
        audited(CSV, "data.added=[filled.csv]", filled_csv=""),
        "error: filled.csv: expected a file of headlines, it is empty",
    ),
    BadInput(
        "one whose labels were filled in beside the lines",
        audited(CSV, "data.added=[filled.txt]", filled_txt="Alps lose snow: nature\n"),
        "error: filled.txt: expected a name that ends in .csv, .tsv, .json, .jsonl, .ndjson, .parquet, got the name 'filled.txt'",
    ),
    BadInput(
        "a number in the place of such a file",
        audited(CSV, "data.added=3"),
        "error: expected a file of headlines, there is none at 3",
    ),
    BadInput(
        "a label that was misspelt when it was filled in",
        in_python_added(["Alps lose snow", "Rates rise"], ["natur", "money"]),
        "data: only added headlines have the label 'natur' (1 in filled.csv): is it new; did you mean nature?\n62 headlines, labels money, natur, nature, sport",
    ),
    BadInput(
        "suggest: no headline without a label",
        suggested(CSV),
        "error: expected headlines without a label to choose from, got none: name a file of them with data.unlabelled=FILE (in Python: unlabelled), or leave their label empty in the data",
    ),
    BadInput(
        "suggest: the table is there already",
        suggested(CSV, to_label_csv="text,label\nAlps lose snow,nature\n"),
        "error: to_label.csv is there already, and may hold labels: name another file with --out, or remove it",
    ),
    BadInput(
        "suggest: a table that is no CSV",
        suggested(CSV, "--out", "to_label.xlsx"),
        "error: --out to_label.xlsx: expected a name that ends in .csv",
    ),
    BadInput(
        "suggest: no headline at all is asked for",
        suggested(CSV, "--n", "0"),
        "error: Invalid value for '--n': 0 is not in the range 1<=x<=1000. (see pipeline suggest --help)",
    ),
    BadInput(
        "suggest: a million headlines are asked for",
        suggested(CSV, "--n", "1000000"),
        "error: Invalid value for '--n': 1000000 is not in the range 1<=x<=1000. (see pipeline suggest --help)",
    ),
    BadInput(
        "suggest: a file of headlines that is not there",
        suggested(CSV, "data.unlabelled=more.txt"),
        "error: expected a file of headlines, there is none at more.txt",
    ),
    BadInput(
        "suggest: an option of the training",
        suggested(CSV, "training.batch_size=8"),
        "error: training.batch_size is not used by `pipeline suggest`: leave it out (`pipeline train` uses it)",
    ),
    BadInput(
        "suggest: every headline without a label has one elsewhere",
        suggested(CSV, "data.unlabelled=more.txt", more_txt="\n".join(TEXTS)),
        "error: expected headlines without a label to choose from, got none: name a file of them with data.unlabelled=FILE (in Python: unlabelled), or leave their label empty in the data",
    ),
    BadInput(
        "suggest: a file in the place of the folder of the table",
        suggested(CSV, "data.unlabelled=more.txt", "--out", "x.csv/to.csv", more_txt="Rates rise"),
        "error: --out x.csv/to.csv: there is no folder x.csv: make it first, or name another",
    ),
    BadInput(
        "suggest: vectors that there are not",
        suggested(
            CSV,
            "data.unlabelled=more.txt",
            "vectors=file",
            "vectors.path=none.txt",
            more_txt="Rates rise",
        ),
        "error: none.txt: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) or random, there is none",
    ),
    BadInput(
        "audit: vectors that there are not",
        audited(CSV, "vectors=file", "vectors.path=none.txt"),
        "error: none.txt: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) or random, there is none",
    ),
    BadInput(
        "suggest in Python: fewer than one headline",
        lambda trial: suggested_in_python(0),
        "error: suggest: expected at least 1 as n, got 0 (int)",
    ),
]
