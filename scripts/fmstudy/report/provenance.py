"""What the study cost, and which code made it: every job's time and memory, groups, and totals.

Times are what the jobs stored when they ran, so a page that shows them does not change with the
day on which it is rendered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

EXPERIMENTS = "Experiments on batch normalization"
NOISE = "Sources of noise"
OTHER = "Longer training"  # of a model of a section, under its own number of epochs

PARTS = {
    "startup_seconds": "Starting: Python, TensorFlow, other packages",
    "reading_seconds": "Reading the data",
    "training_seconds": "Training",
    "evaluation_seconds": "Evaluation on the way",
    "experiment_seconds": "Experiments: training and evaluation",
    "writing_seconds": "Writing results",
}
BESIDE = "Building and compiling nets, last predictions"
COMPUTING = ("training_seconds", "evaluation_seconds", "experiment_seconds")


def summary(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> dict[str, Any]:
    """Put together what the section on provenance tells.

    `study` is the resolved study in plain types, `tables` are the report's.  Gives `jobs` (a row a
    training or experiment, the longest first), `groups` (a row a group of jobs, in the order of
    the report), `parts` (a row for what the jobs spent their time on), `codes` (a row a version of
    code), and `total`, a row over all jobs.  A memory that no job could measure is None.
    """
    jobs = sorted(
        [*_trainings(study, tables), *_experiments(study, tables)],
        key=lambda job: (-job["core_seconds"], job["job"], job["seed"]),
    )
    names = [*dict.fromkeys(_groups(study, tables).values()), OTHER, EXPERIMENTS, NOISE]
    groups: list[Row] = [
        {"group": name} | _together([job for job in jobs if job["group"] == name]) for name in names
    ]
    total = _together(jobs) | _whole(jobs) | _limit(jobs, tables.get("machine", []))
    groups = [group for group in groups if group["jobs"]]
    parts = _parts(jobs)
    for row in (*groups, *parts):
        whole = total["core_seconds"]
        row["share"] = row["core_seconds"] / whole if whole else None
    return {
        "jobs": jobs,
        "groups": groups,
        "parts": parts,
        "codes": _codes(jobs),
        "total": total,
    }


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
        run = made.get((row["run"], row["seed"]), {})
        yield {
            "kind": "training",
            "group": group_of.get(row["run"], OTHER),
            "job": row["run"],
            "code": run.get("code"),
            "what": f"training, {run['engine']}" if run else "training",
        } | _cost(row)


def _experiments(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> Iterable[Row]:
    for table, group in (("bn_costs", EXPERIMENTS), ("noise_costs", NOISE)):
        for row in tables.get(table, []):
            yield {
                "kind": "experiment",
                "group": group,
                "job": row["experiment"],
                "code": row.get("code"),
                "what": "experiment",
            } | _cost(row)


def _cost(row: Row) -> Row:
    """What a training or an experiment recorded; a part of a job that it has not is None.

    rate   of the arithmetic while it was computed, in 10^9 operations a second
    """
    computing = sum(row.get(part) or 0.0 for part in COMPUTING)
    recorded = ("seed", "seconds", "processor_seconds", "peak_memory_mb", "arithmetic")
    return {key: row.get(key) for key in (*recorded, *PARTS, "threads", "finished")} | {
        "core_seconds": row["seconds"] * row["threads"],
        "rate": row["arithmetic"] / computing / 1e9 if computing else None,
    }


def _together(jobs: list[Row]) -> Row:
    """Sums over jobs, and the largest of them."""
    memory = [job["peak_memory_mb"] for job in jobs if job["peak_memory_mb"] is not None]
    kinds = [job["kind"] for job in jobs]
    return {
        "jobs": len(jobs),
        "trainings": kinds.count("training"),
        "experiments": kinds.count("experiment"),
        "core_seconds": sum(job["core_seconds"] for job in jobs),
        "processor_seconds": sum(job["processor_seconds"] for job in jobs),
        "longest": max((job["seconds"] for job in jobs), default=None),
        "peak_memory_mb": max(memory, default=None),
        "arithmetic": sum(job["arithmetic"] for job in jobs),
    }


def _whole(jobs: Sequence[Row]) -> Row:
    """When the jobs ran, and how many cores they kept busy.

    first, last   the start of the first job and the end of the last, in UTC
    elapsed       seconds between these
    running       those of them in which a job ran, whatever lay between two runs of the study
    busy          cores that jobs took on average, while any ran
    """
    times = []
    for job in jobs:
        end = datetime.fromisoformat(job["finished"]).timestamp()
        times.append((end - job["seconds"], end))
    if not times:
        return dict.fromkeys(("first", "last", "elapsed", "running", "busy"))
    running, until = 0.0, -math.inf
    for start, end in sorted(times):
        running += max(0.0, end - max(start, until))
        until = max(until, end)
    first = datetime.fromtimestamp(min(times)[0], UTC)
    return {
        "first": first.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last": max(job["finished"] for job in jobs),
        "elapsed": until - min(times)[0],
        "running": running,
        "busy": sum(job["core_seconds"] for job in jobs) / running if running else None,
    }


def _limit(jobs: Sequence[Row], machine: Sequence[Row]) -> Row:
    """What the arithmetic would have taken at the machine's own rate of large products.

    product_rate   of one thread, in 10^9 operations a second; None where it was not measured
    least          core-seconds of all arithmetic at that rate
    efficiency     their share of the core-seconds that were spent
    """
    spent = sum(job["core_seconds"] for job in jobs)
    if not machine or not spent:
        return dict.fromkeys(("product_rate", "least", "efficiency"))
    rate = machine[0]["product_rate"] / machine[0]["threads"]
    least = sum(job["arithmetic"] for job in jobs) / rate / 1e9
    return {"product_rate": rate, "least": least, "efficiency": least / spent}


def _parts(jobs: Sequence[Row]) -> list[Row]:
    """A row for each part of the jobs, in core-seconds, and one for what none of them is."""
    seconds = {
        title: sum((job.get(part) or 0.0) * job["threads"] for job in jobs)
        for part, title in PARTS.items()
    }
    left = sum(job["core_seconds"] for job in jobs) - sum(seconds.values())
    return [
        {"part": part, "core_seconds": value}
        for part, value in (seconds | {BESIDE: left}).items()
        if value > 0.0
    ]


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
