"""Compares our batch normalization with Keras' layer and with NumPy float64, on real values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fmstudy.checks import reference
from fmstudy.data.dataset import load_tensors
from fmstudy.engines import batchnorm
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.mini_batch import Samples
from fmstudy.study.spec import RunSpec

Row = dict[str, Any]

BATCHES, MOMENTA = 10, (0.99, 0.9)


def check_equality(folder: Path, settings: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """Return the table of deviations, on images from a folder of tensors."""
    x, labels = load_tensors(folder, "train", settings["train_samples"])
    keys = ("batch_size", "validation_split", "train_samples")
    fitted = RunSpec("lowlevel", **{key: settings[key] for key in keys}).fitted_samples
    samples = Samples.of(x[:, :fitted], labels[:, :fitted])
    return pd.DataFrame(equality(samples, settings["batch_size"], settings["bn_epsilon"], seed))


def equality(samples: Samples, size: int, epsilon: float, seed: int) -> list[Row]:
    """Return the largest deviations, relative to the largest entry of NumPy's result.

    x are the products of 100 units' initial weights with real images, in batches of `size`; gamma,
    beta and the output gradients are random.  The rows compare the output, the gradients w.r.t. x,
    gamma and beta, and the moving statistics after ten batches.
    """
    spec = RunSpec("lowlevel", hidden=(100,), weight_std=None, features=samples.x.shape[1])
    [w, *_] = initial_weights(spec, seed)
    random = np.random.default_rng(seed)
    gamma, beta = random.normal(1.0, 0.3, (100, 1)), random.normal(0.0, 1.0, (100, 1))
    size = min(size, len(samples))
    starts = range(0, len(samples) - size + 1, size)[:BATCHES]
    xs = [w @ samples.part(start, start + size).x.numpy().T for start in starts]
    dy = random.normal(size=xs[0].shape)
    single = {n: a.astype(np.float32) for n, a in {"gamma": gamma, "beta": beta, "dy": dy}.items()}
    double = {name: array.astype(np.float64) for name, array in single.items()}
    expected = _numpy(xs, double, epsilon)
    rows: list[Row] = []
    for engine, compute in (("lowlevel", _lowlevel), ("keras", _keras)):
        for quantity, array in compute(xs, single, epsilon).items():
            target = expected[quantity]
            deviation = np.abs(array.reshape(target.shape) - target).max() / np.abs(target).max()
            rows.append({"engine": engine, "quantity": quantity, "deviation": float(deviation)})
    return rows


def _numpy(xs: list[np.ndarray], given: dict[str, np.ndarray], epsilon: float) -> dict[str, Any]:
    gamma, beta, dy = given["gamma"], given["beta"], given["dy"]
    x = xs[0].astype(np.float64)
    y, _ = reference.batch_norm(x, gamma, beta, epsilon)
    dx, dgamma, dbeta = reference.batch_norm_backward(dy, x, gamma, epsilon)
    found = {"output": y, "gradient_x": dx, "gradient_gamma": dgamma, "gradient_beta": dbeta}
    for momentum in MOMENTA:
        mean, variance = np.zeros_like(gamma), np.ones_like(gamma)
        for each in xs:
            wide = each.astype(np.float64)
            mean = momentum * mean + (1 - momentum) * wide.mean(axis=1, keepdims=True)
            variance = momentum * variance + (1 - momentum) * wide.var(axis=1, keepdims=True)
        found |= {f"moving_mean_{momentum:g}": mean, f"moving_variance_{momentum:g}": variance}
    return found


def _lowlevel(xs: list[np.ndarray], given: dict[str, np.ndarray], epsilon: float) -> dict[str, Any]:
    x, gamma, beta = (tf.Variable(a) for a in (xs[0], given["gamma"], given["beta"]))
    with tf.GradientTape() as tape:
        y, _ = batchnorm.batch_norm_training(x, gamma, beta, epsilon)
    gradients = tape.gradient(y, [x, gamma, beta], output_gradients=tf.constant(given["dy"]))
    found = {"output": y.numpy()} | _by_name(gradients)
    for momentum in MOMENTA:
        moving = batchnorm.Statistics(tf.zeros_like(gamma), tf.ones_like(gamma))
        for each in xs:
            batch = batchnorm.batch_statistics(tf.constant(each))
            moving = batchnorm.update_moving(moving, batch, momentum)
        found[f"moving_mean_{momentum:g}"] = moving.mean.numpy()
        found[f"moving_variance_{momentum:g}"] = moving.variance.numpy()
    return found


def _keras(xs: list[np.ndarray], given: dict[str, np.ndarray], epsilon: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for momentum in MOMENTA:
        layer = keras.layers.BatchNormalization(axis=0, momentum=momentum, epsilon=epsilon)
        layer.build(xs[0].shape)
        layer.gamma.assign(given["gamma"][:, 0])
        layer.beta.assign(given["beta"][:, 0])
        x = tf.Variable(xs[0])
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
        if not found:
            sources = [x, layer.gamma.value, layer.beta.value]
            gradients = tape.gradient(y, sources, output_gradients=tf.constant(given["dy"]))
            found = {"output": y.numpy()} | _by_name(gradients)
        for each in xs[1:]:
            layer(tf.constant(each), training=True)
        found[f"moving_mean_{momentum:g}"] = layer.moving_mean.numpy()
        found[f"moving_variance_{momentum:g}"] = layer.moving_variance.numpy()
    return found


def _by_name(gradients: list[tf.Tensor]) -> dict[str, np.ndarray]:
    names = ("gradient_x", "gradient_gamma", "gradient_beta")
    return {name: gradient.numpy() for name, gradient in zip(names, gradients, strict=True)}
