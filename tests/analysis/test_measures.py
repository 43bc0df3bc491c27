"""Metrics are read from what trainings leave, with what each test image adds to them."""

import math
from pathlib import Path

import numpy as np
import pytest
from fixtures.runs import leave, measures, model, predictions_of

from fmstudy.analysis.measures import Measures, gaps_over_epochs
from fmstudy.analysis.results import Runs

GIVEN = {1: [0.9, 0.2, 0.6, 0.7], 2: [0.8, 0.3, 0.4, 0.99]}  # of the right class, by seed
LOSS = {seed: -sum(math.log(p) for p in given) / 4 for seed, given in GIVEN.items()}
B = model("B", [1, 2])


@pytest.fixture
def m(tmp_path: Path) -> Measures:
    for seed, given in GIVEN.items():
        leave(
            tmp_path,
            "B",
            seed,
            given,
            train=(0.1 * seed, 0.05, 0.9 + 0.01 * seed),
            penalty=0.05,
            weights={
                "coefficients0": np.array([[3.0, -0.0005]], np.float32),
                "coefficients1": np.array([[0.0], [-4.0]], np.float32) * seed,
                "bias0": np.float32(100.0),
            },
        )
    return measures(tmp_path, 4)


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("train_accuracy", (0.91, 0.92)),
        ("train_loss", (0.1, 0.2)),
        ("train_objective", (0.15, 0.25)),
        ("test_accuracy", (0.75, 0.5)),
        ("test_loss", (LOSS[1], LOSS[2])),
        ("test_objective", (LOSS[1] + 0.05, LOSS[2] + 0.05)),
        ("gap_accuracy", (0.16, 0.42)),
        ("test_gap_accuracy", (0.16, 0.42)),
        ("gap_loss", (LOSS[1] - 0.1, LOSS[2] - 0.2)),
        ("test_gap_loss", (LOSS[1] - 0.1, LOSS[2] - 0.2)),
        ("norm", (5.0, math.sqrt(73))),
        ("near_zero_share", (0.5, 0.5)),
        ("sum_absolute", (7.0005, 11.0005)),
    ],
)
def test_metric_is_what_the_run_left(m: Measures, metric: str, values: tuple[float, float]):
    sample = m.sample(B, metric)
    assert sample.seeds == pytest.approx({1: values[0], 2: values[1]})


@pytest.mark.parametrize(
    ("metric", "sign", "apart"),
    [
        ("test_accuracy", 1, lambda seed: 0.0),
        ("test_loss", 1, lambda seed: 0.0),
        ("test_objective", 1, lambda seed: 0.05),
        ("gap_accuracy", -1, lambda seed: 0.9 + 0.01 * seed),
        ("test_gap_accuracy", -1, lambda seed: 0.9 + 0.01 * seed),
        ("gap_loss", 1, lambda seed: -0.1 * seed),
        ("test_gap_loss", 1, lambda seed: -0.1 * seed),
    ],
)
def test_images_add_up_to_the_metric_but_for_what_no_test_image_changes(
    m: Measures, metric: str, sign: int, apart
):
    """`apart` is the penalty, or what the training images do."""
    sample = m.sample(B, metric)
    for seed, given in GIVEN.items():
        own = [p > 0.5 for p in given] if "accuracy" in metric else [-math.log(p) for p in given]
        assert sample.images[seed] == pytest.approx([sign * it for it in own], rel=1e-6)
        assert sample.images[seed].mean() + apart(seed) == pytest.approx(sample.seeds[seed])


def test_gap_to_a_validation_part_has_no_values_of_test_images(tmp_path: Path):
    leave(tmp_path, "K", 1, train=(0.1, 0.0, 0.95), validation=(0.3, 0.0, 0.9))
    m, k = measures(tmp_path), model("K", [1])
    assert m.sample(k, "gap_accuracy").seeds[1] == pytest.approx(0.05)
    assert m.sample(k, "gap_loss").seeds[1] == pytest.approx(0.2)
    assert m.sample(k, "gap_accuracy").images == m.sample(k, "gap_loss").images == {}
    assert m.sample(k, "test_gap_accuracy").seeds[1] == pytest.approx(0.95 - 0.5)
    assert list(m.sample(k, "test_gap_accuracy").images[1]) == [-1.0, 0.0]
    assert set(m.sample(k, "test_gap_loss").images) == {1}
    assert m.sample(k, "validation_loss").seeds == {1: 0.3}


@pytest.mark.parametrize("metric", ["train_accuracy", "train_loss", "train_objective", "norm"])
def test_metric_of_the_training_data_or_weights_has_no_values_of_test_images(
    m: Measures, metric: str
):
    assert m.sample(B, metric).images == {}


def test_diverged_training_stays_out(tmp_path: Path):
    leave(tmp_path, "B", 1)
    leave(tmp_path, "B", 2, test=(None, 0.0, None), status="diverged")
    m = measures(tmp_path)
    assert m.runs.finished(B) == [1]
    assert m.sample(B, "test_accuracy").seeds == {1: 0.5}
    assert set(m.sample(B, "test_accuracy").images) == {1}
    nothing = m.sample(model("B", [2]), "gap_loss")
    assert (nothing.seeds, nothing.images) == ({}, {})


def test_metric_after_an_epoch_is_that_of_the_history(tmp_path: Path):
    course = {
        0: {"train": (2.3, 0.01, 0.1), "test": (2.4, 0.01, 0.12)},
        5: {"train": (0.5, 0.02, 0.8), "test": (0.7, 0.02, 0.75)},
    }
    leave(tmp_path, "B", 1, history=course)
    m, b = measures(tmp_path), model("B", [1])
    for metric, value in (
        ("test_accuracy", 0.75),
        ("train_loss", 0.5),
        ("test_objective", 0.72),
        ("gap_accuracy", 0.05),
        ("test_gap_loss", 0.2),
    ):
        sample = m.sample(b, metric, 5)
        assert sample.seeds == pytest.approx({1: value})
        assert sample.images == {}
    assert m.sample(b, "test_accuracy", 0).seeds == {1: 0.12}


def test_epoch_of_a_model_with_a_validation_part_has_gaps_to_that_part_only(tmp_path: Path):
    course = {1: {"train": (0.5, 0.0, 0.8), "validation": (0.6, 0.0, 0.7)}}
    leave(tmp_path, "K", 1, history=course)
    m, k = measures(tmp_path), model("K", [1])
    assert m.sample(k, "gap_accuracy", 1).seeds == pytest.approx({1: 0.1})
    with pytest.raises(KeyError, match="test_gap_accuracy"):
        m.sample(k, "test_gap_accuracy", 1)


@pytest.mark.parametrize(
    ("metric", "epoch"),
    [
        ("validation_loss", None),  # it holds nothing out
        ("gamma_one", None),  # it has no batch normalization
        ("accuracy", None),
        ("test_accuracy", 7),  # its history ends before
        ("norm", 0),  # weights are kept at the end only
    ],
)
def test_metric_that_is_not_there_is_a_key_error(tmp_path: Path, metric: str, epoch: int | None):
    there = {0: {"train": (2.3, 0.0, 0.1), "test": (2.3, 0.0, 0.1)}}
    leave(tmp_path, "B", 1, history=there)
    missing = str(epoch) if epoch else metric
    with pytest.raises(KeyError, match=missing):
        measures(tmp_path).sample(model("B", [1]), metric, epoch)


def test_normalization_is_measured_over_the_units_of_all_layers(tmp_path: Path):
    """Of three units that are ever on, two in one layer and one in the other."""
    arrays = {
        "coefficients0": np.ones((3, 1)),
        "gamma0": np.array([[1.0], [2.0], [9.0]]),
        "beta0": np.array([[0.5], [1.0], [9.0]]),
        "mean0": np.array([[1.0], [1.0], [9.0]]),
        "variance0": np.array([[4.0], [1.0], [0.0]]),  # the last unit is always off
        "gamma1": np.array([[0.4]]),
        "beta1": np.array([[-1.0]]),
        "mean1": np.array([[1.0]]),
        "variance1": np.array([[0.25]]),
    }
    leave(tmp_path, "BN", 1, weights=arrays)
    m, bn = measures(tmp_path), model("BN", [1])
    # deviations 2, 1, 0.5
    for metric, by_unit in (
        ("gamma_deviation", (1 / 2, 1 / 1, 0.1 / 0.5)),
        ("beta_mean", (0.5 / 2, 0 / 1, 2 / 0.5)),
        ("gamma_one", (0, 1, 0.6)),
    ):
        assert m.sample(bn, metric).seeds[1] == pytest.approx(sum(by_unit) / 3)


def test_probability_of_exactly_0_gives_a_large_loss_and_not_infinity(tmp_path: Path):
    leave(tmp_path, "B", 1, [0.9, 0.2], test=(60.0, 0.0, 0.5))
    predictions = predictions_of(np.array([0.9, 0.0]))
    np.save(tmp_path / "B/seed-1/predictions.npy", predictions)
    sample = measures(tmp_path).sample(model("B", [1]), "test_loss")
    assert sample.seeds == {1: 60.0}  # the engine's, from logits
    assert sample.images[1][1] == pytest.approx(149 * math.log(2))  # 2^-149 is float32's smallest


def test_right_is_the_class_with_the_highest_probability(m: Measures):
    assert list(m.right(B, 1)) == [True, False, True, True]


def test_gaps_over_epochs_are_to_validation_where_there_is_one_else_to_test(tmp_path: Path):
    leave(
        tmp_path,
        "B",
        1,
        history={
            0: {"train": (2.0, 0.0, 0.1), "test": (2.1, 0.0, 0.2)},
            1: {"train": (1.0, 0.0, 0.6), "test": (1.5, 0.0, 0.5)},
        },
    )
    last = {"train": (0.5, 0.0, 0.9), "validation": (0.9, 0.0, 0.7), "test": (1.9, 0.0, 0.6)}
    leave(tmp_path, "K", 1, history={1: last})
    runs = Runs(tmp_path)
    table = gaps_over_epochs(model("B", [1]), runs)
    assert list(table["accuracy", 1]) == pytest.approx([-0.1, 0.1])
    assert list(table["loss", 1]) == pytest.approx([0.1, 0.5])
    held_out = gaps_over_epochs(model("K", [1]), runs)
    assert held_out["accuracy", 1][1] == pytest.approx(0.2)
    assert held_out["loss", 1][1] == pytest.approx(0.4)
