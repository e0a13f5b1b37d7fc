"""Bad folders of portable classifiers, and bad texts for them. Each folder has right digests, but one."""

from __future__ import annotations

import gzip
import json
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from bad_input import BadInput, Trial
from portable_folder import WORDS, small_arrays, small_model, write_folder
from safetensors.numpy import save


def _load(trial: Trial, change: Callable[[Path], object] | None = None, **content: Any) -> str:
    """Write a folder with other content, change it, and read it."""
    from pipeline import load_classifier

    folder = write_folder(trial.folder / "model", **content)
    if change is not None:
        change(folder)
    return f"labels {', '.join(load_classifier(folder).label_names)}"


def _with(**changes: Any) -> dict[str, Any]:
    return {**small_model(), **changes}


def _tokeniser(**changes: Any) -> dict[str, Any]:
    return _with(tokeniser={**small_model()["tokeniser"], **changes})


def _arrays(**changes: Any) -> dict[str, Any]:
    """The arrays with others, by names whose slashes are two underscores; None takes one away."""
    arrays = {**small_arrays(), **{name.replace("__", "/"): a for name, a in changes.items()}}
    return {name: array for name, array in arrays.items() if array is not None}


def _header(entries: Mapping[str, Any]) -> bytes:
    """A file of arrays with this header and 8 bytes of numbers."""
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def _entry(shape: list[int], offsets: list[int]) -> bytes:
    return _header({"network/embedding": {"dtype": "F32", "shape": shape, "data_offsets": offsets}})


def _edit(name: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(edit((folder / name).read_bytes()))


def _pipe(folder: Path) -> None:
    (folder / "words.json.gz").unlink()
    os.mkfifo(folder / "words.json.gz")


def _ask(texts: Any, **content: Any) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import load_classifier

        return (
            load_classifier(write_folder(trial.folder / "model", **content)).predict(texts).tolist()
        )

    return act


def _folder(name: str) -> Callable[[Trial], object]:
    def act(trial: Trial) -> object:
        from pipeline import load_classifier

        return load_classifier(trial.folder / name)

    return act


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "a model's file that was cut off": (_edit("model.safetensors", lambda data: data[:-9]), {}),
    "a model's file with one other bit": (
        _edit("model.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        {},
    ),
    "a model whose labels were edited": (
        _edit("model.json", lambda data: data.replace(b"nature", b"forest")),
        {},
    ),
    "a model without its digests": (lambda folder: (folder / "SHA256SUMS").unlink(), {}),
    "a model without its words": (lambda folder: (folder / "words.json.gz").unlink(), {}),
    "digests of other files": (
        _edit("SHA256SUMS", lambda data: data.replace(b"  ", b"  ../")),
        {},
    ),
    "a file of digests without an end": (_edit("SHA256SUMS", lambda data: data * 1_000), {}),
    "a pipe in the place of a model's file": (_pipe, {}),
    "a folder in the place of a model's file": (
        lambda folder: ((folder / "model.json").unlink(), (folder / "model.json").mkdir()),
        {},
    ),
    "a model of another format": (None, {"model": _with(format="bert")}),
    "a model of a later version": (None, {"model": _with(version=2)}),
    "a list in the place of a model": (None, {"model": b"[1]"}),
    "a model that is no JSON": (None, {"model": b"\x80\x04cos\nsystem\n"}),
    "a model nested 100,000 deep": (None, {"model": b"[" * 100_000}),
    "a model without labels": (None, {"model": _with(labels=[])}),
    "a text in the place of the list of labels": (None, {"model": _with(labels="xy")}),
    "an object in the place of the list of labels": (
        None,
        {"model": _with(labels={"a": 1, "b": 2})},
    ),
    "digits in the place of weights": (None, {"model": _with(weights="11")}),
    "weights in quotes": (None, {"model": _with(weights=["0.5", "0.5"])}),
    "a truth value as a weight": (None, {"model": _with(weights=[True, 0.5])}),
    "members in an object": (None, {"model": _with(members={"network": 1, "ngrams": 1})}),
    "facts in a list": (None, {"model": _with(facts=[["name", "mine"]])}),
    "a bound of 400 digits": (None, {"model": _with(floor=10**400)}),
    "numbers in the place of facts": (None, {"model": _with(facts={"headlines": [1]})}),
    "a metric in quotes": (None, {"model": _with(facts={"metrics": {"test/accuracy": "1"}})}),
    "more hits than tests": (None, {"model": _with(facts={"metrics": {"test/accuracy": 2}})}),
    "a letter as a share": (None, {"model": _with(facts={"majority": "z"})}),
    "a text as the list of warnings": (None, {"model": _with(facts={"warnings": "z"})}),
    "a bound in quotes": (None, {"model": _with(floor="-15")}),
    "a size of words in quotes": (
        None,
        {"model": _with(encoder={"name": "cnn", "kernel_sizes": "3"})},
    ),
    "a size of 2,000,000,000 words": (
        None,
        {"model": _with(encoder={"name": "cnn", "kernel_sizes": [2_000_000_000]})},
    ),
    "a truth value as a version": (None, {"model": _with(version=True)}),
    "a text in the place of a tokeniser": (None, {"model": _with(tokeniser="split")}),
    "labels that are numbers": (None, {"model": _with(labels=[1, 2])}),
    "a label that is there twice": (None, {"model": _with(labels=["a", "a"])}),
    "more labels than the arrays have": (None, {"model": _with(labels=["a", "b", "c"])}),
    "an encoder that does not exist": (None, {"model": _with(encoder={"name": "bert"})}),
    "a path as the name of an encoder": (None, {"model": _with(encoder={"name": "../x"})}),
    "a member that does not exist": (None, {"model": _with(members=["network", "os.system"])}),
    "a model without a network": (None, {"model": _with(members=["ngrams"], weights=[1.0])}),
    "fewer weights than members": (None, {"model": _with(weights=[1.0])}),
    "a weight that is no number": (None, {"model": _with(weights=[0.5, float("nan")])}),
    "a weight below zero": (None, {"model": _with(weights=[1.5, -0.5])}),
    "a weight of 1e30": (None, {"model": _with(weights=[1e30, 0.5])}),
    "a bound above zero": (None, {"model": _with(floor=15.0)}),
    "a lone surrogate in the facts": (None, {"model": _with(facts={"data": "\ud83d"})}),
    "a tokeniser with a pattern of its own": (
        None,
        {"model": _tokeniser(digits="(a+)+$")},
    ),
    "texts of -1 tokens": (None, {"model": _tokeniser(max_tokens=-1)}),
    "lower case of a million letters": (None, {"model": _tokeniser(lower={"É": "e" * 1_000_000})}),
    "fewer words than rows": (
        None,
        {"words": gzip.compress(json.dumps(WORDS[1:]).encode())},
    ),
    "words that are numbers": (None, {"words": gzip.compress(b"[1, 2, 3, 4, 5]")}),
    "words that are not compressed": (None, {"words": json.dumps(WORDS).encode()}),
    "arrays without a header": (None, {"arrays": b"PK\x03\x04" + bytes(60)}),
    "arrays of 10**18 numbers": (None, {"arrays": _entry([10**9, 10**9], [0, 8])}),
    "arrays that begin before the file": (None, {"arrays": _entry([2], [-8, 0])}),
    "arrays that end behind the file": (None, {"arrays": _entry([4], [0, 16])}),
    "a header of 2**60 bytes": (None, {"arrays": struct.pack("<Q", 2**60) + b"{}"}),
    "a model without word vectors": (None, {"arrays": _arrays(network__embedding=None)}),
    "word vectors that are whole numbers": (
        None,
        {"arrays": _arrays(network__embedding=np.ones((7, 2), np.int64))},
    ),
    "word vectors in three dimensions": (
        None,
        {"arrays": _arrays(network__embedding=np.ones((7, 2, 1), np.float32))},
    ),
    "word vectors with a NaN": (
        None,
        {"arrays": _arrays(network__embedding=np.full((7, 2), np.nan, np.float32))},
    ),
    "word vectors of 16 bits with a number that is not finite": (
        None,
        {"arrays": _arrays(network__embedding=np.full((7, 2), -np.inf, np.float16))},
    ),
    "a last layer of another width": (
        None,
        {"arrays": _arrays(head__kernel=np.ones((3, 2), np.float32))},
    ),
    "more rows of n-grams than buckets": (
        None,
        {"arrays": _arrays(ngrams__table=np.ones((9, 2), np.float32))},
    ),
    "n-grams that share a row behind the last": (
        None,
        {"arrays": _arrays(**{"ngrams__table.shared": np.array([1], np.uint16)})},
    ),
    "n-grams that share a row before the first": (
        None,
        {"arrays": _arrays(**{"ngrams__table.shared": np.array([-1], np.int32)})},
    ),
    "n-grams that share rows for more buckets": (
        None,
        {"arrays": _arrays(**{"ngrams__table.shared": np.zeros(9, np.uint8)})},
    ),
    "small arrays that are not compressed": (
        None,
        {"arrays": save(small_arrays()), "arrays_file": "model.safetensors.gz"},
    ),
    "small arrays that end too soon": (
        None,
        {"arrays": gzip.compress(save(small_arrays()))[:-9], "arrays_file": "model.safetensors.gz"},
    ),
    "24 buckets of n-grams": (None, {"arrays": _arrays(ngrams__kept=np.zeros(3, np.uint8))}),
    "a table of characters that goes back": (
        None,
        {"arrays": _arrays(characters__starts=np.array([0, 99, 50, 51], np.int32))},
    ),
    "kinds of characters that do not exist": (
        None,
        {"arrays": _arrays(characters__kinds=np.array([6, 0, 1, 15], np.uint8))},
    ),
}
OTHERS: dict[str, Callable[[Trial], object]] = {
    "a model's folder that is not there": _folder("nowhere"),
    "an empty folder as a model": _folder("."),
    "one text in the place of a list of texts": _ask("Alps"),
    "a number among texts": _ask(["Alps", 3]),
    "no value among texts": _ask(["Alps", None]),
    "300 MB of zeros as words": lambda trial: _load(
        trial, words=gzip.compress(bytes(300_000_000), 1)
    ),
    "a classifier whose finite numbers of 3e38 give no finite probability": _ask(
        ["alps bank"], arrays=_arrays(head__kernel=np.full((4, 2), 3e38, np.float32))
    ),
    "a classifier asked for no texts": _ask([]),
    "an empty text and one of spaces": _ask(["", " \t\u00a0"]),
    "lone surrogates in a text": _ask(["alps \ud83d", "caf\udce9 bank"]),
    "a text of ten million letters": _ask(["bank " + "x" * 10_000_000]),
    "a text of 10,000 accents": _ask(["profit a" + "\u0301\u0316" * 5_000]),
}


ACTS: dict[str, Callable[[Trial], object]] = {
    **{
        what: lambda trial, change=change, content=content: _load(trial, change, **content)
        for what, (change, content) in CASES.items()
    },
    **OTHERS,
}

_WEIGHTS = "expected weights from 0 to 1,000, and a floor below 0"
_METRICS = "expected numbers by name as metrics in facts, and a number as majority"
_AGAIN = "export the model again, or name another folder"


def _form(reason: str) -> str:
    return (
        "error: model: expected a classifier of `pipeline export`, model.json or words.json.gz has "
        f"another form ({reason}): {_AGAIN}"
    )


def _digest(name: str) -> str:
    return (
        f"error: model/{name}: expected the digest in SHA256SUMS, the file has another: it is damaged "
        "or was changed: export the model again, or copy the folder again"
    )


def _arrays_error(reason: str) -> str:
    return f"error: model/model.safetensors: expected {reason}: {_AGAIN}"


GETS = {
    "a model's file that was cut off": _digest("model.safetensors"),
    "a model's file with one other bit": _digest("model.safetensors"),
    "a model whose labels were edited": _digest("model.json"),
    "a model without its digests": "error: model: expected a folder of `pipeline export`, it has no file SHA256SUMS: name another",
    "a model without its words": "error: model: expected a folder of `pipeline export`, it has no file words.json.gz: name another",
    "digests of other files": _digest("model.json"),
    "a file of digests without an end": "error: model/SHA256SUMS: expected at most 4,096 bytes, it has more: export the model again, or name another folder",
    "a pipe in the place of a model's file": "error: model: expected a folder of `pipeline export`, it has no file words.json.gz: name another",
    "a folder in the place of a model's file": "error: model: expected a folder of `pipeline export`, it has no file model.json: name another",
    "a model of another format": "error: model/model.json: expected 'headline-transfer portable classifier' as the format: export the model again, or name another folder",
    "a model of a later version": "error: model/model.json: expected version 1 of the format, got 2: export the model again with the package that reads it",
    "a list in the place of a model": _form("AttributeError 'list' object has no attribute 'get'"),
    "a model that is no JSON": _form(
        "'utf-8' codec can't decode byte 0x80 in position 0: invalid start byte"
    ),
    "a model nested 100,000 deep": _form(
        "RecursionError maximum recursion depth exceeded while decoding a JSON array from a unicode string"
    ),
    "a model without labels": _form("expected labels that are different strings"),
    "a text in the place of the list of labels": _form("expected a list as labels, got 'xy'"),
    "an object in the place of the list of labels": _form(
        "expected a list as labels, got \"{'a': 1, 'b': 2}\""
    ),
    "digits in the place of weights": _form("expected a list as weights, got '11'"),
    "weights in quotes": _form("expected numbers as weights and floor"),
    "a truth value as a weight": _form("expected numbers as weights and floor"),
    "members in an object": _form(
        "expected a list as members, got \"{'network': 1, 'ngrams': 1}\""
    ),
    "facts in a list": _form("expected an object as facts, got \"[['name', 'mine']]\""),
    "a bound of 400 digits": _form("OverflowError int too large to convert to float"),
    "numbers in the place of facts": _form("expected whole numbers by name as headlines in facts"),
    "a metric in quotes": _form(_METRICS),
    "more hits than tests": _form(_METRICS),
    "a letter as a share": _form(_METRICS),
    "a text as the list of warnings": _form("expected a list of texts as warnings in facts"),
    "a bound in quotes": _form("expected numbers as weights and floor"),
    "a size of words in quotes": _form("expected whole numbers as kernel_sizes"),
    "a size of 2,000,000,000 words": _form("expected numbers from 1 to 1,000 as kernel_sizes"),
    "a truth value as a version": "error: model/model.json: expected version 1 of the format, got True: export the model again with the package that reads it",
    "a text in the place of a tokeniser": _form("expected an object as tokeniser, got 'split'"),
    "labels that are numbers": _form("expected labels that are different strings"),
    "a label that is there twice": _form("expected labels that are different strings"),
    "more labels than the arrays have": _arrays_error(
        "float32 of shape (4, 3) as head/kernel, got float32 of (4, 2)"
    ),
    "an encoder that does not exist": _form(
        "expected an encoder of attention, bigru, cnn, mean, metric, got 'bert'"
    ),
    "a path as the name of an encoder": _form(
        "expected an encoder of attention, bigru, cnn, mean, metric, got '../x'"
    ),
    "a member that does not exist": _form(
        "expected a member of network, sif, ngrams, got 'os.system'"
    ),
    "a model without a network": _form("expected a weight for each member, the network first"),
    "fewer weights than members": _form("expected a weight for each member, the network first"),
    "a weight that is no number": _form("expected finite weights"),
    "a weight below zero": _form(_WEIGHTS),
    "a weight of 1e30": _form(_WEIGHTS),
    "a bound above zero": _form(_WEIGHTS),
    "a lone surrogate in the facts": _form(
        "expected text without lone surrogates, which nothing can show"
    ),
    "a tokeniser with a pattern of its own": _form("expected the options of a tokeniser"),
    "texts of -1 tokens": _form("expected the options of a tokeniser"),
    "lower case of a million letters": _form("expected a table of characters"),
    "fewer words than rows": _form("expected 5 words in words.json.gz"),
    "words that are numbers": _form("expected 5 words in words.json.gz"),
    "words that are not compressed": f"error: model/words.json.gz: expected a gzip file of at most 268,435,456 bytes: {_AGAIN}",
    "arrays without a header": _arrays_error(
        "safetensors (Error while deserializing: invalid header length)"
    ),
    "arrays of 10**18 numbers": _arrays_error(
        "safetensors (Error while deserializing: overflow computing buffer size from shape and/or element type)"
    ),
    "arrays that begin before the file": _arrays_error(
        "safetensors (Error while deserializing: invalid JSON in header: invalid value: integer `-8`, expected usize at line 1 column 78)"
    ),
    "arrays that end behind the file": _arrays_error(
        "safetensors (Error while deserializing: incomplete metadata, file not fully covered)"
    ),
    "a header of 2**60 bytes": _arrays_error(
        "safetensors (Error while deserializing: header too large)"
    ),
    "a model without word vectors": _arrays_error("an array network/embedding, there is none"),
    "word vectors that are whole numbers": _arrays_error(
        "float32 or float16 or int8 of shape (any, any) as network/embedding, got int64 of (7, 2)"
    ),
    "word vectors in three dimensions": _arrays_error(
        "float32 or float16 or int8 of shape (any, any) as network/embedding, got float32 of (7, 2, 1)"
    ),
    "word vectors with a NaN": _arrays_error("finite numbers in network/embedding"),
    "word vectors of 16 bits with a number that is not finite": _arrays_error(
        "finite numbers in network/embedding"
    ),
    "a last layer of another width": _arrays_error(
        "float32 of shape (4, 2) as head/kernel, got float32 of (3, 2)"
    ),
    "more rows of n-grams than buckets": _arrays_error(
        "float32 or float16 or int8 of shape (1, 2) as ngrams/table, got float32 of (9, 2)"
    ),
    "n-grams that share a row behind the last": _form(
        "expected ngrams/table with the rows that ngrams/table.shared names"
    ),
    "n-grams that share a row before the first": _arrays_error(
        "uint8 or uint16 or uint32 of shape (1) as ngrams/table.shared, got int32 of (1,)"
    ),
    "n-grams that share rows for more buckets": _arrays_error(
        "uint8 or uint16 or uint32 of shape (1) as ngrams/table.shared, got uint8 of (9,)"
    ),
    "small arrays that are not compressed": f"error: model/model.safetensors.gz: expected a gzip file of at most 1,073,741,824 bytes: {_AGAIN}",
    "small arrays that end too soon": f"error: model/model.safetensors.gz: expected a gzip file of at most 1,073,741,824 bytes: {_AGAIN}",
    "24 buckets of n-grams": _form("expected a power of two of buckets, without the first"),
    "a table of characters that goes back": _form("expected a table of characters"),
    "kinds of characters that do not exist": _form("expected a table of characters"),
    "a model's folder that is not there": "error: nowhere: expected a folder of `pipeline export`, there is none",
    "an empty folder as a model": "error: .: expected a folder of `pipeline export`, it has no file SHA256SUMS: name another",
    "one text in the place of a list of texts": "error: expected a list of texts, got one text: put it in a list, as in [text]",
    "a number among texts": 'error: expected a list of strings, got int as text 2: leave it out, or write "" for an empty text',
    "no value among texts": 'error: expected a list of strings, got NoneType as text 2: leave it out, or write "" for an empty text',
    "300 MB of zeros as words": "error: model/words.json.gz: expected a gzip file of at most 268,435,456 bytes: export the model again, or name another folder",
    "a classifier whose finite numbers of 3e38 give no finite probability": f"error: expected finite probabilities, the model gives NaN or infinity, so it is damaged: {_AGAIN}",
    "a classifier asked for no texts": "[]",
    "an empty text and one of spaces": "['nature', 'nature']",
    "lone surrogates in a text": "['nature', 'money']",
    "a text of ten million letters": "['money']",
    "a text of 10,000 accents": "['money']",
}

ROWS = tuple(BadInput(what, act, GETS[what]) for what, act in ACTS.items())
