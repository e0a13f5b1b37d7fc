"""A classifier as a folder that MLflow can load, and such a folder as the logged model of a run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.models import Model, ModelSignature
from mlflow.types import ParamSchema, ParamSpec

from pipeline.base.files import atomic_write, temporary_files
from pipeline.portable import RUNTIME, copy_runtime, requirements
from pipeline.portable.answers import PARAMS
from pipeline.tracking import serving
from pipeline.tracking.models import CLASSIFIER

if TYPE_CHECKING:
    from pipeline.classifier.ensemble import Classifier

MODEL_NAME = "model"  # as in runs:/ID/model
_BATCH = 1000  # metrics that one request may hold


def save_classifier(
    classifier: Classifier, folder: Path, facts: Mapping[str, Any] | None = None
) -> None:
    """Write a classifier as an MLflow model to `folder`, which is replaced.

    It is a portable classifier whose numbers are kept whole (float32), with a copy of the code that
    computes it, so that it works where this package is not installed. `facts`: what its README
    tells, as for `export_classifier`.

    It needs no store. Raises OSError: the folder cannot be written.
    """
    from pipeline.classifier.export import export_classifier  # TensorFlow: sending needs none

    with atomic_write(folder) as part, temporary_files(folder.parent):
        with tempfile.TemporaryDirectory() as temporary:
            exported = Path(temporary, CLASSIFIER)
            export_classifier(classifier, exported, dtype="float32", facts=facts)
            code = copy_runtime(Path(temporary))
            copied = code / "tracking" / "serving.py"
            copied.parent.mkdir()
            copied.with_name("__init__.py").write_text("", "utf-8")
            shutil.copyfile(serving.__file__, copied)
            mlflow.pyfunc.save_model(
                path=str(part),
                loader_module=f"{RUNTIME}.tracking.serving",
                data_path=str(exported),
                code_paths=[str(code)],
                pip_requirements=[f"mlflow=={version('mlflow')}", *requirements()],
                signature=_signature(),
            )
        shutil.rmtree(folder, ignore_errors=True)


def _signature() -> ModelSignature:
    """The parameters of a request. With a schema of the inputs, MLflow would drop or convert what
    does not fit it; the model itself refuses that."""
    types = {bool: "boolean", int: "long", float: "double"}
    return ModelSignature(
        params=ParamSchema(
            [ParamSpec(name, types[type(value)], value) for name, value in PARAMS.items()]
        )
    )


def send_model(client: MlflowClient, run_id: str, folder: Path) -> str:
    """Make a saved classifier the logged model of a run, and return its id.

    It may be called again after it was cut off: what is there is not made again. Raises what MLflow
    raises.
    """
    run = client.get_run(run_id)
    logged = next(iter(logged_models(client, run_id)), None) or client.create_logged_model(
        run.info.experiment_id, MODEL_NAME, source_run_id=run_id, params=run.data.params
    )
    if logged.status != LoggedModelStatus.READY:
        model = Model.load(str(folder))
        model.run_id, model.model_id, model.model_uuid = run_id, logged.model_id, logged.model_id
        model.artifact_path = logged.artifact_location
        model.save(str(folder / "MLmodel"))
        client.log_model_artifacts(logged.model_id, str(folder))
        outputs = run.outputs.model_outputs if run.outputs else []
        if logged.model_id not in {output.model_id for output in outputs}:
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        for start in range(0, len(metrics := _first_metrics(client, run_id, logged)), _BATCH):
            client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return str(logged.model_id)


def logged_models(client: MlflowClient, run_id: str) -> list[LoggedModel]:
    """The logged models of a run, ready or not."""
    experiment_id = client.get_run(run_id).info.experiment_id
    return [
        *client.search_logged_models([experiment_id], filter_string=f"source_run_id = '{run_id}'")
    ]


def _first_metrics(client: MlflowClient, run_id: str, logged: LoggedModel) -> list[Metric]:
    """The metrics of a run that belong to no step, as those of its model. MLflow shows them
    there."""
    return [
        Metric(m.key, m.value, m.timestamp, m.step, model_id=logged.model_id, run_id=run_id)
        for name in client.get_run(run_id).data.metrics
        for m in client.get_metric_history(run_id, name)
        if m.step == 0 and m.model_id is None
    ]
