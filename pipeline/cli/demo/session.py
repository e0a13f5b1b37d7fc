"""What the page asks: labels, the reasons for one, the nearest headlines, and corrections."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.base.errors import DataError, ModelError, PipelineError
from pipeline.portable import PortableClassifier, normalize
from pipeline.portable.answers import answer
from pipeline.portable.members import Member, NetworkMember, NgramMember, SifMember, log_softmax
from pipeline.portable.tokens import UNKNOWN
from pipeline.tracking.models import LoadedModel
from pipeline.tracking.trained import TrainingRecord

if TYPE_CHECKING:
    from pipeline.cases.case import Case
    from pipeline.cases.casebase import CaseBase

MOST_CASES = 100_000
"""Training headlines that are kept in memory to find the nearest ones: 40 MB with 100 numbers
each."""
MOST_LABELS = 20
"""Labels of one headline that are told, the most probable first."""
MOST_UNKNOWN = 10
"""Words of one headline that are told to be unknown."""
MOST_LABEL_CHARACTERS = 200

_READING = "The training headlines are still being read."
_MEMBERS = {
    NetworkMember: "network",
    SifMember: "mean of the word vectors (sif)",
    NgramMember: "n-grams",
}
_PHASES = {"fine_tuned": "fine-tuned", "scratch": "from scratch"}


@dataclass(frozen=True)
class Correction:
    """A correction that can be undone: the ids of the cases that came, and the cases that went."""

    added: tuple[int, ...]
    removed: tuple[Case, ...]


class Session:
    """A classifier, and the cases beside it: the training headlines and the corrections.

    The cases are read by `read_cases`, which may run in a thread of its own. Until then, and where
    there are none, headlines are labelled all the same, and `notice` says why none is near.

    Args:
        model: gives the labels.
        record: what its run says; None: nothing is known of its training.
        folder: where corrections are kept. It is made with the first one.
    """

    def __init__(self, model: LoadedModel, record: TrainingRecord | None, folder: Path) -> None:
        self.model, self.record, self.folder = model, record, folder
        self.notice = _READING
        self._case_base: CaseBase | None = None
        self._corrections: list[Correction] = []
        self._changing = threading.Lock()  # the cases change one at a time

    @property
    def classifier(self) -> PortableClassifier:
        """What gives the labels."""
        return self.model.classifier

    def read_cases(self) -> None:
        """Read the cases of the folder, else the training headlines. Afterwards `notice` is empty,
        or says why there are none.

        Raises ModelError, DataError: the folder has cases that cannot be used.
        """
        with self._changing:
            if self.is_kept():
                self._case_base, self.notice = self._open(), ""
                return
            try:
                self._case_base, self.notice = self._from_training()
            except PipelineError as error:
                self.notice = (
                    f"No training headlines: {error}. Give them once: pipeline cases add --model "
                    f"{self.model.address} --cases {self.folder} --file FILE --text COLUMN --label "
                    "COLUMN"
                )

    # --------------------------------------------------------------------------------- answering

    def describe(self) -> dict[str, Any]:
        """What the page says of the model and the cases."""
        facts = self.classifier.facts
        metrics = self.record.metrics if self.record else {}
        base = self._case_base
        return {
            "model": self.model.address,
            "data": str(facts.get("data", "")),
            "vectors": str(facts.get("vectors", "")),
            "labels": list(self.classifier.label_names),
            "accuracy": metrics.get("test/accuracy"),
            "cases": None if base is None else len(base),
            "case_labels": [] if base is None else list(base.labels),
            "corrections": 0 if base is None else base.n_new,
            "undo": len(self._corrections),
            "folder": str(self.folder),
            "notice": self.notice,
            "reading": self.notice == _READING,
        }

    def labels(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """The label and the probability of each text, and its mark."""
        names = self.classifier.label_names
        probabilities, marks = self.classifier.predict_marked(texts)
        best = probabilities.argmax(axis=1).tolist()
        return [
            {"label": names[label], "probability": row[label], "mark": mark}
            for label, row, mark in zip(best, probabilities.tolist(), marks.tolist(), strict=True)
        ]

    def explain(self, text: str) -> dict[str, Any]:
        """All about one headline: labels, words, who says what, the nearest headlines.

        Raises DataError: the text is empty.
        """
        if not text.strip():
            raise DataError("expected a headline, got an empty one")
        (row,) = answer(self.classifier, [text], why=True)
        ranked = sorted(row["probabilities"], key=lambda name: -row["probabilities"][name])
        shown = ranked[:MOST_LABELS]
        return {
            "label": row["label"],
            "probability": row["probability"],
            "labels": shown,
            "left_out": len(ranked) - len(shown),
            "methods": self._methods(text, row["probabilities"], shown),
            "words": [
                {"word": word["word"], "gives": [word["contributions"][name] for name in shown]}
                for word in row["why"]["words"]
            ],
            "bias": [row["why"]["bias"][name] for name in shown],
            "mark": row["mark"],
            "unknown": self._unknown(text),
            "nearest": self._nearest(text),
        }

    def _unknown(self, text: str) -> list[str]:
        """The words of a headline that the model has no vector for."""
        batch = self.classifier.tokeniser.tokenise(normalize([text]))
        rows = batch.rows[batch.places]
        tokens = [batch.tokens[place] for place in batch.places[rows == UNKNOWN]]
        words = dict.fromkeys(token for token in tokens if any(map(str.isalnum, token)))
        return [*words][:MOST_UNKNOWN]

    def _methods(
        self, text: str, probabilities: Mapping[str, float], shown: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Who says what: the classifier, its members, and its network after other phases."""
        record, kept = self.record, self.classifier
        metrics = record.metrics if record else {}
        best = str(record.tags.get("best_phase", "")) if record else ""
        own = [probabilities[name] for name in kept.label_names]
        rows: list[tuple[str, list[float], float | None]] = [
            ("answer", own, metrics.get("test/accuracy"))
        ]

        def add(name: str, asked: PortableClassifier, member: Member, phase: str) -> None:
            accuracy = metrics.get(f"test/accuracy/{phase}") if phase else None
            shown_name = f"{name}, {_PHASES.get(phase, phase)}" if phase else name
            rows.append((shown_name, _ask(asked, member, text), accuracy))

        for phase, then in record.phases.items() if record else ():
            add(_MEMBERS[NetworkMember], then, then.network, phase)
        for member in kept.members if len(kept.members) > 1 else ():
            add(_MEMBERS[type(member)], kept, member, best * isinstance(member, NetworkMember))
        places = [kept.label_names.index(name) for name in shown]
        return [
            {
                "name": name,
                "probabilities": [float(values[i]) for i in places],
                "accuracy": accuracy,
            }
            for name, values, accuracy in rows
        ]

    def _nearest(self, text: str) -> dict[str, Any] | None:
        """The vote of the nearest cases. None: there are no cases yet.

        `own`: the label that the headline itself was corrected to, or None.
        """
        base = self._case_base
        if base is None or not len(base):
            return None
        from pipeline.data.cleaning import clean_texts

        (clean,) = clean_texts([text])
        (vote,) = base.answer([text])
        return {
            "own": next(
                (c.label for c in vote.neighbours if c.text == clean and base.is_new(c.id)), None
            ),
            "votes": dict(vote.votes),
            "cases": [
                {
                    "text": case.text,
                    "label": case.label,
                    "distance": case.distance,
                    "new": base.is_new(case.id),
                }
                for case in vote.neighbours
            ],
        }

    # ---------------------------------------------------------------------------------- changing

    def correct(self, text: str, label: str) -> dict[str, Any]:
        """Keep a headline with its right label, in place of cases of it with other labels.

        The label may be new. Returns whether anything `changed`, and what `describe` says now.
        Raises DataError: the headline or the label is empty, or the folder cannot be written.
        """
        from pipeline.cases.case import check_pairs
        from pipeline.cases.storage import changing

        ((text, label),) = check_pairs([text], [label])
        if len(label) > MOST_LABEL_CHARACTERS:
            raise DataError(
                f"expected a label of at most {MOST_LABEL_CHARACTERS} characters, got "
                f"{len(label):,}"
            )
        with self._changing, changing(self.folder, new=True):
            base = self._begin()
            same = [case for case in base if case.text == text]
            wrong = [case for case in same if case.label != label]
            is_there = len(wrong) < len(same)
            base.remove([case.id for case in wrong])
            added = [] if is_there else base.add([text], [label])
            changed = bool(added or wrong)
            if changed:
                base.save(self.folder)
                self._corrections.append(Correction(tuple(added), tuple(wrong)))
            self._case_base, self.notice = base, ""
        return {"changed": changed, **self.describe()}

    def undo(self) -> dict[str, Any]:
        """Take the last correction back, and return what `describe` says now.

        Raises DataError: there is none since the demo was started.
        """
        from pipeline.cases.storage import changing

        with self._changing:
            if not self._corrections:
                raise DataError(
                    "expected a correction to undo, there is none since the demo was started"
                )
            with changing(self.folder):
                self._undo()
        return self.describe()

    def _undo(self) -> None:
        """Take the last correction back, of which there has to be one."""
        base = self._open()
        correction = self._corrections[-1]
        present = {case.id for case in base}  # another process may have removed it
        base.remove([id_ for id_ in correction.added if id_ in present])
        base.restore(correction.removed)
        base.save(self.folder)
        self._corrections.pop()
        self._case_base = base

    def _begin(self) -> CaseBase:
        """The cases of the folder, which is begun with the training headlines if need be."""
        from pipeline.cases.casebase import CaseBase

        if not self.is_kept():
            base = self._case_base or CaseBase(
                self.model, name=self._name, address=self.model.address
            )
            base.save(self.folder)
        return self._open()

    def _open(self) -> CaseBase:
        from pipeline.cases.casebase import CaseBase

        return CaseBase.load(self.folder, self.model, name=self._name, address=self.model.address)

    def is_kept(self) -> bool:
        """Whether the folder has a case base."""
        from pipeline.cases.storage import FILE

        return (self.folder / FILE).exists()

    @property
    def _name(self) -> str:
        """How the cases call the model: the same however it was named. As `pipeline cases` does."""
        return f"models:/{self.model.id}"

    def _from_training(self) -> tuple[CaseBase, str]:
        """The training headlines as cases, and what is to be said of them.

        Raises PipelineError: they cannot be had, or are no longer the same.
        """
        if self.record is None:
            raise ModelError(
                "the model is a folder, or its run is gone, so nothing says where they are"
            )
        from pipeline.cases.casebase import CaseBase
        from pipeline.data.headlines import load_headlines

        options = dict(self.record.options["data"])
        if options["source"] == "hub":  # it would be asked over the internet
            raise DataError("they are on the hub, and the demo asks nothing of the internet")
        headlines = load_headlines(**options)
        digest = self.record.digest
        if not digest or not headlines.sha256["train"].startswith(digest):
            raise DataError(f"{headlines.address} has changed since the training")
        examples = headlines.examples("train")
        names = [examples.label_names[label] for label in examples.labels[:MOST_CASES]]
        texts = examples.texts[:MOST_CASES]
        left = len(examples) - len(texts)
        notice = f"The first {MOST_CASES:,} of {len(examples):,} training headlines are searched."
        return CaseBase(
            self.model, texts, names, name=self._name, address=self.model.address
        ), notice if left else ""


def _ask(classifier: PortableClassifier, member: Member, text: str) -> list[float]:
    """The probabilities that one member gives, for each label."""
    batch = classifier.tokeniser.tokenise(normalize([text]))
    probabilities: list[float] = np.exp(log_softmax(member.logits(batch)))[0].tolist()
    return probabilities
