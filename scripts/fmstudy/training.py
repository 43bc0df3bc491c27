"""Full-batch training of the low-level models, in the stable and fast form.

A full-batch gradient is a sum over samples, so it may be added up chunk by chunk: the same
gradient to rounding, while the activations of a chunk stay in the processor's cache.  With
batch normalization that takes several sweeps, see `normalized`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fmstudy.batchnorm import Statistics
from fmstudy.chunks import Chunk, Chunks
from fmstudy.device import OPTIMIZERS
from fmstudy.lowlevel import count_hits, penalty_of, summed_cross_entropy
from fmstudy.network import Network, Product, times
from fmstudy.normalized import normalized_sums
from fmstudy.records import DIVERGED, FINISHED, History, Stopwatch, Training, diverged
from fmstudy.runtime import Progress
from fmstudy.spec import RunSpec


def chunk_size(spec: RunSpec) -> int:
    """How many samples to take at a time: so many that a layer's activations stay in the cache.

    Found by measuring: fewer, and what is done once a chunk costs more than it should.
    """
    return 2_000 if max(spec.hidden, default=0) <= 500 else 1_000


def _times_data(x: tf.Tensor, x_transposed: tf.Tensor | None) -> Product:
    """W x, whose gradient dZ x^T is taken with a samples-major copy of x, if there is one.

    The product dZ (units, n) times a transposed (features, n) is the slow one of the step; with
    the copy it runs at the speed of the others.
    """
    if x_transposed is None:
        return times(x)

    @tf.custom_gradient
    def product(coefficients: tf.Tensor) -> tuple[tf.Tensor, Product]:
        def gradient(dz: tf.Tensor) -> tf.Tensor:
            return tf.matmul(dz, x_transposed)

        return tf.matmul(coefficients, x), gradient

    return lambda coefficients: product(tf.convert_to_tensor(coefficients))


class Gradients(NamedTuple):
    """A look at the training data: metrics and gradients at the present parameters."""

    loss: tf.Tensor
    penalty: tf.Tensor
    accuracy: tf.Tensor
    gradients: list[tf.Tensor]
    statistics: list[Statistics]


def full_batch_gradients(network: Network, batch: Chunks) -> Gradients:
    """Mean loss, penalty and accuracy, the gradients of loss + penalty, and batch statistics."""
    variables, spec = network.variables, network.spec

    def look(chunk: Chunk) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            logits, _ = network.logits(_times_data(chunk.x, chunk.x_transposed))
            loss = summed_cross_entropy(logits, chunk.labels)
        return [loss, count_hits(logits, chunk.labels), *tape.gradient(loss, variables)]

    statistics: list[Statistics] = []
    if network.gammas:
        loss, hits, sums, statistics = normalized_sums(network, batch)
    else:
        zeros = [tf.zeros(variable.shape) for variable in variables]
        loss, hits, *sums = batch.fold(look, [tf.zeros(()), tf.zeros(()), *zeros])
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
    """Mean loss and accuracy of a network in inference mode."""

    def look(chunk: Chunk) -> list[tf.Tensor]:
        logits, _ = network.logits(times(chunk.x), population)
        return [summed_cross_entropy(logits, chunk.labels), count_hits(logits, chunk.labels)]

    loss, hits = data.fold(look, [tf.zeros(()), tf.zeros(())])
    return loss / data.samples, hits / data.samples


def train_lowlevel(
    spec: RunSpec,
    seed: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    chunk: int | None = None,
) -> Training:
    """Train a low-level model on `train` and follow it on `test`, both (x, one-hot labels).

    The look at the training data that gives a step its gradients also gives the metrics of the
    parameters before that step, that is, after the previous epoch; so one more look than steps
    is taken.  Batch normalization is evaluated with the exact statistics of the training set.
    `chunk` samples are taken at a time; how many hardly matters to the results.
    """
    network = Network(spec, seed)
    chunk = chunk or chunk_size(spec)
    # Softmax regression has so little arithmetic that reading the copy would cost more than it
    # saves.  With batch normalization layers are kept, and the room for the copy is theirs.
    copied = bool(spec.hidden) and spec.batch_norm == "none"
    batch = Chunks(*train, chunk, transposed=copied)
    held_out = Chunks(*test, chunk, transposed=False)
    optimizer = OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate)
    optimizer.build(network.variables)
    look = tf.function(lambda: full_batch_gradients(network, batch))
    score = tf.function(lambda population: evaluate(network, held_out, population))
    move = tf.function(lambda gradients: optimizer.apply(gradients, network.variables))

    history, watch, status = History(), Stopwatch(), FINISHED
    progress = Progress(f"{spec.name}, seed {seed}", spec.epochs, "epochs")
    epoch = 0
    for epoch in range(spec.epochs + 1):
        with watch.measure("training"):
            seen = look()
            loss, penalty = float(seen.loss), float(seen.penalty)
        with watch.measure("evaluation"):
            test_loss, test_accuracy = score(seen.statistics)
            history.add(epoch, "train", loss, penalty, float(seen.accuracy))
            history.add(epoch, "test", float(test_loss), penalty, float(test_accuracy))
        if diverged(loss, penalty):
            status = DIVERGED
            break
        progress.update(epoch, f"loss {loss:.4f}")
        if epoch < spec.epochs:
            with watch.measure("training"):
                move(seen.gradients)
    predictions = predict(network, held_out, seen.statistics)
    arrays = network.named_arrays() | {
        f"{name}{layer}": value.numpy()
        for layer, statistics in enumerate(seen.statistics)
        for name, value in statistics._asdict().items()
    }
    return Training(status, epoch, history, predictions, arrays, watch.seconds)


def predict(network: Network, data: Chunks, population: Sequence[Statistics]) -> np.ndarray:
    """The probabilities (10, n) float32 of a network in inference mode."""
    logits = [
        network.logits(times(x), population)[0] for xs, *_ in data.tensors for x in tf.unstack(xs)
    ]
    return tf.transpose(tf.nn.softmax(tf.transpose(tf.concat(logits, axis=1)))).numpy()
