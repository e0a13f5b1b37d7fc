"""Any data set of the Hugging Face hub."""

from __future__ import annotations

import os

from pipeline.base.errors import DataError
from pipeline.data.sources.request import Loaded, Request


def load_hub(request: Request) -> Loaded:
    """The splits of the data set `request.path`.

    Raises DataError: it cannot be loaded, or has no such columns.
    """
    import datasets

    from pipeline.data.sources.memory import frames_from_datasets

    try:
        loaded = datasets.load_dataset(request.path, name=request.subset, revision=request.revision)
    except Exception as error:  # the hub client raises the kinds of its HTTP library
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"could not load {request.path!r} from the hub ({type(error).__name__}: {reason}): "
            f"{_hint()}"
        ) from error
    frames = frames_from_datasets(loaded, request, request.path)
    return Loaded(request.path.replace("/", "-"), f"hub:{request.path}", frames)


def _hint() -> str:
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return "it is not in the local cache and HF_HUB_OFFLINE is set: unset it, or use data=file"
    return "check its name, data.subset, data.revision and the connection, or use data=file"
