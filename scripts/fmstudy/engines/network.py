"""A low-level net: its variables, and its logits on features-major tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from fmstudy.engines.batchnorm import Statistics, batch_norm_inference, batch_norm_training
from fmstudy.engines.initial import initial_weights
from fmstudy.study.spec import RunSpec

ACTIVATIONS = {"relu": tf.nn.relu, "sigmoid": tf.math.sigmoid}

Product = Callable[[tf.Tensor], tf.Tensor]
Note = Callable[[str, tf.Tensor], None]


class Network:
    """The variables of a low-level net, and its logits.

    coefficients: (units, inputs) per layer; biases: () or (units, 1) per layer; gammas and betas:
    (units, 1) per normalized layer.  Layers normalized before the activation have no bias, since
    beta replaces it.
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
        """Return the current values, by names such as coefficients0, bias1, gamma0."""
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
        self,
        first_product: Product,
        population: Sequence[Statistics] | None = None,
        note: Note = lambda what, tensor: None,
    ) -> tuple[tf.Tensor, list[Statistics]]:
        """Return the logits (classes, n) and, with batch normalization, each layer's statistics.

        `first_product` computes W x for the first layer's W.  With `population` statistics, layers
        are normalized for inference, otherwise for training.  `note` is called with each hidden
        layer's tensors (units, n): "normalizing", the input of batch normalization; "received",
        the input of the activation; "sent", the output of the layer.
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
                note("normalizing", z)
                z, statistics = self.normalized(z, layer, population)
                seen.append(statistics)
            note("received", z)
            h = ACTIVATIONS[spec.activation](z)
            if spec.batch_norm == "after":
                note("normalizing", h)
                h, statistics = self.normalized(h, layer, population)
                seen.append(statistics)
            note("sent", h)
            product = times(h)
        raise AssertionError("every net has a softmax layer")

    def normalized(
        self, x: tf.Tensor, layer: int, population: Sequence[Statistics] | None
    ) -> tuple[tf.Tensor, Statistics]:
        """Normalize a hidden layer; return the output and the statistics used."""
        gamma, beta, epsilon = self.gammas[layer], self.betas[layer], self.spec.bn_epsilon
        if population is None:
            return batch_norm_training(x, gamma, beta, epsilon)
        statistics = population[layer]
        return batch_norm_inference(x, gamma, beta, statistics, epsilon), statistics


def times(x: tf.Tensor) -> Product:
    return lambda coefficients: tf.matmul(coefficients, x)
