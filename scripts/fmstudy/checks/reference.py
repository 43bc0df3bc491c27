"""The mathematics of the study, derived by hand and implemented in NumPy float64.

This is the third engine: no model is trained with it, but the report and the tests compare the
other two with it.  It must be independent of them, so this module uses neither TensorFlow nor other
modules of the library.  Parameters are in a dictionary, with the names of the low-level nets:
coefficients0, bias0, gamma0, beta0, ...  Shapes are features-major: x (features, n), one-hot labels
(classes, n), coefficients (units, inputs), biases () or (units, 1), gamma and beta (units, 1).

Sources.  Backward pass: D. Rumelhart, G. Hinton, R. Williams, Nature 323 (1986).  Batch
normalization and its gradients: S. Ioffe, C. Szegedy, arXiv:1502.03167, section 3.  Adam:
D. Kingma, J. Ba, arXiv:1412.6980.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

Parameters = dict[str, np.ndarray]
Statistics = tuple[np.ndarray, np.ndarray]  # mean and variance of each unit, both (units, 1)


@dataclass(frozen=True)
class Net:
    """The architecture of a net, without its parameters."""

    layers: int  # including the softmax layer
    activation: str = "relu"
    penalty: str = "none"
    delta: float = 0.0
    batch_norm: str = "none"  # or before or after the activation
    epsilon: float = 1e-3


@dataclass
class Evaluation:
    """Results of a forward and backward pass; gradients are those of loss + penalty."""

    loss: float
    penalty: float
    accuracy: float
    gradients: Parameters = field(default_factory=dict)
    statistics: list[Statistics] = field(default_factory=list)


# ------------------------------------------------------------------------------ the formulas
def activate(kind: str, z: np.ndarray) -> np.ndarray:
    """max(z, 0) for relu, 1 / (1 + exp(-z)) for sigmoid; the shape of z."""
    return np.maximum(z, 0.0) if kind == "relu" else 1.0 / (1.0 + np.exp(-z))


def activation_derivative(kind: str, z: np.ndarray) -> np.ndarray:
    """The derivative of the activation: 1 where z > 0, or s (1 - s); the shape of z."""
    if kind == "relu":
        return (z > 0.0).astype(float)
    s = activate(kind, z)
    return s * (1.0 - s)


def log_softmax(z: np.ndarray) -> np.ndarray:
    """log(exp(z_i) / sum_k exp(z_k)) of each column of z (classes, n), shifted by its largest."""
    shifted = z - z.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=0))


def softmax(z: np.ndarray) -> np.ndarray:
    """The probabilities (classes, n) from logits (classes, n)."""
    return np.exp(log_softmax(z))


def cross_entropy(z: np.ndarray, labels: np.ndarray) -> float:
    """The mean over columns of -sum_i y_i log p_i in nats, from logits (classes, n)."""
    return float(-(labels * log_softmax(z)).sum() / z.shape[1])


def accuracy(z: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of columns of logits (classes, n) whose largest entry is that of the label."""
    return float((z.argmax(axis=0) == labels.argmax(axis=0)).mean())


_PENALTIES: dict[str, Callable[[np.ndarray], Any]] = {
    "none": lambda w: 0.0,
    "l1": lambda w: np.abs(w).sum(),
    "l1_signed": np.sum,
    "l2": lambda w: (w**2).sum(),
}

_PENALTY_GRADIENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": np.zeros_like,
    "l1": np.sign,
    "l1_signed": np.ones_like,
    "l2": lambda w: 2.0 * w,
}


def penalty(kind: str, weights: Sequence[np.ndarray], delta: float) -> float:
    """delta times the sum over all weights of |w| (l1), w (l1_signed) or w^2 (l2)."""
    return float(delta * sum(_PENALTIES[kind](w) for w in weights))


def penalty_gradient(kind: str, w: np.ndarray, delta: float) -> np.ndarray:
    """delta sign(w), delta, or 2 delta w; the shape of w."""
    return delta * _PENALTY_GRADIENTS[kind](w)


def batch_norm(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    epsilon: float,
    statistics: Statistics | None = None,
) -> tuple[np.ndarray, Statistics]:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta of each row; variance with 1/m.

    x is (units, m).  Returns the output, of the same shape, and the statistics used: those of x
    unless `statistics` is given.
    """
    if statistics is None:
        mean = x.sum(axis=1, keepdims=True) / x.shape[1]
        statistics = mean, ((x - mean) ** 2).sum(axis=1, keepdims=True) / x.shape[1]
    mean, variance = statistics
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta, statistics


def batch_norm_backward(
    dy: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients w.r.t. x (units, m), gamma and beta, derived as in section 3 of the paper."""
    m = x.shape[1]
    mean = x.mean(axis=1, keepdims=True)
    centered = x - mean
    variance = (centered**2).mean(axis=1, keepdims=True)
    inverse = (variance + epsilon) ** -0.5
    x_hat = centered * inverse
    d_x_hat = dy * gamma
    d_variance = (d_x_hat * centered).sum(axis=1, keepdims=True) * -0.5 * inverse**3
    d_mean = (-d_x_hat * inverse).sum(axis=1, keepdims=True)  # d variance / d mean is 0
    dx = d_x_hat * inverse + d_variance * 2.0 * centered / m + d_mean / m
    return dx, (dy * x_hat).sum(axis=1, keepdims=True), dy.sum(axis=1, keepdims=True)


# ------------------------------------------------------------------ forward and backward pass
class _Hidden(NamedTuple):
    """Values of a hidden layer before and after its activation."""

    normal: np.ndarray
    activated: np.ndarray


class _LayerCache(NamedTuple):
    """Values of a layer for the backward pass; the softmax layer has no activation."""

    inputs: np.ndarray
    z: np.ndarray
    hidden: _Hidden | None


def logits(
    net: Net, p: Parameters, x: np.ndarray, population: Sequence[Statistics] | None = None
) -> np.ndarray:
    """The logits (classes, n); `population` has each hidden layer's (mean, variance), if any."""
    return _forward(net, p, x, population)[0]


def statistics(net: Net, p: Parameters, x: np.ndarray) -> list[Statistics]:
    """Mean and variance of each normalized layer's units, with x (features, n) as one batch."""
    return _forward(net, p, x)[2]


def _forward(
    net: Net, p: Parameters, x: np.ndarray, population: Sequence[Statistics] | None = None
) -> tuple[np.ndarray, list[_LayerCache], list[Statistics]]:
    h = x
    cache: list[_LayerCache] = []
    statistics: list[Statistics] = []
    for layer in range(net.layers):
        inputs = h
        z = p[f"coefficients{layer}"] @ inputs + p.get(f"bias{layer}", 0.0)
        if layer == net.layers - 1:
            cache.append(_LayerCache(inputs, z, None))
            return z, cache, statistics
        known = population[layer] if population else None
        normal = z
        if net.batch_norm == "before":
            normal, seen = batch_norm(z, p[f"gamma{layer}"], p[f"beta{layer}"], net.epsilon, known)
            statistics.append(seen)
        h = activated = activate(net.activation, normal)
        if net.batch_norm == "after":
            h, seen = batch_norm(
                activated, p[f"gamma{layer}"], p[f"beta{layer}"], net.epsilon, known
            )
            statistics.append(seen)
        cache.append(_LayerCache(inputs, z, _Hidden(normal, activated)))
    raise AssertionError("every net has a softmax layer")


def kink_distances(net: Net, p: Parameters, x: np.ndarray) -> np.ndarray:
    """The distance of each image from the kink of a ReLU: min |z| over hidden units, (n,).

    z is the input of the activation.  Infinite for nets without ReLUs.
    """
    distances = np.full(x.shape[1], np.inf)
    if net.activation == "relu":
        for cache in _forward(net, p, x)[1]:
            if cache.hidden is not None:
                distances = np.minimum(distances, np.abs(cache.hidden.normal).min(axis=0))
    return distances


def evaluate(net: Net, p: Parameters, x: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Compute loss, penalty, and the gradients of loss + penalty w.r.t. all parameters."""
    z, cache, statistics = _forward(net, p, x)
    weights = [p[f"coefficients{layer}"] for layer in range(net.layers)]
    g: Parameters = {}
    dz = (softmax(z) - labels) / x.shape[1]  # of the mean cross-entropy w.r.t. the logits
    for layer in reversed(range(net.layers)):
        inputs, z_layer, hidden = cache[layer]
        if hidden is not None:  # so far, dz is the gradient w.r.t. this layer's output
            normal, activated = hidden
            if net.batch_norm == "after":
                dz, g[f"gamma{layer}"], g[f"beta{layer}"] = batch_norm_backward(
                    dz, activated, p[f"gamma{layer}"], net.epsilon
                )
            dz = dz * activation_derivative(net.activation, normal)
            if net.batch_norm == "before":
                dz, g[f"gamma{layer}"], g[f"beta{layer}"] = batch_norm_backward(
                    dz, z_layer, p[f"gamma{layer}"], net.epsilon
                )
        name = f"bias{layer}"
        if name in p:  # one value per layer or per unit
            g[name] = dz.sum() if p[name].ndim == 0 else dz.sum(axis=1, keepdims=True)
        g[f"coefficients{layer}"] = dz @ inputs.T + penalty_gradient(
            net.penalty, weights[layer], net.delta
        )
        if layer:  # the gradient w.r.t. the images is not needed
            dz = weights[layer].T @ dz
    return Evaluation(
        cross_entropy(z, labels),
        penalty(net.penalty, weights, net.delta),
        accuracy(z, labels),
        g,
        statistics,
    )


# ------------------------------------------------------------------------------ the optimizers
class Adam:
    """Adam with the folded rate of Keras: epsilon is added to the uncorrected sqrt(v).

    This is the form at the end of section 2 of the paper, rate_t = rate sqrt(1 - b2^t) / (1 - b1^t)
    and w -= rate_t m / (sqrt(v) + epsilon), with Keras' epsilon of 1e-7.
    """

    def __init__(
        self, rate: float, b1: float = 0.9, b2: float = 0.999, epsilon: float = 1e-7
    ) -> None:
        self.rate, self.b1, self.b2, self.epsilon = rate, b1, b2, epsilon
        self.t = 0
        self.m: Parameters = {}
        self.v: Parameters = {}

    def step(self, p: Parameters, gradients: Parameters) -> Parameters:
        """Return the parameters after one more step; p is unchanged."""
        self.t += 1
        rate = self.rate * np.sqrt(1.0 - self.b2**self.t) / (1.0 - self.b1**self.t)
        moved = {}
        for name, g in gradients.items():
            self.m[name] = self.b1 * self.m.get(name, 0.0) + (1.0 - self.b1) * g
            self.v[name] = self.b2 * self.v.get(name, 0.0) + (1.0 - self.b2) * g**2
            moved[name] = p[name] - rate * self.m[name] / (np.sqrt(self.v[name]) + self.epsilon)
        return moved
