"""Keras as its users have it: a stack of layers, `compile` and `fit`."""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf

from benchmarks.contestants import Form
from benchmarks.problem import BETA_1, BETA_2, EPSILON, Problem


def one_thread() -> None:
    """Give TensorFlow one thread; not the study's deterministic kernels, with which XLA is off."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


class Fit:
    """`fit` of a model whose softmax belongs to the loss, without metrics."""

    def __init__(self, problem: Problem, jit_compile: bool, steps: int) -> None:
        one_thread()
        self.problem = problem
        self.x, self.labels = problem.samples_major()
        weights = problem.weights()
        *hidden, last = [w.shape[0] for w in weights]
        self.model = keras.Sequential([keras.Input((self.x.shape[1],))])
        for units in hidden:
            self.model.add(keras.layers.Dense(units, activation="relu"))
        self.model.add(keras.layers.Dense(last))
        for layer, w in zip(self.model.layers, weights, strict=True):
            layer.set_weights([w.T, np.zeros(w.shape[0], np.float32)])
        self.model.compile(
            optimizer=keras.optimizers.Adam(
                problem.spec.learning_rate, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON
            ),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=jit_compile,
            steps_per_execution=steps,
        )

    def run(self, first: int, count: int) -> list[float]:
        """Fit; Keras' own shuffling would be another order, so the samples lie in ours."""
        size = self.problem.spec.batch_size
        if size is None:
            return self.fit(self.x, self.labels, self.problem.samples, count)
        losses = []
        for epoch in range(first, first + count):
            order = np.concatenate(self.problem.batches(epoch))
            losses += self.fit(self.x[order], self.labels[order], size, 1)
        return losses

    def fit(self, x: np.ndarray, labels: np.ndarray, size: int, epochs: int) -> list[float]:
        history = self.model.fit(
            x, labels, batch_size=size, epochs=epochs, shuffle=False, verbose=0
        )
        return history.history["loss"]


def forms(problem: Problem) -> dict[str, Form]:
    """With and without XLA; of small batches, one or many steps at a time."""
    if problem.spec.batch_size is None:
        ways = {"graph": (False, 1), "XLA": (True, 1)}
    else:
        ways = {
            "graph, a step at a time": (False, 1),
            "graph, 47 steps at a time": (False, 47),
            "XLA, 47 steps at a time": (True, 47),
        }
    return {
        name: functools.partial(Fit, jit_compile=jit, steps=steps)
        for name, (jit, steps) in ways.items()
    }
