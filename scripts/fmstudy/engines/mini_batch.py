"""Mini-batch training of the low-level nets: one compiled loop for many trainings.

Inside a net, tensors are features-major, as everywhere; the images are samples-major here, so that
batches are gathered as whole rows, and the first product transposes them.  A step of a small net is
shorter than a return to Python, so the loop over steps is compiled and returns only for
evaluations.  Compilation takes longer than many trainings, so one object trains repeatedly, with
other seeds and rates.  For thousands of steps, XLA can compile the loop: that takes one more second
and saves a third of each step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fmstudy.engines.batchnorm import Statistics, update_moving
from fmstudy.engines.cost import TOTAL
from fmstudy.engines.device import OPTIMIZERS as SHARED_OPTIMIZERS
from fmstudy.engines.device import compiled, samples_major
from fmstudy.engines.initial import batch_order, initial_weights
from fmstudy.engines.lowlevel import count_hits, summed_cross_entropy
from fmstudy.engines.network import Network
from fmstudy.engines.records import Stopwatch
from fmstudy.study.spec import RunSpec

OPTIMIZERS = SHARED_OPTIMIZERS | {
    "momentum": functools.partial(keras.optimizers.SGD, momentum=0.9)  # Polyak's
}

MIN_FUSED_STEPS = 5_000  # from which compilation by XLA pays off

Forward = Callable[[Any, tf.Tensor], tuple[tf.Tensor, list[Statistics]]]
Callback = Callable[[int], None]


@dataclass(frozen=True)
class Samples:
    """Images x (n, features), samples-major, and one-hot labels (n, classes), float32."""

    x: tf.Tensor
    labels: tf.Tensor

    @classmethod
    def of(cls, x: np.ndarray, labels: np.ndarray) -> Samples:
        """Transpose features-major x (features, n) and labels (classes, n)."""
        return cls(samples_major(x), samples_major(labels))

    def part(self, start: int, stop: int) -> Samples:
        """Return the samples from `start` up to, but excluding, `stop`."""
        return Samples(self.x[start:stop], self.labels[start:stop])

    def __len__(self) -> int:
        return int(self.x.shape[0])


class Score(NamedTuple):
    """Mean cross-entropy (nats) and accuracy on some samples."""

    loss: float
    accuracy: float


def orders(samples: int, size: int, seed: int, steps: int) -> np.ndarray:
    """Return the samples of each step: (steps, size) int32, epoch after epoch.

    Each epoch uses `batch_order`, the same for every engine, and drops an incomplete last batch.
    If there are fewer samples than `size`, all of them form one batch.
    """
    size = min(size, samples)
    whole = samples // size
    epochs = -(-steps // whole)
    rows = [
        batch_order(samples, seed, epoch)[: whole * size].reshape(whole, size)
        for epoch in range(1, epochs + 1)
    ]
    return np.concatenate(rows)[:steps].astype(np.int32)


def times(x: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the function W -> W x, (units, n), for samples-major x (n, features)."""
    return lambda coefficients: tf.matmul(coefficients, x, transpose_b=True)


class MiniBatches:
    """A low-level net, and the compiled steps that train it on some samples.

    momenta   of the moving statistics to track, as in Keras: starting at 0 and 1, with the biased
              variances of the batches
    trained   the variables to train; by default, all
    forward   computes logits and batch statistics in a training step, from the first product and
              the number of the step; by default, `network.logits`
    """

    def __init__(
        self,
        spec: RunSpec,
        samples: Samples,
        momenta: Sequence[float] = (),
        network: Network | None = None,
        trained: Sequence[tf.Variable] | None = None,
        forward: Forward | None = None,
    ) -> None:
        self.spec, self.samples = spec, samples
        self.network = network or Network(spec, seed=0)
        self.trained = list(self.network.variables if trained is None else trained)
        self.forward = forward or (lambda product, _step: self.network.logits(product))
        self.optimizer = OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate)
        if self.trained:
            self.optimizer.build(self.trained)
        self.optimizer_start = [variable.numpy() for variable in self.optimizer.variables]
        self.momenta = tuple(momenta)
        self.moving = {
            momentum: [
                Statistics(tf.Variable(tf.zeros(g.shape)), tf.Variable(tf.ones(g.shape)))
                for g in self.network.gammas
            ]
            for momentum in self.momenta
        }
        self.steps = 0  # taken since the start
        self.watch = Stopwatch()
        scalar = tf.TensorSpec((), tf.int32)
        self._steps = compiled(
            self._run, input_signature=[tf.TensorSpec((None, None), tf.int32), scalar, scalar]
        )
        self._fused_steps = compiled(self._run, jit_compile=True)  # recompiled for every shape

    def start(self, seed: int, rate: float | None = None, weight_std: float | None = None) -> None:
        """Start a training: reset weights, optimizer and moving statistics.

        rate and weight_std replace those of the specification.
        """
        spec = self.spec if weight_std is None else self.spec.varied(weight_std=weight_std)
        network = self.network
        for variable, weights in zip(
            network.coefficients, initial_weights(spec, seed), strict=True
        ):
            variable.assign(weights)
        for variable in (*network.biases, *network.betas):
            if variable is not None:
                variable.assign(tf.zeros_like(variable))
        for variable in network.gammas:
            variable.assign(tf.ones_like(variable))
        for variable, value in zip(self.optimizer.variables, self.optimizer_start, strict=True):
            variable.assign(value)
        self.optimizer.learning_rate.assign(self.spec.learning_rate if rate is None else rate)
        for layers in self.moving.values():
            for mean, variance in layers:
                mean.assign(tf.zeros_like(mean))
                variance.assign(tf.ones_like(variance))
        self.steps = 0
        self.watch = Stopwatch()

    def train(
        self,
        order: np.ndarray,
        every: int | None = None,
        evaluate: Callback | None = None,
        fused: bool = False,
    ) -> bool:
        """Take one step per row of `order` (steps, m); return whether all values stayed finite.

        That is, the loss before each step and the trained variables.  After every `every` steps,
        `evaluate` is called with the number of steps so far, unless the training has diverged,
        which ends it.  `fused` has XLA compile the steps, with the same results up to rounding: it
        pays off after about MIN_FUSED_STEPS steps with batches of one size.
        """
        every = max(1, min(every or len(order), len(order)))
        take = self._fused_steps if fused else self._steps
        for start in range(0, len(order), every):
            rows = order[start : start + every]
            # Always the same shape, to avoid another compilation for the last rows.
            block = tf.constant(np.resize(rows, (every, order.shape[1])))
            with self.watch.measure("training"):
                finite = bool(take(block, tf.constant(len(rows)), tf.constant(self.steps)))
            self.steps += len(rows)
            TOTAL.add(rows.size, self._step_arithmetic, steps=len(rows))
            if not (finite and self._is_finite()):
                return False
            if evaluate is not None:
                evaluate(self.steps)
        return True

    @functools.cached_property
    def _step_arithmetic(self) -> float:
        """Floating-point operations per sample of a step's matrix products.

        Forward, backward through each layer above the lowest trained one, and one product for each
        layer with trained weights.
        """
        products, network = self.spec.products, self.network
        trained = {id(variable) for variable in self.trained}
        groups = (network.coefficients, network.biases, network.gammas, network.betas)
        places = [i for group in groups for i, v in enumerate(group) if id(v) in trained]
        lowest = min(places, default=len(products))
        weighed = [id(w) in trained for w in network.coefficients]
        return (
            self.spec.forward_arithmetic
            + sum(products[lowest + 1 :])
            + sum(product for product, own in zip(products, weighed, strict=True) if own)
        )

    def _is_finite(self) -> bool:
        """Return whether all trained variables are finite after the last step."""
        return all(bool(np.isfinite(variable.numpy()).all()) for variable in self.trained)

    def _run(self, order: tf.Tensor, count: tf.Tensor, taken: tf.Tensor) -> tf.Tensor:
        """Take the first `count` steps of `order`; return whether the losses are finite.

        `taken` is the number of earlier steps.
        """

        def body(i: tf.Tensor, finite: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            loss = self._step(order[i], taken + i)
            return i + 1, tf.logical_and(finite, tf.math.is_finite(loss))

        _, finite = tf.while_loop(
            lambda i, _: i < count, body, (0, tf.constant(True)), parallel_iterations=1
        )
        return finite

    def _step(self, rows: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Take a step on a batch; return the mean loss before it."""
        x = tf.gather(self.samples.x, rows)
        labels = tf.transpose(tf.gather(self.samples.labels, rows))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.trained)
            logits, statistics = self.forward(times(x), step)
            loss = summed_cross_entropy(logits, labels) / tf.cast(tf.shape(rows)[0], tf.float32)
        if self.trained:
            self.optimizer.apply(tape.gradient(loss, self.trained), self.trained)
        for momentum, layers in self.moving.items():
            for moving, batch in zip(layers, statistics, strict=True):
                for variable, value in zip(
                    moving, update_moving(moving, batch, momentum), strict=True
                ):
                    variable.assign(value)
        return loss

    # ------------------------------------------------------------------------- evaluation
    @functools.cached_property
    def _exact(self) -> Callable:
        return compiled(lambda x: self.network.logits(times(x))[1])

    @functools.cached_property
    def _scored(self) -> Callable:
        def scored(x: tf.Tensor, labels: tf.Tensor, population: Any) -> tuple[tf.Tensor, tf.Tensor]:
            logits, _ = self.network.logits(times(x), population)
            labels = tf.transpose(labels)
            return summed_cross_entropy(logits, labels), count_hits(logits, labels)

        return compiled(scored)

    def exact(self, samples: Samples | None = None) -> list[Statistics]:
        """Return the statistics of every normalized layer over the training or other samples.

        All samples form one batch, so lower layers also use their statistics over all samples.
        """
        samples = samples or self.samples
        TOTAL.add(len(samples), self.spec.forward_arithmetic)
        statistics: list[Statistics] = self._exact(samples.x)
        return statistics

    def score(self, samples: Samples, population: Sequence[Statistics] | None) -> Score:
        """Return loss and accuracy in inference mode, with population statistics.

        If `population` is None, all samples form one batch, normalized by its own statistics.
        """
        TOTAL.add(len(samples), self.spec.forward_arithmetic)
        loss, hits = self._scored(samples.x, samples.labels, population)
        return Score(float(loss) / len(samples), float(hits) / len(samples))

    def score_in_batches(self, samples: Samples, size: int) -> Score:
        """Return loss and accuracy with each batch normalized by its own statistics, in order.

        An incomplete last batch is dropped.
        """
        whole = len(samples) // size * size
        shape = (whole // size, size)
        x = tf.reshape(samples.x[:whole], (*shape, samples.x.shape[1]))
        labels = tf.reshape(samples.labels[:whole], (*shape, samples.labels.shape[1]))
        TOTAL.add(whole, self.spec.forward_arithmetic)
        losses, hits = self._scored_batches(x, labels)
        return Score(float(losses) / whole, float(hits) / whole)

    @functools.cached_property
    def _scored_batches(self) -> Callable:
        def scored(x: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            def body(
                i: tf.Tensor, loss: tf.Tensor, hits: tf.Tensor
            ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
                added = self._scored(x[i], labels[i], None)
                return i + 1, loss + added[0], hits + added[1]

            count = tf.shape(x)[0]
            _, loss, hits = tf.while_loop(
                lambda i, *_: i < count, body, (0, 0.0, 0.0), parallel_iterations=1
            )
            return loss, hits

        # For batches of any size, without recompilation.
        ends = self.spec.features, self.spec.classes
        signature = [tf.TensorSpec((None, None, size), tf.float32) for size in ends]
        return compiled(scored, input_signature=signature)
