"""Full-batch training of the low-level models, numerically stable and fast.

A full-batch gradient is a sum over samples, so it is accumulated chunk by chunk (`chunks`): the
result is the same up to rounding, and the activations of a chunk stay in the processor's cache.
Batch normalization requires several sweeps (`normalized`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fmstudy.engines.batchnorm import Statistics
from fmstudy.engines.chunks import CHUNK, Chunk, Chunks
from fmstudy.engines.device import OPTIMIZERS, compiled
from fmstudy.engines.lowlevel import count_hits, penalty_of, summed_cross_entropy
from fmstudy.engines.network import Network
from fmstudy.engines.normalized import normalized_sums
from fmstudy.engines.records import History, Stopwatch, Training, has_diverged
from fmstudy.runtime import Progress
from fmstudy.study.spec import DIVERGED, FINISHED, RunSpec


class Gradients(NamedTuple):
    """Metrics and gradients on the training data, at the current parameters."""

    loss: tf.Tensor
    penalty: tf.Tensor
    accuracy: tf.Tensor
    gradients: list[tf.Tensor]
    statistics: list[Statistics]


def full_batch_gradients(network: Network, batch: Chunks) -> Gradients:
    """Compute mean loss, penalty, accuracy, gradients of loss + penalty, and batch statistics."""
    spec, variables = network.spec, network.variables
    first = batch.layout(network.coefficients[0])

    def differentiate(chunk: Chunk) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(first)
            logits, _ = network.logits(lambda _: chunk.product(first))
            loss = summed_cross_entropy(logits, chunk.labels)
        gradients = tape.gradient(loss, [first, *variables[1:]])
        return [loss, count_hits(logits, chunk.labels), *gradients]

    statistics: list[Statistics] = []
    if network.gammas:
        loss, hits, sums, statistics = normalized_sums(network, batch)
    else:
        zeros = [tf.zeros(variable.shape) for variable in (first, *variables[1:])]
        loss, hits, by_first, *others = batch.fold(
            differentiate, [tf.zeros(()), tf.zeros(()), *zeros]
        )
        sums = [batch.layout(by_first), *others]
    with tf.GradientTape() as tape:
        penalty = penalty_of(spec.penalty, network.coefficients, spec.delta)
    added = tape.gradient(penalty, variables, unconnected_gradients="zero")
    n = batch.samples
    return Gradients(
        loss / n,
        penalty,
        hits / n,
        [total / n + extra for total, extra in zip(sums, added, strict=True)],
        statistics,
    )


def evaluate(
    network: Network, data: Chunks, population: Sequence[Statistics]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the mean loss and accuracy of a network in inference mode."""
    first = data.layout(network.coefficients[0])

    def score(chunk: Chunk) -> list[tf.Tensor]:
        logits, _ = network.logits(lambda _: chunk.product(first), population)
        return [summed_cross_entropy(logits, chunk.labels), count_hits(logits, chunk.labels)]

    loss, hits = data.fold(score, [tf.zeros(()), tf.zeros(())])
    return loss / data.samples, hits / data.samples


def train_lowlevel(
    spec: RunSpec,
    seed: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    chunk: int = CHUNK,
) -> Training:
    """Train a low-level model on `train` and evaluate it on `test`, both (x, one-hot labels).

    The pass over the training data that computes the gradients of a step also computes the metrics
    before that step, that is, after the previous epoch; so there is one more pass than steps.
    Batch normalization is evaluated with the exact statistics of the training set.  `chunk` is the
    number of samples per chunk; it affects results only by rounding.
    """
    network = Network(spec, seed)
    batch, held_out = Chunks(*train, chunk), Chunks(*test, chunk, copied=False)
    optimizer = OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate)
    optimizer.build(network.variables)
    compute_gradients = compiled(lambda: full_batch_gradients(network, batch))
    score = compiled(lambda population: evaluate(network, held_out, population))
    apply = compiled(lambda gradients: optimizer.apply(gradients, network.variables))

    history, watch, status = History(), Stopwatch(), FINISHED
    progress = Progress(f"{spec.name}, seed {seed}", spec.epochs, "epochs")
    epoch = 0
    for epoch in range(spec.epochs + 1):
        with watch.measure("training"):
            current = compute_gradients()
            loss, penalty = float(current.loss), float(current.penalty)
        with watch.measure("evaluation"):
            test_loss, test_accuracy = score(current.statistics)
            history.add(epoch, "train", loss, penalty, float(current.accuracy))
            history.add(epoch, "test", float(test_loss), penalty, float(test_accuracy))
        if has_diverged(loss, penalty):
            status = DIVERGED
            break
        progress.update(epoch, f"loss {loss:.4f}")
        if epoch < spec.epochs:
            with watch.measure("training"):
                apply(current.gradients)
    predictions = predict(network, held_out, current.statistics)
    arrays = network.named_arrays() | {
        f"{name}{layer}": value.numpy()
        for layer, statistics in enumerate(current.statistics)
        for name, value in statistics._asdict().items()
    }
    return Training(status, epoch, history, predictions, arrays, watch.seconds)


def predict(network: Network, data: Chunks, population: Sequence[Statistics]) -> np.ndarray:
    """Return probabilities (classes, n) float32 of a net in inference mode, in sample order."""
    first = data.layout(network.coefficients[0])

    def logits_of(chunk: Chunk) -> tf.Tensor:
        return network.logits(lambda _: chunk.product(first), population)[0]

    logits = [logits_of(data[index]) for index in range(data.count)]
    probabilities = tf.transpose(tf.nn.softmax(tf.transpose(tf.concat(logits, axis=1)))).numpy()
    return probabilities[:, np.argsort(data.order)]
