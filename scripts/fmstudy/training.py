"""Full-batch training of the low-level models, in the stable and fast form.

A full-batch gradient is a sum over samples, so it may be added up chunk by chunk: the same
gradient to rounding, while the activations of a chunk stay in the processor's cache.  With
batch normalization a unit's statistics need the whole batch at once; then the batch is one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fmstudy.batchnorm import Statistics, batch_norm_inference, batch_norm_training
from fmstudy.device import OPTIMIZERS
from fmstudy.initial import initial_weights
from fmstudy.lowlevel import count_hits, penalty_of, summed_cross_entropy
from fmstudy.records import DIVERGED, FINISHED, History, Stopwatch, Training, diverged
from fmstudy.runtime import Progress
from fmstudy.spec import RunSpec

CHUNK = 1_000  # samples; 300 units of them are 1.2 MB, which a core's own cache holds

ACTIVATIONS = {"relu": tf.nn.relu, "sigmoid": tf.math.sigmoid}

Product = Callable[[tf.Tensor], tf.Tensor]


class Network:
    """The variables of a low-level net, and its logits.

    coefficients: (units, inputs) a layer; biases: () or (units, 1); gammas and betas: (units, 1)
    a normalized layer.  A layer normalized before its activation has no bias: beta takes its part.
    """

    def __init__(self, spec: RunSpec, seed: int) -> None:
        self.spec = spec
        weights = initial_weights(spec, seed)
        normalized = [] if spec.batch_norm == "none" else weights[:-1]
        self.coefficients = [tf.Variable(w, name=f"coefficients{i}") for i, w in enumerate(weights)]
        unbiased = len(weights) - 1 if spec.batch_norm == "before" else 0
        self.biases: list[tf.Variable | None] = [None] * unbiased
        self.biases += [
            tf.Variable(tf.zeros((w.shape[0], 1)) if spec.bias == "vector" else 0.0)
            for w in weights[unbiased:]
        ]
        self.gammas = [tf.Variable(tf.ones((w.shape[0], 1))) for w in normalized]
        self.betas = [tf.Variable(tf.zeros((w.shape[0], 1))) for w in normalized]

    @property
    def variables(self) -> list[tf.Variable]:
        """Everything that training changes."""
        biases = [bias for bias in self.biases if bias is not None]
        return [*self.coefficients, *biases, *self.gammas, *self.betas]

    def named_arrays(self) -> dict[str, np.ndarray]:
        """The present values, by names such as coefficients0, bias1, gamma0."""
        groups = {
            "coefficients": self.coefficients,
            "bias": self.biases,
            "gamma": self.gammas,
            "beta": self.betas,
        }
        return {
            f"{name}{layer}": variable.numpy()
            for name, variables in groups.items()
            for layer, variable in enumerate(variables)
            if variable is not None
        }

    def logits(
        self, first_product: Product, population: Sequence[Statistics] | None = None
    ) -> tuple[tf.Tensor, list[Statistics]]:
        """The logits (10, n) and, with batch normalization, each hidden layer's batch statistics.

        `first_product` gives W x for the first layer's W.  With `population` statistics the
        layers are normalized for inference, without for training.
        """
        spec, product = self.spec, first_product
        seen: list[Statistics] = []
        for layer, coefficients in enumerate(self.coefficients):
            z = product(coefficients)
            if self.biases[layer] is not None:
                z = z + self.biases[layer]
            if layer == len(self.coefficients) - 1:
                return z, seen
            if spec.batch_norm == "before":
                z, statistics = self.normalized(z, layer, population)
                seen.append(statistics)
            h = ACTIVATIONS[spec.activation](z)
            if spec.batch_norm == "after":
                h, statistics = self.normalized(h, layer, population)
                seen.append(statistics)
            product = _times(h)
        raise AssertionError("a net has at least its softmax layer")

    def normalized(
        self, x: tf.Tensor, layer: int, population: Sequence[Statistics] | None
    ) -> tuple[tf.Tensor, Statistics]:
        """Batch normalization of hidden layer `layer`; the output and the statistics used."""
        gamma, beta, epsilon = self.gammas[layer], self.betas[layer], self.spec.bn_epsilon
        if population is None:
            return batch_norm_training(x, gamma, beta, epsilon)
        statistics = population[layer]
        return batch_norm_inference(x, gamma, beta, statistics, epsilon), statistics


def _times(x: tf.Tensor) -> Product:
    return lambda coefficients: tf.matmul(coefficients, x)


def _times_data(x: tf.Tensor, x_transposed: tf.Tensor | None) -> Product:
    """W x, whose gradient dZ x^T is taken with a samples-major copy of x, if there is one.

    The product dZ (units, n) times a transposed (features, n) is the slow one of the step; with
    the copy it runs at the speed of the others.
    """
    if x_transposed is None:
        return _times(x)

    @tf.custom_gradient
    def product(coefficients: tf.Tensor) -> tuple[tf.Tensor, Product]:
        def gradient(dz: tf.Tensor) -> tf.Tensor:
            return tf.matmul(dz, x_transposed)

        return tf.matmul(coefficients, x), gradient

    return lambda coefficients: product(tf.convert_to_tensor(coefficients))


class Chunks:
    """Samples cut into chunks of columns: x (features, n) and labels (10, n), n a multiple or not.

    The last chunk is shorter where `size` does not divide n.
    """

    def __init__(self, x: np.ndarray, labels: np.ndarray, size: int, transposed: bool) -> None:
        self.samples = x.shape[1]
        size = min(size, self.samples)
        whole = self.samples // size
        self.parts = [(0, whole, size)]
        if self.samples % size:
            self.parts.append((whole * size, 1, self.samples % size))
        self.tensors = [
            (
                _stacked(x, start, count, width),
                _stacked(x, start, count, width, turned=True) if transposed else None,
                _stacked(labels, start, count, width),
            )
            for start, count, width in self.parts
        ]

    def fold(self, function: Callable, state: list[tf.Tensor]) -> list[tf.Tensor]:
        """Add `function(x, x_transposed, labels)` of every chunk to `state`, in fixed order."""
        for x, x_transposed, labels in self.tensors:

            def body(
                i: tf.Tensor,
                state: list[tf.Tensor],
                x: tf.Tensor = x,
                x_transposed: tf.Tensor | None = x_transposed,
                labels: tf.Tensor = labels,
            ) -> tuple[tf.Tensor, list[tf.Tensor]]:
                turned = None if x_transposed is None else x_transposed[i]
                added = function(x[i], turned, labels[i])
                return i + 1, [old + new for old, new in zip(state, added, strict=True)]

            _, state = tf.while_loop(
                lambda i, _, count=x.shape[0]: i < count, body, (0, state), parallel_iterations=1
            )
        return state


def _stacked(
    array: np.ndarray, start: int, count: int, width: int, turned: bool = False
) -> tf.Tensor:
    """Columns start.. of `array` as (count, rows, width), or (count, width, rows) if turned."""
    columns = array[:, start : start + count * width].reshape(array.shape[0], count, width)
    return tf.constant(np.ascontiguousarray(columns.transpose((1, 2, 0) if turned else (1, 0, 2))))


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

    def chunk(x: tf.Tensor, x_transposed: tf.Tensor | None, labels: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            logits, statistics = network.logits(_times_data(x, x_transposed))
            loss = summed_cross_entropy(logits, labels)
        flat = [value for layer in statistics for value in layer]
        return [loss, count_hits(logits, labels), *tape.gradient(loss, variables), *flat]

    start = [tf.zeros(()), tf.zeros(()), *(tf.zeros(v.shape) for v in variables)]
    start += [tf.zeros(gamma.shape) for gamma in network.gammas for _ in Statistics._fields]
    loss, hits, *rest = batch.fold(chunk, start)
    sums, flat = rest[: len(variables)], rest[len(variables) :]
    with tf.GradientTape() as tape:
        penalty = penalty_of(spec.penalty, network.coefficients, spec.delta)
    added = tape.gradient(penalty, variables, unconnected_gradients="zero")
    n = batch.samples
    return Gradients(
        loss / n,
        penalty,
        hits / n,
        [total / n + extra for total, extra in zip(sums, added, strict=True)],
        [Statistics(*flat[i : i + 2]) for i in range(0, len(flat), 2)],
    )


def evaluate(
    network: Network, data: Chunks, population: Sequence[Statistics]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean loss and accuracy of a network in inference mode."""

    def chunk(x: tf.Tensor, _transposed: None, labels: tf.Tensor) -> list[tf.Tensor]:
        logits, _ = network.logits(_times(x), population)
        return [summed_cross_entropy(logits, labels), count_hits(logits, labels)]

    loss, hits = data.fold(chunk, [tf.zeros(()), tf.zeros(())])
    return loss / data.samples, hits / data.samples


def train_lowlevel(
    spec: RunSpec,
    seed: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    chunk: int = CHUNK,
) -> Training:
    """Train a low-level model on `train` and follow it on `test`, both (x, one-hot labels).

    The look at the training data that gives a step its gradients also gives the metrics of the
    parameters before that step, that is, after the previous epoch; so one more look than steps
    is taken.  Batch normalization is evaluated with the exact statistics of the training set.
    """
    network = Network(spec, seed)
    # Statistics of a batch need the batch whole.
    size = train[0].shape[1] if spec.batch_norm != "none" else chunk
    # Softmax regression has so little arithmetic that reading the copy would cost more than it
    # saves.
    batch = Chunks(*train, size, transposed=bool(spec.hidden))
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
    predictions = predict(network, test[0], seen.statistics)
    arrays = network.named_arrays() | {
        f"{name}{layer}": value.numpy()
        for layer, statistics in enumerate(seen.statistics)
        for name, value in statistics._asdict().items()
    }
    return Training(status, epoch, history, predictions, arrays, watch.seconds)


def predict(network: Network, x: np.ndarray, population: Sequence[Statistics]) -> np.ndarray:
    """The probabilities (10, n) float32 of a network in inference mode."""
    logits, _ = network.logits(_times(tf.constant(x)), population)
    return tf.transpose(tf.nn.softmax(tf.transpose(logits))).numpy()
