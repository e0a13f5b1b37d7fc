"""A small static model in the files of Model2Vec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

TOKENS = ("[PAD]", "[UNK]", "alps", "snow", "##ing", "himal", "##aya", "ski", "-")
VALUES = np.arange(18, dtype=np.float32).reshape(9, 2)


def tokenizer() -> Tokenizer:
    """WordPiece in lower case, as BERT's."""
    made = Tokenizer(
        models.WordPiece({token: i for i, token in enumerate(TOKENS)}, unk_token="[UNK]")
    )
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.add_special_tokens(["[PAD]", "[UNK]"])
    made.enable_truncation(2)  # it is left out for words
    return made


def write_model(
    folder: Path,
    *,
    embeddings: NDArray[Any] = VALUES,
    made: Tokenizer | None = None,
    matrix: str = "embeddings",
    **tensors: NDArray[Any],
) -> Path:
    """The folder of a model. `tensors`: more arrays beside the matrix."""
    folder.mkdir(parents=True)
    save_file({matrix: np.ascontiguousarray(embeddings), **tensors}, folder / "model.safetensors")
    (made or tokenizer()).save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"normalize": True, "max_length": 512}))
    return folder
