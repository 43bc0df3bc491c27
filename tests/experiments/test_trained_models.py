"""What is read off the study's models: nothing lost, each number with its seed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import of_seeds
from fixtures.runs import labels_of, leave, left, measures
from fixtures.runs import model as fabricated_model

from fmstudy import runtime
from fmstudy.experiments.trained_models import (
    Images,
    arms_table,
    arms_times,
    calibration_errors,
    exact_metrics,
    quantities,
)

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
    table, _ = both(arms, tmp_path)
    runtime.write_table(tmp_path / "x.csv", table)
    found = quantities(pd.read_csv(tmp_path / "x.csv"))
    assert found["train_loss_50/B/bn"] == pytest.approx({1: 0.6, 2: 0.7})
    assert found["train_loss_50/B/plain"] == pytest.approx({1: 0.8, 2: 0.9})
    assert found["test_accuracy/B/bn"] == {1: 0.5, 2: 0.5}


def test_models_have_their_final_metrics_and_their_losses_on_the_way():
    table = [
        *of_seeds("train_loss", {1: 0.9, 2: 0.8}, arm="B/bn", epoch=50),
        *of_seeds("held_out_loss", {1: 0.7}, arm="B/bn", epoch=50),
        *of_seeds("train_accuracy", {1: 0.2}, arm="B/bn", epoch=50),
        *of_seeds("train_loss", {1: 0.3, 2: 0.4}, arm="B/bn", epoch=None),
        *of_seeds("calibration_error", {1: 0.02}, arm="B/bn", epoch=None),
        *of_seeds("train_loss", {1: 0.5}, arm="B/plain", epoch=None),
    ]
    found = quantities(pd.DataFrame(table))
    assert found == {
        "train_loss/B/bn": {1: 0.3, 2: 0.4},
        "calibration_error/B/bn": {1: 0.02},
        "train_loss/B/plain": {1: 0.5},
        "train_loss_50/B/bn": {1: 0.9, 2: 0.8},
        "held_out_loss_50/B/bn": {1: 0.7},
    }
