"""Batch normalization of the engines, held against NumPy: mistakes would be seen."""

import itertools

import pytest
import tensorflow as tf

from fmstudy.checks import equality
from fmstudy.engines import batchnorm
from fmstudy.engines.mini_batch import Samples

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def fitted(samples):
    return Samples.of(*samples(64, 64))


QUANTITIES = {
    "output", "gradient_x", "gradient_gamma", "gradient_beta", "moving_mean_0.99",
    "moving_mean_0.9", "moving_variance_0.99", "moving_variance_0.9",
}  # fmt: skip


def deviations(fitted, size=16):
    rows = equality.equality(fitted, size, 0.001, 5)
    found = {(row["engine"], row["quantity"]): row["deviation"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_all_engines_normalize_equally(fitted):
    found = deviations(fitted)
    assert set(found) == set(itertools.product(("lowlevel", "keras"), QUANTITIES))
    assert max(found.values()) < 1e-5
    assert max(found.values()) > 0.0  # single precision is held against double
    assert max(deviations(fitted, size=1000).values()) < 1e-5  # fewer than a batch has


def test_a_wrong_variance_would_be_seen(fitted, monkeypatch):
    right = batchnorm.batch_statistics

    def unbiased(x: tf.Tensor) -> batchnorm.Statistics:
        mean, variance = right(x)
        return batchnorm.Statistics(mean, variance * (x.shape[1] / (x.shape[1] - 1)))

    monkeypatch.setattr(batchnorm, "batch_statistics", unbiased)
    found = deviations(fitted)
    for quantity in ("output", "gradient_x", "gradient_gamma", "moving_variance_0.99"):
        assert found["lowlevel", quantity] > 1e-4
        assert found["keras", quantity] < 1e-5


def test_a_wrong_momentum_would_be_seen(fitted, monkeypatch):
    right = batchnorm.update_moving
    monkeypatch.setattr(
        batchnorm, "update_moving", lambda old, new, momentum: right(old, new, 1.0 - momentum)
    )
    found = deviations(fitted)
    for name in QUANTITIES:
        assert (found["lowlevel", name] > 1e-3) == name.startswith("moving")


def test_a_wrong_gradient_would_be_seen(fitted, monkeypatch):
    """Statistics that gradients do not go through, as if they were constants."""
    right = batchnorm.batch_statistics
    monkeypatch.setattr(
        batchnorm, "batch_statistics",
        lambda x: batchnorm.Statistics(*(tf.stop_gradient(s) for s in right(x))),
    )  # fmt: skip
    found = deviations(fitted)
    for quantity in QUANTITIES:
        assert (found["lowlevel", quantity] > 1e-3) == (quantity == "gradient_x")
