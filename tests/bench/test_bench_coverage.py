from __future__ import annotations

from pathlib import Path

import numpy as np
from builders import make_headlines, write_csv, write_glove
from click.testing import CliRunner

from bench.coverage import main, rows


def test_each_way_to_look_words_up(small: dict[str, Path]) -> None:
    texts = ["Alps lose snow, again", "The Himalaya in-record", "zzz"]
    table, misses = rows(texts, str(small["vectors"]))
    counts = {row.name: (row.types, row.tokens, row.n_types) for row in table}
    assert counts["`text.split()`"] == (1, 1, 8)  # again
    assert counts["`text.lower().split()`"] == (4, 4, 8)  # not `snow,` and `in-record`
    assert counts["Keras `TextVectorization` as it comes"] == (5, 5, 8)  # snow, but `inrecord`
    assert counts["our tokeniser, exact"] == (5, 5, 9)
    assert counts["+ parts"] == (1, 1, 9)
    assert counts["**remains missing**"] == (3, 3, 9)
    assert {word for word, _ in misses} == {"zzz", ",", "lose"}


def test_the_table(small: dict[str, Path], tmp_path: Path) -> None:
    texts, labels = make_headlines(20, topics=2)
    names = np.where(np.array(labels) == labels[0], "clickbait", "news").tolist()
    for split, part in (
        ("train", slice(24)),
        ("validation", slice(24, 32)),
        ("test", slice(32, 40)),
    ):
        write_csv(tmp_path / f"{split}.csv", texts[part], names[part], "headline,label")
    write_glove(tmp_path / "vectors.txt", ["the", "alps"])
    arguments = ["--clickbait", str(tmp_path), "--vectors", str(tmp_path / "vectors.txt")]
    shown = CliRunner().invoke(main, arguments, catch_exceptions=False).output
    assert shown.startswith("| data | vectors | looked up | types | tokens |")
    assert "| Stop Clickbait | vectors.txt | our tokeniser, exact |" in shown
    assert "- BBC, vectors.txt: " in shown
