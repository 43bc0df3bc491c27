"""Keras' Adam, updating each variable in a single pass."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

Variable = Any  # tf.Variable or keras.Variable, neither of which has types


class Adam(keras.optimizers.Adam):
    """Keras' Adam, with one TensorFlow operation per update of a variable.

    The formula is the same (D. Kingma, J. Ba, arXiv:1412.6980, the form before section 2.1, with
    epsilon hat).  Keras uses a dozen operations, each of which traverses all weights; with batches
    of 256, they take a sixth of the time of the matrix products.

    It is also more accurate.  In float32, 1 - 0.999 is off by a relative 1.3e-5.  Keras rounds it
    in the bias correction only, which makes every step 7e-6 too short; here the second moment and
    the correction use the same value, so it cancels.
    """

    def update_step(
        self, gradient: tf.Tensor, variable: Variable, learning_rate: tf.Tensor
    ) -> None:
        """Update a variable and its two moments; Keras calls this for every variable."""
        place = self._get_variable_index(variable)
        step = tf.cast(self.iterations.value + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[place]),
            v=_handle(self._velocities[place]),
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.convert_to_tensor(learning_rate),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


def _handle(variable: Variable) -> tf.Tensor:
    """Return the resource handle of a Keras or TensorFlow variable."""
    return (variable if isinstance(variable, tf.Variable) else variable.value).handle
