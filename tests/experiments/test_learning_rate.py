"""Learning rates: outcomes at each, usable ranges in decades, best rates, and the figure."""

import math
from typing import Any

import pandas as pd
import pytest
from fixtures.experiments import (
    BLUE,
    FITTED,
    NET,
    ORANGE,
    RATES,
    SEED,
    SIZE,
    alike,
    drawn,
    line,
    of_seeds,
    quantities,
    table,
)
from fixtures.nets import values

from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments.best_rates import best_rate, best_rates
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.learning_rate import run

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(RATES, SEED, data)


def test_each_rate_has_one_outcome_and_a_diverged_one_no_metrics(data, rows):
    finished = values(rows, "finished", "activation", "optimizer", "arm", "rate")
    assert finished == {
        ("relu", "sgd", arm, rate): float(rate < 1)
        for arm in ("plain", "bn")
        for rate in (0.1, 1e30)
    }
    for measure in ("validation_loss", "validation_accuracy", "test_loss", "test_accuracy"):
        assert set(values(rows, measure, "arm", "rate")) == {("plain", 0.1), ("bn", 0.1)}
    assert all(math.isfinite(row["value"]) for row in rows)
    # the rate that is said, and whole epochs of it
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    batches.start(SEED, 0.1)
    batches.train(orders(FITTED, SIZE, SEED, FITTED // SIZE))
    wanted = batches.score(data.test, batches.exact())
    assert values(rows, "test_loss", "arm", "rate")["bn", 0.1] == wanted.loss


def at_rate(
    rate: float,
    seeds: dict[int, tuple[float, float, float] | None],
    arm: str = "plain",
    activation: str = "relu",
    optimizer: str = "sgd",
) -> list[dict[str, Any]]:
    """One net at one rate: validation accuracy and loss and test accuracy; None if it diverged."""
    found = []
    for seed, metrics in seeds.items():
        keys = {"activation": activation, "optimizer": optimizer, "arm": arm, "rate": rate}
        found += of_seeds("finished", {seed: metrics is not None}, **keys)
        names = ("validation_accuracy", "validation_loss", "test_accuracy")
        for name, value in zip(names, metrics or (), strict=False):
            found += of_seeds(name, {seed: value}, **keys)
    return found


def of_rates(*parts: list[dict[str, Any]], usable: float = 0.8) -> dict[str, dict[int, float]]:
    table = pd.DataFrame([row for part in parts for row in part])
    return quantities("learning-rate", table, {"usable": usable})


GOOD, BAD = (0.85, 0.4, 0.84), (0.3, 2.0, 0.3)


def test_usable_rates_go_from_the_lowest_to_the_highest_in_decades():
    """0.01 to 10 are three decades, also over a rate between that is not usable.

    To these come half a step of the grid, here two decades at its widest, below and above.
    """
    found = of_rates(
        at_rate(10.0, {1: GOOD, 2: BAD, 3: BAD}),
        at_rate(0.01, {1: GOOD, 2: GOOD, 3: BAD}),
        at_rate(0.1, {1: BAD, 2: GOOD, 3: GOOD}),
    )
    assert alike(found["decades/relu/sgd/plain"], s1=5.0, s2=3.0, s3=2.0)
    assert alike(found["highest/relu/sgd/plain"], s1=1.0, s2=-1.0, s3=-1.0)


def test_a_rate_that_is_just_good_enough_is_usable():
    found = of_rates(
        at_rate(0.1, {1: (0.8, 0.5, 0.8), 2: (0.7999, 0.5, 0.8)}),
        at_rate(1.0, {1: GOOD, 2: GOOD}),
    )
    assert alike(found["decades/relu/sgd/plain"], s1=2.0, s2=1.0)


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
    assert alike(found["decades/relu/sgd/plain"], s1=2.0)
    assert alike(found["step/relu/sgd/plain"], s1=1.0)
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


def test_speed_takes_the_smallest_rate_if_a_net_diverges_at_each():
    diverged = [*at_rate(1.0, {1: None}), *at_rate(0.1, {1: None})]
    parts = [*diverged, *at_rate(0.1, {1: GOOD}, arm="bn")]
    rates = best_rates(pd.DataFrame(parts), {"activations": ["relu"]})
    assert rates == {"relu/plain": 0.1, "relu/bn": 0.1}


def test_usable_rates_have_bars_and_diverged_ones_crosses():
    drawing = drawn("learning-rate")
    above, strip = drawing.figure.axes
    assert line(above, BLUE)[1] == pytest.approx([0.5, 0.82, 0.81])
    assert line(above, ORANGE)[1] == pytest.approx([0.81, 0.85, 0.83, 0.805])
    bars = {(tuple(each.get_xdata()), each.get_alpha()) for each in strip.lines
            if each.get_linewidth() == 5}  # fmt: skip
    assert ((0.1, 1.0), None) in bars
    assert ((0.01, 10.0), None) in bars
    [cross] = [each for each in strip.lines if each.get_marker() == "x"]
    assert list(cross.get_xdata()) == [10.0]


def test_bars_are_faint_where_only_some_seeds_are_usable():
    given = table("learning-rate")
    worse = (given["seed"] == 2) & (given["rate"] == 10.0) & (given["arm"] == "bn")
    given.loc[worse & (given["measure"] == "validation_accuracy"), "value"] = 0.1
    drawing = drawn("learning-rate", given)
    bars = {(tuple(each.get_xdata()), each.get_alpha()) for each in drawing.figure.axes[1].lines}
    assert ((0.01, 10.0), 0.3) in bars
    assert ((0.01, 1.0), None) in bars


def test_a_net_without_usable_rates_has_no_bar():
    given = table("learning-rate")
    given.loc[given["measure"] == "validation_accuracy", "value"] = 0.1
    strip = drawn("learning-rate", given).figure.axes[1]
    assert not [each for each in strip.lines if each.get_linewidth() == 5]
