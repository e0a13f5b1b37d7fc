"""In which order texts are trained on, and how many steps a phase takes."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.training.options import PhaseOptions, TrainingOptions
from pipeline.training.schedule import Schedule, plan_by_length, plan_epoch, schedule_for

LENGTHS = np.random.default_rng(0).integers(0, 20, 1_000)
PHASES = ("frozen", "fine_tuned", "scratch")


@pytest.mark.parametrize("passes", [1, 3])
def test_every_text_comes_once_in_a_pass(passes: int) -> None:
    plan = plan_epoch(LENGTHS, 16, np.random.default_rng(1), passes)
    assert len(plan) == len(plan.widths) == passes * 63
    for one_pass in np.split(plan.order, passes):
        assert sorted(one_pass) == list(range(1_000))
    batches = np.split(plan.order, plan.starts[1:-1])
    assert {len(batch) for batch in batches} == {16, 1_000 % 16}
    assert [max(LENGTHS[batch].max(), 1) for batch in batches] == plan.widths.tolist()


def test_batches_come_in_another_order_in_every_epoch_and_in_the_same_for_a_seed() -> None:
    first, same, changed = (
        plan_epoch(LENGTHS, 16, np.random.default_rng(seed)).order.tolist() for seed in (1, 1, 2)
    )
    assert first == same != changed
    two = plan_epoch(LENGTHS, 16, np.random.default_rng(1), 2).order
    assert two[:1_000].tolist() != two[1_000:].tolist()


def test_texts_of_like_length_go_together() -> None:
    """So there is little padding, though the batches are shuffled."""
    plan = plan_epoch(LENGTHS, 10, np.random.default_rng(1))
    padded = (plan.widths * np.diff(plan.starts)).sum()
    assert padded < 1.1 * LENGTHS.sum()
    assert (np.diff(plan.widths) < 0).any()


def test_no_tokens_at_all_still_make_a_column() -> None:
    plan = plan_epoch(np.zeros(3, int), 2, np.random.default_rng(0))
    assert plan.widths.tolist() == [1, 1]


def test_validation_goes_from_the_shortest_to_the_longest() -> None:
    plan = plan_by_length(np.array([3, 1, 0, 2, 1]), 2)
    assert plan.order.tolist() == [2, 1, 4, 3, 0]
    assert plan.starts.tolist() == [0, 2, 4, 5]
    assert plan.widths.tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", PHASES)
def test_few_texts_get_small_batches_and_many_steps(name: str) -> None:
    options = TrainingOptions(phases=(name,))
    least = {"frozen": 300, "fine_tuned": 300, "scratch": 1_000}[name]
    sizes = []
    for n in (20, 200, 999, 5_000, 99_999, 100_000):
        schedule = schedule_for(n, name, PhaseOptions(), options)
        steps = schedule.epochs * schedule.passes * -(-n // schedule.batch_size)
        assert steps >= least
        assert schedule.epochs <= 8
        sizes.append(schedule.batch_size)
    assert sizes == [16, 16, 16, 32, 32, 128]


def test_what_is_given_is_taken() -> None:
    options = TrainingOptions(batch_size=7)
    assert schedule_for(50, "frozen", PhaseOptions(epochs=3), options) == Schedule(7, 3, passes=1)
    assert schedule_for(50, "frozen", PhaseOptions(), options).batch_size == 7


def test_the_phases_run_that_are_named_and_have_epochs() -> None:
    assert list(TrainingOptions().planned) == ["frozen", "fine_tuned"]
    assert list(TrainingOptions(frozen=PhaseOptions(0)).planned) == ["fine_tuned"]
    assert list(TrainingOptions(phases=("scratch",), frozen=PhaseOptions(3)).planned) == ["scratch"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": ("frozen", "frozen")}, "expected each phase once, got frozen, frozen"),
        ({"phases": ("frozen",), "frozen": PhaseOptions(0)}, "needs epochs >= 1"),
        ({"phases": ()}, "at least 1 item"),
        ({"phases": ("thawed",)}, "'frozen', 'fine_tuned' or 'scratch'"),
    ],
)
def test_schedules_that_cannot_be(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingOptions(**options)  # type: ignore[arg-type]
