"""Initial weights: deviations, divergences, the invariance, and the figure."""

import math

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from fixtures.experiments import (
    FITTED,
    INIT,
    NET,
    SEED,
    SIZE,
    alike,
    drawn,
    of_seeds,
    quantities,
)
from fixtures.nets import arrays, in_numpy, values

from fmstudy.checks import reference
from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.init import run

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


def test_initial_deviations_are_those_that_are_said(data, monkeypatch):
    seen = []

    def train(batches, *_, **_options):
        seen.append([float(np.std(w)) for w in batches.network.coefficients[:1]])
        return False

    monkeypatch.setattr(MiniBatches, "train", train)
    rows = run.run(INIT, SEED, data)
    keys = list(values(rows, "finished", "arm", "std", "rate"))
    assert len(keys) == 8
    glorot = math.sqrt(2.0 / (784 + 7))
    stds = [0.01] * 2 + [1.0] * 2
    np.testing.assert_allclose(
        [std for [std] in seen], [*stds, *stds, glorot], rtol=0.05
    )  # at the end, the net whose invariance is tested
    assert not values(rows, "invariance", "arm")  # of a net that diverged, nothing is said


def test_init_tells_divergences_and_the_invariance(data):
    rows = run.run(INIT, SEED, data)
    finished = values(rows, "finished", "arm", "std", "rate")
    assert all(value == (rate == 0.1) for (_, _, rate), value in finished.items())
    assert set(values(rows, "test_loss", "arm", "std", "rate")) == {
        key for key, value in finished.items() if value
    }
    assert set(values(rows, "invariance", "arm")) == {("bn",)}
    assert values(rows, "invariance_epsilon", "arm")["bn",] < 1e-5


def trained(data, **changes):
    batches = MiniBatches(net_spec(NET, **changes), data.fitted)
    batches.start(SEED)
    batches.train(orders(FITTED, SIZE, SEED, 8))
    return batches.network


def test_ten_times_the_weights_are_the_same_net_if_epsilon_goes_along(data):
    net = trained(data, batch_norm="before", bn_epsilon=0.05)
    before = [v.numpy().tobytes() for v in net.variables]
    spec, batch = net.spec, data.fitted.part(0, 32)
    found = run.invariance(net, batch)
    assert [v.numpy().tobytes() for v in net.variables] == before
    assert net.spec is spec
    assert found["invariance_epsilon"] < 1e-5
    assert found["invariance_gradient"] < 1e-4
    kind, p = in_numpy(net)
    larger = {
        name: 10.0 * a if name in ("coefficients0", "coefficients1") else a for name, a in p.items()
    }
    x, _ = arrays(batch)
    z, other = (reference.logits(kind, each, x) for each in (p, larger))
    assert found["invariance"] == pytest.approx(np.abs(other - z).max() / np.abs(z).max(), rel=1e-3)
    assert found["invariance"] > 1e-3  # with the old epsilon they are not


@pytest.mark.parametrize("place", ["none", "after"])
def test_nets_that_are_not_normalized_before_the_activation_are_not_invariant(data, place):
    net = trained(data, batch_norm=place, activation="sigmoid")
    found = run.invariance(net, data.fitted.part(0, 32))
    assert min(found.values()) > 0.01


def test_the_invariance_of_dead_layers_is_no_error(data):
    net = trained(data, batch_norm="before")
    for beta in net.betas:
        beta.assign(tf.fill(beta.shape, -100.0))
    assert run.invariance(net, data.fitted.part(0, 32))["invariance_gradient"] == 0.0


def test_the_range_over_initial_deviations_is_taken_seed_by_seed_at_the_common_rate():
    """Seed 2 diverged at one deviation, so it has no range."""
    table = []
    losses = {0.01: {1: 0.5, 2: 0.6}, 0.1: {1: 0.4, 2: 0.4}, 1.0: {1: 0.9}}
    for std, by_seed in losses.items():
        keys = {"activation": "relu", "arm": "bn", "std": std}
        table += of_seeds("validation_loss", by_seed, **keys, rate=0.1)
        table += of_seeds("validation_loss", {1: 99.0, 2: 99.0}, **keys, rate=1.0)
        table += of_seeds("validation_accuracy", {1: 0.8}, **keys, rate=0.1)
    for activation, value in (("relu", 1e-5), ("sigmoid", 3e-5)):
        keys = {"activation": activation, "arm": "bn", "std": None, "rate": None}
        table += of_seeds("invariance", {1: value}, **keys)
    settings = {"learning_rate": 0.1, "deviations": [0.01, 0.1, 1], "rates": [0.1, 1]}
    found = quantities("init", pd.DataFrame(table), settings)
    assert alike(found["loss_range/relu/bn"], s1=0.5)
    assert alike(found["accuracy/relu/bn/1"], s1=0.8)
    assert alike(found["invariance"], s1=3e-5)
    assert found["invariance_epsilon"] == {}


def test_the_range_at_the_best_rate_is_that_of_the_test_loss_where_validation_is_best():
    """Best over all deviations: at rate 1, deviation 1 alone would be better."""
    table = []
    for rate, validation in ((0.1, {0.1: 0.5, 1.0: 0.6}), (1.0, {0.1: 0.9, 1.0: 0.4})):
        for std, loss in validation.items():
            keys = {"activation": "relu", "arm": "bn", "std": std, "rate": rate}
            table += of_seeds("finished", {1: 1}, **keys)
            table += of_seeds("validation_loss", {1: loss}, **keys)
            table += of_seeds("validation_accuracy", {1: 0.8}, **keys)
            table += of_seeds("test_loss", {1: 3 * loss}, **keys)
    table += of_seeds("invariance", {1: 1e-5}, activation="relu", arm="bn", std=None, rate=None)
    settings = {"learning_rate": 1.0, "deviations": [0.1, 1], "rates": [0.1, 1]}
    found = quantities("init", pd.DataFrame(table), settings)
    assert alike(found["loss_range_best/relu/bn"], s1=0.3)
    assert alike(found["loss_range/relu/bn"], s1=0.5)  # at the common rate


def test_losses_over_initial_deviations_have_a_panel_per_activation_and_rate():
    drawing = drawn("init")
    titles = [axes.get_title("left") for axes in drawing.figure.axes]
    assert len(titles) == 4  # two activations, two rates
    first = drawing.figure.axes[titles.index("Sigmoid, rate 0.1")]
    [cross, *_] = [line for line in first.lines if line.get_marker() == "x"]
    assert (cross.get_label(), list(cross.get_xdata())) == ("plain diverged", [1.0])
