"""Bad sets of vectors from elsewhere: addresses, models with a tokenizer, languages, options."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from bad_input import BadInput, Trial
from model2vec_builders import VALUES, write_model

from pipeline.base.errors import FetchError, PipelineError, VectorsError
from pipeline.embedding.loading import load_vectors

GOOD = b"the 0.1 0.2 0.3\ndog 0.4 0.5 0.6\n"
ZEROS = "0" * 64


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _served(trial: Trial, *answers: bytes, status: int = 200) -> Iterator[str]:
    """An address that gives the answers one after the other; the cache is one of the trial."""
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = waiting.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with _environment(HEADLINE_TRANSFER_CACHE=str(trial.folder / "cache")):
            yield f"http://127.0.0.1:{server.server_port}/v.txt"
    finally:
        server.shutdown()
        server.server_close()


def _shown(source: str | Path, **options: Any) -> str:
    return f"read: {', '.join(load_vectors(source, **options).index_to_key)}"


def _short(text: str, url: str) -> str:
    """Without what differs from one trial to the next."""
    return text.replace(hashlib.sha256(url.encode()).hexdigest()[:16], "ADDRESS")


def _address(*answers: bytes, status: int = 200, **options: Any) -> Callable[[Trial], str]:
    """Read an address once for each answer. Between them the cache loses the file."""

    def act(trial: Trial) -> str:
        with _served(trial, *answers, status=status) as url:
            for _ in answers[1:]:
                load_vectors(url, **options)
                for file in trial.folder.rglob("v.txt"):
                    file.unlink()
            try:
                return _shown(url, **options)
            except PipelineError as error:
                return f"error: {_short(str(error), url)}"

    return act


def _after_a_page(trial: Trial) -> str:
    with _served(trial, b"<html>log in</html>", GOOD) as url:
        try:
            return _shown(url)
        except VectorsError:
            return _shown(url)


def _model(
    damage: Callable[[Path], object] | None = None, **tensors: Any
) -> Callable[[Trial], str]:
    """Read a small model. `damage`: what is done to its folder before."""

    def act(trial: Trial) -> str:
        folder = write_model(trial.folder / "model", **tensors)
        if damage is not None:
            damage(folder)
        return _shown("model")

    return act


def _tokenizer(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / "tokenizer.json").read_text())
        change(content)
        (folder / "tokenizer.json").write_text(json.dumps(content))

    return damage


class _Forged:
    """What a forged pickle would call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch executed",)


def _forged_model(trial: Trial) -> str:
    folder = write_model(trial.folder / "model")
    (folder / "model.safetensors").write_bytes(pickle.dumps(_Forged()))
    try:
        return _shown("model")
    finally:
        assert not (trial.folder / "executed").exists()


def _cut(name: str, end: int) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:end])


def _not_finite(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content.replace(VALUES[2].tobytes(), np.full(2, np.nan, "f4").tobytes()))


def _command(*overrides: str) -> Callable[[Trial], object]:
    return lambda trial: trial.command("train", "data=bbc", *overrides)


def _few_words(trial: Trial) -> str:
    return _shown(trial.write("vectors", GOOD), postprocess="whitening")


def _hub_offline(trial: Trial) -> object:
    with _environment(HEADLINE_TRANSFER_OFFLINE="1", HF_HOME=str(trial.folder)):
        try:
            return load_vectors("minishlab/potion")
        except FetchError as error:  # the client's own words, in brackets, may change
            return f"error: {str(error).partition(' (')[0]}"


ROWS = (
    BadInput(
        "an address that answers 404",
        _address(b"", status=404),
        "error: could not fetch http://127.0.0.1:PORT/v.txt: the server answered 404 Not Found: check the address",
    ),
    BadInput(
        "an address that gives a web page with status 200",
        _address(b"<!DOCTYPE html>\n<html><body>Please log in</body></html>\n"),
        "error: cache/addresses/ADDRESS/v.txt: expected word vectors, this is a web page: the address gave a page and not the file, fetch it again",
    ),
    BadInput(
        "an address that gives a web page the first time, and the file the second time",
        _after_a_page,
        "read: the, dog",
    ),
    BadInput(
        "an address that gives a PDF file",
        _address(b"%PDF-1.7\n1 0 obj\n"),
        "error: cache/addresses/ADDRESS/v.txt: expected word vectors, this is a PDF file",
    ),
    BadInput(
        "an address that gives an empty file",
        _address(b""),
        "error: cache/addresses/ADDRESS/v.txt: expected word vectors, the file is empty",
    ),
    BadInput(
        "an address whose file has another digest than the one given",
        _address(GOOD, sha256=ZEROS),
        f"error: http://127.0.0.1:PORT/v.txt: expected the digest sha256:{ZEROS}, the received file has another and was removed: the file there is damaged or not the same",
    ),
    BadInput(
        "an address whose file has changed since the first fetch",
        _address(GOOD, GOOD + b"snow 1 2 3\n"),
        f"error: http://127.0.0.1:PORT/v.txt: the file has changed: expected the digest of the first fetch, sha256:{hashlib.sha256(GOOD).hexdigest()}, got sha256:{hashlib.sha256(GOOD + b'snow 1 2 3' + bytes([10])).hexdigest()}: remove cache/addresses/ADDRESS/v.txt.sha256 to take the new file",
    ),
    BadInput(
        "an address without a host",
        lambda _: load_vectors("https:///v.txt"),
        "error: could not fetch https:///v.txt: No host supplied",
    ),
    BadInput(
        "an address that is neither http nor https",
        _command("vectors=file", "vectors.path=ftp://example.org/v.txt"),
        "error: ftp://example.org/v.txt: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) or random, there is none",
    ),
    BadInput(
        "a digest that is none",
        _command("vectors=file", "vectors.path=https://example.org/v.txt", "vectors.sha256=abc"),
        "error: vectors.sha256=abc: String should match pattern '^[0-9A-Fa-f]{64}$', got 'abc'",
    ),
    BadInput(
        "a digest for a folder",
        lambda _: load_vectors(".", sha256=ZEROS),
        "error: .: vectors.sha256 is for one file, this is a folder: leave it out",
    ),
    BadInput(
        "a digest for a model of the hub",
        lambda _: load_vectors("minishlab/potion", sha256=ZEROS),
        "error: minishlab/potion: vectors.sha256 is for one file, a model of the hub has several: leave it out",
    ),
    BadInput(
        "a name of the hub that is not in its cache, offline",
        _hub_offline,
        "error: minishlab/potion: there is no such file or folder here, and the hub did not give it",
    ),
    BadInput(
        "a language that does not exist",
        _command("vectors=fasttext-cc", "vectors.language=tlh"),
        "error: vectors.source: cc.tlh.300: expected the code of one of the 158 languages of fasttext-cc, such as de, got 'tlh': https://fasttext.cc/docs/en/crawl-vectors.html lists them",
    ),
    BadInput(
        "a language by its name",
        _command("vectors=fasttext-cc", "vectors.language=german"),
        "error: vectors.source: cc.german.300: expected the code of one of the 158 languages of fasttext-cc, such as de, got 'german': https://fasttext.cc/docs/en/crawl-vectors.html lists them",
    ),
    BadInput(
        "the language of a set that there is in one language",
        _command("vectors=glove-840b-300", "vectors.language=de"),
        "error: vectors.language belongs to vectors=fasttext-cc, which is not chosen: add vectors=fasttext-cc",
    ),
    BadInput(
        "a post-processing that does not exist",
        _command("vectors.postprocess=whitened"),
        "error: vectors.postprocess: expected one of none, all_but_the_top, whitening, unit_length, got 'whitened'; did you mean whitening?",
    ),
    BadInput(
        "whitening of a set with fewer words than dimensions",
        _few_words,
        "error: vectors vectors: expected more frequent words than the 3 dimensions, got 2: load more of them, or set vectors.postprocess to none",
    ),
    BadInput("a whole Model2Vec model", _model(), "read: alps, snow, himal, ski, -"),
    BadInput(
        "a Model2Vec model whose tokenizer.json is cut off",
        _model(_cut("tokenizer.json", 40)),
        "error: model/tokenizer.json: expected a tokenizer of the package tokenizers (EOF while parsing an object at line 4 column 0): fetch it again",
    ),
    BadInput(
        "a Model2Vec model whose tokenizer.json is a web page",
        _model(lambda folder: (folder / "tokenizer.json").write_text("<html></html>")),
        "error: model/tokenizer.json: expected a tokenizer of the package tokenizers (expected value at line 1 column 1): fetch it again",
    ),
    BadInput(
        "a Model2Vec model with a tokenizer that has no words",
        _model(_tokenizer(lambda content: content["model"].update(vocab={}))),
        "error: model/model.safetensors: expected a row for each of the 2 tokens of tokenizer.json, got 9: the two files are not of one model",
    ),
    BadInput(
        "a Model2Vec model with a matrix of another height",
        _model(embeddings=VALUES[:-1]),
        "error: model/model.safetensors: expected a row for each of the 9 tokens of tokenizer.json, got 8: the two files are not of one model",
    ),
    BadInput(
        "a Model2Vec model with a token beyond the matrix",
        _model(_tokenizer(lambda content: content["model"]["vocab"].update(alps=4_000_000_000))),
        "error: model/model.safetensors: expected a row for each of the 9 tokens of tokenizer.json, got 9: the two files are not of one model",
    ),
    BadInput(
        "a Model2Vec model with weights for other tokens",
        _model(weights=np.ones(4, np.float32)),
        "error: model/model.safetensors: weights: expected a number for each of the 9 tokens of tokenizer.json, got an array of shape (4,)",
    ),
    BadInput(
        "a Model2Vec model with a mapping to rows that there are not",
        _model(mapping=np.arange(9) + 1),
        "error: model/model.safetensors: mapping: expected rows from 0 to 8",
    ),
    BadInput(
        "a Model2Vec model with NaN in a row",
        _model(_not_finite),
        "error: model/model.safetensors, word 'alps': expected finite numbers, got NaN or Inf",
    ),
    BadInput(
        "a Model2Vec model with a matrix of words that no such model has",
        _model(matrix="bert.embeddings.word_embeddings.weight"),
        "error: model/model.safetensors: expected a matrix embeddings or embedding.weight, as in a static model with its tokenizer, found bert.embeddings.word_embeddings.weight",
    ),
    BadInput(
        "a Model2Vec model whose matrix is cut off",
        _model(_cut("model.safetensors", -9)),
        "error: model/model.safetensors: the file is truncated or damaged: fetch it again",
    ),
    BadInput(
        "a forged pickle in place of a model's matrix: nothing in it is called",
        _forged_model,
        "error: model/model.safetensors: expected gensim's KeyedVectors with words and vectors: bring what KeyedVectors.save wrote, or save it with gensim's save_word2vec_format",
    ),
    BadInput(
        "a model without its tokenizer",
        _model(lambda folder: (folder / "tokenizer.json").unlink()),
        "error: model/model.safetensors: expected its words in a file beside it, one a line: there is no model.txt, model.json, model.parquet or words.txt",
    ),
)
