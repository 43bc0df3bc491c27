"""Adam in one pass goes the way of Keras' Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf

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
        # 1 - 0.999 is 1.3e-5 of itself away from 0.001 in float32, which the two round differently.
        moved = np.abs(b.numpy() - first)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-5 * moved.max())
        assert moved.max() > 0.1
