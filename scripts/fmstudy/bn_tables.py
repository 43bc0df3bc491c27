"""Tables of the experiments of Part C: times and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fmstudy import runtime, tables

PARTS = ("startup", "reading", "experiment", "writing")  # of a job
COSTS = (
    *("experiment", "seed", "seconds", *(f"{part}_seconds" for part in PARTS)),
    *("processor_seconds", "peak_memory_mb", "steps", "arithmetic", "threads", "finished"),
)


def times_table(seeds: Sequence[int], provenances: Sequence[str]) -> pd.DataFrame:
    """What the jobs measured of time, and their seconds: rows with keys, measure, value, seed."""
    rows: list[dict[str, Any]] = []
    for seed, file in zip(seeds, provenances, strict=True):
        record = runtime.read_json(file)
        rows += [{**row, "seed": seed} for row in record["times"]]
        rows.append({"measure": "job_seconds", "value": record["seconds"]["whole"], "seed": seed})
    return pd.DataFrame(rows)


def costs_table(provenances: Sequence[str]) -> pd.DataFrame:
    """A row a job: which experiment and seed, what it cost, when and on what machine."""
    rows = []
    for file in provenances:
        record = runtime.read_json(file)
        row = record | tables.cost_row(record, PARTS)
        rows.append({key: row[key] for key in COSTS} | record["machine"])
    return pd.DataFrame(rows, columns=None if rows else list(COSTS))
