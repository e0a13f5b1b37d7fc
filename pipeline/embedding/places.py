"""Where a set of vectors lies: a file or folder, an address, or a model of the Hugging Face hub."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from pipeline.base.download import address_download, fetch, is_offline
from pipeline.base.errors import FetchError, VectorsError
from pipeline.base.files import file_digest

logger = logging.getLogger(__name__)

_ADDRESS = re.compile(r"https?://", re.I)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.A)
# Whoever writes such an ending means a file that is not there.
_FILE_ENDING = re.compile(
    r"\.(txt|vec|bin|model|kv|npy|safetensors|csv|tsv|json|gz|bz2|xz|zst|zip)", re.I
)
# What a model of word vectors consists of. Nothing in these files is ever executed.
_HUB_FILES = [
    folder + name
    for folder in ("", "0_StaticEmbedding/")
    for name in ("model.safetensors", "tokenizer.json")
]


def is_address(source: str) -> bool:
    """Whether the source is an address of the web."""
    return _ADDRESS.match(source) is not None


def is_hub_name(source: str) -> bool:
    """Whether the source is OWNER/NAME, and no path: no folder OWNER, no ending of a file.

    >>> is_hub_name("minishlab/potion-base-8M"), is_hub_name("vectors/glove.txt")
    (True, False)
    """
    return (
        _HUB_NAME.fullmatch(source) is not None
        and _FILE_ENDING.fullmatch(os.path.splitext(source)[1]) is None
        and not os.path.exists(source.partition("/")[0])
    )


def locate(source: str, sha256: str | None = None) -> Path | None:
    """The file or folder of a source, fetched where it is not here; None where there is none.

    Args:
        source: A path, an address or OWNER/NAME on the hub.
        sha256: The digest of the file. Without it, a file from an address has to be the same as at
            the first fetch.

    Raises:
        FetchError: It could not be fetched, or the file at the address has another digest.
        VectorsError: The file on this machine has another digest, or a model of the hub got one.
    """
    if is_address(source):
        return fetch(address_download(source, sha256), check_digest=True)
    if os.path.exists(source):  # unlike Path.exists, False for a name that is too long
        path = Path(source)
        if sha256 is not None:
            _check(path, sha256)
        return path
    if not is_hub_name(source):
        return None
    if sha256 is not None:
        raise VectorsError(
            f"{source}: vectors.sha256 is for one file, a model of the hub has several: leave it "
            "out"
        )
    return _from_hub(source)


def _check(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise VectorsError(
            f"{path}: vectors.sha256 is for one file, this is a folder: leave it out"
        )
    if (digest := file_digest(path)) != sha256.lower():
        raise VectorsError(
            f"{path}: expected the digest sha256:{sha256.lower()}, the file has sha256:{digest}: "
            "it is damaged or not the same"
        )


def _from_hub(name: str) -> Path:
    """The folder with the files of a model, in the cache of the hub's client."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=is_offline())
        )
    except Exception as error:  # the client raises the kinds of its HTTP library
        reason = " ".join(str(error).split())[:200]
        raise FetchError(
            f"{name}: there is no such file or folder here, and the hub did not give it "
            f"({type(error).__name__}: {reason}): check the name and the connection"
        ) from error
    logger.info("vectors: %s on the hub, commit %s", name, folder.name)
    return folder
