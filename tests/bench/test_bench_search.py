from __future__ import annotations

from bench.search import Accuracies, gain_rows


def test_gains_are_those_of_the_same_seed() -> None:
    ways = {
        "defaults": [Accuracies(0.5, 0.7), Accuracies(0.5, 0.8)],
        "best trial": [Accuracies(0.6, 0.75), Accuracies(0.7, 0.85)],
    }
    assert gain_rows("BBC", ways) == [
        ["BBC", "defaults", "0.5000 ± 0.0000", "0.7500 ± 0.0707", "0.0000 ± 0.0000"],
        ["BBC", "best trial", "0.6500 ± 0.0707", "0.8000 ± 0.0707", "0.0500 ± 0.0000"],
    ]
