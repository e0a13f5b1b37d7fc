"""The model registry: which models there are, their versions, and the champion of each."""

from __future__ import annotations

from dataclasses import dataclass

from mlflow import MlflowClient

from pipeline.tracking.options import TrackingOptions

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


def promote_version(
    name: str,
    version: str,
    *,
    validation_accuracy: float,
    validation_sha256: str,
    promote: str = "auto",
) -> RegisteredModel:
    """Write down how good a version is, and give it the alias `champion` where it is the best.

    The arguments are those of `TrackedRun.log_model`.
    """
    client = MlflowClient()
    tags = {
        "validation_accuracy": repr(validation_accuracy),
        "validation_sha256": validation_sha256,
    }
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)
    champion = client.get_registered_model(name).aliases.get(CHAMPION)
    if promote == "never":
        wins, reason = False, "tracking.promote=never"
    elif promote == "always":
        wins, reason = True, "tracking.promote=always"
    elif champion is None:
        wins, reason = True, "there was no champion"
    else:
        old = client.get_model_version(name, str(champion)).tags
        if old.get("validation_sha256") != validation_sha256:
            wins = False
            reason = (
                f"version {champion} was validated on other headlines, which decides nothing; "
                "tracking.promote=always replaces it"
            )
        else:
            before = float(old["validation_accuracy"])
            wins = validation_accuracy > before
            reason = (
                f"validation accuracy {validation_accuracy:.4f} against {before:.4f} of version "
                f"{champion}"
            )
    if wins:
        client.set_registered_model_alias(name, CHAMPION, version)
    uri = f"models:/{name}@{CHAMPION}" if wins else f"models:/{name}/{version}"
    return RegisteredModel(uri, name, version, wins, reason)
