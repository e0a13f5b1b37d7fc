"""The README in the folder of a portable classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEMPLATE = """\
# A classifier of short texts

It puts a short text, such as a headline, into one of {n_labels} classes:
{labels}.

## Use it

```python
from pipeline import load_classifier  # pip install headline-transfer

classifier = load_classifier("THIS FOLDER")
print(classifier.predict(["Alps may lose 70% of snow"]))  # also predict_proba, embed, why
```

```sh
pipeline predict --model "THIS FOLDER" "Alps may lose 70% of snow"
```

## What it is

{facts}

NumPy computes it. Nothing in this folder is executed. The folder can be moved, renamed and zipped.

| file | holds |
|---|---|
| `model.json` | the labels, how texts are cut into tokens, which parts there are |
| `words.json.gz` | the words that have a vector, in the order of the rows |
| `model.safetensors`, or `model.safetensors.gz` | the numbers |
| `SHA256SUMS` | the digests of these files: `sha256sum --check SHA256SUMS` |
"""

_FACTS = {"model": "exported from", "data": "data", "vectors": "word vectors", "licence": "licence"}


def describe_model(model: Mapping[str, Any], n_words: int, size_bytes: int) -> str:
    """The text of the README.

    `model`: what stands in model.json. `n_words`: how many words have a vector. `size_bytes`: of all
    files.
    """
    facts = model["facts"]
    rows = [
        ("parts", f"{' + '.join(model['members'])} ({model['encoder']['name']})"),
        ("words with a vector", f"{n_words:,}"),
        ("numbers", model["dtype"]),
        ("size", f"{size_bytes / 1e6:.1f} MB"),
        *((name, str(facts[key])) for key, name in _FACTS.items() if key in facts),
        *((name, f"{value:.4f}") for name, value in facts.get("metrics", {}).items()),
    ]
    return _TEMPLATE.format(
        n_labels=len(model["labels"]),
        labels=", ".join(f"`{label}`" for label in model["labels"]),
        facts="\n".join(["| | |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]),
    )
