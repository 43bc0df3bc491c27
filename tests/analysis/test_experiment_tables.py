"""Results, times and costs of the experiments' jobs become tables: nothing lost."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fmstudy import runtime
from fmstudy.analysis.experiment_tables import COSTS, costs_table, times_table
from fmstudy.experiments.best_rates import results_table

MACHINE = {"system": "Linux", "processor": "A processor", "cores": 2}


def provenance(seed: int, *times: dict, experiment: str = "speed") -> dict[str, Any]:
    seconds = {"whole": 10.0 + seed, "startup": 4.0, "experiment": 5.0}
    record = {"experiment": experiment, "seed": seed, "seconds": seconds, "threads": 1}
    record |= {"peak_memory_mb": 700.5, "finished": "2026-11-22T12:00:00Z", "code": "0" * 16}
    record |= {"processor_seconds": 8.0, "steps": 40, "arithmetic": 1e9}
    return record | {"times": list(times), "machine": MACHINE}


def test_results_of_all_seeds_stand_below_each_other_with_their_seed(tmp_path: Path):
    parts = [
        pd.DataFrame({"arm": ["bn"], "rate": [0.1], "measure": ["finished"], "value": [1.0]}),
        pd.DataFrame(
            {
                "arm": ["bn", "plain"],
                "rate": [0.1, 1.0],
                "measure": ["validation_loss", "finished"],
                "value": [0.1234567891, 0.0],
            }
        ),
    ]
    table = results_table([7, 3], parts)
    assert list(table["seed"]) == [7, 3, 3]
    assert list(table["value"]) == [1.0, 0.1234567891, 0.0]
    assert list(table.index) == [0, 1, 2]
    runtime.write_table(tmp_path / "all.csv", table)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "all.csv"), table)
    with pytest.raises(ValueError, match="zip"):
        results_table([1, 2], parts[:1])


def test_times_are_those_of_the_jobs_with_their_seconds(tmp_path: Path):
    step = {"arm": "bn", "turn": 1, "measure": "step_seconds", "value": 0.002}
    files = [provenance(1, step, step | {"turn": 2}), provenance(2, step)]
    table = times_table([1, 2], files)
    steps = table[table["measure"] == "step_seconds"]
    assert list(zip(steps["seed"], steps["turn"], strict=True)) == [(1, 1), (1, 2), (2, 1)]
    assert set(steps["value"]) == {0.002}
    jobs = table[table["measure"] == "job_seconds"]
    assert list(zip(jobs["seed"], jobs["value"], strict=True)) == [(1, 11.0), (2, 12.0)]
    alone = times_table([5], [provenance(5)])  # of an experiment that times nothing
    assert alone.to_dict("records") == [{"measure": "job_seconds", "value": 15.0, "seed": 5}]


def test_costs_are_told_job_by_job_with_the_machine(tmp_path: Path):
    files = [provenance(1), provenance(1, experiment="depth")]
    table = costs_table(files)
    assert tuple(table.columns) == (*COSTS, *MACHINE, "code")
    assert list(table["experiment"]) == ["speed", "depth"]
    assert list(table["seconds"]) == [11.0, 11.0]
    assert list(table["experiment_seconds"]) == [5.0, 5.0]
    assert list(table["steps"]) == [40, 40]
    assert list(table["processor"]) == ["A processor"] * 2
    assert tuple(costs_table([]).columns) == COSTS
