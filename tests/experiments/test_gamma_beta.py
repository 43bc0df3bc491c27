"""Gamma and beta: what is trained, what the units hold, and the figure."""

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import (
    AFFINE,
    FITTED,
    NET,
    SEED,
    SIZE,
    alike,
    drawn,
    of_seeds,
    quantities,
)
from fixtures.nets import arrays, in_numpy, values
from scipy import stats

from fmstudy.checks import reference
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.gamma_beta import run
from fmstudy.experiments.probes import inside

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(AFFINE, SEED, data)


def test_distances_to_the_normal_distribution_are_those_of_scipy():
    random = np.random.default_rng(3)
    x = np.stack(
        [random.normal(size=300), random.exponential(size=300) - 1.0, np.zeros(300)]
    ).astype(np.float32)
    wanted = [stats.kstest(row, "norm").statistic for row in x.astype(float)]
    np.testing.assert_allclose(run.gaussian_distances(x), wanted, atol=1e-12)


def test_each_arm_of_gamma_beta_trains_what_it_is_called(data, monkeypatch):
    left = {}

    def outcome(finished, batches, _data, arm, **_):
        left[arm] = batches.network.named_arrays()
        return []

    monkeypatch.setattr(run, "outcome", outcome)
    run.run(AFFINE, SEED, data)
    start = left["nothing"]
    for given, wanted in zip(
        (start["coefficients0"], start["coefficients1"], start["coefficients2"]),
        initial_weights(net_spec(NET), SEED), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(given, wanted)
    changed = {
        arm: {name for name, array in found.items() if (array != start[name]).any()}
        for arm, found in left.items()
    }
    assert changed == {
        "all": set(start),
        "affine": {"gamma0", "gamma1", "beta0", "beta1"},
        "output": {"coefficients2", "bias2"},
        "nothing": set(),
    }


def test_units_are_described_by_what_numpy_finds_in_them(data, rows):
    batches = MiniBatches(
        net_spec(NET, batch_norm="before", optimizer="adam", learning_rate=0.01), data.fitted
    )
    batches.start(SEED)
    batches.train(orders(FITTED, SIZE, SEED, FITTED // SIZE))
    net, p = in_numpy(batches.network)
    x, labels = arrays(data.fitted)
    all_of = reference.evaluate(net, p, x, labels).statistics
    some = inside(batches.network, data.fitted.part(0, 48).x).normalized
    for layer in (1, 2):
        mean, variance = all_of[layer - 1]
        normalized = some[layer - 1].numpy().astype(float)
        wanted = {
            "gamma": p[f"gamma{layer - 1}"][:, 0],
            "beta": p[f"beta{layer - 1}"][:, 0],
            "mean": mean[:, 0],
            "deviation": np.sqrt(variance[:, 0]),
            "gaussian_distance": [stats.kstest(row, "norm").statistic for row in normalized],
        }
        for name, column in wanted.items():
            given = values(rows, name, "layer", "unit")
            for unit, value in enumerate(column, start=1):
                assert given[layer, unit] == pytest.approx(value, abs=2e-5), name
        assert values(rows, "example_mean", "layer")[layer,] == pytest.approx(
            np.abs(normalized.mean(axis=0)).mean(), abs=1e-6
        )


def test_gamma_and_beta_are_held_against_deviation_and_mean_in_deviations():
    table = []
    units = [  # gamma, deviation, beta, mean, distance: off by 1/2 and 1/2, then by 1/4 and 0
        (1.0, 2.0, 0.5, 1.5, 0.02),
        (5.0, 4.0, -1.0, -1.0, 0.04),
    ]
    names = ("gamma", "deviation", "beta", "mean", "gaussian_distance")
    for unit, described in enumerate(units, start=1):
        for name, value in zip(names, described, strict=True):
            table += of_seeds(name, {1: value}, arm="all", layer=1, unit=unit)
    table += of_seeds("example_mean", {1: 0.1}, arm="all", layer=1, unit=None)
    table += of_seeds("example_mean", {1: 0.3}, arm="all", layer=2, unit=None)
    table += of_seeds("test_accuracy", {1: 0.85}, arm="all", layer=None, unit=None)
    table += of_seeds("test_accuracy", {1: 0.6}, arm="affine", layer=None, unit=None)
    found = quantities("gamma-beta", pd.DataFrame(table))
    assert alike(found["gamma_from_deviation"], s1=0.375)
    assert alike(found["beta_from_mean"], s1=0.25)
    assert alike(found["gaussian_distance"], s1=0.03)
    assert alike(found["example_mean"], s1=0.2)
    assert alike(found["test_accuracy/all"], s1=0.85)
    assert alike(found["test_accuracy/affine"], s1=0.6)


def test_gamma_and_beta_are_compared_with_deviation_and_mean():
    drawing = drawn("gamma-beta")
    assert "70.0\N{NO-BREAK SPACE}%" in [text.get_text() for text in drawing.figure.axes[2].texts]
    dots = [each for each in drawing.figure.axes[0].lines if each.get_marker() == "o"]
    assert [list(each.get_xdata()) for each in dots] == [[2.0, 2.0], [2.0]]  # a line a layer
