"""The source's low-level functions say what their formulas say, and the stable forms agree."""

import numpy as np
import pytest
import tensorflow as tf
from fixtures.nets import random_parameters

from fmstudy.checks import reference
from fmstudy.checks.reference import Net
from fmstudy.engines import lowlevel
from fmstudy.study.spec import PENALTIES

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = {"relu": lowlevel.relu_layer, "sigmoid": lowlevel.sigmoid_layer}


def small_net(sizes=(6, 4, 3, 10), bias="vector", n=9):
    """Random parameters, x (6, n) and one-hot labels, all float64 that float32 holds exactly."""
    random = np.random.default_rng(3)
    p = random_parameters(sizes, random, bias)
    x, labels = random.normal(size=(sizes[0], n)), np.eye(10)[:, random.integers(0, 10, n)]
    rounded = {name: array.astype(np.float32).astype(float) for name, array in p.items()}
    return rounded, x.astype(np.float32).astype(float), labels


def tensors(p):
    """The coefficients and biases as float32 variables."""
    layers = range(sum(name.startswith("coefficients") for name in p))
    return tuple(
        [tf.Variable(p[f"{kind}{layer}"], dtype=tf.float32) for layer in layers]
        for kind in ("coefficients", "bias")
    )


def f32(array):
    return tf.constant(array, tf.float32)


@pytest.mark.parametrize("bias", ["scalar", "vector"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("sizes", [(6, 10), (6, 4, 10), (6, 4, 3, 10)])
def test_forward_pass_gives_the_softmax_of_the_net(sizes, activation, bias):
    p, x, _ = small_net(sizes, bias)
    given = lowlevel.forward_pass(f32(x), *tensors(p), LAYERS[activation])
    expected = reference.softmax(reference.logits(Net(len(sizes) - 1, activation), p, x))
    np.testing.assert_allclose(given, expected, rtol=1e-5)


def test_hidden_layers_are_relu_unless_said_otherwise():
    p, x, _ = small_net()
    expected = reference.softmax(reference.logits(Net(3, "relu"), p, x))
    np.testing.assert_allclose(lowlevel.forward_pass(f32(x), *tensors(p)), expected, rtol=1e-5)


def test_softmax_makes_each_sample_a_distribution():
    """Over the classes of one column, not over the samples."""
    given = lowlevel.softmax_activation(f32([[0.0, 1.0, -2.0], [np.log(3.0), 1.0, 2.0]])).numpy()
    np.testing.assert_allclose(given.sum(axis=0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(given[:, 0], [0.25, 0.75], rtol=1e-6)


def test_cross_entropy_is_the_mean_of_minus_log_of_the_labeled_probability():
    predictions = f32([[0.5, 0.25], [0.25, 0.25], [0.25, 0.5]])
    labels = f32([[1, 0], [0, 1], [0, 0]])
    expected = (np.log(2.0) + np.log(4.0)) / 2
    assert float(lowlevel.cross_entropy(predictions, labels)) == pytest.approx(expected, rel=1e-6)


def test_accuracy_is_the_share_of_hits_and_not_their_number():
    predictions = f32([[0.6, 0.2, 0.1, 0.6], [0.4, 0.8, 0.9, 0.4]])
    labels = f32([[1, 0, 1, 1], [0, 1, 0, 0]])
    assert float(lowlevel.calculate_accuracy(predictions, labels)) == 0.75


def test_hits_are_counted_from_logits():
    logits, labels = f32([[-5, 2, 1], [-7, 3, 0]]), f32([[1, 1, 1], [0, 0, 0]])
    assert float(lowlevel.count_hits(logits, labels)) == 2.0


def test_l1_signed_l1_and_l2_differ_as_their_formulas_do():
    """For weights 1, -2, 0 in one layer and 3, -4 in another."""
    weights = [f32([[1.0, -2.0, 0.0]]), f32([[3.0], [-4.0]])]
    assert float(lowlevel.l1_penalty(weights, 0.5)) == 5.0
    assert float(lowlevel.l1_signed_penalty(weights, 0.5)) == -1.0
    assert float(lowlevel.l2_penalty(weights, 0.5)) == 15.0
    assert float(lowlevel.penalty_of("none", weights, 0.5)) == 0.0


REGULARIZED = {
    "none": lambda q, y, w, delta: lowlevel.cross_entropy(q, y),
    "l1": lowlevel.cross_entropy_l1_regularization,
    "l1_signed": lambda q, y, w, delta: lowlevel.cross_entropy_l1_regularization(
        q, y, w, delta, signed=True
    ),
    "l2": lowlevel.cross_entropy_l2_regularization,
}


@pytest.mark.parametrize("penalty", REGULARIZED)
@pytest.mark.parametrize(("activation", "bias"), [("relu", "scalar"), ("sigmoid", "vector")])
def test_literal_loss_and_its_gradients_equal_those_derived_by_hand(penalty, activation, bias):
    p, x, labels = small_net(bias=bias)
    coefficients, biases = tensors(p)
    with tf.GradientTape() as tape:
        predictions = lowlevel.forward_pass(f32(x), coefficients, biases, LAYERS[activation])
        loss = REGULARIZED[penalty](predictions, f32(labels), coefficients, 0.02)
    gradients = tape.gradient(loss, [*coefficients, *biases])

    expected = reference.evaluate(Net(3, activation, penalty, 0.02), p, x, labels)
    assert float(loss) == pytest.approx(expected.loss + expected.penalty, rel=1e-5)
    names = [f"{kind}{layer}" for kind in ("coefficients", "bias") for layer in range(3)]
    for name, gradient in zip(names, gradients, strict=True):
        wanted = expected.gradients[name]
        # The softmax layer's scalar bias moves all logits alike: its gradient is 0, but for
        # rounding, which is what the 1e-7 is for.
        tolerance = max(1e-5 * np.abs(wanted).max(), 1e-7)
        np.testing.assert_allclose(gradient, wanted, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("penalty", ["none", *PENALTIES])
def test_penalty_by_name_equals_the_literal_one(penalty):
    p, _, _ = small_net()
    weights = [p[f"coefficients{layer}"] for layer in range(3)]
    given = lowlevel.penalty_of(penalty, [f32(w) for w in weights], 0.02)
    assert float(given) == pytest.approx(reference.penalty(penalty, weights, 0.02), rel=1e-5)


def test_stable_loss_is_a_sum_over_samples_equal_to_the_literal_one():
    p, x, labels = small_net()
    z = reference.logits(Net(3), p, x)
    literal = lowlevel.cross_entropy(lowlevel.softmax_activation(f32(z)), f32(labels))
    stable = lowlevel.summed_cross_entropy(f32(z), f32(labels))
    assert float(stable) == pytest.approx(9 * float(literal), rel=1e-5)
    assert float(stable) == pytest.approx(9 * reference.cross_entropy(z, labels), rel=1e-5)


@pytest.mark.parametrize("size", [100.0, 1000.0, -1000.0])
def test_stable_loss_stays_right_where_the_literal_formulas_overflow(size):
    z = np.zeros((10, 2))
    z[3, :] = size
    labels = np.eye(10)[:, [3, 5]]
    literal = lowlevel.cross_entropy(lowlevel.softmax_activation(f32(z)), f32(labels))
    assert not np.isfinite(float(literal))

    expected = 2 * reference.cross_entropy(z, labels)
    assert np.isfinite(expected)
    logits = tf.Variable(f32(z))
    with tf.GradientTape() as tape:
        stable = lowlevel.summed_cross_entropy(logits, f32(labels))
    assert float(stable) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(
        tape.gradient(stable, logits), reference.softmax(z) - labels, atol=1e-6
    )
