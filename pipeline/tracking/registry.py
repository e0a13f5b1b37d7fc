"""The model registry: which models there are, their versions, and the champion of each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from pipeline.base.addresses import MODEL_ADDRESS
from pipeline.insight.search import ACCURACY, OBJECTIVES
from pipeline.tracking.connection import chosen_store
from pipeline.tracking.database import store_lock
from pipeline.tracking.notes import set_model_note, set_version_note
from pipeline.tracking.options import TrackingOptions

logger = logging.getLogger(__name__)

_ORIGIN = "pipeline.data_origin"  # the tag that says which data a name belongs to
_SHA256 = "pipeline.validation_sha256"  # of a version
_RESULT = "pipeline.validation_{}"  # likewise, such as pipeline.validation_accuracy

CHAMPION = "champion"
"""The alias of the version that answers where only the name of a model is given."""


@dataclass(frozen=True)
class RegisteredModel:
    """A version in the registry. `champion`: whether it has the alias; `reason`: why it has it or
    has it not."""

    uri: str
    name: str
    version: str
    champion: bool
    reason: str


def registered_name(options: TrackingOptions, data: str) -> str:
    """The name in the registry: the configured one, else that of the experiment and of the data."""
    name = options.registered_model or f"{options.experiment}-{data}"
    # The registry refuses / and : in names.
    return name.replace("/", "-").replace(":", "-")


def other_names(options: TrackingOptions, data: str, origin: str) -> list[str]:
    """Names for where `registered_name` belongs to a model of other data: with the folders of the
    file before its name, one more each time.

    >>> other_names(TrackingOptions(), "my", "/news/2024/my.csv")
    ['headlines-2024-my', 'headlines-news-2024-my']

    `origin`: where the data are from, see `register_version`. None where the user chose the name.
    """
    if options.registered_model or not Path(origin).is_absolute():
        return []
    folders = Path(origin).parts[1:-1]
    return [
        registered_name(options, "-".join([*folders[start:], data]))
        for start in range(len(folders) - 1, -1, -1)
    ]


def registered_models() -> list[str]:
    """The names of all registered models of the store that is set, sorted."""
    client, names, token = MlflowClient(), [], None
    while token != "":
        page = client.search_registered_models(page_token=token)
        names += [model.name for model in page]
        token = page.token or ""
    return sorted(names)


def version_address(name: str, alias: str = CHAMPION) -> str:
    """The address of the version that has the alias now, as in `models:/headlines-bbc/3`."""
    version = MlflowClient().get_model_version_by_alias(name, alias).version
    return f"models:/{name}/{version}"


def register_version(
    uri: str,
    names: Sequence[str],
    run_id: str,
    model_id: str,
    *,
    origin: str,
    validation: Mapping[str, float],
    sha256: str,
    description: str = "",
) -> str:
    """Register the model of a run, and return the number of its version.

    A version has its tags from the first moment on. Where the run has a version already, it is that
    one.

    Args:
        uri: the address of the store.
        names: the name, and others for where it belongs to a model of other data. The last one is
            taken in any case.
        run_id: of the run.
        model_id: of its logged model.
        origin: where the data are from. The models of one name have the same.
        validation: its results on the validation headlines, by the names of `training.select`.
        sha256: the digest of these headlines.
        description: in Markdown. `MODEL_ADDRESS` in it stands for the address of the version.

    Raises what MLflow raises; OSError: another process changes the store for too long.
    """
    client = MlflowClient(uri)
    with store_lock(uri), chosen_store(uri):
        for earlier in client.search_model_versions(f"run_id = '{run_id}'"):
            if earlier.name in names:
                return str(earlier.version)
        name = _free_name(client, names, origin)
        created = client.create_model_version(
            name,
            f"models:/{model_id}",
            run_id,
            tags={_RESULT.format(name): repr(float(value)) for name, value in validation.items()}
            | {_SHA256: sha256},
            await_creation_for=60,
            model_id=model_id,
        )
    version = str(created.version)
    if description:
        text = description.replace(MODEL_ADDRESS, f"models:/{name}/{version}")
        set_version_note(client, name, version, text)
    return version


def _free_name(client: MlflowClient, names: Sequence[str], origin: str) -> str:
    """The first name that is free, or has models of the same data."""
    for name in names:
        try:
            client.create_registered_model(name, tags={_ORIGIN: origin})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        else:
            return name
        owner = client.get_registered_model(name).tags.get(_ORIGIN)
        if owner is None:  # an earlier version of this package made it
            client.set_registered_model_tag(name, _ORIGIN, origin)
        if owner in (None, origin):
            return name
        if name != names[-1]:
            logger.warning(
                "tracking: the name %s belongs to models of %s: the model of %s gets another one; "
                "tracking.registered_model chooses a name",
                name,
                owner,
                origin,
            )
    return names[-1]


def promote_version(
    uri: str, name: str, version: str, promote: str = "auto", select: str = ACCURACY
) -> RegisteredModel:
    """Give a version the alias `champion` where it is the best, or where `promote` says so.

    Versions are compared by their tags, and only where they were validated on the same headlines.
    `select`: the result that decides; where the champion does not have it, the accuracy decides.
    One process at a time decides. The registered model gets the description of its champion, unless
    somebody has written another one.

    Raises what MLflow raises; OSError: another process changes the store for too long.
    """
    client = MlflowClient(uri)
    with store_lock(uri):
        model = client.get_registered_model(name)
        champion = model.aliases.get(CHAMPION)
        wins, reason = _decide(client, name, version, champion, promote, select)
        if wins:
            client.set_registered_model_alias(name, CHAMPION, version)
            before = "" if champion is None else _description(client, name, str(champion))
            text = _description(client, name, version)
            if text and (model.description or "") in ("", before):
                set_model_note(client, name, text)
    address = f"models:/{name}@{CHAMPION}" if wins else f"models:/{name}/{version}"
    return RegisteredModel(address, name, version, wins, reason)


def _description(client: MlflowClient, name: str, version: str) -> str:
    """The description of a version, with the address of the champion instead of its own."""
    text = client.get_model_version(name, version).description or ""
    return text.replace(f"models:/{name}/{version}", f"models:/{name}@{CHAMPION}")


def _decide(
    client: MlflowClient, name: str, version: str, champion: Any, promote: str, select: str
) -> tuple[bool, str]:
    """Whether the version becomes the champion, and why. `champion`: the present one, or None."""
    if promote in ("never", "always"):
        return promote == "always", f"tracking.promote={promote}"
    if champion is None:
        return True, "it is the first"
    if str(champion) == version:
        return True, "it was the champion already"
    new, old = (client.get_model_version(name, str(v)).tags for v in (version, champion))
    if old.get(_SHA256) != new[_SHA256]:
        return False, (
            f"version {champion} was validated on other headlines, which decides nothing; "
            "tracking.promote=always replaces it"
        )
    if not all(_RESULT.format(select) in tags for tags in (new, old)):
        select = ACCURACY  # an earlier version of this package noted nothing else
    objective = OBJECTIVES[select]
    result, before = (float(tags[_RESULT.format(select)]) for tags in (new, old))
    wins = result > before if objective.maximise else result < before
    compared = "better than" if wins else "no better than"
    return wins, f"{objective.words} {result:.4f}, {compared} {before:.4f} of version {champion}"
