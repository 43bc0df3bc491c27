"""Batch normalization is that of the 2015 paper, and of Keras, in all that comes out of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fmstudy.checks import reference
from fmstudy.engines import batchnorm
from fmstudy.engines.batchnorm import Statistics

pytestmark = pytest.mark.usefixtures("one_thread")

UNITS, M, EPSILON = 5, 8, 1e-3


def case(m=M, seed=0):
    """x (5, m), gamma, beta and a gradient dy, as float32; units of unlike scale and place."""
    random = np.random.default_rng([9, seed])
    scale, place = np.array([[0.1], [1], [3], [0.5], [10]]), np.array([[2], [0], [-5], [1], [7]])
    arrays = {
        "x": scale * random.normal(size=(UNITS, m)) + place,
        "gamma": random.normal(1.0, 0.3, (UNITS, 1)),
        "beta": random.normal(0.0, 1.0, (UNITS, 1)),
        "dy": random.normal(size=(UNITS, m)),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def double(arrays):
    return {name: array.astype(float) for name, array in arrays.items()}


def keras_layer(arrays, momentum=0.99):
    """Keras' layer on features-major tensors: a unit is a row, so axis 0 keeps its place."""
    layer = keras.layers.BatchNormalization(axis=0, momentum=momentum, epsilon=EPSILON)
    layer.build((UNITS, None))
    layer.gamma.assign(arrays["gamma"].ravel())
    layer.beta.assign(arrays["beta"].ravel())
    return layer


def close(given, expected, tolerance=1e-5):
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        given, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max()
    )


def training_pass(arrays):
    """Output, statistics, and the gradients by x, gamma and beta when dy comes back."""
    x, gamma, beta = (tf.Variable(arrays[name]) for name in ("x", "gamma", "beta"))
    with tf.GradientTape() as tape:
        y, statistics = batchnorm.batch_norm_training(x, gamma, beta, EPSILON)
        scalar = tf.reduce_sum(y * arrays["dy"])
    return y, statistics, tape.gradient(scalar, [x, gamma, beta])


def test_training_output_and_statistics_equal_the_definition():
    arrays = case()
    y, statistics, _ = training_pass(arrays)
    wide = double(arrays)
    expected, (mean, variance) = reference.batch_norm(
        wide["x"], wide["gamma"], wide["beta"], EPSILON
    )
    close(y, expected)
    close(statistics.mean, mean)
    close(statistics.variance, variance)


def test_gradients_equal_those_derived_by_hand():
    arrays = case()
    _, _, given = training_pass(arrays)
    wide = double(arrays)
    expected = reference.batch_norm_backward(wide["dy"], wide["x"], wide["gamma"], EPSILON)
    for gradient, wanted in zip(given, expected, strict=True):
        close(gradient, wanted)


@pytest.mark.parametrize("momentum", [0.99, 0.9, 0.0])
def test_moving_statistics_equal_those_of_keras_after_several_batches(momentum):
    layer = keras_layer(case(), momentum)
    moving = Statistics(tf.zeros((UNITS, 1)), tf.ones((UNITS, 1)))
    for seed in range(4):
        x = case(seed=seed)["x"]
        layer(x, training=True)
        moving = batchnorm.update_moving(moving, batchnorm.batch_statistics(x), momentum)
    close(np.ravel(moving.mean), layer.moving_mean.numpy())
    close(np.ravel(moving.variance), layer.moving_variance.numpy())


def test_inference_normalizes_by_the_population_and_not_by_the_batch():
    arrays, population = case(), case(m=50, seed=1)["x"].astype(float)
    mean, variance = population.mean(axis=1, keepdims=True), population.var(axis=1, keepdims=True)
    given = batchnorm.batch_norm_inference(
        tf.constant(arrays["x"]),
        tf.constant(arrays["gamma"]),
        tf.constant(arrays["beta"]),
        Statistics(tf.constant(mean, tf.float32), tf.constant(variance, tf.float32)),
        EPSILON,
    )
    wide = double(arrays)
    expected = (wide["x"] - mean) / np.sqrt(variance + EPSILON) * wide["gamma"] + wide["beta"]
    close(given, expected)

    layer = keras_layer(arrays)
    layer.moving_mean.assign(mean.ravel())
    layer.moving_variance.assign(variance.ravel())
    close(given, layer(arrays["x"], training=False))


def test_one_sample_gives_beta_whatever_it_is():
    arrays = case(m=1)
    y, statistics, _ = training_pass(arrays)
    close(y, arrays["beta"])
    np.testing.assert_array_equal(statistics.variance, np.zeros((UNITS, 1)))
