"""What the study cost, and which code made it: every job's time and memory, groups, and totals.

Times are what the jobs stored when they ran, so a page that shows them does not change with the
day on which it is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from fmstudy import bn_tables, runtime

Row = dict[str, Any]

EXPERIMENTS = "Experiments on batch normalization"
OTHER = "Longer training"  # of a model of a section, under its own number of epochs


def experiment_costs(provenances: Sequence[str]) -> pd.DataFrame:
    """A row a job of the experiments: its cost, machine, and the digest of its code.

    The digest is added here and not in `bn_tables`, whose results experiments start from: another
    digest of that module would run them again.
    """
    table = bn_tables.costs_table(provenances)
    return table.assign(code=[runtime.read_json(file)["code"] for file in provenances])


def summary(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> dict[str, Any]:
    """Put together what the section on provenance tells.

    `study` is the resolved study in plain types, `tables` are the report's.  Gives `jobs` (a row a
    training or experiment, the longest first), `groups` (a row a group of jobs, in the order of
    the report), `codes` (a row a version of code), and `total`, a row over all jobs.  A memory
    that no job could measure is None.
    """
    jobs = sorted(
        [*_trainings(study, tables), *_experiments(study, tables)],
        key=lambda job: (-job["core_seconds"], job["job"], job["seed"]),
    )
    names = [*dict.fromkeys(_groups(study, tables).values()), OTHER, EXPERIMENTS]
    groups: list[Row] = [
        {"group": name} | _together([job for job in jobs if job["group"] == name]) for name in names
    ]
    total = _together(jobs)
    groups = [group for group in groups if group["jobs"]]
    for group in groups:
        whole = total["core_seconds"]
        group["share"] = group["core_seconds"] / whole if whole else None
    return {"jobs": jobs, "groups": groups, "codes": _codes(jobs), "total": total}


def _groups(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> dict[str, str]:
    """Which group a run belongs to: the section of its model first, then a sweep that needs it."""
    found: dict[str, str] = {}
    for section, title in study["sections"].items():
        for model in study["models"]:
            if model["section"] == section:
                found.setdefault(str(model["run"]), str(title))
    for sweep in study["sweeps"]:
        for row in tables.get(f"sweep_{sweep['name']}", []):
            found.setdefault(str(row["run"]), f"Sweep: {sweep['title']}")
    return found


def _trainings(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> Iterable[Row]:
    made = {(row["run"], row["seed"]): row for row in tables.get("runs", [])}
    group_of = _groups(study, tables)
    for row in tables.get("cost", []):
        seconds = row["training_seconds"] + row["evaluation_seconds"]
        run = made.get((row["run"], row["seed"]), {})
        yield {
            "kind": "training",
            "group": group_of.get(row["run"], OTHER),
            "job": row["run"],
            "seconds": seconds,
            "core_seconds": seconds * row["threads"],
            "training_seconds": row["training_seconds"],
            "evaluation_seconds": row["evaluation_seconds"],
            "arithmetic": row["arithmetic"],
            "code": run.get("code"),
            "what": f"training, {run['engine']}" if run else "training",
        } | {key: row[key] for key in ("seed", "peak_memory_mb", "threads", "finished")}


def _experiments(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> Iterable[Row]:
    for row in tables.get("bn_costs", []):
        yield {
            "kind": "experiment",
            "group": EXPERIMENTS,
            "job": row["experiment"],
            "core_seconds": row["seconds"] * row["threads"],
            "training_seconds": None,
            "evaluation_seconds": None,
            "arithmetic": None,
            "code": row.get("code"),
            "what": "experiment",
        } | {key: row[key] for key in ("seed", "seconds", "peak_memory_mb", "threads", "finished")}


def _together(jobs: list[Row]) -> Row:
    """Sums over jobs, and the largest of them."""
    memory = [job["peak_memory_mb"] for job in jobs if job["peak_memory_mb"] is not None]
    kinds = [job["kind"] for job in jobs]
    return {
        "jobs": len(jobs),
        "trainings": kinds.count("training"),
        "experiments": kinds.count("experiment"),
        "core_seconds": sum(job["core_seconds"] for job in jobs),
        "longest": max((job["seconds"] for job in jobs), default=None),
        "peak_memory_mb": max(memory, default=None),
        "arithmetic": sum(job["arithmetic"] for job in jobs if job["arithmetic"] is not None),
        "first": min((job["finished"] for job in jobs), default=None),
        "last": max((job["finished"] for job in jobs), default=None),
    }


def _codes(jobs: Iterable[Row]) -> list[Row]:
    """A row for each version of code: which jobs it made, and how many."""
    made: dict[tuple[str, str], list[Row]] = {}
    for job in jobs:
        made.setdefault((job["what"], job["code"] or ""), []).append(job)
    return [
        {
            "what": what,
            "code": code or None,
            "jobs": len(of_code),
            "names": ", ".join(sorted({job["job"] for job in of_code}))
            if what == "experiment"
            else None,
        }
        for (what, code), of_code in sorted(made.items())
    ]
