"""Tables of the experiments of Part C: measured times and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fmstudy.analysis import tables

PARTS = ("startup", "reading", "experiment", "writing")  # of a job
COSTS = (
    *("experiment", "seed", "seconds", *(f"{part}_seconds" for part in PARTS)),
    *("processor_seconds", "peak_memory_mb", "steps", "arithmetic", "threads", "finished"),
)


def times_table(seeds: Sequence[int], provenance: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the measured times and the jobs' durations: rows with keys, measure, value, seed."""
    rows: list[dict[str, Any]] = []
    for seed, record in zip(seeds, provenance, strict=True):
        rows += [{**row, "seed": seed} for row in record["times"]]
        rows.append({"measure": "job_seconds", "value": record["seconds"]["whole"], "seed": seed})
    return pd.DataFrame(rows)


def costs_table(provenance: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per job: experiment, seed, cost, end, machine, and code digest."""
    rows = []
    for record in provenance:
        row = {**record, **tables.cost_row(record, PARTS)}
        rows.append(
            {key: row[key] for key in COSTS} | dict(record["machine"]) | {"code": record["code"]}
        )
    return pd.DataFrame(rows, columns=None if rows else list(COSTS))
