"""Batch normalization on features-major tensors, as Ioffe and Szegedy (2015) define it.

A unit is a row of x, of shape (units, m) with one column a sample, so means and variances go
over axis 1.  Nothing here keeps state: a function that changes statistics returns the new ones.
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

    With the batch's own statistics this is the training form, with those of the population the
    inference form.  gamma and beta, (units, 1), are learned; they start at 1 and 0.
    """
    scale = gamma * tf.math.rsqrt(statistics.variance + epsilon)
    return x * scale + (beta - statistics.mean * scale)


def batch_norm_training(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, Statistics]:
    """Normalize x (units, m) by its own statistics; give the output and these statistics."""
    statistics = batch_statistics(x)
    return normalize(x, statistics, gamma, beta, epsilon), statistics


def batch_norm_inference(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, population: Statistics, epsilon: float
) -> tf.Tensor:
    """Normalize x (units, m) by the population's statistics (algorithm 2)."""
    return normalize(x, population, gamma, beta, epsilon)


def update_moving(moving: Statistics, batch: Statistics, momentum: float) -> Statistics:
    """New moving statistics: momentum * old + (1 - momentum) * the batch's, biased, as Keras."""
    return Statistics(
        momentum * moving.mean + (1.0 - momentum) * batch.mean,
        momentum * moving.variance + (1.0 - momentum) * batch.variance,
    )
