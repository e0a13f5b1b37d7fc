"""The champion, where several processes decide at once."""

from __future__ import annotations

import subprocess
import sys

import pytest
from builders import ROOT, finish
from mlflow import MlflowClient

PROMOTE = """
import sys
from mlflow import MlflowClient
from pipeline.tracking.registry import promote_version, register_version
uri, first = sys.argv[1], int(sys.argv[2])
client = MlflowClient(uri)
print("ready", flush=True)
sys.stdin.read()
for number in range(first, 32, 4):  # of 32 accuracies in a mixed order
    accuracy = (number * 13 % 32) / 32
    run = client.create_run("0").info.run_id
    model = client.create_logged_model("0", "model", source_run_id=run).model_id
    client.finalize_logged_model(model, "READY")
    version = register_version(uri, ["m"], run, model, origin="", validation={"accuracy": accuracy}, sha256="a")
    promote_version(uri, "m", version)
"""


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(5))
def test_of_several_at_once_the_best_is_the_champion(store: str, trial: int) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTE, store, str(number)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
    finish(processes)
    client = MlflowClient(store)
    versions = client.search_model_versions("name = 'm'", max_results=100)
    assert sorted(int(v.version) for v in versions) == [*range(1, 33)]
    assert {float(v.tags["pipeline.validation_accuracy"]) for v in versions} == {
        n / 32 for n in range(32)
    }
    champion = client.get_model_version_by_alias("m", "champion")
    assert float(champion.tags["pipeline.validation_accuracy"]) == 31 / 32
