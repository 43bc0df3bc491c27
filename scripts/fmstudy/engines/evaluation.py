"""Metrics of saved predictions, in NumPy, independent of the engines."""

from __future__ import annotations

import numpy as np


def accuracy(predictions: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of columns whose largest prediction is that of the labeled class.

    predictions: (10, n) probabilities or logits; labels: (10, n) one-hot.
    """
    return float(np.mean(predictions.argmax(axis=0) == labels.argmax(axis=0)))
