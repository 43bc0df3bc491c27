"""What the study cost: every job counted once, sums right, nothing invented."""

import pytest

from fmstudy.report import provenance

STUDY = {
    "sections": {"part_a": "Part A", "part_b": "Part B"},
    "models": [
        {"section": "part_a", "run": "mlp"},
        {"section": "part_b", "run": "keras"},
    ],
    "sweeps": [{"name": "width", "title": "Width"}],
}


PARTS = {"startup_seconds": 0.25, "reading_seconds": 0.25, "writing_seconds": 0.25}


def cost(run: str, seed: int, seconds: float, memory: float | None = 800.0, threads: int = 1):
    row = PARTS | {"run": run, "seed": seed, "seconds": seconds + 1.0, "threads": threads}
    row |= {"training_seconds": seconds - 1.0, "evaluation_seconds": 1.0, "processor_seconds": 4.0}
    row |= {"peak_memory_mb": memory, "arithmetic": 1e12}
    return row | {"finished": f"2026-01-0{seed}T00:00:00Z"}


def made(run: str, seed: int, engine: str, code: str) -> dict:
    return {"run": run, "seed": seed, "engine": engine, "code": code}


EXPERIMENT = {"experiment": "speed", "seed": 1, "seconds": 5.0, "startup_seconds": 1.0}
EXPERIMENT |= {"reading_seconds": 0.0, "experiment_seconds": 2.0, "writing_seconds": 0.0}
EXPERIMENT |= {"processor_seconds": 3.0, "arithmetic": 1e11, "peak_memory_mb": 10.0}
EXPERIMENT |= {"threads": 1, "finished": "2025-12-31T00:00:00Z", "code": "ee"}
TABLES = {
    "cost": [
        *(cost("mlp", 1, 9.0), cost("mlp", 2, 19.0, None), cost("mlp_wide", 1, 49.0)),
        *(cost("keras", 1, 4.0, 1500.5, threads=2), cost("long", 1, 9.0)),
    ],
    "runs": [
        *(made("mlp", 1, "lowlevel", "aa"), made("mlp", 2, "lowlevel", "bb")),
        *(made("keras", 1, "keras", "cc"), made("mlp_wide", 1, "lowlevel", "aa")),
        made("long", 1, "lowlevel", "aa"),
    ],
    "sweep_width": [{"run": "mlp"}, {"run": "mlp_wide"}],
    "bn_costs": [EXPERIMENT],
    "machine": [{"product_rate": 400.0, "threads": 2}],
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
    assert total["arithmetic"] == 5.1e12
    assert total["processor_seconds"] == 5 * 4.0 + 3.0


def test_when_jobs_ran_and_how_many_cores_they_kept_busy():
    total = provenance.summary(STUDY, TABLES)["total"]
    assert (total["first"], total["last"]) == ("2025-12-30T23:59:55Z", "2026-01-02T00:00:00Z")
    # Jobs of 5 s; the next day of 50, 10, 10 and 10 s, which end together; the day after of 20 s.
    assert total["running"] == 5.0 + 50.0 + 20.0
    assert total["busy"] == pytest.approx(105.0 / 75.0)


def test_jobs_that_overlap_count_once_in_the_time_that_any_ran():
    costs = [cost("mlp", 1, 9.0), cost("mlp", 2, 9.0)]
    costs[1]["finished"] = "2026-01-01T00:00:04Z"  # ten seconds, of which six were shared
    total = provenance.summary(STUDY, {"cost": costs})["total"]
    assert total["running"] == 14.0
    assert total["busy"] == pytest.approx(20.0 / 14.0)


def test_the_arithmetic_is_held_against_the_rate_of_products_of_one_thread():
    total = provenance.summary(STUDY, TABLES)["total"]
    assert total["product_rate"] == 200.0
    assert total["least"] == pytest.approx(5.1e12 / 200e9)
    assert total["efficiency"] == pytest.approx(5.1e12 / 200e9 / 105.0)
    unmeasured = provenance.summary(STUDY, TABLES | {"machine": []})["total"]
    assert unmeasured["efficiency"] is None


def test_parts_of_jobs_add_up_to_all_of_their_time():
    found = provenance.summary(STUDY, TABLES)
    parts = {row["part"]: row["core_seconds"] for row in found["parts"]}
    assert parts["Training"] == 8.0 + 18.0 + 2 * 3.0 + 48.0 + 8.0  # one with two threads
    assert parts["Experiments: training and evaluation"] == 2.0
    assert sum(parts.values()) == pytest.approx(105.0)
    assert sum(row["share"] for row in found["parts"]) == pytest.approx(1)


def test_the_rate_of_a_job_is_that_of_its_training_and_evaluation():
    jobs = {(job["job"], job["seed"]): job for job in provenance.summary(STUDY, TABLES)["jobs"]}
    assert jobs["mlp", 1]["rate"] == pytest.approx(1e12 / 9.0 / 1e9)
    assert jobs["speed", 1]["rate"] == pytest.approx(1e11 / 2.0 / 1e9)


def test_jobs_stand_in_order_of_their_time_each_with_its_code():
    jobs = provenance.summary(STUDY, TABLES)["jobs"]
    assert [(job["job"], job["seed"]) for job in jobs] == [
        *(("mlp_wide", 1), ("mlp", 2), ("keras", 1), ("long", 1), ("mlp", 1), ("speed", 1))
    ]
    assert [job["code"] for job in jobs] == ["aa", "bb", "cc", "aa", "aa", "ee"]


def test_each_version_of_code_that_ran_experiments_has_its_row():
    [speed] = TABLES["bn_costs"]
    costs = [speed, speed | {"experiment": "depth"}, speed | {"code": "dd"}]
    codes = provenance.summary(STUDY, TABLES | {"bn_costs": costs})["codes"]
    assert codes == [
        {"code": "dd", "jobs": 1, "names": "speed"},
        {"code": "ee", "jobs": 2, "names": "depth, speed"},
    ]


def test_a_study_without_jobs_costs_nothing():
    found = provenance.summary(STUDY, {})
    assert found["jobs"] == found["groups"] == []
    assert found["total"]["core_seconds"] == 0
    assert found["total"]["peak_memory_mb"] is None
    assert found["total"]["busy"] is None


def test_the_trainings_on_sources_of_noise_are_a_group_of_their_own():
    [speed] = TABLES["bn_costs"]
    noise = [speed | {"experiment": "noise", "seed": seed, "seconds": 7.0} for seed in (1, 2)]
    found = provenance.summary(STUDY, TABLES | {"noise_costs": noise})
    groups = {row["group"]: (row["jobs"], row["core_seconds"]) for row in found["groups"]}
    assert groups[provenance.NOISE] == (2, 14.0)
    assert groups[provenance.EXPERIMENTS] == (1, 5.0)
    assert found["total"]["experiments"] == 3
