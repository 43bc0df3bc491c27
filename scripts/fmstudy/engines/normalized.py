"""Full-batch gradients through batch normalization, chunk by chunk.

A unit's statistics depend on the whole batch, so a chunk cannot pass through a normalized net from
the images to the loss and back.  Instead, each layer is computed in one sweep over the chunks.
Between sweeps, only each layer's values before normalization (units, n), and later the gradient
w.r.t. its normalized values, are stored.  Computing the whole batch at once would need many more
arrays that exceed the cache.

The gradients are those of Ioffe and Szegedy (2015, arXiv:1502.03167, section 3): with
u the values of a unit before normalization, u_hat = (u - mean) / sqrt(variance + epsilon),
y = gamma u_hat + beta, and n samples,

    d gamma = sum(dy u_hat)    d beta = sum(dy)
    du = gamma / sqrt(variance + epsilon) (dy - (d beta + u_hat d gamma) / n)
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from fmstudy.engines.batchnorm import Statistics
from fmstudy.engines.chunks import Chunk, Chunks
from fmstudy.engines.lowlevel import count_hits, cross_entropy_and_gradient
from fmstudy.engines.network import ACTIVATIONS, Network

# Backpropagate through an activation, given its output gradient and its output.
_BACKWARD = {
    "relu": lambda da, a: tf.raw_ops.ReluGrad(gradients=da, features=a),
    "sigmoid": lambda da, a: tf.raw_ops.SigmoidGrad(y=a, dy=da),
}


class Sums(NamedTuple):
    """Sums of loss, hits and gradients over all samples, and each layer's statistics."""

    loss: tf.Tensor
    hits: tf.Tensor
    gradients: list[tf.Tensor]
    statistics: list[Statistics]


def normalized_sums(network: Network, batch: Chunks) -> Sums:
    """Compute the forward and backward pass of a net with batch normalization.

    Gradients are in the order of `network.variables`; statistics are those of the batch.
    """
    return _Passes(network, batch).sums()


class _Passes:
    """The passes over one batch, with each layer's values before normalization and statistics."""

    def __init__(self, network: Network, batch: Chunks) -> None:
        self.network, self.batch, self.spec = network, batch, network.spec
        self.first = batch.layout(network.coefficients[0])
        self.values: list[tf.TensorArray] = []  # u of each hidden layer
        self.statistics: list[Statistics] = []

    def sums(self) -> Sums:
        network, layers = self.network, len(self.network.coefficients)
        for layer in range(layers - 1):
            self._forward(layer)
        loss, hits, dy, gradients = self._backward_from_loss(layers - 1)
        weights, biases, *affine = ([gradient] for gradient in gradients)
        for layer in reversed(range(layers - 1)):
            dy, gradients = self._backward(layer, dy, *(found[0] for found in affine))
            for found, gradient in zip((weights, biases, *affine), gradients, strict=False):
                found.insert(0, gradient)
        weights[0] = self.batch.layout(weights[0])
        kept = [db for db, bias in zip(biases, network.biases, strict=True) if bias is not None]
        return Sums(loss, hits, [*weights, *kept, *affine[0], *affine[1]], self.statistics)

    # ------------------------------------------------------------------------------- forward
    def _forward(self, layer: int) -> None:
        """Compute a layer's values before normalization, their mean and biased variance."""
        units, n = self.network.gammas[layer].shape, self.batch.samples

        def values(chunk: Chunk, state: list) -> list:
            kept, total = state
            u = self._product(layer, chunk, self._input(layer, chunk))
            if self.spec.batch_norm == "after":
                u = ACTIVATIONS[self.spec.activation](u)
            total += tf.math.reduce_sum(u, axis=1, keepdims=True)
            return [kept.write(chunk.index, u), total]

        kept, total = self.batch.sweep(values, [self._array(layer), tf.zeros(units)])
        mean = total / n

        def deviations(chunk: Chunk) -> list[tf.Tensor]:
            u = kept.read(chunk.index)
            return [tf.math.reduce_sum(tf.math.square(u - mean), axis=1, keepdims=True)]

        [squares] = self.batch.fold(deviations, [tf.zeros(units)])
        self.values.append(kept)
        self.statistics.append(Statistics(mean, squares / n))

    def _product(self, layer: int, chunk: Chunk, h: tf.Tensor | None) -> tf.Tensor:
        """W h + b of a layer."""
        if h is None:
            z = chunk.product(self.first)
        else:
            z = tf.matmul(self.network.coefficients[layer], h)
        bias = self.network.biases[layer]
        return z if bias is None else z + bias

    def _input(self, layer: int, chunk: Chunk) -> tf.Tensor | None:
        """The output of the layer below; None for the images, which only `Chunk.product` uses."""
        if layer == 0:
            return None
        y = self._normalized(layer - 1, chunk)
        return ACTIVATIONS[self.spec.activation](y) if self.spec.batch_norm == "before" else y

    def _normalized(self, layer: int, chunk: Chunk) -> tf.Tensor:
        """The normalized values y of a hidden layer."""
        return self.network.normalized(
            self.values[layer].read(chunk.index), layer, self.statistics
        )[0]

    # ------------------------------------------------------------------------------ backward
    def _backward_from_loss(self, layer: int) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray, list]:
        """Compute loss and hits, and backpropagate through the softmax layer."""

        def back(chunk: Chunk, state: list) -> list:
            kept, loss, hits, *sums = state
            h = self._input(layer, chunk)
            logits = self._product(layer, chunk, h)
            added, dz = cross_entropy_and_gradient(logits, chunk.labels)
            kept, sums = self._through_product(layer, dz, h, chunk, kept, sums)
            return [kept, loss + added, hits + count_hits(logits, chunk.labels), *sums]

        start = [self._array(layer - 1), tf.zeros(()), tf.zeros(()), *self._zeros(layer)]
        kept, loss, hits, *sums = self.batch.sweep(back, start)
        return loss, hits, kept, sums

    def _backward(
        self, layer: int, dys: tf.TensorArray, dgamma: tf.Tensor, dbeta: tf.Tensor
    ) -> tuple[tf.TensorArray, list]:
        """Backpropagate through a hidden layer, given the gradients of its normalized values."""
        mean, variance = self.statistics[layer]
        deviation = tf.math.rsqrt(variance + self.spec.bn_epsilon)
        scale, n = self.network.gammas[layer] * deviation, self.batch.samples

        def back(chunk: Chunk, state: list) -> list:
            kept, *sums = state
            u = self.values[layer].read(chunk.index)
            u_hat = (u - mean) * deviation
            dz = scale * (dys.read(chunk.index) - (dbeta + u_hat * dgamma) / n)
            if self.spec.batch_norm == "after":
                dz = _BACKWARD[self.spec.activation](dz, u)
            h = self._input(layer, chunk)
            kept, sums = self._through_product(layer, dz, h, chunk, kept, sums)
            return [kept, *sums]

        kept, *sums = self.batch.sweep(back, [self._array(max(layer - 1, 0)), *self._zeros(layer)])
        return kept, sums

    def _through_product(
        self,
        layer: int,
        dz: tf.Tensor,
        h: tf.Tensor | None,
        chunk: Chunk,
        kept: tf.TensorArray,
        sums: list,
    ) -> tuple[tf.TensorArray, list]:
        """Backpropagate dz through W h + b to W, b, and the normalized layer below."""
        dw, db, *affine = sums
        by_unit = self.spec.bias == "vector"
        db += tf.math.reduce_sum(dz, axis=1, keepdims=True) if by_unit else tf.math.reduce_sum(dz)
        if h is None:
            return kept, [dw + chunk.gradient(dz), db]
        dw += tf.matmul(dz, h, transpose_b=True)
        dy = tf.matmul(self.network.coefficients[layer], dz, transpose_a=True)
        if self.spec.batch_norm == "before":
            dy = _BACKWARD[self.spec.activation](dy, h)
        mean, variance = self.statistics[layer - 1]
        u = self.values[layer - 1].read(chunk.index)
        u_hat = (u - mean) * tf.math.rsqrt(variance + self.spec.bn_epsilon)
        dgamma, dbeta = affine
        dgamma += tf.math.reduce_sum(dy * u_hat, axis=1, keepdims=True)
        dbeta += tf.math.reduce_sum(dy, axis=1, keepdims=True)
        return kept.write(chunk.index, dy), [dw, db, dgamma, dbeta]

    def _zeros(self, layer: int) -> list[tf.Tensor]:
        """Zero gradients of W and b, and of gamma and beta of the layer below."""
        weights = (self.first if layer == 0 else self.network.coefficients[layer]).shape
        bias = (self.network.coefficients[layer].shape[0], 1) if self.spec.bias == "vector" else ()
        below = [] if layer == 0 else 2 * [self.network.gammas[layer - 1].shape]
        return [tf.zeros(shape) for shape in (weights, bias, *below)]

    def _array(self, layer: int) -> tf.TensorArray:
        """A TensorArray for one hidden layer's values, (units, samples) per chunk."""
        return tf.TensorArray(
            tf.float32,
            self.batch.count,
            clear_after_read=False,  # values are read more than once
            infer_shape=False,  # the last chunk may be shorter
            element_shape=(self.network.gammas[layer].shape[0], None),
        )
