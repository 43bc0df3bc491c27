"""What the study cost: every job counted once, sums right, nothing invented."""

import json
from pathlib import Path

import pytest

from fmstudy import provenance

STUDY = {
    "sections": {"part_a": "Part A", "part_b": "Part B"},
    "models": [
        {"section": "part_a", "run": "mlp"},
        {"section": "part_b", "run": "keras"},
    ],
    "sweeps": [{"name": "width", "title": "Width"}],
}


def cost(run: str, seed: int, seconds: float, memory: float | None = 800.0, threads: int = 1):
    return {
        "run": run,
        "seed": seed,
        "training_seconds": seconds,
        "evaluation_seconds": 1.0,
        "peak_memory_mb": memory,
        "arithmetic": 1e12,
        "threads": threads,
        "finished": f"2026-01-0{seed}T00:00:00Z",
    }


def made(run: str, seed: int, engine: str, code: str) -> dict:
    return {"run": run, "seed": seed, "engine": engine, "code": code}


TABLES = {
    "cost": [
        *(cost("mlp", 1, 9.0), cost("mlp", 2, 19.0, None)),
        *(
            cost("keras", 1, 4.0, 1500.5, threads=2),
            cost("mlp_wide", 1, 49.0),
            cost("long", 1, 9.0),
        ),
    ],
    "runs": [
        *(made("mlp", 1, "lowlevel", "aa"), made("mlp", 2, "lowlevel", "bb")),
        *(made("keras", 1, "keras", "cc"), made("mlp_wide", 1, "lowlevel", "aa")),
        made("long", 1, "lowlevel", "aa"),
    ],
    "sweep_width": [{"run": "mlp"}, {"run": "mlp_wide"}],
    "bn_costs": [
        {
            "experiment": "speed",
            "seed": 1,
            "seconds": 5.0,
            "peak_memory_mb": 10.0,
            "threads": 1,
            "finished": "2025-12-31T00:00:00Z",
            "code": "ee",
        }
    ],
}


def test_a_run_that_several_parts_use_is_counted_once_with_the_first():
    groups = provenance.summary(STUDY, TABLES)["groups"]
    assert [(group["group"], group["jobs"], group["core_seconds"]) for group in groups] == [
        ("Part A", 2, 30.0),
        ("Part B", 1, 10.0),
        ("Sweep: Width", 1, 50.0),
        ("Longer training", 1, 10.0),
        ("Experiments on batch normalization", 1, 5.0),
    ]
    assert sum(group["share"] for group in groups) == pytest.approx(1)


def test_the_total_is_over_all_jobs_and_time_counts_for_every_thread():
    total = provenance.summary(STUDY, TABLES)["total"]
    assert (total["trainings"], total["experiments"]) == (5, 1)
    assert total["core_seconds"] == 105.0
    assert total["longest"] == 50.0
    assert total["peak_memory_mb"] == 1500.5
    assert total["arithmetic"] == 5e12
    assert (total["first"], total["last"]) == ("2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z")


def test_jobs_stand_in_order_of_their_time_each_with_its_code():
    jobs = provenance.summary(STUDY, TABLES)["jobs"]
    assert [(job["job"], job["seed"]) for job in jobs] == [
        *(("mlp_wide", 1), ("mlp", 2), ("keras", 1), ("long", 1), ("mlp", 1), ("speed", 1))
    ]
    assert [job["code"] for job in jobs] == ["aa", "bb", "cc", "aa", "aa", "ee"]


def test_each_version_of_code_has_its_row():
    codes = provenance.summary(STUDY, TABLES)["codes"]
    assert [(row["what"], row["code"], row["jobs"], row["names"]) for row in codes] == [
        ("experiment", "ee", 1, "speed"),
        ("training, keras", "cc", 1, None),
        ("training, lowlevel", "aa", 3, None),
        ("training, lowlevel", "bb", 1, None),
    ]


def test_a_study_without_jobs_costs_nothing():
    found = provenance.summary(STUDY, {})
    assert found["jobs"] == found["groups"] == []
    assert found["total"]["core_seconds"] == 0
    assert found["total"]["peak_memory_mb"] is None


def test_costs_of_experiments_name_the_code_that_each_recorded(tmp_path: Path):
    paths = []
    for seed in (1, 2):
        record = {"experiment": "speed", "seed": seed, "seconds": 2.5, "threads": 1}
        record |= {"peak_memory_mb": 700.5, "finished": "x", "code": f"digest{seed}"}
        path = tmp_path / f"{seed}.json"
        path.write_text(json.dumps(record | {"machine": {"cores": 2}}), encoding="utf-8")
        paths.append(str(path))
    table = provenance.experiment_costs(paths)
    assert list(table["code"]) == ["digest1", "digest2"]
    assert list(table["cores"]) == [2, 2]
    assert "code" in provenance.experiment_costs([]).columns
