"""Looks inside a low-level net while it is trained: callbacks on a training, which change nothing.

All take a fixed batch of images and see it as a training step would: with batch normalization, by
the batch's own statistics.  They work for any low-level net, in whatever way it is trained.

Sources.  Percentiles of what an activation receives: S. Ioffe, C. Szegedy, arXiv:1502.03167, figure
1.  Shift as the change of a layer's gradient, and loss and gradient along the gradient: S.
Santurkar, D. Tsipras, A. Ilyas, A. Madry, arXiv:1805.11604, sections 2 and 3; the scaling by the
norm of the weights is ours.  Effective rate: T. van Laarhoven, arXiv:1706.05350.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fmstudy.engines.cost import TOTAL
from fmstudy.engines.device import compiled
from fmstudy.engines.lowlevel import summed_cross_entropy
from fmstudy.engines.mini_batch import Samples, times
from fmstudy.engines.network import Network

PERCENTILES = (15, 50, 85)
REACH = (0.25, 0.5, 1.0, 2.0, 4.0)  # steps along the gradient, in learning rates
FAR = (0.001, 0.002, 0.005, 0.01)  # and in norms of the weights

Measure = tuple[str, int | None, float]  # name, hidden layer (from 1) or None, value


class Inside(NamedTuple):
    """The values inside a net, a tensor (units, n) for each hidden layer.

    normalized   what batch normalization gives before gamma and beta; empty without it
    received     what the activations receive
    sent         what each hidden layer sends on
    """

    normalized: list[tf.Tensor]
    received: list[tf.Tensor]
    sent: list[tf.Tensor]
    logits: tf.Tensor


def inside(
    network: Network, x: tf.Tensor, watch: Callable[[tf.Tensor], None] | None = None
) -> Inside:
    """Send x (n, features) through a net as a training step does, and keep what is met on the way.

    `watch` is called with what each hidden layer sends on, before it is sent, such as a gradient
    tape's.
    """
    met: dict[str, list[tf.Tensor]] = {"normalizing": [], "received": [], "sent": []}

    def note(what: str, tensor: tf.Tensor) -> None:
        met[what].append(tensor)
        if what == "sent" and watch is not None:
            watch(tensor)

    logits, statistics = network.logits(times(x), note=note)
    normalized = [
        (before - seen.mean) / tf.sqrt(seen.variance + network.spec.bn_epsilon)
        for before, seen in zip(met["normalizing"], statistics, strict=True)
    ]
    return Inside(normalized, met["received"], met["sent"], logits)


class Probe:
    """Measures of a net on a fixed batch."""

    def __init__(self, network: Network, batch: Samples, unit: int = 0) -> None:
        """`unit` of each hidden layer is the one whose percentiles are followed."""
        self.network, self.batch, self.unit = network, batch, unit
        self.before: list[np.ndarray] = []
        self._loss_and_gradients = compiled(self._look)
        self._received = compiled(lambda: inside(network, batch.x).received)

    def _look(self) -> tuple[tf.Tensor, list[tf.Tensor]]:
        variables = self.network.variables
        with tf.GradientTape() as tape:
            logits, _ = self.network.logits(times(self.batch.x))
            loss = summed_cross_entropy(logits, tf.transpose(self.batch.labels))
            loss /= len(self.batch)
        return loss, tape.gradient(loss, variables)

    def look(self) -> tuple[float, list[np.ndarray]]:
        """Mean loss on the batch, and its gradients by the net's variables."""
        TOTAL.add(len(self.batch), self.network.spec.step_arithmetic)
        loss, gradients = self._loss_and_gradients()
        return float(loss), [gradient.numpy() for gradient in gradients]

    # ------------------------------------------------------------------------ distributions
    def distributions(self) -> list[Measure]:
        """Percentiles of what one unit's activation receives, and the drift since the last look.

        The drift is the mean over the units of a layer of the Wasserstein distance between the
        distribution now and at the last look, in standard deviations at the last look.
        """
        TOTAL.add(len(self.batch), self.network.spec.forward_arithmetic)
        now = [np.sort(z.numpy(), axis=1) for z in self._received()]
        measures: list[Measure] = []
        for layer, z in enumerate(now, start=1):
            for percentile, value in zip(
                PERCENTILES, np.percentile(z[self.unit], PERCENTILES), strict=True
            ):
                measures.append((f"percentile_{percentile}", layer, float(value)))
        for layer, (old, new) in enumerate(zip(self.before, now, strict=False), start=1):
            moving = old[:, 0] < old[:, -1]  # a unit whose input is constant has no scale
            distance = np.abs(new - old).mean(axis=1)[moving] / old.std(axis=1)[moving]
            if distance.size:
                measures.append(("drift", layer, float(distance.mean())))
        self.before = now
        return measures

    # -------------------------------------------------------------------------------- shift
    def shift(self, rate: float) -> list[Measure]:
        """How the gradient of each layer's weights changes when the layers below are updated.

        The update is a step of gradient descent on the batch itself.  shift_size is the norm of
        the change divided by that of the gradient, shift_cosine the cosine of the angle between
        the two.  gradient_norm and effective_rate, rate / |W|^2, are of the present weights.
        """
        _, gradients = self.look()
        by_variable = {id(v): g for v, g in zip(self.network.variables, gradients, strict=True)}
        measures: list[Measure] = []
        for layer, w in enumerate(self.network.coefficients):
            g = by_variable[id(w)]
            norm = _norm(g)
            measures.append(("gradient_norm", layer + 1, norm))
            measures.append(
                ("effective_rate", layer + 1, rate / float(tf.reduce_sum(tf.square(w))))
            )
            if layer == 0 or norm == 0.0:
                continue
            below = self._of_layers(layer)
            with _moved(below, [by_variable[id(v)] for v in below], rate):
                position = [id(v) for v in self.network.variables].index(id(w))
                moved = self.look()[1][position]
            measures.append(("shift_size", layer + 1, _norm(moved - g) / norm))
            length = norm * _norm(moved)
            if length > 0.0:
                cosine = float(np.multiply(moved, g, dtype=np.float64).sum()) / length
                measures.append(("shift_cosine", layer + 1, cosine))
        return measures

    def _of_layers(self, count: int) -> list[tf.Variable]:
        """The variables of the first `count` layers."""
        network = self.network
        groups = (network.coefficients, network.biases, network.gammas, network.betas)
        return [v for group in groups for v in group[:count] if v is not None]

    # ------------------------------------------------------------------- along the gradient
    def landscape(self, rate: float) -> list[Measure]:
        """Loss and gradient along the gradient on the batch.

        loss_range        largest minus smallest loss at no step and at steps of 1/4 to 4 learning
                          rates
        gradient_change   largest |g(way) - g| / |way| over these steps
        loss_range_scaled, gradient_change_scaled   the same with ways in units of the norm |W| of
                          the weights: at steps of 0.1 to 1 percent of it, and as
                          |W| |g(way) - g| / (|way| / |W|)
        """
        loss, gradients = self.look()
        size = _norm(*gradients)
        norm = _norm(*(w.numpy() for w in self.network.coefficients))
        if size == 0.0:
            return []
        near = [self._on_the_way(gradients, step * rate, size) for step in REACH]
        far = [self._on_the_way(gradients, share * norm / size, size) for share in FAR]
        return [
            ("loss", None, loss),
            ("weight_norm", None, norm),
            ("loss_range", None, _range([loss, *(way[0] for way in near)])),
            ("gradient_change", None, max(way[1] for way in near)),
            ("loss_range_scaled", None, _range([loss, *(way[0] for way in far)])),
            ("gradient_change_scaled", None, norm**2 * max(way[1] for way in far)),
        ]

    def _on_the_way(
        self, gradients: Sequence[np.ndarray], step: float, size: float
    ) -> tuple[float, float]:
        """Loss after `step` times the gradient, and the change of gradient for the way's length."""
        with _moved(self.network.variables, gradients, step):
            loss, there = self.look()
        change = _norm(*(a - b for a, b in zip(there, gradients, strict=True)))
        return loss, change / (step * size)


def _norm(*arrays: np.ndarray) -> float:
    """The norm of all entries together; in float32 squares below 1e-45 would be lost."""
    return math.sqrt(sum(float(np.sum(np.square(a, dtype=np.float64))) for a in arrays))


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)


@contextmanager
def _moved(
    variables: Sequence[tf.Variable], gradients: Sequence[np.ndarray], step: float
) -> Iterator[None]:
    """Move variables against their gradients, and put them back exactly."""
    kept = [variable.numpy() for variable in variables]
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(step * gradient)
    try:
        yield
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)


def sent_gradient_norms(network: Network, batch: Samples) -> list[float]:
    """The norm of the gradient of the mean loss by what each hidden layer sends on."""
    with tf.GradientTape() as tape:
        found = inside(network, batch.x, watch=tape.watch)
        loss = summed_cross_entropy(found.logits, tf.transpose(batch.labels)) / len(batch)
    return [_norm(gradient.numpy()) for gradient in tape.gradient(loss, found.sent)]
