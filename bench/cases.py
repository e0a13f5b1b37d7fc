"""What a case base is worth: its accuracy, what it learns from a few headlines, and its speed.

    python -m bench.cases --vectors glove.6B.100d.txt --clickbait FOLDER
    python -m bench.cases --only speed

`accuracy`: the nearest neighbours in the representation of `model=metric` and of `model=cnn`,
beside the head of the same network, without the parts that are blended with it. `shift`: BBC News
without one of its topics, of which a few headlines come later. `speed`: of an answer and a change.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from statistics import mean, median, stdev
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from bench.measure import table, versions

if TYPE_CHECKING:
    from pipeline.cases.casebase import CaseBase

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
Pair = tuple[list[str], list[str]]  # headlines and the names of their labels
Run = Callable[[Callable[["Task"], Any], Sequence["Task"]], list[Any]]


@dataclass(frozen=True)
class Task:
    """One process of work: the model, the seed (of the split too, where it is BBC's), where the
    headlines are, and for a shift the topic that comes later."""

    model: str
    seed: int
    vectors: str
    clickbait: str | None = None
    new: str | None = None


# ------------------------------------------------------------------------------------ accuracy


def accuracy(task: Task) -> dict[str, float]:
    """Test accuracy of a network's own head, and of the nearest neighbours in it."""
    splits = _splits(task)
    network, names = _trained(task, splits["train"], splits["validation"])
    from pipeline.cases.casebase import CaseBase

    cases = CaseBase(network, *splits["train"])
    return {"head": _head(network, names, splits["test"]), "cases": _nearest(cases, splits["test"])}


def print_accuracy(tasks: Sequence[Task], run: Run) -> None:
    """A line for each data set and model."""
    folder = tasks[0].clickbait
    lines = {
        (name, model): [replace(task, model=model, clickbait=path) for task in tasks]
        for name, path in {"BBC": None, **({"Stop Clickbait": folder} if folder else {})}.items()
        for model in MODELS
    }
    found = iter(run(accuracy, [task for several in lines.values() for task in several]))
    rows = []
    for (name, model), several in lines.items():
        results = [next(found) for _ in several]
        rows.append(
            [name, model, *(_mean(one[key] for one in results) for key in ("head", "cases"))]
        )
    table(["data", "model", "its own head", "5 nearest cases"], rows)


# --------------------------------------------------------------------------------------- shift


def shift(task: Task) -> dict[str, tuple[float, float]]:
    """By way and number of headlines of the new topic: test accuracy on this and on the others."""
    from pipeline.cases.casebase import CaseBase

    splits = _splits(task)
    train, validation, test = (_apart(splits[name], task.new) for name in splits)
    network, _ = _trained(task, train[0], validation[0])

    def score(of: Callable[[Pair], float]) -> tuple[float, float]:
        return of(test[1]), of(test[0])

    found = {"before, 0": score(partial(_nearest, CaseBase(network, *train[0])))}
    for n in SIZES:
        some = _cut(train[1], 0, n)
        cases = CaseBase(network, *train[0])
        cases.add(*some)
        found[f"cases, {n}"] = score(partial(_nearest, cases))
        # What trains holds out a fifth of the same headlines to validate on.
        held, rest = _cut(some, 0, n // 5), _cut(some, n // 5, n)
        both = _joined(validation[0], held)
        cases.remove(cases.add(*held))
        adapted = cases.adapt(both, seed=task.seed)
        cases.add(*held)
        found[f"adapted, {n}"] = score(partial(_nearest, cases))
        found[f"taken, {n}"] = float(adapted.kept), 0.0
        again, names = _trained(task, _joined(train[0], rest), both)
        found[f"trained, {n}"] = score(partial(_head, again, names))
        cases = CaseBase(again, *_joined(train[0], some))
        found[f"trained, its cases, {n}"] = score(partial(_nearest, cases))
    return found


def print_shift(tasks: Sequence[Task], run: Run) -> None:
    """A line for each way and number of headlines; with another seed another topic is the new one."""
    several = [replace(task, new=TOPICS[task.seed % len(TOPICS)], clickbait=None) for task in tasks]
    found = run(shift, several)
    rows = []
    for name in found[0]:
        way, n = name.rsplit(", ", 1)
        of_each = [result[name] for result in found]
        if way == "taken":
            rows[-1][1] += f", taken {sum(new for new, _ in of_each):.0f} of {len(found)} times"
        else:
            new, others = zip(*of_each, strict=True)
            rows.append([n, WAYS[way], _mean(new), _mean(others)])
    table(["headlines of the new topic", "way", "accuracy on it", "on the others"], rows)


# --------------------------------------------------------------------------------------- speed


class Fixed:
    """Represents a headline by a vector that is there already: of random groups, of length 1."""

    def __init__(self, n: int, width: int = 100) -> None:
        random = np.random.default_rng(0)
        centres = random.normal(size=(20, width))
        vectors = centres[random.integers(20, size=n)] + 0.3 * random.normal(size=(n, width))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        return self.vectors[[int(text) for text in texts]]


def print_speed(_: Sequence[Task], __: Run) -> None:
    """Milliseconds with more and more cases; the headline is represented before."""
    from pipeline.cases.casebase import CaseBase

    rows = []
    for n in (1_000, 10_000, 100_000):
        repeats = range(n, n + 200)
        names = [str(i) for i in repeats]
        cases = CaseBase(Fixed(n + len(names)), [str(i) for i in range(n)], ["a", "b"] * (n // 2))
        many = partial(cases.answer, names)
        answer = _milliseconds([partial(cases.answer, [name]) for name in names])
        added = _milliseconds([partial(cases.add, [name], ["a"]) for name in names])
        removed = _milliseconds([partial(cases.remove, [i]) for i in repeats])
        with TemporaryDirectory() as folder:
            saved = _milliseconds([partial(cases.save, folder)] * 3)
            loaded = _milliseconds([partial(CaseBase.load, folder)] * 3)
        times = [answer, _milliseconds([many] * 3) / len(names), added, removed, saved, loaded]
        rows.append([f"{n:,}", *(f"{value:.2f}" for value in times)])
    click.echo("\nMedian milliseconds, with 100 numbers a headline, which are there before:")
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


def _splits(task: Task) -> dict[str, Pair]:
    """Headlines and the names of their labels: train, validation, test."""
    from pipeline.data.headlines import load_headlines

    source = {"source": "bbc", "seed": task.seed}
    if task.clickbait:
        source = {"source": "stop_clickbait", "path": task.clickbait}
    headlines = load_headlines(**source)
    names = headlines.label_names
    return {
        split: (headlines.texts(split), [names[label] for label in headlines.labels(split)])
        for split in ("train", "validation", "test")
    }


def _trained(task: Task, train: Pair, validation: Pair) -> tuple[Any, list[str]]:
    """The network alone, by the stages of a run with its defaults, and its labels."""
    from pipeline.classifier.network import build_network
    from pipeline.config import load_config
    from pipeline.embedding.loading import load_vectors
    from pipeline.embedding.matching import conventions, spellings
    from pipeline.embedding.matrix import build_embedding_matrix
    from pipeline.embedding.vocabulary import build_vocabularies
    from pipeline.training import loop as training

    config = load_config([f"model={task.model}"])
    vocabularies = build_vocabularies(train[0])
    vectors = load_vectors(
        task.vectors,
        words=spellings(word for v in vocabularies.values() for word in v.words),
        most_frequent=config.vectors.extra_words,
    )
    vocabulary = vocabularies[conventions(vectors.first_words).contractions]
    matrix = build_embedding_matrix(
        vocabulary.words,
        vectors,
        counts=vocabulary.counts,
        extra_words=vectors.index_to_key,
        std=config.vectors.std,
        seed=task.seed,
    )
    names = sorted(set(train[1]))
    network = build_network(
        matrix, len(names), config.model, contractions=vocabulary.contractions, seed=task.seed
    )
    numbered = [(texts, [names.index(label) for label in of]) for texts, of in (train, validation)]
    training.train(network, *numbered, config.training, seed=task.seed)
    return network, names


def _head(network: Any, names: Sequence[str], pair: Pair) -> float:

    predicted = network.predict_proba(pair[0]).argmax(axis=1)
    return float((np.array(names)[predicted] == np.array(pair[1])).mean())


def _nearest(cases: CaseBase, pair: Pair) -> float:
    return float((cases.predict(pair[0]) == np.array(pair[1], object)).mean())


def _apart(pair: Pair, topic: str | None) -> tuple[Pair, Pair]:
    """The headlines of all other topics, and those of this one."""
    items = list(zip(*pair, strict=True))
    others = [item for item in items if item[1] != topic]
    these = [item for item in items if item[1] == topic]
    return tuple(([text for text, _ in part], [of for _, of in part]) for part in (others, these))


def _cut(pair: Pair, start: int, end: int) -> Pair:
    return pair[0][start:end], pair[1][start:end]


def _joined(one: Pair, other: Pair) -> Pair:
    return one[0] + other[0], one[1] + other[1]


def _mean(values: Iterable[float]) -> str:
    several = list(values)
    spread = f" ± {stdev(several):.4f}" if len(several) > 1 else ""
    return f"{mean(several):.4f}{spread}"


def _quietly(function: Callable[[Task], Any], task: Task) -> Any:
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
    """Print the tables, mean and standard deviation over the seeds."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    tasks = [Task("metric", seed, vectors, clickbait) for seed in range(seeds)]
    # A process each: TensorFlow keeps what it has compiled.
    with ProcessPoolExecutor(jobs, get_context("spawn"), max_tasks_per_child=1) as pool:

        def run(function: Callable[[Task], Any], several: Sequence[Task]) -> list[Any]:
            return list(pool.map(partial(_quietly, function), several))

        for name in only:
            click.echo(f"\n## {name.capitalize()}")
            PRINT[name](tasks, run)
    click.echo(f"\n{seeds} seeds; {versions('tensorflow', 'keras', 'faiss-cpu')}")


if __name__ == "__main__":
    main()
