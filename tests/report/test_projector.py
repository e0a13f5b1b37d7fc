"""The folder for TensorBoard's embedding projector."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from drift_builders import NAMES, WORDS, drift_of, network_and_matrix, put

from pipeline.report.projector import projector_files


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    network, matrix = network_and_matrix()
    put(network, "alps", np.full(8, 0.5))
    return dict(projector_files(drift_of(network, matrix)))


def test_the_configuration_names_the_files(files: dict[str, str]) -> None:
    """In protobuf's text form: tensorboard/plugins/projector/projector_config.proto."""
    config = files["projector_config.pbtxt"]
    embeddings = re.findall(r"embeddings \{\n((?:  \w+: \"[^\"]*\"\n)*)\}\n", config)
    fields = [dict(re.findall(r"(\w+): \"(.*)\"", embedding)) for embedding in embeddings]
    assert fields == [
        {"tensor_name": name, "tensor_path": f"{name}.tsv", "metadata_path": "metadata.tsv"}
        for name in ("before", "after")
    ]
    assert config == "".join(f"embeddings {{\n{embedding}}}\n" for embedding in embeddings)
    assert set(files) == {"before.tsv", "after.tsv", "metadata.tsv", "projector_config.pbtxt"}


def test_vectors_and_metadata_go_together(files: dict[str, str]) -> None:
    before, after = (
        np.array([line.split("\t") for line in files[f"{name}.tsv"].splitlines()], float)
        for name in ("before", "after")
    )
    metadata = pd.read_csv(io.StringIO(files["metadata.tsv"]), sep="\t", quoting=3)
    assert before.shape == after.shape == (len(WORDS), 8) == (len(metadata), 8)
    assert list(metadata) == ["word", "count", "drift", "towards", "label", "label_share"]
    assert metadata["count"].is_monotonic_decreasing
    moved = metadata["word"] == "alps"
    np.testing.assert_allclose(after[moved], 0.5)
    np.testing.assert_array_equal(before[~moved], after[~moved])
    np.testing.assert_allclose(metadata["drift"], np.linalg.norm(after - before, axis=1), atol=1e-3)
    (alps,) = metadata[moved].to_dict("records")
    assert (alps["label"], alps["label_share"]) == ("nature", 1)
    assert alps["towards"] in NAMES
    assert set(metadata.loc[~moved, "towards"]) == {"-"}
