"""The fused Adam takes the same steps as Keras' Adam, and more accurate ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fmstudy.checks import reference
from fmstudy.engines.optimizers import Adam

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("kind", [tf.Variable, keras.Variable])
def test_adam_takes_the_steps_of_keras(kind):
    """Also with a rate that changes on the way, and with gradients of all sizes."""
    random = np.random.default_rng(3)
    start = [random.normal(size=shape).astype(np.float32) for shape in ((30, 20), (20,), ())]
    ours, theirs = ([kind(value) for value in start] for _ in range(2))
    mine, keras_adam = Adam(learning_rate=0.01), keras.optimizers.Adam(learning_rate=0.01)
    for step in range(50):
        if step == 25:
            mine.learning_rate = keras_adam.learning_rate = 0.1
        sizes = 10.0 ** random.integers(-8, 3)
        gradients = [tf.constant(sizes * random.normal(size=w.shape), tf.float32) for w in start]
        mine.apply(gradients, ours)
        keras_adam.apply(gradients, theirs)
    for a, b, first in zip(ours, theirs, start, strict=True):
        # Keras rounds 1 - 0.999 in the bias correction only, the fused update everywhere.
        moved = np.abs(b.numpy() - first)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-5 * moved.max())
        assert moved.max() > 0.1


def test_rounding_of_beta_2_cancels_in_the_fused_update():
    """In float32, 1 - 0.999 is off by 1.3e-5 of itself, by which Keras' own steps are too short."""
    random = np.random.default_rng(4)
    exact, expected = reference.Adam(0.001), {"w": np.zeros(50)}
    optimizers = {"fused": Adam(0.001), "keras": keras.optimizers.Adam(0.001)}
    variables = {name: tf.Variable(tf.zeros(50)) for name in optimizers}
    for step in range(1, 11):
        gradient = random.normal(size=50).astype(np.float32)
        expected = exact.step(expected, {"w": gradient.astype(np.float64)})
        deviation = {}
        for name, optimizer in optimizers.items():
            optimizer.apply([tf.constant(gradient)], [variables[name]])
            farthest = np.abs(variables[name].numpy() - expected["w"]).max()
            deviation[name] = farthest / np.abs(expected["w"]).max()
        assert deviation["fused"] < 3e-6, step
        assert deviation["keras"] > 5e-6, step
