"""One Keras model, trained with one source of randomness varied at a time.

The sources are those of Bouthillier et al. 2021 that this study has, and rounding:

weights    the initial weights
order      the order of the samples, and so the batches
dropout    the dropout masks, of the same net with dropout
images     the training images: a bootstrap sample of them, as many as there are
rounding   the last bit of every initial weight
all        all of these

Whatever a training does not vary is the same in every training.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fmstudy.engines.cost import TOTAL
from fmstudy.engines.initial import batch_order, initial_weights
from fmstudy.engines.keras_models import (
    build_model,
    compiled_epoch,
    predict,
    set_coefficients,
)
from fmstudy.experiments.common import Data, Row, row
from fmstudy.study.spec import RunSpec

FIXED = 0  # the seed of what a training does not vary
_IMAGES, _ROUNDING = 2, 3  # purposes of random numbers, after those of `engines.initial`


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train the model once per source; return test metrics after the epochs in `at`."""
    spec = RunSpec.from_dict(settings["spec"])
    plain = Net(spec, FIXED, data)
    rows: list[Row] = []
    for source in settings["sources"]:
        net = plain
        if source == "dropout":
            net = Net(spec.varied(dropout=settings["dropout"]), seed, data)
        elif source == "all" and spec.dropout:
            net = Net(spec, seed, data)
        rows += train(net, source, seed, settings["at"], data)
    return rows


class Net:
    """A Keras model and its compiled epoch, which can start again; `seed` is that of dropout."""

    def __init__(self, spec: RunSpec, seed: int, data: Data) -> None:
        assert spec.batch_size is not None
        self.spec, self.size = spec, spec.batch_size
        self.model = build_model(spec, seed)
        targets = tf.argmax(data.fitted.labels, axis=1)
        self.epoch = compiled_epoch(self.model, (data.fitted.x, targets), self.size)
        self.variables = [*self.model.variables, *self.model.optimizer.variables]
        self.start = [variable.numpy() for variable in self.variables]

    def restart(self, weights: Sequence[np.ndarray]) -> None:
        """Start a training with these initial weights, (units, inputs) for each layer."""
        for variable, value in zip(self.variables, self.start, strict=True):
            variable.assign(value)
        set_coefficients(self.model, weights)


def train(net: Net, source: str, seed: int, at: Sequence[int], data: Data) -> list[Row]:
    """Train a net with one source varied, or all; return test metrics after the epochs in `at`."""

    def varies(name: str) -> bool:
        return source in (name, "all")

    spec, count = net.spec, len(data.fitted)
    weights = initial_weights(spec, seed if varies("weights") else FIXED)
    net.restart(nudged(weights, seed) if varies("rounding") else weights)
    images = resampled(count, seed) if varies("images") else np.arange(count)
    rows: list[Row] = []
    for epoch in range(1, max(at) + 1):
        order = batch_order(count, seed if varies("order") else FIXED, epoch)
        net.epoch(tf.constant(images[order].astype(np.int32)))
        TOTAL.add(count, spec.step_arithmetic, steps=-(-count // net.size))
        if epoch in at:
            rows += test_metrics(net, data, source=source, epoch=epoch)
    return rows


def resampled(count: int, seed: int) -> np.ndarray:
    """Return a bootstrap sample of so many images: their places, (count,), with repetitions."""
    return np.random.default_rng([seed, _IMAGES]).integers(count, size=count)


def nudged(weights: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Return float32 weights moved to the next number above or below, at random."""
    moved = []
    for layer, values in enumerate(weights):
        up = np.random.default_rng([seed, _ROUNDING, layer]).random(values.shape) < 0.5
        towards = np.where(up, np.inf, -np.inf).astype(values.dtype)
        moved.append(np.nextafter(values, towards))
    return moved


def test_metrics(net: Net, data: Data, **keys: Any) -> list[Row]:
    """Return loss and accuracy on the test images, with their standard errors for other images."""
    labels = np.argmax(data.test.labels, axis=1)
    logits = predict(net.model, data.test.x)
    TOTAL.add(len(data.test), net.spec.forward_arithmetic)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    losses = losses.numpy().astype(np.float64)
    accuracy = float(np.mean(logits.argmax(axis=1) == labels))
    measures = {
        "test_loss": losses.mean(),
        "test_accuracy": accuracy,
        "test_loss_error": losses.std(ddof=1) / math.sqrt(len(losses)),
        "test_accuracy_error": math.sqrt(accuracy * (1.0 - accuracy) / len(losses)),
    }
    return [row(measure, value, **keys) for measure, value in measures.items()]
