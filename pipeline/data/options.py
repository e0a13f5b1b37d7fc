"""The options of `data`."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from pipeline.base.options import STRICT, Fraction, Seed


@dataclass(frozen=True, config=STRICT)
class DataOptions:
    """Which headlines. `source` is `bbc`, `stop_clickbait`, `hub` or `file`; `group` the column that
    says where each headline is from, if there is one."""

    source: Literal["bbc", "stop_clickbait", "hub", "file"] = "bbc"
    path: str | None = None
    text: str = "text"
    label: str = "label"
    group: str | None = None
    subset: str | None = None
    revision: str | None = None
    validation: Fraction = 0.1
    test: Fraction = 0.2
    seed: Seed = 0

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> DataOptions:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation + test must stay below 1, got {self.validation} + {self.test}"
            )
        if self.source in ("file", "hub") and not self.path:
            what = "a file or folder" if self.source == "file" else "the data set's name"
            raise ValueError(f"data={self.source} needs {what}: add data.path=...")
        return self
