"""What a case base is worth: its accuracy, what it learns from a few headlines, and its speed.

    python -m bench.cases --vectors glove.6B.100d.txt --clickbait FOLDER
    python -m bench.cases --only speed

`accuracy`: the nearest cases in the representation of `model=metric` and of `model=cnn`, beside the
head of the same network, which has no linear members beside it. `shift`: BBC News without one of its
topics, of which a few headlines come later. `speed`: of an answer and of a change.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from bench.measure import table, versions
from pipeline.insight.spread import Spread

if TYPE_CHECKING:
    from pipeline.cases.casebase import CaseBase
    from pipeline.classifier.network import Network
    from pipeline.data.examples import Examples

MODELS = ("metric", "cnn")
TOPICS = ("business", "entertainment", "politics", "sports", "tech")
SIZES = (5, 20, 100)  # headlines of the new topic
WAYS = {
    "before": "none was seen",
    "cases": "added as cases",
    "adapted": "added, and `adapt`",
    "trained": "trained anew from all, its own head",
    "trained, its cases": "trained anew from all, 5 nearest cases",
}
Run = Callable[[Callable[["Task"], Any], Sequence["Task"]], list[Any]]


@dataclass(frozen=True)
class Task:
    """The work of one process.

    `model`: the encoder. `seed`: of the training, and of the split of BBC. `vectors`: a name or a
    file. `clickbait`: the folder of Stop Clickbait; None for BBC. `new`: the topic that comes later.
    """

    model: str
    seed: int
    vectors: str
    clickbait: str | None = None
    new: str | None = None


@dataclass(frozen=True)
class Headlines:
    """Headlines and the names of their labels."""

    texts: list[str]
    labels: list[str]

    def cut(self, start: int, end: int) -> Headlines:
        return Headlines(self.texts[start:end], self.labels[start:end])

    def __add__(self, more: Headlines) -> Headlines:
        return Headlines(self.texts + more.texts, self.labels + more.labels)

    def split_off(self, topic: str | None) -> tuple[Headlines, Headlines]:
        """The headlines of all other topics, and those of this one."""
        pairs = list(zip(self.texts, self.labels, strict=True))
        others = [pair for pair in pairs if pair[1] != topic]
        these = [pair for pair in pairs if pair[1] == topic]
        rest, chosen = (
            Headlines([text for text, _ in some], [label for _, label in some])
            for some in (others, these)
        )
        return rest, chosen

    def examples(self, names: Sequence[str]) -> Examples:
        """The same with labels as positions in `names`."""
        from pipeline.data.examples import Examples

        return Examples(self.texts, [names.index(label) for label in self.labels], tuple(names))


# ------------------------------------------------------------------------------------ accuracy


def accuracy(task: Task) -> dict[str, float]:
    """The test accuracy of a network's own head, and of the nearest cases in it."""
    from pipeline.cases.casebase import CaseBase

    train, validation, test = _load(task)
    network, names = _train(task, train, validation)
    cases = CaseBase(network, train.texts, train.labels)
    return {"head": _head_accuracy(network, names, test), "cases": _case_accuracy(cases, test)}


def print_accuracy(tasks: Sequence[Task], run: Run) -> None:
    """One line for each data set and model."""
    folder = tasks[0].clickbait
    lines = {
        (name, model): [replace(task, model=model, clickbait=path) for task in tasks]
        for name, path in {"BBC": None, **({"Stop Clickbait": folder} if folder else {})}.items()
        for model in MODELS
    }
    results = iter(run(accuracy, [task for several in lines.values() for task in several]))
    rows = []
    for (name, model), several in lines.items():
        of_line = [next(results) for _ in several]
        means = [Spread.over(r[key] for r in of_line).format() for key in ("head", "cases")]
        rows.append([name, model, *means])
    table(["data", "model", "its own head", "5 nearest cases"], rows)


# --------------------------------------------------------------------------------------- shift


def shift(task: Task) -> dict[str, tuple[float, float]]:
    """The test accuracy on the new topic and on the others, by way and number of new headlines."""
    from pipeline.cases.casebase import CaseBase

    (train, new), (validation, _), (test, new_test) = (
        headlines.split_off(task.new) for headlines in _load(task)
    )
    network, _ = _train(task, train, validation)

    def score(accuracy: Callable[[Headlines], float]) -> tuple[float, float]:
        return accuracy(new_test), accuracy(test)

    begun = CaseBase(network, train.texts, train.labels)
    results = {"before, 0": score(partial(_case_accuracy, begun))}
    for n in SIZES:
        some = new.cut(0, n)
        cases = CaseBase(network, train.texts, train.labels)
        cases.add(some.texts, some.labels)
        results[f"cases, {n}"] = score(partial(_case_accuracy, cases))
        # Training holds out a fifth of the same headlines to validate on.
        held_out, rest = some.cut(0, n // 5), some.cut(n // 5, n)
        deciding = validation + held_out
        cases.remove(cases.add(held_out.texts, held_out.labels))
        adaptation = cases.adapt(deciding.examples(cases.labels), seed=task.seed)
        cases.add(held_out.texts, held_out.labels)
        results[f"adapted, {n}"] = score(partial(_case_accuracy, cases))
        results[f"kept, {n}"] = float(adaptation.kept), 0.0
        again, names = _train(task, train + rest, deciding)
        results[f"trained, {n}"] = score(partial(_head_accuracy, again, names))
        everything = train + some
        cases = CaseBase(again, everything.texts, everything.labels)
        results[f"trained, its cases, {n}"] = score(partial(_case_accuracy, cases))
    return results


def print_shift(tasks: Sequence[Task], run: Run) -> None:
    """One line for each way and number of headlines. Each seed has another new topic."""
    several = [replace(task, new=TOPICS[task.seed % len(TOPICS)], clickbait=None) for task in tasks]
    results = run(shift, several)
    rows: list[list[str]] = []
    for name in results[0]:
        way, n = name.rsplit(", ", 1)
        pairs = [result[name] for result in results]
        if way == "kept":
            rows[-1][1] += f", kept {sum(kept for kept, _ in pairs):.0f} of {len(results)} times"
        else:
            means = [Spread.over(values).format() for values in zip(*pairs, strict=True)]
            rows.append([n, WAYS[way], *means])
    table(["headlines of the new topic", "way", "accuracy on it", "on the others"], rows)


# --------------------------------------------------------------------------------------- speed


class FixedVectors:
    """Embeds a headline, which is a number, by a vector that is there already.

    The vectors have length 1 and lie in 20 random groups.
    """

    def __init__(self, n: int, width: int = 100) -> None:
        random = np.random.default_rng(0)
        centres = random.normal(size=(20, width))
        vectors = centres[random.integers(20, size=n)] + 0.3 * random.normal(size=(n, width))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        return self.vectors[[int(text) for text in texts]]


def print_speed(_: Sequence[Task], __: Run) -> None:
    """Milliseconds with more and more cases. The headlines are embedded before."""
    from pipeline.cases.casebase import CaseBase

    rows = []
    for n in (1_000, 10_000, 100_000):
        repeats = range(n, n + 200)
        names = [str(i) for i in repeats]
        model, texts = FixedVectors(n + len(names)), [str(i) for i in range(n)]
        cases = CaseBase(model, texts, ["a", "b"] * (n // 2))
        many = partial(cases.answer, names)
        answer = _milliseconds([partial(cases.answer, [name]) for name in names])
        added = _milliseconds([partial(cases.add, [name], ["a"]) for name in names])
        removed = _milliseconds([partial(cases.remove, [i]) for i in repeats])
        with TemporaryDirectory() as folder:
            saved = _milliseconds([partial(cases.save, folder)] * 3)
            loaded = _milliseconds([partial(CaseBase.load, folder)] * 3)
        times = [answer, _milliseconds([many] * 3) / len(names), added, removed, saved, loaded]
        rows.append([f"{n:,}", *(f"{value:.2f}" for value in times)])
    click.echo("\nMedian milliseconds. A headline has 100 numbers, which are there before:")
    table(
        ["cases", "an answer", "each of 200 at once", "add one", "remove one", "save", "load"], rows
    )


def _milliseconds(calls: Sequence[Callable[[], Any]]) -> float:
    seconds = []
    for call in calls:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return 1000 * median(seconds)


# --------------------------------------------------------------------------------- what they share


def _load(task: Task) -> list[Headlines]:
    """Train, validation and test."""
    from pipeline.data.headlines import load_headlines

    if task.clickbait:
        headlines = load_headlines("stop_clickbait", path=task.clickbait)
    else:
        headlines = load_headlines("bbc", seed=task.seed)
    names = headlines.label_names
    return [
        Headlines(headlines.texts(split), [names[label] for label in headlines.labels(split)])
        for split in ("train", "validation", "test")
    ]


def _train(task: Task, train: Headlines, validation: Headlines) -> tuple[Network, list[str]]:
    """Train a network as a run does, without linear members. Its labels are sorted by name."""
    from pipeline.config import load_config
    from pipeline.training.fit import fit

    names = sorted(set(train.labels))
    fitted = fit(
        train.examples(names),
        validation.examples(names),
        task.vectors,
        model=replace(load_config([f"model={task.model}"]).model, sif=False, ngrams=False),
        seed=task.seed,
    )
    return fitted.network, names


def _head_accuracy(network: Network, names: Sequence[str], headlines: Headlines) -> float:
    predicted = network.predict_proba(headlines.texts).argmax(axis=1)
    return float((np.array(names)[predicted] == np.array(headlines.labels)).mean())


def _case_accuracy(cases: CaseBase, headlines: Headlines) -> float:
    predicted = cases.predict(headlines.texts)
    return float((predicted == np.array(headlines.labels, object)).mean())


def _run_quietly(function: Callable[[Task], Any], task: Task) -> Any:
    logging.disable()
    warnings.filterwarnings("ignore")
    return function(task)


PRINT = {"accuracy": print_accuracy, "shift": print_shift, "speed": print_speed}


def _sections(_: click.Context, __: click.Parameter, value: str) -> list[str]:
    names = value.split(",")
    for name in names:
        if name not in PRINT:
            raise click.BadParameter(f"expected some of {','.join(PRINT)}, got {name!r}")
    return names


@click.command()
@click.option("--only", default=",".join(PRINT), show_default=True, callback=_sections, help="What to measure, with commas between.")  # fmt: skip
@click.option("--vectors", default="glove_6b_50d", show_default=True, help="A name, or a file such as glove.6B.100d.txt.")  # fmt: skip
@click.option("--clickbait", type=click.Path(exists=True), help="A folder, as data.path of stop_clickbait  [default: BBC only]")  # fmt: skip
@click.option("--seeds", default=5, show_default=True)
@click.option("--jobs", default=1, show_default=True, help="Processes at a time.")
def main(only: list[str], vectors: str, clickbait: str | None, seeds: int, jobs: int) -> None:
    """Print the tables: mean and standard deviation over the seeds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tasks = [Task("metric", seed, vectors, clickbait) for seed in range(seeds)]
    # One process for each task: TensorFlow keeps what it has compiled.
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:

        def run(function: Callable[[Task], Any], several: Sequence[Task]) -> list[Any]:
            return list(pool.map(partial(_run_quietly, function), several))

        for name in only:
            click.echo(f"\n## {name.capitalize()}")
            PRINT[name](tasks, run)
    click.echo(f"\n{seeds} seeds; {versions('tensorflow', 'keras', 'faiss-cpu')}")


if __name__ == "__main__":
    main()
