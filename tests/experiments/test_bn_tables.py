"""What experiments and models left becomes tables: nothing lost, each number with its seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import labels_of, leave, left, measures
from fixtures.runs import model as fabricated_model

from fmstudy import runtime
from fmstudy.analysis.experiment_tables import COSTS, costs_table, times_table
from fmstudy.experiments import quantities
from fmstudy.experiments.best_rates import results_table
from fmstudy.experiments.trained_models import (
    Images,
    arms_table,
    arms_times,
    calibration_errors,
    exact_metrics,
)

MACHINE = {"system": "Linux", "processor": "A processor", "cores": 2}


def provenance(seed: int, *times: dict, experiment: str = "speed") -> dict[str, Any]:
    seconds = {"whole": 10.0 + seed, "startup": 4.0, "experiment": 5.0}
    record = {"experiment": experiment, "seed": seed, "seconds": seconds, "threads": 1}
    record |= {"peak_memory_mb": 700.5, "finished": "2026-11-22T12:00:00Z", "code": "0" * 16}
    record |= {"processor_seconds": 8.0, "steps": 40, "arithmetic": 1e9}
    return record | {"times": list(times), "machine": MACHINE}


# ----------------------------------------------------------------------------- the experiments
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


def test_a_seed_without_its_results_is_refused():
    with pytest.raises(ValueError, match="zip"):
        results_table([1, 2], [pd.DataFrame({"measure": ["x"], "value": [1.0]})])


def test_times_are_those_of_the_jobs_with_their_seconds(tmp_path: Path):
    step = {"arm": "bn", "turn": 1, "measure": "step_seconds", "value": 0.002}
    files = [provenance(1, step, step | {"turn": 2}), provenance(2, step)]
    table = times_table([1, 2], files)
    steps = table[table["measure"] == "step_seconds"]
    assert list(zip(steps["seed"], steps["turn"], steps["value"], strict=True)) == [
        (1, 1, 0.002),
        (1, 2, 0.002),
        (2, 1, 0.002),
    ]
    jobs = table[table["measure"] == "job_seconds"]
    assert list(zip(jobs["seed"], jobs["value"], strict=True)) == [(1, 11.0), (2, 12.0)]


def test_an_experiment_that_times_nothing_has_the_seconds_of_its_jobs(tmp_path: Path):
    table = times_table([5], [provenance(5)])
    assert table.to_dict("records") == [{"measure": "job_seconds", "value": 15.0, "seed": 5}]


def test_costs_are_told_job_by_job_with_the_machine(tmp_path: Path):
    files = [provenance(1), provenance(1, experiment="depth")]
    table = costs_table(files)
    assert tuple(table.columns) == (*COSTS, *MACHINE, "code")
    assert list(table["experiment"]) == ["speed", "depth"]
    assert list(table["seconds"]) == [11.0, 11.0]
    assert list(table["experiment_seconds"]) == [5.0, 5.0]
    assert list(table["steps"]) == [40, 40]
    assert list(table["processor"]) == ["A processor"] * 2


def test_without_jobs_there_are_no_costs_but_their_columns():
    assert tuple(costs_table([]).columns) == COSTS


# ---------------------------------------------------------------------------- the study's models
HISTORY = {
    0: {"train": (2.3, 0.0, 0.1), "validation": (2.4, 0.0, 0.1), "test": (2.5, 0.0, 0.1)},
    1: {"train": (0.5, 0.0, 0.8), "validation": (0.6, 0.0, 0.7), "test": (0.7, 0.0, 0.6)},
}


def model(name: str, seeds: list[int]) -> dict[str, Any]:
    """What an experiment must know of a low-level model."""
    return fabricated_model(name, seeds) | {"engine": "lowlevel", "spec": {"batch_norm": "before"}}


def both(arms: dict[str, Any], directory: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What an experiment reads off models that need no images, and its times."""
    nothing = dict.fromkeys(Images._fields, np.zeros((1, 0)))
    return arms_table(arms, **left(directory), **nothing), arms_times(arms, left(directory)["runs"])


def timed(directory: Path, run: str, seed: int, seconds: float) -> None:
    runtime.write_json(
        directory / run / f"seed-{seed}/provenance.json",
        {"seconds": {"training": seconds, "evaluation": 99.0}},
    )


def test_models_give_their_course_and_their_end(tmp_path: Path):
    leave(tmp_path, "a", 1, [0.9, 0.2], train=(0.3, 0.1, 0.95), history=HISTORY)
    timed(tmp_path, "a", 1, 12.5)
    table, times = both({"B/bn": model("a", seeds=[1])}, tmp_path)
    assert set(table["arm"]) == {"B/bn"}
    assert set(table["seed"]) == {1}
    course = table[table["epoch"] == 1].set_index("measure")["value"].to_dict()
    assert course == {
        "train_loss": 0.5,
        "train_accuracy": 0.8,
        "held_out_loss": 0.6,  # where there is a validation part, it is that
        "held_out_accuracy": 0.7,
    }
    end = table[table["epoch"].isna()].set_index("measure")["value"].to_dict()
    test_loss = -np.log([0.9, 0.2]).mean()
    assert end.pop("calibration_error") >= 0
    assert end == pytest.approx(
        {
            "train_accuracy": 0.95,
            "train_loss": 0.3,
            "test_accuracy": 0.5,
            "test_loss": test_loss,
            "gap_loss": test_loss - 0.3,
        }
    )
    assert times.to_dict("records") == [
        {"arm": "B/bn", "seed": 1, "measure": "seconds", "value": 12.5}
    ]


def test_without_a_validation_part_the_test_data_are_held_out(tmp_path: Path):
    history = {1: {split: HISTORY[1][split] for split in ("train", "test")}}
    leave(tmp_path, "a", 1, history=history)
    timed(tmp_path, "a", 1, 1.0)
    table, _ = both({"bn": model("a", seeds=[1])}, tmp_path)
    course = table[table["epoch"] == 1].set_index("measure")["value"]
    assert (course["held_out_loss"], course["held_out_accuracy"]) == (0.7, 0.6)


def test_a_training_that_diverged_has_no_place_in_an_experiment(tmp_path: Path):
    for seed in (1, 2):
        status = "diverged" if seed == 2 else "finished"
        leave(tmp_path, "a", seed, history=HISTORY, status=status)
        timed(tmp_path, "a", seed, 1.0)
    table, times = both({"bn": model("a", seeds=[1, 2])}, tmp_path)
    assert set(table["seed"]) == set(times["seed"]) == {1}


def test_the_calibration_error_is_that_of_each_training(tmp_path: Path):
    """Sure by nine tenths: of one thousand images nine tenths are right, or half of them."""
    right = np.where(np.arange(1000) < 900, 0.9, 0.1)
    half = np.where(np.arange(1000) < 500, 0.9, 0.1)
    leave(tmp_path, "a", 1, right)
    leave(tmp_path, "a", 2, half)
    found = calibration_errors(model("a", seeds=[1, 2]), measures(tmp_path, n=1000))
    assert found[1] == pytest.approx(0.0, abs=0.005)
    assert found[2] == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.usefixtures("one_thread")
def test_exact_statistics_are_those_of_keras_when_it_is_given_them(tmp_path: Path, place: str):
    """The last layer's moving statistics of one training step with momentum 0 are the batch's."""
    import keras

    from fmstudy.engines.keras_models import build_model, score
    from fmstudy.study.spec import RunSpec

    random = np.random.default_rng(3)
    x_train, x_test = (random.random((784, n)).astype(np.float32) for n in (50, 30))
    y_test = np.eye(10)[:, labels_of(30)]
    net_of = {"hidden": (6, 4), "bias": "vector", "weight_std": None, "batch_norm": place}
    data_of = {"batch_size": 10, "validation_split": 0.2, "train_samples": 50}
    spec = RunSpec("keras", bn_momentum=0.0, **net_of, **data_of)
    net = build_model(spec, 1)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(random.normal(1.0, 0.3, layer.gamma.shape))
            layer.beta.assign(random.normal(0.0, 0.5, layer.beta.shape))
    weights = {
        f"{layer.name}-{w.name}": w.numpy().copy() for layer in net.layers for w in layer.weights
    }
    leave(tmp_path, spec.name, 1, weights=weights)  # with moving statistics of nothing yet
    net(x_train.T[:40], training=True)  # the fitted ones
    loss, accuracy = score(net, x_test.T, labels_of(30))
    given = {"run": spec.name, "spec": spec.as_dict()}
    found = exact_metrics(given, 1, measures(tmp_path, n=30), Images(x_train, x_test, y_test))
    assert found["test_loss_exact"] == pytest.approx(loss, abs=1e-5)
    assert found["test_accuracy_exact"] == pytest.approx(accuracy)


def test_models_become_quantities(tmp_path: Path):
    for run, loss in (("with", 0.5), ("without", 0.7)):
        for seed in (1, 2):
            history = {50: {"train": (loss + seed / 10, 0.0, 0.5), "test": (1.0, 0.0, 0.5)}}
            leave(tmp_path, run, seed, history=history)
            timed(tmp_path, run, seed, 1.0)
    arms = {"B/bn": model("with", seeds=[1, 2]), "B/plain": model("without", seeds=[1, 2])}
    table, times = both(arms, tmp_path)
    runtime.write_table(tmp_path / "x.csv", table)
    found = quantities.quantities("curves", pd.read_csv(tmp_path / "x.csv"), times, {})
    assert found["train_loss_50/B/bn"] == pytest.approx({1: 0.6, 2: 0.7})
    assert found["train_loss_50/B/plain"] == pytest.approx({1: 0.8, 2: 0.9})
    assert found["test_accuracy/B/bn"] == {1: 0.5, 2: 0.5}
