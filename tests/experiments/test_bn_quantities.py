"""Quantities of the experiments on batch normalization are what a person computes by hand."""

import math
from typing import Any

import pandas as pd
import pytest

from fmstudy import runtime
from fmstudy.experiments import quantities as bn_quantities
from fmstudy.experiments.best_rates import best_rate, best_rates
from fmstudy.experiments.quantities import quantities, unit_of
from fmstudy.runtime import StudyError
from fmstudy.study.experiments import EXPERIMENTS

NO_TIMES = pd.DataFrame(columns=["measure", "value", "seed"])


def rows(measure: str, by_seed: dict[int, float], **keys: Any) -> list[dict[str, Any]]:
    """A measure of several seeds, in rows as the experiments leave them."""
    return [
        {**keys, "measure": measure, "value": float(value), "seed": seed}
        for seed, value in by_seed.items()
    ]


def alike(found: dict[int, float], **wanted: float) -> bool:
    """Tell whether seeds 1, 2, ... (as s1, s2, ...) have these values, and no others do."""
    return found == pytest.approx({int(seed[1:]): value for seed, value in wanted.items()})


# ------------------------------------------------------------------------------ learning rates
def at_rate(
    rate: float,
    seeds: dict[int, tuple[float, float, float] | None],
    arm: str = "plain",
    activation: str = "relu",
    optimizer: str = "sgd",
) -> list[dict[str, Any]]:
    """One net at one rate: validation accuracy and loss and test accuracy; None if it diverged."""
    found = []
    for seed, values in seeds.items():
        keys = {"activation": activation, "optimizer": optimizer, "arm": arm, "rate": rate}
        found += rows("finished", {seed: values is not None}, **keys)
        names = ("validation_accuracy", "validation_loss", "test_accuracy")
        for name, value in zip(names, values or (), strict=False):
            found += rows(name, {seed: value}, **keys)
    return found


def of_rates(*parts: list[dict[str, Any]], usable: float = 0.8) -> dict[str, dict[int, float]]:
    table = pd.DataFrame([row for part in parts for row in part])
    return quantities("learning-rate", table, NO_TIMES, {"usable": usable})


GOOD, BAD = (0.85, 0.4, 0.84), (0.3, 2.0, 0.3)


def test_usable_rates_go_from_the_lowest_to_the_highest_in_decades():
    """0.01 to 10 are three decades, also over a rate between that is not usable."""
    found = of_rates(
        at_rate(10.0, {1: GOOD, 2: BAD, 3: BAD}),
        at_rate(0.01, {1: GOOD, 2: GOOD, 3: BAD}),
        at_rate(0.1, {1: BAD, 2: GOOD, 3: GOOD}),
    )
    assert alike(found["decades/relu/sgd/plain"], s1=3.0, s2=1.0, s3=0.0)
    assert alike(found["highest/relu/sgd/plain"], s1=1.0, s2=-1.0, s3=-1.0)


def test_a_rate_that_is_just_good_enough_is_usable():
    found = of_rates(
        at_rate(0.1, {1: (0.8, 0.5, 0.8), 2: (0.7999, 0.5, 0.8)}),
        at_rate(1.0, {1: GOOD, 2: GOOD}),
    )
    assert alike(found["decades/relu/sgd/plain"], s1=1.0, s2=0.0)


def test_without_a_usable_rate_there_are_zero_decades_and_no_highest_rate():
    found = of_rates(at_rate(0.1, {1: BAD, 2: None}), at_rate(1.0, {1: None, 2: None}))
    assert alike(found["decades/relu/sgd/plain"], s1=0.0, s2=0.0)
    assert found["highest/relu/sgd/plain"] == {}


def test_a_net_that_diverged_at_every_rate_has_no_best_rate():
    found = of_rates(at_rate(0.1, {1: None, 2: None}), at_rate(0.1, {1: GOOD, 2: GOOD}, arm="bn"))
    assert not {"best_rate/relu/sgd/plain", "test_accuracy/relu/sgd/plain"} & set(found)
    assert "test_accuracy_equal/relu/sgd/bn" not in found
    assert alike(found["decades/relu/sgd/plain"], s1=0.0, s2=0.0)
    assert alike(found["best_rate/relu/sgd/bn"], s1=-1.0, s2=-1.0)


def test_the_best_rate_has_the_smallest_mean_validation_loss():
    """Means: 0.50, 0.45, 0.60.  Neither the best single training nor the accuracy decides."""
    found = of_rates(
        at_rate(0.01, {1: (0.9, 0.10, 0.81), 2: (0.9, 0.90, 0.82)}),
        at_rate(0.1, {1: (0.5, 0.45, 0.83), 2: (0.5, 0.45, 0.85)}),
        at_rate(1.0, {1: (0.9, 0.60, 0.99), 2: (0.9, 0.60, 0.99)}),
    )
    assert alike(found["best_rate/relu/sgd/plain"], s1=-1.0, s2=-1.0)
    assert alike(found["test_accuracy/relu/sgd/plain"], s1=0.83, s2=0.85)


def test_a_rate_at_which_one_seed_diverged_is_not_the_best():
    parts = [
        *at_rate(0.1, {1: (0.8, 0.5, 0.8), 2: (0.8, 0.5, 0.8)}),
        *at_rate(1.0, {1: (0.9, 0.1, 0.9), 2: None}),
    ]
    assert best_rate(pd.DataFrame(parts)) == 0.1


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_that_of_a_diverged_training(loss):
    parts = [
        *at_rate(0.1, {1: (0.8, 0.5, 0.8), 2: (0.8, 0.5, 0.8)}),
        *at_rate(1.0, {1: (0.9, 0.1, 0.9), 2: (0.9, loss, 0.9)}),
    ]
    assert best_rate(pd.DataFrame(parts)) == 0.1


def test_at_equal_rates_both_nets_have_the_best_rate_of_the_one_without():
    found = of_rates(
        at_rate(0.1, {1: (0.8, 0.3, 0.80)}),
        at_rate(1.0, {1: (0.8, 0.5, 0.70)}),
        at_rate(0.1, {1: (0.8, 0.4, 0.75)}, arm="bn"),
        at_rate(1.0, {1: (0.8, 0.2, 0.90)}, arm="bn"),
    )
    assert alike(found["test_accuracy/relu/sgd/bn"], s1=0.90)
    assert alike(found["test_accuracy_equal/relu/sgd/bn"], s1=0.75)
    assert "test_accuracy_equal/relu/sgd/plain" not in found


def test_nets_of_another_activation_or_optimizer_are_kept_apart():
    found = of_rates(
        at_rate(0.1, {1: GOOD}),
        at_rate(1.0, {1: GOOD}),
        at_rate(0.001, {1: GOOD}, optimizer="adam"),
        at_rate(0.1, {1: GOOD}, activation="sigmoid"),
    )
    assert alike(found["decades/relu/sgd/plain"], s1=1.0)
    assert alike(found["highest/relu/adam/plain"], s1=-3.0)
    assert alike(found["highest/sigmoid/sgd/plain"], s1=-1.0)


def test_speed_starts_from_the_best_sgd_rates():
    parts = [
        *at_rate(0.1, {1: (0.8, 0.3, 0.80)}),
        *at_rate(1.0, {1: (0.8, 0.5, 0.70)}),
        *at_rate(1.0, {1: (0.8, 0.2, 0.90)}, arm="bn"),
        *at_rate(0.001, {1: (0.8, 0.1, 0.90)}, arm="bn", optimizer="adam"),
    ]
    table, settings = pd.DataFrame(parts), {"activations": ["relu"]}
    assert best_rates(table, settings) == {"relu/plain": 0.1, "relu/bn": 1.0}


@pytest.mark.parametrize("arm", ["plain", "bn"])
def test_speed_without_a_rate_to_start_from_says_what_to_do(arm):
    other = {"plain": "bn", "bn": "plain"}[arm]
    parts = at_rate(0.1, {1: GOOD}, arm=other) + at_rate(0.1, {1: None}, arm=arm)
    with pytest.raises(StudyError) as caught:
        best_rates(pd.DataFrame(parts), {"activations": ["relu"]})
    for part in ("learning-rate", f"relu net ({arm})", "smaller rates"):
        assert part in str(caught.value)


# --------------------------------------------------------------------------------------- speed
def of_speed(accuracies: dict[int, float], seconds: list[float], level: float = 0.85):
    keys = {"activation": "relu", "arm": "bn"}
    table = [{**keys, "step": 0, "measure": "rate", "value": 0.1, "seed": 1}]
    for step, accuracy in accuracies.items():
        table += rows("validation_accuracy", {1: accuracy}, **keys, step=step)
    times = [
        row
        for turn, value in enumerate(seconds, start=1)
        for row in rows("step_seconds", {1: value}, **keys, turn=turn)
    ]
    times += rows("job_seconds", {1: 1e6})
    settings = {"levels": [level]}
    return quantities("speed", pd.DataFrame(table), pd.DataFrame(times), settings)


def test_the_first_look_at_or_above_a_level_counts():
    found = of_speed({0: 0.1, 100: 0.85, 200: 0.7, 300: 0.9}, [0.001])
    assert alike(found["steps_85/relu/bn"], s1=2.0)
    assert alike(found["reached_85/relu/bn"], s1=1.0)


def test_seconds_are_steps_times_the_fastest_step():
    found = of_speed({0: 0.1, 100: 0.9}, [0.002, 0.010, 0.001])
    assert alike(found["step_seconds/relu/bn"], s1=0.001)
    assert alike(found["seconds_85/relu/bn"], s1=math.log10(0.1))
    assert "step_factor/relu" not in found  # of one arm alone


def test_what_a_step_costs_is_the_median_over_turns_and_one_fastest_step_for_all_seeds():
    table, times = [], []
    for arm, of_turns in (("plain", (1.0, 4.0, 2.0)), ("bn", (2.0, 5.0, 3.0))):
        keys = {"activation": "relu", "arm": arm}
        table += rows("validation_accuracy", {1: 0.9, 2: 0.9}, **keys, step=10)
        for turn, value in enumerate(of_turns, start=1):
            times += rows("step_seconds", {1: value, 2: 10 * value}, **keys, turn=turn)
    found = quantities("speed", pd.DataFrame(table), pd.DataFrame(times), {"levels": [0.85]})
    assert alike(found["step_factor/relu"], s1=1.5, s2=1.5)
    assert alike(found["step_seconds/relu/plain"], s1=1.0, s2=1.0)
    assert alike(found["seconds_85/relu/bn"], s1=math.log10(20.0), s2=math.log10(20.0))


def test_a_level_that_is_never_reached_counts_as_the_last_look():
    found = of_speed({0: 0.1, 100: 0.2, 1000: 0.3}, [0.01])
    assert alike(found["steps_85/relu/bn"], s1=3.0)
    assert alike(found["seconds_85/relu/bn"], s1=1.0)
    assert alike(found["reached_85/relu/bn"], s1=0.0)


def test_a_level_that_is_reached_before_training_counts_as_one_step():
    assert alike(of_speed({0: 0.9, 100: 0.9}, [0.01])["steps_85/relu/bn"], s1=0.0)


def test_levels_are_named_in_per_cent():
    assert "steps_87.5/relu/bn" in of_speed({0: 0.9}, [0.01], level=0.875)


# --------------------------------------------------------------------------- batches, statistics
def test_a_batch_size_has_metrics_for_each_way_and_a_diverged_training_those_of_a_guess():
    table = [
        *rows("finished", {1: 1, 2: 0}, arm="bn", size=4),
        *rows("steps", {1: 9, 2: 9}, arm="bn", size=4),
        *rows("accuracy_exact", {1: 0.7}, arm="bn", size=4),
        *rows("loss_0.99", {1: 0.9}, arm="bn", size=4),
        *rows("finished", {1: 1, 2: 1}, arm="plain", size=60),
        *rows("accuracy_exact", {1: 0.9, 2: 0.8}, arm="plain", size=60),
    ]
    found = quantities("batch-size", pd.DataFrame(table), NO_TIMES, {})
    assert alike(found["accuracy_exact/bn/4"], s1=0.7, s2=0.1)
    assert alike(found["loss_0.99/bn/4"], s1=0.9, s2=math.log(10))
    assert alike(found["accuracy_exact/plain/60"], s1=0.9, s2=0.8)
    assert len(found) == 3


def test_moving_statistics_are_held_against_exact_ones_of_the_same_net(tmp_path):
    table = rows("steps", {1: 3, 2: 3}, case="epoch", way="")
    for case, exact in (("epoch", 0.5), ("full", 2.0)):
        table += rows("loss", {1: exact, 2: exact + 0.1}, case=case, way="exact")
        table += rows("loss", {1: 0.75, 2: 0.5}, case=case, way="0.99")
        table += rows("accuracy", {1: 0.8, 2: 0.9}, case=case, way="exact")
        table += rows("accuracy", {1: 0.6, 2: 0.95}, case=case, way="0.99")
    runtime.write_table(tmp_path / "x.csv", pd.DataFrame(table))  # an empty way is read as no way
    found = quantities("evaluation", pd.read_csv(tmp_path / "x.csv"), NO_TIMES, {})
    assert alike(found["loss_error/epoch/0.99"], s1=0.25, s2=-0.1)
    assert alike(found["loss_error/full/0.99"], s1=-1.25, s2=-1.6)
    assert alike(found["accuracy_error/epoch/0.99"], s1=-0.2, s2=0.05)
    assert alike(found["loss_error/epoch/exact"], s1=0, s2=0)


# -------------------------------------------------------------------------------- inside the nets
def inside(step: int, measure: str, *layers: float) -> list[dict[str, Any]]:
    return [
        row
        for layer, value in enumerate(layers, start=1)
        for row in rows(measure, {1: value}, activation="relu", arm="bn", step=step, layer=layer)
    ]


def of_shift(*parts: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    table = pd.DataFrame([row for part in parts for row in part])
    return quantities("shift", table, NO_TIMES, {"every": 100, "hidden": [8, 8]})


def test_of_each_look_the_mean_over_layers_and_of_looks_the_median():
    """Means 0.2, 0.6, 0.5: their median is 0.5, that of all layers would be 0.45."""
    found = of_shift(
        inside(0, "shift_cosine", 9.0, 9.0),
        inside(100, "shift_cosine", 0.1, 0.3),
        inside(200, "shift_cosine", 0.4, 0.8),
        inside(300, "shift_cosine", 0.5, 0.5),
        inside(320, "shift_cosine", 0.9, 0.9),  # a last look before its time
    )
    assert alike(found["shift_cosine/relu/bn"], s1=0.5)


def test_changes_of_the_gradient_are_logarithms_of_medians():
    found = of_shift(
        inside(100, "gradient_change", 1.0),
        inside(200, "gradient_change", 100.0),
        inside(300, "gradient_change", 10000.0),
        inside(100, "loss_range", 0.25),
    )
    assert alike(found["gradient_change/relu/bn"], s1=2.0)
    assert alike(found["loss_range/relu/bn"], s1=0.25)
    assert found["gradient_change_scaled/relu/bn"] == {}


def test_effective_rates_are_those_of_normalized_layers():
    """Of two hidden layers: the third is the output layer."""
    found = of_shift(
        inside(100, "effective_rate", 0.01, 0.01, 9.0),
        inside(200, "effective_rate", 0.01, 0.01, 9.0),
    )
    assert alike(found["effective_rate/relu/bn"], s1=-2.0)
    plain = [row | {"arm": "plain"} for row in inside(100, "effective_rate", 0.01, 0.01, 9.0)]
    assert of_shift(plain)["effective_rate/relu/plain"] == {}


def test_noisy_nets_are_judged_at_the_end_and_not_on_the_way():
    keys = {"activation": "relu", "arm": "noisy"}
    table = [
        *rows("validation_loss", {1: 2.3}, **keys, step=0),
        *rows("validation_loss", {1: 0.9}, **keys, step=20),
        *rows("validation_loss", {1: 0.7}, **keys, step=None),
        *rows("validation_accuracy", {1: 0.8}, **keys, step=None),
    ]
    found = quantities("noisy", pd.DataFrame(table), NO_TIMES, {})
    assert found == {"loss/relu/noisy": {1: 0.7}, "accuracy/relu/noisy": {1: 0.8}}


# ------------------------------------------------------------------------------- gamma and beta
def test_gamma_and_beta_are_held_against_deviation_and_mean_in_deviations():
    table = []
    units = [  # gamma, deviation, beta, mean, distance: off by 1/2 and 1/2, then by 1/4 and 0
        (1.0, 2.0, 0.5, 1.5, 0.02),
        (5.0, 4.0, -1.0, -1.0, 0.04),
    ]
    names = ("gamma", "deviation", "beta", "mean", "gaussian_distance")
    for unit, values in enumerate(units, start=1):
        for name, value in zip(names, values, strict=True):
            table += rows(name, {1: value}, arm="all", layer=1, unit=unit)
    table += rows("example_mean", {1: 0.1}, arm="all", layer=1, unit=None)
    table += rows("example_mean", {1: 0.3}, arm="all", layer=2, unit=None)
    table += rows("test_accuracy", {1: 0.85}, arm="all", layer=None, unit=None)
    table += rows("test_accuracy", {1: 0.6}, arm="affine", layer=None, unit=None)
    found = quantities("gamma-beta", pd.DataFrame(table), NO_TIMES, {})
    assert alike(found["gamma_from_deviation"], s1=0.375)
    assert alike(found["beta_from_mean"], s1=0.25)
    assert alike(found["gaussian_distance"], s1=0.03)
    assert alike(found["example_mean"], s1=0.2)
    assert alike(found["test_accuracy/all"], s1=0.85)
    assert alike(found["test_accuracy/affine"], s1=0.6)


# ---------------------------------------------------------------------------------------- depth
def of_depth(norms: dict[int, list[float]], arm: str = "bn") -> dict[str, dict[int, float]]:
    table = []
    for depth, values in norms.items():
        for layer, value in enumerate(values, start=1):
            keys = {"activation": "relu", "arm": arm, "depth": depth, "layer": layer}
            table += rows("gradient_norm", {1: value, 2: value}, **keys)
    at = {"activation": "relu", "arm": arm, "layer": None}
    table += rows("test_accuracy", {1: 0.7, 2: 0.8}, **at, depth=20)
    table += rows("test_accuracy", {1: 0.1}, **at, depth=40)
    settings = {"depths": list(norms), "trained": [20, 40]}
    return quantities("depth", pd.DataFrame(table), NO_TIMES, settings)


def test_gradients_that_grow_by_one_factor_a_layer_have_that_growth():
    """Towards the input: layer 1 is the largest."""
    found = of_depth({2: [1.0, 5.0], 10: [1e-3 * 1.21**-layer for layer in range(10)]})
    assert alike(found["growth/relu/bn"], s1=1.21, s2=1.21)
    assert alike(found["growth_size/relu/bn"], s1=math.log10(1.21), s2=math.log10(1.21))


def test_vanishing_gradients_have_a_growth_below_one_and_the_same_size():
    found = of_depth({10: [1e-3 * 1.21**layer for layer in range(10)]})
    assert alike(found["growth/relu/bn"], s1=1 / 1.21, s2=1 / 1.21)
    assert alike(found["growth_size/relu/bn"], s1=math.log10(1.21), s2=math.log10(1.21))


def test_gradients_that_are_gone_or_overflow_are_left_out_of_the_growth():
    norms = [0.0, 1e-38, *(1e-3 * 2.0**layer for layer in range(5)), math.inf, math.nan]
    assert alike(of_depth({9: norms})["growth/relu/bn"], s1=0.5, s2=0.5)


@pytest.mark.parametrize("norms", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
def test_with_fewer_than_two_gradients_left_there_is_no_growth(norms):
    found = of_depth({3: norms})
    assert found["growth/relu/bn"] == found["growth_size/relu/bn"] == {}


def test_deep_nets_have_an_accuracy_a_depth():
    found = of_depth({2: [1.0, 2.0]})
    assert alike(found["test_accuracy/relu/bn/20"], s1=0.7, s2=0.8)
    assert alike(found["test_accuracy/relu/bn/40"], s1=0.1)


# -------------------------------------------------------------------------------- initial weights
def test_the_range_over_initial_deviations_is_taken_seed_by_seed_at_the_common_rate():
    """Seed 2 diverged at one deviation, so it has no range."""
    table = []
    losses = {0.01: {1: 0.5, 2: 0.6}, 0.1: {1: 0.4, 2: 0.4}, 1.0: {1: 0.9}}
    for std, by_seed in losses.items():
        keys = {"activation": "relu", "arm": "bn", "std": std}
        table += rows("validation_loss", by_seed, **keys, rate=0.1)
        table += rows("validation_loss", {1: 99.0, 2: 99.0}, **keys, rate=1.0)
        table += rows("validation_accuracy", {1: 0.8}, **keys, rate=0.1)
    for activation, value in (("relu", 1e-5), ("sigmoid", 3e-5)):
        keys = {"activation": activation, "arm": "bn", "std": None, "rate": None}
        table += rows("invariance", {1: value}, **keys)
    settings = {"learning_rate": 0.1, "deviations": [0.01, 0.1, 1]}
    found = quantities("init", pd.DataFrame(table), NO_TIMES, settings)
    assert alike(found["loss_range/relu/bn"], s1=0.5)
    assert alike(found["accuracy/relu/bn/1"], s1=0.8)
    assert alike(found["invariance"], s1=3e-5)
    assert found["invariance_epsilon"] == {}


# ------------------------------------------------------------------------------------- placement
def test_each_place_is_taken_at_its_own_best_rate():
    table = []
    for arm, rate, loss, accuracy in (
        ("before", 0.1, 0.5, 0.8),
        ("before", 1.0, 0.4, 0.7),
        ("after", 0.1, 0.3, 0.9),
        ("after", 1.0, 0.6, 0.6),
    ):
        keys = {"activation": "relu", "arm": arm, "rate": rate}
        table += rows("validation_loss", {1: loss}, **keys)
        table += rows("test_accuracy", {1: accuracy}, **keys)
    found = quantities("placement", pd.DataFrame(table), NO_TIMES, {})
    assert alike(found["test_accuracy/relu/before"], s1=0.7)
    assert alike(found["test_accuracy/relu/after"], s1=0.9)
    assert alike(found["validation_loss/relu/after"], s1=0.3)


# ----------------------------------------------------------------------------- the study's models
@pytest.mark.parametrize("experiment", ["curves", "placement-keras", "dropout"])
def test_models_have_their_final_metrics_and_their_losses_on_the_way(experiment):
    table = [
        *rows("train_loss", {1: 0.9, 2: 0.8}, arm="B/bn", epoch=50),
        *rows("held_out_loss", {1: 0.7}, arm="B/bn", epoch=50),
        *rows("train_accuracy", {1: 0.2}, arm="B/bn", epoch=50),
        *rows("train_loss", {1: 0.3, 2: 0.4}, arm="B/bn", epoch=None),
        *rows("calibration_error", {1: 0.02}, arm="B/bn", epoch=None),
        *rows("train_loss", {1: 0.5}, arm="B/plain", epoch=None),
    ]
    found = quantities(experiment, pd.DataFrame(table), NO_TIMES, {})
    assert found == {
        "train_loss/B/bn": {1: 0.3, 2: 0.4},
        "calibration_error/B/bn": {1: 0.02},
        "train_loss/B/plain": {1: 0.5},
        "train_loss_50/B/bn": {1: 0.9, 2: 0.8},
        "held_out_loss_50/B/bn": {1: 0.7},
    }


def test_seeds_without_a_finite_value_are_left_out():
    table = rows("train_loss", {1: 0.3, 2: math.nan, 3: math.inf}, arm="x", epoch=None)
    assert quantities("curves", pd.DataFrame(table), NO_TIMES, {}) == {"train_loss/x": {1: 0.3}}


# ----------------------------------------------------------------------------------------- units
@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ("decades/relu/sgd/bn", "decades"),
        ("highest/relu/sgd/bn", "factor"),
        ("best_rate/relu/sgd/bn", "factor"),
        ("steps_85/relu/bn", "factor"),
        ("seconds_85/relu/bn", "factor"),
        ("step_seconds/relu/bn", ""),
        ("gradient_change_scaled/relu/bn", "factor"),
        ("test_accuracy_equal/relu/sgd/bn", "points"),
        ("accuracy_error/epoch/0.99", "points"),
        ("loss_range/relu/bn", "nats"),
        ("train_loss_50/B/bn", "nats"),
        ("growth/relu/bn", ""),
        ("shift_cosine/relu/bn", ""),
        ("invariance", ""),
    ],
)
def test_each_quantity_has_its_unit(quantity, unit):
    assert unit_of(quantity) == unit


def test_every_experiment_has_its_quantities():
    assert set(bn_quantities._FUNCTIONS) | {"speed"} == set(EXPERIMENTS)
