"""Model2Vec's static models as vectors: small ones, in the files that Model2Vec 0.10 writes."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import main
from model2vec_builders import TOKENS, VALUES, tokenizer, write_model
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from pipeline.embedding.formats import format_of
from pipeline.embedding.joining import join_vectors
from pipeline.embedding.loading import load_vectors
from pipeline.embedding.matching import match_words
from pipeline.embedding.vectors import WordVectors

# What StaticModel.encode(word, normalize=False) of Model2Vec 0.10.0 gives for these files.
ENCODED = {
    "plain": {"snow": [6, 7], "Himalaya": [11, 12], "ski-ing": [15, 16], "雪": [0, 0]},
    "weights": {"snow": [1.5, 1.75], "Himalaya": [6.25, 6.8125], "ski-ing": [12.25, 13.0625]},
    "mapping": {"snow": [1.5, 1.75], "Himalaya": [0.625, 1.1875], "ski-ing": [5, 5.8125]},
}
KINDS: dict[str, dict[str, NDArray[Any]]] = {
    "plain": {},
    "weights": {"weights": np.arange(9, dtype=np.float32) / 8 - 0.125},
    "mapping": {
        "weights": np.arange(9, dtype=np.float32) / 8 - 0.125,
        "mapping": np.array([0, 0, 0, 3, 0, 0, 1, 2, 4]),
        "embeddings": VALUES[:5],
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_words_get_what_model2vec_gives_them(kind: str, tmp_path: Path) -> None:
    vectors = load_vectors(write_model(tmp_path / "model", **KINDS[kind]))
    for word, expected in ENCODED[kind].items():
        assert vectors[word].tolist() == expected, word


def test_tokens_that_are_words_are_listed_and_others_are_pieces(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model")
    vectors = load_vectors(path)
    assert vectors.index_to_key == ("alps", "snow", "himal", "ski", "-")
    assert (vectors.total, vectors.first_words) == (5, vectors.index_to_key)
    some = load_vectors(path, words=["snow", "himalaya"], most_frequent=1)
    assert some.index_to_key == ("snow", "alps")
    matches = match_words(["alps", "himalaya", "skiing", "雪"], some)
    assert matches.found_by == ("exact", "pieces", "pieces", "missing")
    assert matches.rows(some)[1].tolist() == ENCODED["plain"]["Himalaya"]
    spelled = match_words(["himalaya"], some, ["exact", "lower", "subwords"])
    assert spelled.found_by == ("missing",)


def test_a_model_is_a_set_like_any_other(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_model(tmp_path / "model")
    assert format_of(path) == format_of(path / "model.safetensors") == "Model2Vec model"
    code, out, _ = main(capfd, "vectors", "inspect", str(path), "--words", "alps")
    assert code == 0
    assert "format        Model2Vec model\n" in out
    assert "words         5, and others from their pieces\n" in out
    assert "pieces\n" in out
    joined = join_vectors([load_vectors(path), load_vectors(path)])
    assert match_words(["himalaya"], joined).found_by == ("pieces",)
    whole = load_vectors(path, postprocess="unit_length")
    assert whole["himalaya"].tolist() == pytest.approx(np.array([11, 12]) / np.hypot(11, 12))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8])
def test_other_kinds_of_numbers(dtype: type, tmp_path: Path) -> None:
    path = write_model(tmp_path / "model", embeddings=VALUES.astype(dtype))
    assert load_vectors(path)["himalaya"].tolist() == [11, 12]


def test_the_layout_of_sentence_transformers(tmp_path: Path) -> None:
    write_model(tmp_path / "model" / "0_StaticEmbedding", matrix="embedding.weight")
    assert load_vectors(tmp_path / "model")["himalaya"].tolist() == [11, 12]


def test_tokenizers_that_put_spaces_into_tokens(tmp_path: Path) -> None:
    """`Ġalps` is the word alps within a text, and so by itself too."""
    bytes_ = Tokenizer(models.BPE({"Ġ": 0, "a": 1, "l": 2, "Ġa": 3, "Ġal": 4, "s": 5}, [("Ġ", "a"), ("Ġa", "l")]))  # fmt: skip
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    spaces = Tokenizer(models.Unigram([("▁", -3), ("a", -4), ("l", -4), ("▁a", -2), ("▁al", -1), ("s", -4)], None))  # fmt: skip
    spaces.pre_tokenizer = pre_tokenizers.Metaspace()
    spaces.decoder = decoders.Metaspace()
    for name, made in {"bytes": bytes_, "spaces": spaces}.items():
        vectors = load_vectors(write_model(tmp_path / name, embeddings=VALUES[:6], made=made))
        assert vectors["al"].tolist() == VALUES[4].tolist()
        assert vectors["als"].tolist() == VALUES[[4, 5]].mean(axis=0).tolist()
        assert {"a", "al"} <= set(vectors.index_to_key)


def test_the_same_rows_in_another_process(tmp_path: Path) -> None:
    vectors = load_vectors(write_model(tmp_path / "model"), words=["snow"])
    again: WordVectors = pickle.loads(pickle.dumps(vectors))
    assert again["himalaya"].tobytes() == vectors["himalaya"].tobytes()


# ------------------------------------------------------------------------------------ the hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A server of the test's own with the model `somebody/static`; gives the files asked for."""
    folder = write_model(tmp_path / "published")
    (folder / "pytorch_model.bin").write_bytes(b"never asked for")
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path.startswith("/api/models/somebody/static"):
                files = [{"rfilename": file.name} for file in folder.iterdir()]
                info = {"id": "somebody/static", "sha": COMMIT, "siblings": files}
                tree = [
                    {
                        "type": "file",
                        "path": file.name,
                        "size": file.stat().st_size,
                        "oid": "0" * 40,
                    }
                    for file in folder.iterdir()
                ]
                self.answer(json.dumps(tree if "/tree/" in path else info).encode())
            elif path.startswith("/somebody/static/resolve/"):
                asked.append(path.rpartition("/")[2])
                self.answer((folder / asked[-1]).read_bytes())
            else:
                self.answer(None)

        do_HEAD = do_GET  # noqa: N815

        def answer(self, content: bytes | None) -> None:
            self.send_response(404 if content is None else 200)
            if content is None:
                self.send_header("X-Error-Code", "RepoNotFound")
            content = content or b""
            for name, value in {
                "Content-Length": str(len(content)), "Content-Type": "application/json",
                "X-Repo-Commit": COMMIT, "ETag": f'"{len(content)}"',
            }.items():  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_a_model_of_the_hub(
    hub: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a new process, because the client reads its settings once."""
    url, asked = hub
    settings = {
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
    for name, value in (settings | {"HF_ENDPOINT": url}).items():
        monkeypatch.setenv(name, value)
    code = (
        "import sys; from pipeline.embedding.loading import load_vectors\n"
        "from pipeline.base.errors import PipelineError\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(load_vectors(name)['himalaya'].tolist())\n"
        "    except PipelineError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, "somebody/static"]
    folder, missing = subprocess.check_output([*command, "somebody/else"], text=True).splitlines()
    assert folder == "[11.0, 12.0]"
    assert missing.startswith(
        "somebody/else: there is no such file or folder here, and the hub did"
    )
    assert set(asked) == {"model.safetensors", "tokenizer.json"}
    monkeypatch.setenv("HEADLINE_TRANSFER_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert subprocess.check_output(command, text=True) == "[11.0, 12.0]\n"


def test_the_tokens_of_the_builder() -> None:
    assert tokenizer().get_vocab() == {token: i for i, token in enumerate(TOKENS)}
