"""Bad files of word vectors."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import socket
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from bad_input import BadInput, Trial

from pipeline.base.download import Download, fetch
from pipeline.base.errors import FetchError
from pipeline.base.receiving import Patience
from pipeline.embedding.loading import load_vectors


def load(path: str | Path, *words: str, vector_size: int | None = None) -> str:
    """The words that are read: all, and once more those that are asked for."""
    loaded = load_vectors(path, vector_size=vector_size)
    some = load_vectors(path, words=["dog", *words])
    assert set(some.index_to_key) == {"dog", *words} & {*loaded.index_to_key}
    for word in some.index_to_key:
        assert some[word].tobytes() == loaded[word].tobytes()
    return f"read: {', '.join(loaded.index_to_key)}"


def words(
    trial: Trial, content: str | bytes | None, *asked: str, vector_size: int | None = None
) -> str:
    """A file with this content, or an empty folder."""
    path = trial.folder / "vectors"
    if content is None:
        path.mkdir()
    else:
        trial.write("vectors", content)
    return load(path, *asked, vector_size=vector_size)


def warned(trial: Trial, content: str | bytes) -> str:
    """The warnings of reading all words, once."""
    trial.write("vectors", content)
    return trial.warnings(lambda: load_vectors(trial.folder / "vectors"))


def first_words(trial: Trial, content: str) -> str:
    """The line of `pipeline vectors inspect` with the first words of a file."""
    trial.write("vectors", content)
    shown = trial.command("vectors", "inspect", "vectors")
    return next(line for line in shown.splitlines() if line.startswith("first words"))


def matrix(trial: Trial, values: Any, beside: str | None) -> str:
    np.save(trial.folder / "v.npy", np.asarray(values))
    if beside is not None:
        trial.write("v.txt", beside)
    return f"read: {', '.join(load_vectors(trial.folder / 'v.npy').index_to_key)}"


def binary(words: list[str], first: float = 1.0) -> bytes:
    """word2vec's binary format, whatever the words hold."""
    rows = np.arange(3 * len(words), dtype="<f4").reshape(-1, 3) + np.float32(first)
    records = [w.encode() + b" " + row.tobytes() for w, row in zip(words, rows, strict=True)]
    return f"{len(words)} 3\n".encode() + b"".join(records)


def tarred(name: str, content: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content.encode()))
    return file.getvalue()


def zipped(members: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


class Forged:
    """What a forged pickle would call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch executed",)


def forged_array(flags: int | None) -> bytes:
    """gensim's KeyedVectors with an array of Python objects at an address, or without an array."""

    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    state = b"}(" + text("index_to_key") + b"](" + text("dog") + b"e"
    if flags is not None:
        dtype = text("numpy") + text("dtype") + b"\x93" + text("V8") + b"\x89\x88\x87R"
        dtype += b"(K\x03" + text("|") + b"NNNK\x08K\x08K" + bytes([flags]) + b"tb"
        array = text("numpy._core.multiarray") + text("_reconstruct") + b"\x93"
        array += text("numpy") + text("ndarray") + b"\x93K\x00\x85C\x01b\x87R"
        array += b"(K\x01K\x01\x85" + dtype + b"\x89C\x08AAAAAAAAtb"
        state += text("vectors") + array
    made = text("gensim.models.keyedvectors") + text("KeyedVectors") + b"\x93)\x81"
    return b"\x80\x04" + made + state + b"ub."


def in_memory(rows: list[list[float]]) -> str:
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(2)
    keyed.add_vectors(["the", "dog"], np.array(rows, np.float32))
    return f"read: {', '.join(load_vectors(keyed).index_to_key)}"


def piped(trial: Trial) -> str:
    os.mkfifo(trial.folder / "pipe")
    return load(trial.folder / "pipe")


def socketed(trial: Trial) -> str:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")  # the path of a socket is short
        return load(trial.folder / "s")


def extra_words(trial: Trial, content: str) -> str:
    from pipeline.embedding.matrix import build_embedding_matrix

    vectors = load_vectors(trial.write("vectors", content))
    matrix = build_embedding_matrix(["alps"], vectors, extra_words=vectors.index_to_key)
    return f"words with a row: {', '.join((*matrix.words, *matrix.extra_words))}"


def vocabulary(headline: str) -> str:
    from pipeline.embedding.vocabulary import build_vocabulary

    return f"words with a row: {', '.join(build_vocabulary([headline]).words)}"


def linked(trial: Trial) -> str:
    """The file that a link at NAME.part names, after a download that nobody answers."""
    target = trial.write("other", "not to be written")
    cache = trial.folder / "cache"
    cache.mkdir()
    (cache / "v.gz.part").symlink_to(target)
    before = os.environ.get("HEADLINE_TRANSFER_CACHE")
    os.environ["HEADLINE_TRANSFER_CACHE"] = str(cache)
    try:
        fetch(Download("http://127.0.0.1:9/v.gz", "sha256:0", 100), patience=Patience(1, 0, 0))
    except FetchError:
        pass
    finally:
        os.environ.pop("HEADLINE_TRANSFER_CACHE")
        if before is not None:
            os.environ["HEADLINE_TRANSFER_CACHE"] = before
    kind = "is still there" if (cache / "v.gz.part").is_symlink() else "is removed"
    return f"the link {kind}, the file behind it is as it was: {target.read_text()!r}"


ROWS = (
    BadInput(
        "an address with a bracket that is never closed",
        lambda trial: load_vectors("http://[::1"),
        "error: expected an address such as https://example.org/vectors.txt, got 'http://[::1': check it",
    ),
    BadInput(
        "an address with half a character",
        lambda trial: load_vectors("http://a.org/\udc80.txt"),
        "error: expected an address such as https://example.org/vectors.txt, got 'http://a.org/\\udc80.txt': check it",
    ),
    BadInput(
        "`vectors.postprocess=all_but_the_top` for vectors of one dimension",
        lambda trial: load_vectors(
            trial.write("v.txt", "a 1\nb 2\nc 4\n"), postprocess="all_but_the_top"
        ),
        "error: vectors v.txt: expected two dimensions or more for all_but_the_top, got 1: nothing would be left, set vectors.postprocess to none",
    ),
    BadInput(
        "vectors as text: two spaces after a word",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog  0.4 0.5 0.6\nsnow 0.7 0.8 0.9\n"),
        "read: the, dog, snow",
    ),
    BadInput(
        "vectors as text: a tab after a word",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog\t0.4 0.5 0.6\nsnow 0.7 0.8 0.9\n"),
        "read: the, dog, snow",
    ),
    BadInput(
        "vectors as text: tabs everywhere",
        lambda trial: words(trial, "the\t0.1\t0.2\t0.3\ndog\t0.4\t0.5\t0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: two spaces everywhere, and at the end of each line",
        lambda trial: words(trial, "the  0.1  0.2  0.3  \ndog  0.4  0.5  0.6  \n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: spaces and tabs before a word",
        lambda trial: words(trial, "the 0.1 0.2 0.3\n \tdog 0.4 0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a tab in the middle of the numbers",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog 0.4\t0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a byte order mark at the beginning",
        lambda trial: words(trial, "\ufeffthe 0.1 0.2 0.3\ndog 0.4 0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a byte order mark before the header",
        lambda trial: words(trial, "\ufeff2 3\nthe 0.1 0.2 0.3\ndog 0.4 0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a byte order mark before a word in the middle, where two files were joined",
        lambda trial: words(trial, "the 0.1 0.2 0.3\n\ufeffdog 0.4 0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a byte order mark after a word",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog\ufeff 0.4 0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a byte order mark between a word and its numbers",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog \ufeff0.4 0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a space that does not break (U+00A0) around a word",
        lambda trial: words(trial, "the 0.1 0.2 0.3\n\u00a0dog\u00a0 0.4 0.5 0.6\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: a space that does not break (U+00A0) in place of the first space",
        lambda trial: words(trial, "the 0.1 0.2 0.3\nsnow 1 2 3\ndog\u00a00.4 0.5 0.6\n"),
        "error: vectors, line 3: expected a word and 3 numbers, got 2 numbers in 'dog\\xa00.4 0.5 0.6': the file is damaged or truncated",
    ),
    BadInput(
        "vectors as text: lines that end with CR LF",
        lambda trial: words(trial, "the 0.1 0.2 0.3\r\ndog 0.4 0.5 0.6\r\n"),
        "read: the, dog",
    ),
    BadInput(
        "vectors as text: lines that end with a bare CR",
        lambda trial: words(trial, "the 0.1 0.2 0.3\rdog 0.4 0.5 0.6\r"),
        "error: vectors, line 1: expected lines that end with a line feed, got a bare carriage return (CR), as old Macs wrote: save the file with other line ends",
    ),
    BadInput(
        "vectors as text: one bare CR among line feeds",
        lambda trial: words(
            trial, "the 0.1 0.2 0.3\nice 1 2 3\rdog 0.4 0.5 0.6\nsnow 0.7 0.8 0.9\n"
        ),
        "error: vectors, line 2: expected lines that end with a line feed, got a bare carriage return (CR), as old Macs wrote: save the file with other line ends",
    ),
    BadInput(
        "vectors as text: two rows of integers in one line",
        lambda trial: words(trial, "the 1 2 3\nice 1 2 3dog 4 5 6\nsnow 7 8 9\n"),
        "error: vectors, line 2: expected a word and 3 numbers, got 6 numbers in 'ice 1 2 3dog 4 5 6': the file is damaged or truncated",
    ),
    BadInput(
        "vectors as text: two rows in one line, as a line feed was lost",
        lambda trial: words(
            trial, "the 0.1 0.2 0.3\nice 1.0 2.0 3.0dog 0.4 0.5 0.6\nsnow 0.7 0.8 0.9\n"
        ),
        "error: vectors, line 2: expected a word and 3 numbers, got 6 numbers in 'ice 1.0 2.0 3.0dog 0.4 0.5 0.6': the file is damaged or truncated",
    ),
    BadInput(
        "vectors as text: the word économie with letters in parts (NFD)",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ne\u0301conomie 0.4 0.5 0.6\n", "économie"),
        "read: the, économie",
    ),
    BadInput(
        "vectors as text: ế with one of its two marks apart",
        lambda trial: words(trial, "the 0.1 0.2 0.3\nb\u00ea\u0301 0.4 0.5 0.6\n", "bế"),
        "read: the, bế",
    ),
    BadInput(
        "vectors as text: Korean letters in parts (NFD)",
        lambda trial: words(
            trial, "the 0.1 0.2 0.3\n\u1112\u1161\u11ab\u1100\u116e\u11a8 0.4 0.5 0.6\n", "한국"
        ),
        "read: the, 한국",
    ),
    BadInput(
        "vectors as text: a word twice, once with letters in parts",
        lambda trial: warned(trial, "caf\u00e9 0.1 0.2 0.3\ncafe\u0301 0.4 0.5 0.6\ndog 1 2 3\n"),
        "vectors: vectors repeats words, 1 rows ignored (the first of each counts)",
    ),
    BadInput(
        "vectors as text: a row without a word",
        lambda trial: warned(trial, "the 0.1 0.2 0.3\n 0.4 0.5 0.6\ndog 0.7 0.8 0.9\n"),
        "vectors: vectors: rows without a word: 1, left out",
    ),
    BadInput(
        "vectors as text: rows of zeros",
        lambda trial: warned(trial, "the 0.1 0.2 0.3\n<pad> 0 0 0\ndog 0.7 0.8 0.9\n"),
        "vectors: vectors: rows of zeros: 1 ('<pad>'), kept",
    ),
    BadInput(
        "vectors as text: NaN",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog 0.4 nan 0.6\n"),
        "error: vectors, line 2: expected finite numbers, got 'nan'",
    ),
    BadInput(
        "vectors as text: a number above those of 32 bits",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog 0.4 1e39 0.6\n"),
        "error: vectors, line 2: expected finite numbers, got '1e39'",
    ),
    BadInput(
        "vectors as text: a number with a decimal comma",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog 0,4 0.5 0.6\n"),
        "error: vectors, line 2: expected a number, got '0,4'",
    ),
    BadInput(
        "vectors as text: a row with a number too few",
        lambda trial: words(trial, "the 0.1 0.2 0.3\ndog 0.4 0.5\nsnow 0.7 0.8 0.9\n"),
        "error: vectors, line 2: expected a word and 3 numbers, got 2 numbers in 'dog 0.4 0.5': the file is damaged or truncated",
    ),
    BadInput(
        "vectors as text: cut off within the last row",
        lambda trial: words(trial, "the 0.1 0.2 0.3\nsnow 0.7 0.8 0.9\ndog 0.4 0."),
        "error: vectors, line 3: expected a word and 3 numbers, got 2 numbers in 'dog 0.4 0.': the file is damaged or truncated",
    ),
    BadInput(
        "vectors as text: fewer rows than the header says",
        lambda trial: words(trial, "5 3\nthe 0.1 0.2 0.3\ndog 0.4 0.5 0.6\n"),
        "error: vectors, line 3: expected 5 words, as line 1 says, the file ends after 2: it is truncated, fetch it again",
    ),
    BadInput(
        "vectors as text: the marks of a merge conflict",
        lambda trial: words(
            trial,
            "the 0.1 0.2 0.3\n<<<<<<< HEAD\ndog 0.4 0.5 0.6\n=======\ndog 1 2 3\n>>>>>>> other\nice 1 2 3\nsnow 1 2 3\n",
        ),
        "error: vectors, line 2: expected a word and 3 numbers, got '<<<<<<< HEAD': this is the mark of a merge conflict, resolve it",
    ),
    BadInput(
        "vectors as text: sparse rows",
        lambda trial: words(trial, "the 0:0.1 7:0.3\ndog 2:0.5\n"),
        "error: vectors: expected word vectors, this is rows of `place:number`, where zeros are left out: write every number of a row",
    ),
    BadInput(
        "vectors as text: commas between the fields",
        lambda trial: words(trial, "the,0.1,0.2,0.3\ndog,0.4,0.5,0.6\n"),
        "error: vectors, line 1: expected a word and its numbers, with spaces or tabs between them, got 'the,0.1,0.2,0.3'",
    ),
    BadInput(
        "vectors as text in UTF-16",
        lambda trial: words(trial, "the 0.1 0.2\ndog 0.4 0.5\n".encode("utf-16")),
        "error: vectors: expected word vectors, this is text in UTF-16: save it as UTF-8",
    ),
    BadInput(
        "vectors as text: a word in Latin-1",
        lambda trial: warned(trial, b"the 0.1 0.2 0.3\ncaf\xe9 0.4 0.5 0.6\ndog 1 2 3\n"),
        "vectors: vectors: words that are not UTF-8: 1, left out",
    ),
    BadInput(
        "an empty file as vectors",
        lambda trial: words(trial, ""),
        "error: vectors: expected word vectors, the file is empty",
    ),
    BadInput(
        "a web page as vectors",
        lambda trial: words(trial, "<!DOCTYPE html>\n<html><body>404: not found</body></html>\n"),
        "error: vectors: expected word vectors, this is a web page: the address gave a page and not the file, fetch it again",
    ),
    BadInput(
        "a pointer of Git LFS as vectors",
        lambda trial: words(
            trial, "version https://git-lfs.github.com/spec/v1\noid sha256:4665a5ea\nsize 12345\n"
        ),
        "error: vectors: expected word vectors, this is a pointer of Git LFS, and not the file that it stands for: fetch that with `git lfs pull`",
    ),
    BadInput(
        "a tar archive with vectors",
        lambda trial: words(trial, tarred("vectors.txt", "the 0.1 0.2\ndog 0.4 0.5\n")),
        "error: vectors: expected word vectors, this is a tar archive: unpack it with `tar -xf FILE`, and give the file with the vectors",
    ),
    BadInput(
        "a tar archive with vectors, in gzip",
        lambda trial: words(
            trial, gzip.compress(tarred("vectors.txt", "the 0.1 0.2\ndog 0.4 0.5\n"))
        ),
        "error: vectors: expected word vectors, this is a tar archive: unpack it with `tar -xf FILE`, and give the file with the vectors",
    ),
    BadInput(
        "a 7z archive as vectors",
        lambda trial: words(trial, b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(40)),
        "error: vectors: expected word vectors, this is a 7z or RAR archive: unpack it first",
    ),
    BadInput(
        "a PDF file as vectors",
        lambda trial: words(trial, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"),
        "error: vectors: expected word vectors, this is a PDF file",
    ),
    BadInput(
        "a picture as vectors",
        lambda trial: words(trial, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
        "error: vectors: expected word vectors (GloVe text, word2vec text, word2vec binary, fastText binary, NumPy matrix, safetensors matrix, Model2Vec model, gensim KeyedVectors), got other binary data that begins with b'\\x89PNG\\r\\n\\x1a\\n\\x00\\x00\\x00\\rIHDR'",
    ),
    BadInput(
        "vectors in gzip that are cut off",
        lambda trial: words(trial, gzip.compress(b"the 0.1 0.2\ndog 0.4 0.5\n", mtime=0)[:-9]),
        "error: vectors: expected whole data, it is truncated or damaged (Compressed file ended before the end-of-stream marker was reached): fetch it again",
    ),
    BadInput(
        "a zip file of a Mac with vectors",
        lambda trial: words(
            trial,
            zipped(
                {
                    "v.txt": "the 0.1 0.2\ndog 0.4 0.5\n",
                    "__MACOSX/._v.txt": "\0\5\x16\7Mac OS X",
                    ".DS_Store": "\0\0\0\1Bud1",
                }
            ),
        ),
        "read: the, dog",
    ),
    BadInput(
        "a zip file with vectors and a readme",
        lambda trial: warned(
            trial, zipped({"v.txt": "the 0.1 0.2\ndog 0.4 0.5\n", "README": "These are vectors.\n"})
        ),
        "vectors: vectors: left out README: not word vectors",
    ),
    BadInput(
        "a zip file with two sets of one dimension",
        lambda trial: words(trial, zipped({"a.txt": "the 0.1 0.2\n", "b.txt": "dog 0.4 0.5\n"})),
        "error: vectors: expected one member, it holds a.txt (2), b.txt (2): choose with vectors.vector_size=... or vectors.member=...",
    ),
    BadInput(
        "a zip file without files",
        lambda trial: words(trial, b"PK\x05\x06" + bytes(18)),
        "error: vectors: expected word vectors, the zip file is empty",
    ),
    BadInput(
        "word2vec binary: a word that holds a space",
        lambda trial: words(trial, binary(["the", "new york", "dog", "snow"])),
        "error: vectors, word 2: its numbers go up to 3e+26, and word 3 begins with b'@\\x00\\x00\\xc0@dog': probably a word holds a space, where words end in this format: write `_` for it, or save the vectors as text",
    ),
    BadInput(
        "word2vec binary: the last word holds a space",
        lambda trial: words(trial, binary(["the", "dog", "new york"])),
        "error: vectors, word b'new': expected numbers of a usual size, got up to 3e+26: probably a word holds a space, where words end in this format: write `_` for it, or save the vectors as text",
    ),
    BadInput(
        "word2vec binary: numbers of another kind, such as 1e+25",
        lambda trial: words(trial, binary(["the", "dog"], -1e25)),
        "error: vectors, word b'the': expected numbers of a usual size, got up to 1e+25: probably a word holds a space, where words end in this format: write `_` for it, or save the vectors as text",
    ),
    BadInput(
        "word2vec binary: a row without a word",
        lambda trial: warned(trial, binary(["the", "", "dog"])),
        "vectors: vectors: rows without a word: 1, left out",
    ),
    BadInput(
        "word2vec binary: cut off",
        lambda trial: words(trial, binary(["the", "dog", "snow"])[:-5]),
        "error: vectors: expected 3 words, as its header says, the file ends within word 3: it is truncated or damaged, fetch it again",
    ),
    BadInput(
        "word2vec binary: more than the header says",
        lambda trial: words(trial, binary(["the", "dog", "snow"]) + b"more"),
        "error: vectors: expected the end after 3 words, as its header says, more follows: the file is damaged, fetch it again",
    ),
    BadInput(
        "fastText binary: cut off within its header",
        lambda trial: words(trial, struct.pack("<2i", 793712314, 12)),
        "error: vectors: the file ends early: it is truncated, fetch it again",
    ),
    BadInput(
        "fastText binary: a model that was trained on labels",
        lambda trial: words(
            trial,
            struct.pack(
                "<14i d 3i 2q", 793712314, 12, 3, *[1] * 6, 3, *[0] * 4, 0.0, 1, 1, 0, 0, -1
            ),
        ),
        "error: vectors: this fastText model was trained on labels: expected one trained on text (skipgram or cbow)",
    ),
    BadInput(
        "a NumPy matrix without its words",
        lambda trial: matrix(trial, [[1.0, 2.0], [3.0, 4.0]], None),
        "error: v.npy: expected its words in a file beside it, one a line: there is no v.txt, v.json, v.parquet or words.txt",
    ),
    BadInput(
        "a NumPy matrix with a word too few",
        lambda trial: matrix(trial, [[1.0, 2.0], [3.0, 4.0]], "the\n"),
        "error: v.npy: expected a word for each of the 2 rows, the list has 1",
    ),
    BadInput(
        "a NumPy matrix with NaN",
        lambda trial: matrix(trial, [[1.0, 2.0], [3.0, float("nan")]], "the\ndog\n"),
        "error: v.npy, word 'dog': expected finite numbers, got NaN or Inf",
    ),
    BadInput(
        "a NumPy matrix with rows of zeros",
        lambda trial: trial.warnings(lambda: matrix(trial, [[1.0, 2.0], [0.0, 0.0]], "the\ndog\n")),
        "vectors: v.npy: rows of zeros: 1 ('dog'), kept",
    ),
    BadInput(
        "a NumPy matrix with an empty line among its words",
        lambda trial: trial.warnings(lambda: matrix(trial, [[1.0, 2.0], [3.0, 4.0]], "the\n\n")),
        "vectors: v.npy: rows without a word: 1, left out",
    ),
    BadInput(
        "a NumPy matrix with letters in parts (NFD) in its words",
        lambda trial: matrix(trial, [[1.0, 2.0], [3.0, 4.0]], "the\ncafe\u0301\n"),
        "read: the, café",
    ),
    BadInput(
        "a NumPy file that would be unpickled",
        lambda trial: matrix(trial, np.array([{}], object), "the\n"),
        "error: v.npy: could not be read as a NumPy array (Array can't be memory-mapped: Python objects in dtype.)",
    ),
    BadInput(
        "a folder without a matrix as vectors",
        lambda trial: words(trial, None),
        "error: vectors: expected a folder with one matrix (.npy or .safetensors) and its words, found 0 matrices",
    ),
    BadInput(
        "a safetensors header that is nested without an end",
        lambda trial: words(trial, (100_000).to_bytes(8, "little") + b'{"a":' + b"[" * 99_995),
        "error: vectors: expected a safetensors header, got one nested without end",
    ),
    BadInput(
        "a safetensors header that is longer than the file",
        lambda trial: words(trial, (2**31).to_bytes(8, "little") + b"{}"),
        "error: vectors: expected a header of 2,147,483,648 bytes, the file ends after 10: it is truncated or damaged, fetch it again",
    ),
    BadInput(
        "gensim's .kv: a forged file that calls os.system",
        lambda trial: words(trial, pickle.dumps(Forged())),
        "error: vectors: expected gensim's KeyedVectors with words and vectors: bring what KeyedVectors.save wrote, or save it with gensim's save_word2vec_format",
    ),
    BadInput(
        "gensim's .kv: a forged array at an address of its choice",
        lambda trial: words(trial, forged_array(63)),
        "error: vectors: expected gensim's KeyedVectors (expected an array of floats of 16, 32 or 64 bits): fetch it again, or save it with gensim's save_word2vec_format",
    ),
    BadInput(
        "gensim's .kv: a forged file whose memo would take 64 GB",
        lambda trial: words(trial, b"\x80\x04]r\xff\xff\xff\xff."),
        "error: vectors: expected gensim's KeyedVectors with words and vectors: bring what KeyedVectors.save wrote, or save it with gensim's save_word2vec_format",
    ),
    BadInput(
        "gensim's .kv: a tuple in a tuple, 200,000 times, as a key",
        lambda trial: words(trial, b"\x80\x04})" + b"\x85" * 200_000 + b"Ns."),
        "error: vectors: expected gensim's KeyedVectors with words and vectors: bring what KeyedVectors.save wrote, or save it with gensim's save_word2vec_format",
    ),
    BadInput(
        "gensim's .kv without the .npy file beside it",
        lambda trial: words(trial, forged_array(None)),
        "error: vectors: expected gensim's KeyedVectors with words and vectors: vectors.vectors.npy is missing: bring what KeyedVectors.save wrote, or save it with gensim's save_word2vec_format",
    ),
    BadInput(
        "gensim's KeyedVectors in memory with NaN",
        lambda trial: in_memory([[1.0, 2.0], [float("nan"), 0.0]]),
        "error: KeyedVectors, word 'dog': expected finite numbers, got NaN or Inf",
    ),
    BadInput(
        "a named pipe as vectors",
        lambda trial: piped(trial),
        "error: pipe: expected a file of vectors, this is a named pipe: copy its content to a file",
    ),
    BadInput(
        "a device as vectors",
        lambda trial: load("/dev/zero"),
        "error: /dev/zero: expected a file of vectors, this is a device: copy its content to a file",
    ),
    BadInput(
        "a socket as vectors",
        lambda trial: socketed(trial),
        "error: s: expected a file of vectors, this is a socket: copy its content to a file",
    ),
    BadInput(
        "vectors in a name of 5,000 characters",
        lambda trial: load("v" * 5000),
        "error: vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv...: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) or random, there is none",
    ),
    BadInput(
        "vectors in a file that is not there",
        lambda trial: load("glove.6B.100d.txt"),
        "error: glove.6B.100d.txt: expected a file of vectors, a name of the catalogue (`pipeline vectors list`) or random, there is none; did you mean glove_6b_50d?",
    ),
    BadInput(
        "vectors of another dimension than the options say",
        lambda trial: words(trial, "the 0.1 0.2\ndog 0.4 0.5\n", vector_size=50),
        "error: vectors: expected vectors of dimension 50, they have 2: set vector_size to that, or to null",
    ),
    BadInput(
        "a word of 100,000 characters in the vectors, in the way of the look-up",
        lambda trial: extra_words(trial, "the 0.1 0.2\n" + "x" * 100_000 + " 0.4 0.5\n"),
        "words with a row: alps, the",
    ),
    BadInput(
        "a word of 9,000 characters in the headlines",
        lambda trial: vocabulary("alps may lose " + "x" * 9_000),
        "words with a row: alps, lose, may",
    ),
    BadInput(
        "a link at NAME.part in the cache",
        lambda trial: linked(trial),
        "the link is removed, the file behind it is as it was: 'not to be written'",
    ),
    BadInput(
        "vectors inspect: rows of the empty word, with spaces and with tabs",
        lambda trial: first_words(
            trial, "the 0.1 0.2\n 0.4 0.5\n\t0.6\t0.7\ndog 0.3 0.2\nice 0.1 0.1\n"
        ),
        "first words   the dog ice",
    ),
    BadInput(
        "vectors inspect: words with spaces before, between and behind",
        lambda trial: first_words(
            trial, "the 0.1 0.2\n  dog 0.4 0.5\n. . . 0.6 0.7\nice\t0.8 0.9\n"
        ),
        "first words   the dog '. . .' ice",
    ),
)
