"""Batch normalization of features-major tensors, as defined by Ioffe and Szegedy (2015).

x has the shape (units, m), one row per unit and one column per sample, so means and variances are
taken over axis 1.  Functions are stateless: those that update statistics return the new ones.
Reference: S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by
Reducing Internal Covariate Shift", ICML 2015, arXiv:1502.03167, algorithms 1 and 2.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Statistics(NamedTuple):
    """Mean and variance of each unit, both (units, 1)."""

    mean: tf.Tensor
    variance: tf.Tensor


def batch_statistics(x: tf.Tensor) -> Statistics:
    """Mean and biased variance (1/m) of each unit over the batch (algorithm 1, lines 1 and 2)."""
    mean = tf.math.reduce_mean(x, axis=1, keepdims=True)
    variance = tf.math.reduce_mean(tf.math.square(x - mean), axis=1, keepdims=True)
    return Statistics(mean, variance)


def normalize(
    x: tf.Tensor, statistics: Statistics, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta (algorithm 1, lines 3 and 4).

    With batch statistics this is the training form, with population statistics the inference
    form.  gamma and beta, (units, 1), are learned; they start at 1 and 0.
    """
    scale = gamma * tf.math.rsqrt(statistics.variance + epsilon)
    return x * scale + (beta - statistics.mean * scale)


def batch_norm_training(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, Statistics]:
    """Normalize x (units, m) by its batch statistics; return the output and the statistics."""
    statistics = batch_statistics(x)
    return normalize(x, statistics, gamma, beta, epsilon), statistics


def batch_norm_inference(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, population: Statistics, epsilon: float
) -> tf.Tensor:
    """Normalize x (units, m) by population statistics (algorithm 2)."""
    return normalize(x, population, gamma, beta, epsilon)


def update_moving(moving: Statistics, batch: Statistics, momentum: float) -> Statistics:
    """Return momentum * moving + (1 - momentum) * batch statistics, biased as in Keras."""
    return Statistics(
        momentum * moving.mean + (1.0 - momentum) * batch.mean,
        momentum * moving.variance + (1.0 - momentum) * batch.variance,
    )
