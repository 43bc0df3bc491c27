"""Initial weights have the distribution that is named, and models of a seed share what they can."""

import itertools
import math

import numpy as np
import pytest

from fmstudy.engines.initial import batch_order, initial_weights
from fmstudy.study.spec import RunSpec

NORMAL = RunSpec("lowlevel", hidden=(300, 100))
GLOROT = RunSpec("keras", hidden=(200, 200), weight_std=None)

Z = 4.5  # standard errors; a right generator is outside once in 150,000 times, and seeds are fixed


def normal_distribution(x, deviation):
    return np.array([0.5 * (1.0 + math.erf(v / (deviation * math.sqrt(2.0)))) for v in x])


def kolmogorov_distance(values, distribution):
    """The largest gap between the values' distribution and a given one, times sqrt(n)."""
    values = np.sort(values)
    n = values.size
    expected = distribution(values)
    above = np.arange(1, n + 1) / n - expected
    below = expected - np.arange(n) / n
    return max(above.max(), below.max()) * math.sqrt(n)


@pytest.mark.parametrize("deviation", [0.05, 0.5])
@pytest.mark.parametrize("seed", [1, 2, 4294967295])
def test_weights_are_normal_with_mean_zero_and_the_deviation_asked_for(deviation, seed):
    for w in initial_weights(NORMAL.varied(weight_std=deviation), seed):
        values = w.astype(float).ravel()
        n = values.size
        assert abs(values.mean()) < Z * deviation / math.sqrt(n)
        assert abs(values.std() / deviation - 1.0) < Z / math.sqrt(2 * n)
        some = values[:3000]
        # 2.2 is passed once in 15,000 times (Kolmogorov's distribution)
        assert kolmogorov_distance(some, lambda x: normal_distribution(x, deviation)) < 2.2


def test_glorot_weights_fill_their_limits_evenly():
    sizes = (784, 200, 200, 10)
    for w, (inputs, units) in zip(
        initial_weights(GLOROT, 1), itertools.pairwise(sizes), strict=True
    ):
        limit = math.sqrt(6.0 / (inputs + units))
        values = w.astype(float).ravel()
        assert np.abs(values).max() <= limit * (1 + 1e-6)
        assert np.abs(values).max() > 0.99 * limit
        # A uniform distribution has variance v = limit^2 / 3; n values estimate it to 0.8 v^2 / n.
        variance = limit**2 / 3.0
        assert variance == pytest.approx(2.0 / (inputs + units))  # Glorot and Bengio, eq. 12
        assert abs(values.var() / variance - 1.0) < Z * math.sqrt(0.8 / values.size)
        assert abs(values.mean()) < Z * math.sqrt(variance / values.size)
        some = values[:3000]
        assert kolmogorov_distance(some, lambda x, c=limit: (x + c) / (2 * c)) < 2.2


def test_weights_have_a_row_for_each_unit_and_single_precision():
    shapes = [w.shape for w in initial_weights(NORMAL, 1)]
    assert shapes == [(300, 784), (100, 300), (10, 100)]
    assert {w.dtype for w in initial_weights(NORMAL, 1)} == {np.dtype(np.float32)}


def test_models_share_the_initial_weights_of_layers_of_the_same_place_and_shape():
    a = initial_weights(RunSpec("lowlevel", hidden=(300,)), 1)
    b = initial_weights(NORMAL, 1)
    penalized = initial_weights(NORMAL.varied(penalty="l2", delta=1e-3, batch_norm="before"), 1)
    np.testing.assert_array_equal(a[0], b[0])
    keras = initial_weights(RunSpec("keras", hidden=(300, 100), weight_std=0.05), 1)
    for ours, *others in zip(b, penalized, keras, strict=True):
        np.testing.assert_array_equal([ours, ours], others)


def test_layers_and_seeds_differ_from_each_other():
    spec = RunSpec("lowlevel", hidden=(784, 784))
    (first, second, _), (other, *_) = (initial_weights(spec, seed) for seed in (1, 2))
    for one, two in ((first, second), (first, other)):
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] == pytest.approx(0.0, abs=0.01)


def test_batch_order_holds_every_sample_once_and_differs_between_epochs_and_seeds():
    np.testing.assert_array_equal(np.sort(batch_order(101, 1, 1)), np.arange(101))
    orders = [tuple(batch_order(50, seed, epoch)) for seed in (1, 2) for epoch in (1, 2)]
    assert len(set(orders)) == 4
    assert tuple(range(50)) not in orders
    assert tuple(batch_order(50, 1, 2)) == orders[1]
