"""Bad requests to the server of `pipeline serve`, and good ones that others answer wrongly."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from bad_input import BadInput, Trial
from numpy.typing import NDArray

from pipeline.tracking.scoring import MAX_TEXTS, respond

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


class Lengths:
    """A text is short or long. What matters here is which texts arrive."""

    label_names = ("short", "long")
    calibration = None

    def __init__(self) -> None:
        self.texts: list[str] = []

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float32]:
        self.texts = list(texts)
        long = np.array([len(text) > 8 for text in self.texts], np.float32)
        return np.stack([1 - long, long], axis=1)

    def predict_marked(
        self, texts: Iterable[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
        probabilities = self.predict_proba(texts)
        return probabilities, np.full(len(probabilities), None, object)


def _post(body: bytes, content_type: str | None) -> str:
    """What a request gets: the status, and the texts that were classified or the message."""
    classifier = Lengths()
    status, content = respond(classifier, "models:/headlines-bbc/3", content_type, body)
    answer = json.loads(content)
    if status != 200:
        assert "\n" not in answer["message"]
        return f"{status}: {answer['message']}"
    assert len(answer["predictions"]) == len(classifier.texts)
    shown = [text if len(text) < 40 else f"{len(text):,} characters" for text in classifier.texts]
    return f"200: {len(shown)} answers, for {shown!a}"


def _body(body: str | bytes, content_type: str | None = None) -> Callable[[Trial], str]:
    given = body.encode() if isinstance(body, str) else body
    return lambda _: _post(given, content_type)


def _json(content: Any) -> Callable[[Trial], str]:
    return _body(json.dumps(content), "application/json")


def _parquet(**columns: Any) -> Callable[[Trial], str]:
    def act(_: Trial) -> str:
        import pyarrow
        import pyarrow.parquet

        file = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table(columns), file)
        return _post(file.getvalue(), PARQUET)

    return act


def _repeated(text: str | bytes, number: int) -> Callable[[Trial], str]:
    def act(trial: Trial) -> str:
        import pyarrow as pa

        value = pa.array([text], pa.binary()).view(pa.string())
        indices = pa.repeat(pa.scalar(0, pa.int32()), number)
        return _parquet(text=pa.DictionaryArray.from_arrays(indices, value))(trial)

    return act


def _late_date(trial: Trial) -> str:
    import pyarrow as pa

    return _parquet(text=pa.array([2**30], pa.int32()).cast(pa.date32()))(trial)


_KEYS = "expected an object with one of inputs, instances, dataframe_split, dataframe_records, and perhaps params"
_TYPES = f"expected a Content-Type of application/json, {CSV}, {PARQUET}"

ROWS = (
    BadInput(
        "JSON: texts that look like a date, a number, true, null and an address",
        _json({"inputs": ["2021-03-04", "5", "true", "null", "http://x.y"]}),
        "200: 5 answers, for ['2021-03-04', '5', 'true', 'null', 'http://x.y']",
    ),
    BadInput(
        "JSON: no texts",
        _json({"inputs": []}),
        "200: 0 answers, for []",
    ),
    BadInput(
        "JSON: a number among the texts",
        _json({"inputs": ["Alps", 5]}),
        "400: expected texts, got 5 in row 2: put it in quotes, or leave it out",
    ),
    BadInput(
        "JSON: null among the texts",
        _json({"instances": ["Alps", None]}),
        '400: expected texts, got None in row 2: write "" for an empty text, or leave it out',
    ),
    BadInput(
        "JSON: a text that is a lone surrogate",
        _body('{"inputs": ["\\ud83d x"]}', "application/json"),
        r"200: 1 answers, for ['\ufffd x']",
    ),
    BadInput(
        "JSON: a text of 1,000,000 characters",
        _json({"inputs": ["x" * 1_000_000]}),
        "200: 1 answers, for ['10,000 characters']",
    ),
    BadInput(
        "JSON: dataframe_split with two columns",
        _json({"dataframe_split": {"columns": ["id", "headline"], "data": [["x1", "Alps"]]}}),
        "400: dataframe_split: expected one column of texts, got ['id', 'headline']: send only the column of the texts",
    ),
    BadInput(
        "JSON: dataframe_split with one column of any name and an index",
        _json({"dataframe_split": {"columns": ["Titel"], "index": ["a"], "data": [["Alps"]]}}),
        "200: 1 answers, for ['Alps']",
    ),
    BadInput(
        "JSON: dataframe_split without rows",
        _json({"dataframe_split": {"columns": ["text"], "data": []}}),
        "200: 0 answers, for []",
    ),
    BadInput(
        "JSON: dataframe_records with two columns",
        _json({"dataframe_records": [{"id": "x1", "headline": "Alps"}]}),
        "400: expected one column of texts, got 2 ('id', 'headline'): send only the column of the texts",
    ),
    BadInput(
        "JSON: dataframe_records whose rows have other columns",
        _json({"dataframe_records": [{"a": "Alps"}, {"b": "Snow"}]}),
        "400: expected the column ['a'] in every row, got {'b': 'Snow'} in row 2",
    ),
    BadInput(
        "JSON: two kinds of inputs at once",
        _json({"inputs": ["Alps"], "instances": ["Snow"]}),
        f"400: {_KEYS}, got the keys ['inputs', 'instances']",
    ),
    BadInput(
        "JSON: a key with a letter too few",
        _json({"inputs": ["Alps"], "parms": {"top_k": 1}}),
        f"400: {_KEYS}, got the keys ['inputs', 'parms']",
    ),
    BadInput(
        "JSON: the same key twice",
        _body('{"inputs": ["Alps"], "inputs": ["Snow"]}', "application/json"),
        "400: expected JSON in UTF-8: a key is there twice among ['inputs', 'inputs']",
    ),
    BadInput("JSON: a list", _json(["Alps"]), f"400: {_KEYS}, got ['Alps']"),
    BadInput(
        "JSON: a parameter that does not exist",
        _json({"inputs": ["Alps"], "params": {"topk": 1}}),
        "400: params: expected top_k, threshold, coverage, why, got ['topk']",
    ),
    BadInput(
        "JSON: a threshold above 1",
        _json({"inputs": ["Alps"], "params": {"threshold": 50}}),
        "400: threshold: expected a number from 0 to 1, got 50",
    ),
    BadInput(
        "JSON: why for texts of more than 100,000 characters",
        _json({"inputs": ["x" * 9_999] * 11, "params": {"why": True}}),
        "400: expected texts of at most 100,000 characters together with why, got 109,989: ask for fewer at a time",
    ),
    BadInput(
        "JSON: lists in lists, 100,000 deep",
        _body("[" * 100_000, "application/json"),
        "400: expected JSON of texts, got lists in lists to a great depth",
    ),
    BadInput(
        "JSON: a number of 5,000 digits",
        _body(f'{{"inputs": [{"9" * 5000}]}}', "application/json"),
        "400: expected JSON in UTF-8: a number has 5,000 digits",
    ),
    BadInput(
        "JSON: bytes that are no UTF-8",
        _body(b'{"inputs": ["caf\xe9"]}', "application/json"),
        "400: expected JSON in UTF-8: 'utf-8' codec can't decode byte 0xe9 in position 16: invalid continuation byte",
    ),
    BadInput(
        "JSON: an empty body",
        _body("", "application/json"),
        "400: expected JSON in UTF-8: Expecting value: line 1 column 1 (char 0)",
    ),
    BadInput(
        f"JSON: more than {MAX_TEXTS:,} texts",
        _json({"inputs": [""] * (MAX_TEXTS + 1)}),
        "413: expected at most 100,000 texts at a time, got 100,001",
    ),
    BadInput(
        "a request without a content type",
        _body("Alps"),
        f"400: {_TYPES}, the request has none",
    ),
    BadInput(
        "the content type of a web form",
        _body("Alps", "application/x-www-form-urlencoded"),
        f"415: {_TYPES}, got 'application/x-www-form-urlencoded'",
    ),
    BadInput(
        "a charset that is not UTF-8",
        _body("text\nAlps", "text/csv; charset=latin1"),
        "415: expected text in UTF-8, got charset='latin1'",
    ),
    BadInput(
        "CSV: an empty line between texts, which are three then",
        _body("headline\nAlps\n\nSnow\n", CSV),
        "200: 3 answers, for ['Alps', '', 'Snow']",
    ),
    BadInput(
        "CSV: a date, a number, true and null",
        _body("text\r\n2021-03-04\r\n5\r\ntrue\r\nnull\r\n", CSV),
        "200: 4 answers, for ['2021-03-04', '5', 'true', 'null']",
    ),
    BadInput(
        "CSV: a comma in each text, without quotes",
        _body("headline\nAlps lose snow, rivers rise\n", CSV),
        "400: text/csv, line 2: expected one text, got 2 fields: put texts with commas in double quotes, and send only the column of the texts",
    ),
    BadInput(
        "CSV: two columns",
        _body("id,headline\nx1,Alps\n", CSV),
        "400: text/csv, line 1: expected one text, got 2 fields: put texts with commas in double quotes, and send only the column of the texts",
    ),
    BadInput(
        "CSV: no header, a text in the first line",
        _body("Goal\nAlps lose snow\n", CSV),
        "400: text/csv: expected the name of the column in the first line (text, texts, headline, headlines, title, titles), got 'Goal': for another name send the type text/csv; header=present, for a text text/csv; header=absent",
    ),
    BadInput(
        "CSV: no header, as the type says",
        _body("Goal\nAlps lose snow\n", "text/csv; header=absent"),
        "200: 2 answers, for ['Goal', 'Alps lose snow']",
    ),
    BadInput(
        "CSV: another name of the column, as the type says",
        _body('Der Titel\n"Alps, snow"\n', "text/csv; charset=utf-8; header=present"),
        "200: 1 answers, for ['Alps, snow']",
    ),
    BadInput(
        "CSV: several columns with semicolons, as the type says with a name",
        _body("headline;topic\nAlps lose snow;nature\n", "text/csv; header=present"),
        "400: text/csv: expected one column, got the names 'headline;topic': send only the column of the texts",
    ),
    BadInput(
        "CSV: a carriage return alone inside of a text",
        _body("text\nAlps\nBank\rshares\nSnow\n", CSV),
        "400: text/csv, line 3: expected lines that end in one way, got a carriage return alone (\\r): leave it out, or send JSON",
    ),
    BadInput(
        "CSV: lines that end with a carriage return alone",
        _body("text\rAlps\rSnow\r", CSV),
        "200: 2 answers, for ['Alps', 'Snow']",
    ),
    BadInput("CSV: a header alone", _body("text\n", CSV), "200: 0 answers, for []"),
    BadInput(
        "CSV: nothing",
        _body("", CSV),
        "400: text/csv: expected the name of the column in the first line, got nothing",
    ),
    BadInput(
        "CSV: a quote that opens and is never closed",
        _body('text\nAlps\n"Snow\nGoal\n', CSV),
        '400: text/csv, line 3: expected quotes in pairs (unexpected end of data): write a quote inside a quoted text twice ("")',
    ),
    BadInput(
        "CSV: a quote that closes two lines later",
        _body('text\n"Alps\nSnow\nGoal"\n', CSV),
        "400: text/csv, line 2: expected one text a line, the quotes of this one close in line 4: close them, or send JSON",
    ),
    BadInput(
        "CSV: bytes that are no UTF-8",
        _body(b"text\ncaf\xe9\n", CSV),
        "400: text/csv: expected UTF-8: 'utf-8' codec can't decode byte 0xe9 in position 8: invalid continuation byte",
    ),
    BadInput(
        "CSV: a byte order mark",
        _body(b"\xef\xbb\xbftext\nAlps\n", CSV),
        "200: 1 answers, for ['Alps']",
    ),
    BadInput(
        "Parquet: two columns",
        _parquet(id=["x1"], headline=["Alps"]),
        "400: expected one column of texts, got 2 ('id', 'headline'): send only the column of the texts",
    ),
    BadInput(
        "Parquet: a missing text",
        _parquet(headline=["Alps", None]),
        '400: expected texts, got None in row 2: write "" for an empty text, or leave it out',
    ),
    BadInput(
        "Parquet: numbers",
        _parquet(headline=[5]),
        "400: expected a column of texts, got one of 'int64': send texts",
    ),
    BadInput(
        "Parquet: one text that is there 20,000,000 times",
        _repeated("Alps", 20_000_000),
        "413: expected at most 100,000 texts at a time, got 20,000,000",
    ),
    BadInput(
        "Parquet: a text of 30,000,000 characters that is there 1,000 times",
        _repeated("x" * 30_000_000, 1_000),
        "413: expected texts of at most 67,108,864 bytes, got more",
    ),
    BadInput(
        "Parquet: bytes that are no UTF-8",
        _repeated(b"caf\xe9", 1),
        "400: expected texts in UTF-8: 'utf-8' codec can't decode byte 0xe9 in position 3: "
        "unexpected end of data",
    ),
    BadInput(
        "Parquet: a date after the year 9999",
        _late_date,
        "400: expected a column of texts, got one of 'date32[day]': send texts",
    ),
    BadInput(
        "Parquet: objects",
        _parquet(text=[{"a": 1}]),
        "400: expected a column of texts, got one of 'struct<a: int64>': send texts",
    ),
    BadInput(
        "Parquet: another file",
        _body("text\nAlps\n", PARQUET),
        "400: expected a Parquet file, the body is another one or damaged",
    ),
)
