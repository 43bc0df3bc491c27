"""Tables say what the runs left: means over seeds, gaps, divergence."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import leave

from fmstudy import runtime
from fmstudy.analysis import results, tables

MODEL = {"name": "B", "title": "B", "section": "part_a", "engine": "lowlevel", "run": "mlp-2"}
MODEL |= {"seeds": [1, 2], "spec": {"hidden": [2], "penalty": "l2", "epochs": 2}}
BROKEN = {"train": (None, 0.0, 0.1), "test": (None, 0.0, 0.1), "status": "diverged"}


def leave_weights(directory: Path, seed: int, **final: Any) -> None:
    """Leave a training of which four weights are known."""
    coefficients = np.array([[0.0005, -3.0], [4.0, -0.0005]], dtype=np.float32)
    weights = {"coefficients0": coefficients * seed, "bias0": np.float32(100.0)}
    leave(directory, "mlp-2", seed, weights=weights, **final)


@pytest.fixture
def runs(tmp_path: Path) -> results.Runs:
    leave_weights(tmp_path, 1, train=(0.30, 0.05, 0.90), test=(0.40, 0.05, 0.80))
    leave_weights(tmp_path, 2, train=(0.32, 0.07, 0.94), test=(0.50, 0.07, 0.86))
    return results.Runs(tmp_path)


def test_a_model_is_told_by_mean_deviation_and_range_over_its_seeds(runs: results.Runs):
    row = tables.models_table([MODEL], runs).iloc[0]
    assert row["seeds"] == 2
    assert row["diverged"] == 0
    assert row["test_accuracy"] == pytest.approx(0.83)
    assert row["test_accuracy_sd"] == pytest.approx(0.06 / np.sqrt(2))  # of two: |a - b| / sqrt 2
    assert (row["test_accuracy_min"], row["test_accuracy_max"]) == (0.80, 0.86)
    assert row["test_objective"] == pytest.approx((0.45 + 0.57) / 2)
    assert row["gap_accuracy"] == pytest.approx(0.09)
    assert row["gap_loss"] == pytest.approx(0.14)
    assert pd.isna(row["validation_loss"])
    assert tables.spread("x", [0.5])["x_sd"] is None


def test_a_diverged_training_is_counted_and_stays_out_of_the_means(
    runs: results.Runs, tmp_path: Path
):
    leave_weights(tmp_path, 3, **BROKEN)
    row = tables.models_table([{**MODEL, "seeds": [1, 2, 3]}], runs).iloc[0]
    assert (row["seeds"], row["diverged"]) == (3, 1)
    assert row["test_accuracy"] == pytest.approx(0.83)
    all_broken = tables.models_table([{**MODEL, "seeds": [3]}], runs).iloc[0]
    assert pd.isna(all_broken["test_accuracy"])


def test_weights_are_measured_without_biases(runs: results.Runs):
    row = tables.weights_table([{**MODEL, "seeds": [1]}], runs).iloc[0]
    assert row["weights"] == 4
    assert row["sum"] == pytest.approx(1.0)
    assert row["sum_absolute"] == pytest.approx(7.001)
    assert row["norm"] == pytest.approx(np.sqrt(25 + 2 * 0.0005**2))
    assert row["near_zero_share"] == 0.5
    assert row["largest"] == 4.0
    assert row["zero_share"] == 0.0


def test_the_table_of_a_sweep_begins_with_what_varies(runs: results.Runs):
    varied = {"learning_rate": 0.1, "hidden": "none"}
    table = tables.sweep_table([varied], [{**MODEL, "seeds": [1]}], runs)
    assert table.iloc[0, :2].to_dict() == varied
    assert table.iloc[0]["weight_norm"] == pytest.approx(5.0, rel=1e-3)


def test_near_zero_is_relative_to_the_other_weights(tmp_path: Path):
    """The root mean square is 1: 0.02 is near zero, and so it is if all shrink alike."""
    w = np.array([[0.0, 0.02], [0.021, -math.sqrt(4 - 0.02**2 - 0.021**2)]])
    for seed, factor in ((1, 1.0), (2, 1e-6)):
        leave(tmp_path, "mlp-2", seed, weights={"coefficients0": factor * w})
        row = tables.weights_table([{**MODEL, "seeds": [seed]}], results.Runs(tmp_path)).iloc[0]
        assert (row["near_zero_share"], row["zero_share"]) == (0.5, 0.25)


def test_weights_of_a_diverged_training_stay_out_of_the_means(runs: results.Runs, tmp_path: Path):
    """Those that are still finite as well: only its loss may have overflowed."""
    leave_weights(tmp_path, 3, **BROKEN)
    row = tables.weights_table([{**MODEL, "seeds": [1, 3]}], runs).iloc[0]
    assert row["near_zero_share"] == 0.5
    assert pd.isna(tables.weights_table([{**MODEL, "seeds": [3]}], runs).iloc[0]["norm"])


def test_longer_training_is_read_off_at_the_asked_epochs(tmp_path: Path):
    history = ["epoch,split,loss,penalty,accuracy"]
    for epoch in range(5):
        history += [
            f"{epoch},train,{1 - epoch / 10},0,{epoch / 10}",
            f"{epoch},test,{2 - epoch / 10},0,{epoch / 20}",
        ]
    runtime.write_text(tmp_path / "softmax/seed-1/history.csv", "\n".join([*history, ""]))
    model = {"run": "softmax", "seeds": [1]}
    table = tables.epochs_table([2, 4], model, results.Runs(tmp_path))
    assert list(table["epochs"]) == [2, 4]
    assert list(table["test_accuracy"]) == [0.1, 0.2]
    assert list(table["train_loss"]) == [0.8, 0.6]


def test_longer_training_is_told_by_the_finished_seeds(tmp_path: Path):
    """Also after the epoch in which another seed diverged, and before it."""
    for seed, losses in ((1, (2.0, 1.0, 0.5)), (2, (4.0, math.nan))):
        rows = [f"{e},{s},{loss},0,0.5" for e, loss in enumerate(losses) for s in ("train", "test")]
        text = "\n".join(["epoch,split,loss,penalty,accuracy", *rows, ""])
        runtime.write_text(tmp_path / f"softmax/seed-{seed}/history.csv", text)
    runs = results.Runs(tmp_path)
    table = tables.epochs_table([0, 1, 2], {"run": "softmax", "seeds": [1, 2]}, runs)
    assert list(table["test_loss"]) == [2.0, 1.0, 0.5]
    assert list(table["seeds"]) == [1, 1, 1]
    lost = tables.epochs_table([0, 1, 2], {"run": "softmax", "seeds": [2]}, runs)
    assert lost["test_loss"].isna().all()
    assert list(lost["seeds"]) == [0, 0, 0]
