"""The training words for TensorBoard's embedding projector."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipeline.insight.drift import Drift


def projector_files(drift: Drift) -> Mapping[str, str]:
    """The vectors of the most frequent words before and after training, as files by their names.

    A table has at most 250,000 numbers (2 MB). `tensorboard --logdir FOLDER` shows the files of a
    folder. projector.tensorflow.org takes one table of vectors and the metadata. The metadata are
    the word, its count, how far it moved and towards which label, the label that it leans to, and
    the fraction of its uses in that label.
    """
    counts = drift.counts.sum(axis=1)
    lines = ["word\tcount\tdrift\ttowards\tlabel\tlabel_share"]
    for i in drift.frequent:
        towards = drift.label_names[drift.towards[i]] if drift.distances[i] else "-"
        label = drift.leanings[i]
        fraction = drift.counts[i, label] / max(counts[i], 1)
        lines.append(
            f"{drift.words[i]}\t{counts[i]}\t{drift.distances[i]:.4f}\t{towards}"
            f"\t{drift.label_names[label]}\t{fraction:.3f}"
        )
    files = {"metadata.tsv": "\n".join(lines) + "\n"}
    config = []
    for name, table in (("before", drift.before), ("after", drift.after)):
        files[f"{name}.tsv"] = _tsv(table)
        config += [
            "embeddings {",
            f'  tensor_name: "{name}"',
            f'  tensor_path: "{name}.tsv"',
            '  metadata_path: "metadata.tsv"',
            "}",
        ]
    return {**files, "projector_config.pbtxt": "\n".join(config) + "\n"}


def _tsv(table: NDArray[np.float32]) -> str:
    rows = ("\t".join(f"{value:.4f}" for value in row) for row in table.tolist())
    return "".join(f"{row}\n" for row in rows)
