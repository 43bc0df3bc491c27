"""Noise behind the normalization: drawn as it should be, in training only, and the figure."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from fixtures.experiments import FITTED, NET, NOISY, SEED, SIZE, of_seeds, quantities
from fixtures.nets import arrays, in_numpy, values
from scipy import stats

from fmstudy.checks import reference
from fmstudy.engines.mini_batch import MiniBatches, orders, times
from fmstudy.engines.network import Network
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.noisy import run

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(NOISY, SEED, data)


def test_a_seed_gives_the_same_rows_again(data, rows):
    assert run.run(NOISY, SEED, data) == rows
    assert all(math.isfinite(row["value"]) for row in rows)


def noise_of(network, step, layer):
    """The scales and shifts (units,) by which a noisy step differs from one without noise."""
    units = network.gammas[layer].shape[0]
    x = tf.constant(np.random.default_rng(0).normal(size=(units, 6)), tf.float32)
    plain = Network.normalized(network, x, layer, None)[0].numpy()
    network.step = None if step is None else tf.constant(step)
    noisy = network.normalized(x, layer, None)[0].numpy()
    network.step = None
    scale = np.ptp(noisy, axis=1) / np.ptp(plain, axis=1)
    shift = (noisy - scale[:, None] * plain).mean(axis=1)
    np.testing.assert_allclose(scale[:, None] * plain + shift[:, None], noisy, atol=1e-4)
    return np.stack([scale, shift])


def test_noise_is_drawn_for_each_unit_step_layer_and_seed_and_is_uniform():
    spec = net_spec(NET, hidden=(600, 600), batch_norm="before")
    net, other = (run.NoisyNetwork(spec, seed, 0.5, 2.0) for seed in (1, 2))
    drawn = {
        "first": noise_of(net, 0, 0),
        "next step": noise_of(net, 1, 0),
        "next layer": noise_of(net, 0, 1),
        "later": noise_of(net, 1000, 0),
        "other seed": noise_of(other, 0, 0),
    }
    for noise in drawn.values():
        for given, low, width in zip(noise, (0.5, -2.0), (1.0, 4.0), strict=True):
            assert stats.kstest(given, stats.uniform(low, width).cdf).pvalue > 1e-4
            assert len(np.unique(given.round(5))) > 500
    kinds = [(noise - [[1.0], [0.0]]) / [[0.5], [2.0]] for noise in drawn.values()]
    for a, b in itertools.combinations([row for kind in kinds for row in kind], 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.2  # none is drawn twice
    np.testing.assert_array_equal(noise_of(net, 1, 0), drawn["next step"])
    again = run.NoisyNetwork(spec, 1, 0.5, 2.0)
    np.testing.assert_array_equal(noise_of(again, 1000, 0), drawn["later"])
    np.testing.assert_allclose(noise_of(net, None, 0), [[1.0] * 600, [0.0] * 600], atol=1e-6)


def noisy_batches(data, scale, shift, **changes):
    spec = net_spec(NET, activation="sigmoid", batch_norm="before", **changes)
    network = run.NoisyNetwork(spec, SEED, scale, shift)
    return MiniBatches(spec, data.fitted, network=network, forward=network.noisy_logits)


def test_noise_of_no_size_is_batch_normalization(data):
    order = orders(FITTED, SIZE, SEED, 8)
    quiet = noisy_batches(data, 0.0, 0.0)
    plain = MiniBatches(quiet.spec, data.fitted)
    for batches in (quiet, plain):
        batches.start(SEED)
        batches.train(order)
    for mine, theirs in zip(quiet.network.variables, plain.network.variables, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_training_has_the_noise_of_its_step_and_evaluation_none(data):
    batches = noisy_batches(data, 0.5, 1.0)
    network = batches.network
    batches.start(SEED, rate=0.0)  # so that nothing else changes from step to step
    order = np.repeat(orders(FITTED, SIZE, SEED, 1), 4, axis=0)
    step, told = batches._step, []
    batches._step = lambda rows, number: told.append(step(rows, number)) or told[-1]
    batches._run(tf.constant(order), tf.constant(len(order)), tf.constant(7))  # not compiled
    losses = np.array([float(loss) for loss in told])
    x = tf.gather(data.fitted.x, order[0])
    labels = tf.transpose(tf.gather(data.fitted.labels, order[0])).numpy()
    wanted = [
        reference.cross_entropy(
            network.noisy_logits(times(x), tf.constant(step))[0].numpy(), labels
        )
        for step in (7, 8, 9, 10)
    ]
    np.testing.assert_allclose(losses, wanted, atol=1e-5)
    assert len(np.unique(losses.round(4))) == 4
    # and a training goes on counting where it was
    steps = []
    batches._steps = lambda rows, count, taken: steps.append(int(taken)) or tf.constant(True)
    batches.train(order, every=2, evaluate=lambda _: None)
    assert steps == [0, 2]
    net, p = in_numpy(network)
    look = reference.evaluate(net, p, *arrays(data.fitted))
    exact = batches.exact()
    for given, (mean, variance) in zip(exact, look.statistics, strict=True):
        np.testing.assert_allclose(given.mean, mean, atol=1e-5)
        np.testing.assert_allclose(given.variance, variance, atol=1e-5)
    assert batches.score(data.fitted, exact).loss == pytest.approx(look.loss, abs=1e-5)


def test_only_one_arm_is_noisy_and_all_are_trained_at_all_rates(data, rows):
    loss = values(rows, "test_loss", "arm", "rate")
    quiet = values(
        run.run(NOISY | {"scale": 0.0, "shift": 0.0}, SEED, data), "test_loss", "arm", "rate"
    )
    assert set(loss) == set(itertools.product(("plain", "bn", "noisy"), (0.1, 0.3)))
    for rate in (0.1, 0.3):
        assert quiet["noisy", rate] == pytest.approx(quiet["bn", rate], abs=1e-6)
        assert loss["plain", rate] == quiet["plain", rate]
        assert loss["bn", rate] == quiet["bn", rate]
        assert abs(loss["noisy", rate] - loss["bn", rate]) > 1e-4


def test_each_net_is_judged_on_test_data_at_its_own_best_rate():
    """Each arm is best at another rate on validation data, whatever the test data say."""
    table = []
    for arm, best in (("plain", 0.1), ("bn", 1.0), ("noisy", 10.0)):
        for rate in (0.1, 1.0, 10.0):
            keys = {"activation": "sigmoid", "arm": arm, "rate": rate}
            table += of_seeds("validation_loss", {1: 0.4 + (rate != best)}, **keys)
            table += of_seeds("test_loss", {1: rate}, **keys)
            table += of_seeds("test_accuracy", {1: rate / 100}, **keys)
    found = quantities("noisy", pd.DataFrame(table))
    assert {name: found[f"loss/sigmoid/{name}"] for name in ("plain", "bn", "noisy")} == {
        "plain": {1: 0.1},
        "bn": {1: 1.0},
        "noisy": {1: 10.0},
    }
    assert found["accuracy/sigmoid/noisy"] == {1: 0.1}
    assert found["best_rate/sigmoid/noisy"] == {1: 1.0}  # in decades
