"""The study's own engines, through the entry points that its training jobs use.

This is the one place to edit when an engine's functions change.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from benchmarks.contestants import Course, Form
from benchmarks.problem import SEED, Problem
from fmstudy.engines import full_batch, keras_models, mini_batch
from fmstudy.engines.chunks import Chunks
from fmstudy.engines.device import compiled, prepare_device
from fmstudy.engines.network import Network


class FullBatch:
    """One look at all training samples and one step of the optimizer, as in Part A."""

    def __init__(self, problem: Problem) -> None:
        spec, self.evaluated = problem.spec, problem.evaluated
        network = Network(spec, SEED)
        compact = problem.compact
        batch = Chunks(*problem.features_major, compact=compact)
        skipped = 2 * (1 - batch.share) * batch.samples  # one product forward, one backward
        optimizer = full_batch.OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate)
        optimizer.build(network.variables)
        self.look = compiled(lambda: full_batch.full_batch_gradients(network, batch))
        self.move = compiled(lambda gradients: optimizer.apply(gradients, network.variables))
        if self.evaluated:
            held_out = Chunks(*problem.test, copied=False, compact=compact)
            skipped += (1 - held_out.share) * held_out.samples
            self.score = compiled(lambda seen: full_batch.evaluate(network, held_out, seen))
        self.needed = problem.arithmetic - skipped * spec.products[0]

    def run(self, first: int, count: int) -> list[float]:
        """Take steps; the metrics are read after each, as the history of a training does."""
        losses = []
        for _ in range(count):
            seen = self.look()
            losses.append(float(seen.loss))
            if self.evaluated:
                [float(value) for value in (seen.accuracy, *self.score(seen.statistics))]
            self.move(seen.gradients)
        return losses


class KerasBatches:
    """Epochs of a Keras model in batches, as in Part B."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        x, labels = problem.samples_major()
        samples = tf.constant(x), tf.constant(labels)
        model = keras_models.build_model(problem.spec, SEED)
        self.take = keras_models.compiled_epoch(model, samples, problem.spec.batch_size)

    def run(self, first: int, count: int) -> list[float]:
        """Take epochs; each gives its mean loss and its accuracy."""
        losses = []
        for epoch in range(first, first + count):
            order = np.concatenate(self.problem.batches(epoch)).astype(np.int32)
            loss, _ = (float(value) for value in self.take(tf.constant(order)))
            losses.append(loss)
        return losses


class LowLevelBatches:
    """Epochs of a low-level net in batches, as in the experiments on batch normalization."""

    def __init__(self, problem: Problem, fused: bool) -> None:
        spec, self.fused = problem.spec, fused
        momenta = () if spec.batch_norm == "none" else (spec.bn_momentum,)
        samples = mini_batch.Samples.of(*problem.features_major)
        self.training = mini_batch.MiniBatches(spec, samples, momenta)
        self.training.start(SEED)
        self.steps = problem.samples // spec.batch_size
        self.order = mini_batch.orders(
            problem.samples, spec.batch_size, SEED, self.steps * spec.epochs
        )

    def run(self, first: int, count: int) -> list[float]:
        """Take epochs; the engine keeps the losses of its steps to itself."""
        for epoch in range(first - 1, first - 1 + count):
            start = epoch * self.steps % len(self.order)
            self.training.train(self.order[start : start + self.steps], fused=self.fused)
        return [float("nan")] * count


def forms(problem: Problem) -> dict[str, Form]:
    """The engine that trains such a net in the study, and with XLA if it can be told to use that.

    A form prepares the device as a job does.
    """
    spec = problem.spec
    if spec.batch_size is None:
        ways: dict[str, Form] = {"chunks": FullBatch}
    elif spec.engine == "keras":
        ways = {"a compiled epoch": KerasBatches}
    else:
        ways = {
            name: functools.partial(LowLevelBatches, fused=fused)
            for name, fused in (("a compiled loop", False), ("the loop compiled by XLA", True))
        }

    def prepared(way: Form) -> Form:
        def course(problem: Problem) -> Course:
            prepare_device(1)
            return way(problem)

        return course

    return {name: prepared(way) for name, way in ways.items()}
