"""The study's own engines, through the entry points that its training jobs use.

This is the one place to edit when an engine's functions change.
"""

from __future__ import annotations

import tensorflow as tf

from benchmarks.contestants import Course, Form
from benchmarks.problem import SEED, Problem
from fmstudy import kerasmodels, minibatch, runtime, training
from fmstudy.device import prepare_device


class FullBatch:
    """One look at all training samples and one step of the optimizer, as in Part A."""

    def __init__(self, problem: Problem) -> None:
        spec, self.evaluated = problem.spec, problem.evaluated
        network = training.Network(spec, SEED)
        size = problem.samples if spec.batch_norm != "none" else training.CHUNK
        batch = training.Chunks(*problem.features_major, size, transposed=bool(spec.hidden))
        optimizer = training.OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate)
        optimizer.build(network.variables)
        self.look = tf.function(lambda: training.full_batch_gradients(network, batch))
        self.move = tf.function(lambda gradients: optimizer.apply(gradients, network.variables))
        if self.evaluated:
            held_out = training.Chunks(*problem.test, training.CHUNK, transposed=False)
            self.score = tf.function(lambda seen: training.evaluate(network, held_out, seen))

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
        self.steps = -(-problem.samples // problem.spec.batch_size)
        self.model = kerasmodels.build_model(problem.spec, SEED)
        self.batches = kerasmodels.batches(*problem.samples_major(), problem.spec, SEED)

    def run(self, first: int, count: int) -> list[float]:
        """Take epochs, from the first one's order on whatever `first` is: time does not see it."""
        history = self.model.fit(
            self.batches, steps_per_epoch=self.steps, epochs=count, shuffle=False, verbose=0
        )
        return history.history["loss"] if first == 1 else [float("nan")] * count


class LowLevelBatches:
    """Epochs of a low-level net in batches, as in the experiments on batch normalization."""

    def __init__(self, problem: Problem) -> None:
        spec = problem.spec
        momenta = () if spec.batch_norm == "none" else (spec.bn_momentum,)
        samples = minibatch.Samples.of(*problem.features_major)
        self.training = minibatch.MiniBatches(spec, samples, momenta)
        self.training.start(SEED)
        self.steps = problem.samples // spec.batch_size
        self.order = minibatch.orders(
            problem.samples, spec.batch_size, SEED, self.steps * spec.epochs
        )

    def run(self, first: int, count: int) -> list[float]:
        """Take epochs; the engine keeps the losses of its steps to itself."""
        for epoch in range(first - 1, first - 1 + count):
            start = epoch * self.steps % len(self.order)
            self.training.train(self.order[start : start + self.steps])
        return [float("nan")] * count


def course(problem: Problem) -> Course:
    """The engine that trains such a net in the study."""
    prepare_device(1)
    if problem.spec.batch_size is None:
        return FullBatch(problem)
    return KerasBatches(problem) if problem.spec.engine == "keras" else LowLevelBatches(problem)


def forms(problem: Problem) -> dict[str, Form]:
    """The study has settled on one."""
    return {"as the study trains": course}


def versions() -> dict[str, str]:
    """What it ran with."""
    return runtime.versions(["tensorflow", "keras", "numpy"])
