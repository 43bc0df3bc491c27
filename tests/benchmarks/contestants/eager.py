"""TensorFlow as the source's notebook uses it: eager, the whole batch, the literal formulas."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from benchmarks.contestants import Form
from benchmarks.problem import BETA_1, BETA_2, EPSILON, Problem
from fmstudy.engines import lowlevel

from .keras_fit import one_thread


class Eager:
    """A tape around the forward pass, then the optimizer, in plain Python."""

    def __init__(self, problem: Problem) -> None:
        one_thread()
        self.x, self.labels = map(tf.constant, map(np.ascontiguousarray, problem.features_major))
        weights = problem.weights()
        self.coefficients = [tf.Variable(w) for w in weights]
        self.biases = [tf.Variable(tf.zeros((w.shape[0], 1))) for w in weights]
        self.optimizer = keras.optimizers.Adam(
            problem.spec.learning_rate, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON
        )

    def run(self, first: int, count: int) -> list[float]:
        variables = [*self.coefficients, *self.biases]
        losses = []
        for _ in range(count):
            with tf.GradientTape() as tape:
                predictions = lowlevel.forward_pass(self.x, self.coefficients, self.biases)
                loss = lowlevel.cross_entropy(predictions, self.labels)
            gradients = tape.gradient(loss, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
            losses.append(float(loss))
        return losses


def forms(problem: Problem) -> dict[str, Form]:
    return {"whole batch": Eager}
