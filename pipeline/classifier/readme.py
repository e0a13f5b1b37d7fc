"""What people read about a model: the README of a portable classifier, and its card in a registry.

Both are made of the same facts by the same functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import category

_MOST_LABELS = 30  # that are listed
# An underscore inside a word makes no emphasis.
_SPECIAL = re.compile(r"[\\`*\[\]<>|~&@]|^[#+=-]|(?<![^\W_])_|_(?![^\W_])")
_JOINERS = "\u200c\u200d"  # letters of Persian, and emoji, look another way without them

_CARD = """\
A classifier of short texts, such as headlines, into {n_labels} classes: {labels}.

## Use it

{use}

## What it is

{facts}

## Limits

{limits}
"""

_README = """\
# A classifier of short texts

{card}
NumPy computes it. Nothing in this folder is executed. The folder can be moved, renamed and zipped.

| file | holds |
|---|---|
| `model.json` | the labels, how texts are cut into tokens, which parts there are |
| `words.json.gz` | the words that have a vector, in the order of the rows |
| `model.safetensors`, or `model.safetensors.gz` | the numbers |
| `SHA256SUMS` | the digests of these files: `sha256sum --check SHA256SUMS` |
"""

_USE_FOLDER = """\
```python
from pipeline import load_classifier  # from a checkout of the project: pip install .

classifier = load_classifier("THIS FOLDER")
print(classifier.predict(["Alps may lose 70% of snow"]))  # also predict_proba, embed, why
```

```sh
pipeline predict --model "THIS FOLDER" "Alps may lose 70% of snow"
```"""

_FACTS = {
    "model": "exported from",
    "data": "data",
    "data_licence": "licence of the data",
    "vectors": "word vectors",
    "vectors_licence": "licence of the word vectors",
}
_METRICS = {
    "validation/accuracy": "validation accuracy",
    "test/accuracy": "test accuracy",
    "test/macro_f1": "test macro F1",
}

_LIMITS = (
    "It gives one of its labels to every text, also to one about something else: look at the "
    "probability.",
    "It was tested on texts of the same source as those it learned from. On others expect less.",
    "It knows words by their vectors. Of a text whose words have none it can tell little.",
)


def describe_model(model: Mapping[str, Any], n_words: int, size_bytes: int) -> str:
    """The text of the README.

    `model`: what stands in model.json. `n_words`: how many words have a vector. `size_bytes`: of
    all files.
    """
    return _README.format(card=model_card(model, n_words, size_bytes, _USE_FOLDER))


def model_card(model: Mapping[str, Any], n_words: int, size_bytes: int, use: str) -> str:
    """The card of a model, as Markdown.

    `use`: how it is loaded, as Markdown. The other arguments are those of `describe_model`.
    """
    facts = model["facts"]
    sizes = facts.get("headlines", {})
    rows = [
        *((name, _value(key, facts[key])) for key, name in _FACTS.items() if key in facts),
        *([("headlines", _sizes(sizes))] if sizes else []),
        *(
            (_METRICS.get(name, name), _metric(name, value, sizes.get("test")))
            for name, value in facts.get("metrics", {}).items()
        ),
    ]
    if "majority" in facts:
        rows.append(("test accuracy of the commonest label", f"{facts['majority']:.4f}"))
    rows += [
        ("parts", f"{' + '.join(model['members'])} ({model['encoder']['name']})"),
        ("words with a vector", f"{n_words:,}"),
        ("numbers", model["dtype"]),
        ("size", f"{size_bytes / 1e6:.1f} MB"),
    ]
    limits = [*map(escape_markdown, facts.get("warnings", ())), *_LIMITS]
    return _CARD.format(
        n_labels=len(model["labels"]),
        labels=list_labels(model["labels"]),
        use=use,
        facts="\n".join(["| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]),
        limits="\n".join(f"- {limit}" for limit in limits),
    )


def list_labels(labels: Sequence[str]) -> str:
    """The labels in a line, the first 30 of many, as Markdown."""
    shown = ", ".join(escape_markdown(label, 40) for label in labels[:_MOST_LABELS])
    left = len(labels) - _MOST_LABELS
    return f"{shown} and {left:,} more" if left > 0 else shown


def escape_markdown(text: str, most: int = 200) -> str:
    """A text in one line of Markdown, where it is shown as it is: no link, no HTML, no table.

    `most`: characters after which it is cut.

    >>> escape_markdown("<b>a|b</b>")
    '&#60;b&#62;a&#124;b&#60;/b&#62;'
    """
    # What is not seen could turn what follows around (U+202E).
    seen = (
        c for c in " ".join(text.split()) if c in _JOINERS or category(c) not in ("Cc", "Cf", "Cs")
    )
    line = "".join(seen)
    line = line if len(line) <= most else f"{line[:most]}…"
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", line)


def accuracy_interval(hits: int, number: int) -> tuple[float, float]:
    """Wilson's 95% interval of a fraction, `hits` of `number`."""
    from scipy.stats import binomtest

    interval = binomtest(hits, number).proportion_ci(0.95, "wilson")
    return float(interval.low), float(interval.high)


def _value(key: str, value: Any) -> str:
    return f"`{value}`" if key == "model" else escape_markdown(str(value))


def _sizes(sizes: Mapping[str, int]) -> str:
    numbers = " / ".join(f"{number:,}" for number in sizes.values())
    return f"{numbers} ({' / '.join(sizes)})"


def _metric(name: str, value: float, n_test: int | None) -> str:
    if name != "test/accuracy" or not n_test:
        return f"{value:.4f}"
    low, high = accuracy_interval(round(value * n_test), n_test)
    return f"{value:.4f} (95% interval {low:.4f} to {high:.4f})"
