"""Reads a study's record, which lies beside its results: what the results are of.

`report.rendering.record` makes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fmstudy.runtime import read_json, reading

RECORD = "study.json"  # in the study's result folder


def read_record(path: str | Path) -> dict[str, Any]:
    """Read a record: title, models, further, versions, code, configuration, data, and labels.

    `models` are those of the study's sections, `further` those of sweeps; `data` is the summary of
    the data set.  Raises StudyError as `runtime.reading` does, also if something is missing.
    """
    content = read_json(path)
    with reading(path):
        for model in (*content["models"], *content["further"]):
            if not all(isinstance(model[key], str) for key in ("name", "title", "run")):
                raise ValueError("a model without a name")
            list(model["seeds"])
        for key in ("configuration", "data", "versions"):
            dict(content[key])
        content["code"]
    return content
