"""The cost and the code of the study: time and memory of every job, groups, and totals.

Times are those that the jobs stored, so a page does not change with the day of its rendering.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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
REST = "Building and compiling nets, last predictions"
COMPUTING = ("training_seconds", "evaluation_seconds", "experiment_seconds")


def summary(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> dict[str, Any]:
    """Summarize the cost and the code of all trainings and experiments.

    `study` is the resolved study in plain types, `tables` are the report's.  Returns `jobs` (one
    row per training or experiment, the longest first), `groups` (one row per group of jobs, in the
    order of the report), `parts` (one row per component of the time), `codes` (one row per version
    of code that ran experiments), and `total`, a row over all jobs.  Memory is None if no job could
    measure it.
    """
    group_of = _groups(study, tables)
    jobs = sorted(
        [*_trainings(group_of, tables), *_experiments(tables)],
        key=lambda job: (-job["core_seconds"], job["job"], job["seed"]),
    )
    total = _together(jobs) | _whole(jobs) | _limit(jobs, tables.get("machine", []))
    groups: list[Row] = [
        {"group": name} | _together(members)
        for name in dict.fromkeys([*group_of.values(), OTHER, EXPERIMENTS, NOISE])
        if (members := [job for job in jobs if job["group"] == name])
    ]
    parts = _parts(jobs, total["core_seconds"])
    for row in (*groups, *parts):
        row["share"] = row["core_seconds"] / total["core_seconds"]
    codes: dict[str | None, list[Row]] = {}
    for job in jobs:
        if job["what"] == "experiment":
            codes.setdefault(job["code"], []).append(job)
    return {
        "jobs": jobs,
        "groups": groups,
        "parts": parts,
        "codes": [
            {
                "code": code,
                "jobs": len(made),
                "names": ", ".join(sorted({it["job"] for it in made})),
            }
            for code, made in sorted(codes.items(), key=lambda item: item[0] or "")
        ],
        "total": total,
    }


def _groups(study: Mapping[str, Any], tables: Mapping[str, list[Row]]) -> dict[str, str]:
    """Return the group of each run: the section of its model, or else a sweep that needs it."""
    found: dict[str, str] = {}
    for section, title in study["sections"].items():
        for model in study["models"]:
            if model["section"] == section:
                found.setdefault(str(model["run"]), str(title))
    for sweep in study["sweeps"]:
        for row in tables.get(f"sweep_{sweep['name']}", []):
            found.setdefault(str(row["run"]), f"Sweep: {sweep['title']}")
    return found


def _trainings(group_of: Mapping[str, str], tables: Mapping[str, list[Row]]) -> Iterator[Row]:
    made = {(row["run"], row["seed"]): row for row in tables.get("runs", [])}
    for row in tables.get("cost", []):
        run = made.get((row["run"], row["seed"]), {})
        what = f"training, {run['engine']}" if run else "training"
        yield _job(row, group_of.get(row["run"], OTHER), row["run"], what, run.get("code"))


def _experiments(tables: Mapping[str, list[Row]]) -> Iterator[Row]:
    for table, group in (("bn_costs", EXPERIMENTS), ("noise_costs", NOISE)):
        for row in tables.get(table, []):
            yield _job(row, group, row["experiment"], "experiment", row.get("code"))


def _job(row: Row, group: str, job: str, what: str, code: str | None) -> Row:
    """Return what a training or an experiment recorded; None for parts that it does not have.

    rate   of the arithmetic while it was computed, in 10^9 operations per second
    """
    computing = sum(row.get(part) or 0.0 for part in COMPUTING)
    recorded = ("seed", "seconds", "processor_seconds", "peak_memory_mb", "arithmetic")
    return {key: row.get(key) for key in (*recorded, *PARTS, "threads", "finished")} | {
        "group": group,
        "job": job,
        "what": what,
        "code": code,
        "core_seconds": row["seconds"] * row["threads"],
        "rate": row["arithmetic"] / computing / 1e9 if computing else None,
    }


def _together(jobs: Sequence[Row]) -> Row:
    """Return sums and maxima over jobs."""
    memory = [job["peak_memory_mb"] for job in jobs if job["peak_memory_mb"] is not None]
    experiments = sum(job["what"] == "experiment" for job in jobs)
    return {
        "jobs": len(jobs),
        "trainings": len(jobs) - experiments,
        "experiments": experiments,
        "longest": max((job["seconds"] for job in jobs), default=None),
        "peak_memory_mb": max(memory, default=None),
    } | {
        key: sum(job[key] for job in jobs)
        for key in ("core_seconds", "processor_seconds", "arithmetic")
    }


def _whole(jobs: Sequence[Row]) -> Row:
    """Return when the jobs ran, and how many cores they occupied.

    first, last   the start of the first job and the end of the last, in UTC
    running       seconds in which a job ran, whatever the time between two runs of the study
    busy          mean number of cores that jobs occupied while any ran
    """
    if not jobs:
        return dict.fromkeys(("first", "last", "running", "busy"))
    ends = [datetime.fromisoformat(job["finished"]).timestamp() for job in jobs]
    times = sorted((end - job["seconds"], end) for job, end in zip(jobs, ends, strict=True))
    running, until = 0.0, -math.inf
    for start, end in times:
        running += max(0.0, end - max(start, until))
        until = max(until, end)
    return {
        "first": datetime.fromtimestamp(times[0][0], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "last": max(job["finished"] for job in jobs),
        "running": running,
        "busy": sum(job["core_seconds"] for job in jobs) / running if running else None,
    }


def _limit(jobs: Sequence[Row], machine: Sequence[Row]) -> Row:
    """Compare the arithmetic with the machine's rate for large matrix products.

    product_rate   of one thread, in 10^9 operations per second; None if it was not measured
    least          core-seconds of all arithmetic at that rate
    efficiency     their share of the core-seconds used
    """
    spent = sum(job["core_seconds"] for job in jobs)
    if not machine or not spent:
        return dict.fromkeys(("product_rate", "least", "efficiency"))
    rate = machine[0]["product_rate"] / machine[0]["threads"]
    least = sum(job["arithmetic"] for job in jobs) / rate / 1e9
    return {"product_rate": rate, "least": least, "efficiency": least / spent}


def _parts(jobs: Sequence[Row], spent: float) -> list[Row]:
    """Return the core-seconds of each component of the jobs, and of the rest."""
    seconds = {
        title: sum((job[part] or 0.0) * job["threads"] for job in jobs)
        for part, title in PARTS.items()
    }
    seconds[REST] = spent - sum(seconds.values())
    return [{"part": part, "core_seconds": it} for part, it in seconds.items() if it > 0.0]
