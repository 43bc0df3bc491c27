"""Metrics of saved predictions, in NumPy float64, independent of the engines."""

from __future__ import annotations

import numpy as np

_TINIEST = np.finfo(np.float32).tiny  # predictions are float32: an exact 0 stands for less


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> float:
    """The share of columns whose largest prediction is at the labelled class.

    predictions: (10, n) probabilities or logits; labels: (10, n) one-hot.
    """
    return float(np.mean(predictions.argmax(axis=0) == labels.argmax(axis=0)))


def mean_cross_entropy(predictions: np.ndarray, labels: np.ndarray) -> float:
    """The mean over samples of -log of the probability given to the labelled class, in nats.

    predictions: (10, n) probabilities; labels: (10, n) one-hot.  A probability that float32
    rounds to 0 counts as the smallest normal float32, 1.2e-38 (a loss of 87.3).
    """
    classes = labels.argmax(axis=0)
    chosen = predictions[classes, np.arange(classes.size)].astype(np.float64)
    return float(np.mean(-np.log(np.maximum(chosen, _TINIEST))))
