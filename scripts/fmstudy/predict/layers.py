"""The layers of trained networks of both engines, and the probabilities that they compute.

For the latter, batch normalization is folded into dense layers.  NumPy in float32; nothing here
needs TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Normalization(NamedTuple):
    """Batch normalization in inference mode: each is (units,) float32, in the order of Keras."""

    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


class Layer(NamedTuple):
    """A layer as it was trained: coefficients (units, inputs) and bias (units,), float32.

    The bias is None where beta of the normalization, before the activation, replaces it.
    """

    coefficients: np.ndarray
    bias: np.ndarray | None
    normalization: Normalization | None


class Dense(NamedTuple):
    """A layer: coefficients (units, inputs) and bias (units,), float32."""

    coefficients: np.ndarray
    bias: np.ndarray


def trained_layers(spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[Layer]:
    """Return the layers of a trained network from the arrays of either engine.

    A bias that a whole layer shares becomes one per unit.
    """
    last = len(spec["hidden"])
    layers = []
    for layer in range(last + 1):
        w = _array(arrays, layer, "coefficients", "dense", "kernel")
        b = _array(arrays, layer, "bias", "dense", "bias")
        assert w is not None
        w = w if f"coefficients{layer}" in arrays else w.T
        bias = None if b is None else np.broadcast_to(np.ravel(b), len(w))
        normalized = layer < last and spec["batch_norm"] != "none"
        layers.append(Layer(w, bias, _normalization(arrays, layer) if normalized else None))
    return layers


def dense_layers(spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[Dense]:
    """Return a trained network in inference mode as dense layers, from the arrays of either engine.

    With gain a = gamma / sqrt(variance + epsilon), normalization is a x + (beta - a mean).  Before
    the activation it joins its own layer, after the activation the next one.
    """
    layers: list[Dense] = []
    gain, offset = np.ones(1), np.zeros(1)  # of the inputs of the current layer
    for w, b, normalization in trained_layers(spec, arrays):
        bias = np.broadcast_to(0.0 if b is None else b.astype(np.float64), len(w))
        bias = bias + w.astype(np.float64) @ np.broadcast_to(offset, w.shape[1])
        w, gain, offset = w * gain, np.ones(1), np.zeros(1)
        if normalization:
            gamma, beta, mean, variance = (it.astype(np.float64) for it in normalization)
            gain = gamma / np.sqrt(variance + spec["bn_epsilon"])
            offset = beta - gain * mean
            if spec["batch_norm"] == "before":
                w, bias = gain[:, np.newaxis] * w, gain * bias + offset
                gain, offset = np.ones(1), np.zeros(1)
        layers.append(Dense(w.astype(np.float32), bias.astype(np.float32)))
    return layers


def _array(
    arrays: Mapping[str, np.ndarray], layer: int, lowlevel: str, kind: str, keras: str
) -> np.ndarray | None:
    """Return an array of a layer by its name in one of the engines, or None."""
    return arrays.get(f"{lowlevel}{layer}", arrays.get(f"{kind}{layer}-{keras}"))


def _normalization(arrays: Mapping[str, np.ndarray], layer: int) -> Normalization:
    """Return a layer's batch normalization."""
    named = {"gamma": "gamma", "beta": "beta"}
    named |= {"mean": "moving_mean", "variance": "moving_variance"}
    found = (_array(arrays, layer, one, "normalization", other) for one, other in named.items())
    return Normalization(*(np.ravel(it) for it in found if it is not None))


def probabilities(layers: Sequence[Dense], activation: str, x: np.ndarray) -> np.ndarray:
    """Return the probabilities (classes, n) of images x (features, n) in [0, 1]."""
    h = x.astype(np.float32)
    for place, layer in enumerate(layers):
        z = layer.coefficients @ h + layer.bias[:, np.newaxis]
        if place < len(layers) - 1:
            h = np.maximum(z, 0) if activation == "relu" else 1 / (1 + np.exp(-z.clip(-80, 80)))
    z = z.astype(np.float64)
    exponentials = np.exp(z - z.max(axis=0))
    found: np.ndarray = exponentials / exponentials.sum(axis=0)
    return found
