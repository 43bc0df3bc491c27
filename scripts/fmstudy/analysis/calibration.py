"""Calibration: bins of confidence, and the expected calibration error (ECE).

After C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern Neural Networks, ICML
2017, arXiv:1706.04599.  The confidence of a prediction is its largest probability.  Labels are (n,)
integers, predictions (10, n) probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from fmstudy.analysis.results import ModelPredictions
from fmstudy.analysis.statistics import LEVEL

BINS = 15  # as in the paper
_SURE = float(norm.ppf((1 + LEVEL) / 2))  # 1.96
_DRAWS = 1000  # of the ECE under perfect calibration


class Calibration(NamedTuple):
    """A model's calibration: means over its trainings, with 95 % intervals over images.

    gap            mean confidence minus accuracy: positive for an overconfident model
    ece            the usual expected calibration error; it is never negative, so noise alone makes
                   it positive
    ece_corrected  the same, minus the bias from noise
    """

    accuracy: float
    confidence: float
    gap: float
    gap_low: float
    gap_high: float
    ece: float
    ece_smallest: float
    ece_largest: float
    ece_corrected: float
    ece_low: float
    ece_high: float


def confidences(predictions: np.ndarray) -> np.ndarray:
    """Return the largest probability of each image, (n,) float64."""
    largest: np.ndarray = predictions.max(axis=0).astype(np.float64)
    return np.minimum(largest, 1.0)  # which float32 may exceed slightly


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """Return the bin, 0 to 14, of each confidence: bin b is the interval (b/15, (b + 1)/15]."""
    bins: np.ndarray = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(np.intp)
    return bins


def calibration(labels: np.ndarray, predictions: Sequence[np.ndarray]) -> Calibration:
    """Measure the calibration of a model from one or more trainings."""
    confidence = np.stack([confidences(p) for p in predictions])
    right = np.stack([p.argmax(axis=0) == labels for p in predictions])
    return calibrate(confidence, right)


def calibrate(confidence: np.ndarray, right: np.ndarray) -> Calibration:
    """Measure calibration from the confidences and hits of each training, both (trainings, n).

    Let d_b be the sum of (confidence - hit) over the images of bin b, divided by n.  The ECE is the
    sum of |d_b| over the bins, the paper's formula.  In bins whose true d is near 0, noise biases
    the ECE upward.  So the interval is not centered on the ECE itself: d_b is nearly normal with
    known variance, so the mean of |d_b| is known (the folded normal distribution), and the bias at
    the measured d_b is subtracted.  The standard error is that of the mean over images of
    +-(confidence - hit), with the sign of the bin's d, averaged over the trainings first, because
    the sample consists of images, and all trainings use the same ones.  If a perfectly calibrated
    model reaches this ECE by chance (97.5 % quantile), the interval starts at 0.
    `checks.calibration_coverage` measures the coverage of these intervals; that of percentile
    bootstrap intervals is often too low.
    """
    trainings, n = confidence.shape
    excess = confidence - right
    bins = bin_of(confidence) + BINS * np.arange(trainings)[:, np.newaxis]
    cells = trainings * BINS
    d = np.bincount(bins.ravel(), excess.ravel(), cells) / n
    square = np.bincount(bins.ravel(), np.square(excess).ravel(), cells) / n
    deviation = np.sqrt(np.maximum(square - d**2, 0) / n)
    ece = np.abs(d).reshape(trainings, BINS).sum(axis=1)
    noise = folded_mean(np.abs(d), deviation) - np.abs(d)
    corrected = max(0.0, float(ece.mean() - noise.sum() / trainings))
    error = _standard_error((np.sign(d)[bins] * excess).mean(axis=0))
    by_chance = float(ece.mean()) <= _largest_by_chance(excess, bins, cells)
    together = excess.mean(axis=0)
    gap, gap_error = float(together.mean()), _standard_error(together)
    return Calibration(
        accuracy=float(right.mean()),
        confidence=float(confidence.mean()),
        gap=gap,
        gap_low=gap - _SURE * gap_error,
        gap_high=gap + _SURE * gap_error,
        ece=float(ece.mean()),
        ece_smallest=float(ece.min()),
        ece_largest=float(ece.max()),
        ece_corrected=corrected,
        ece_low=0.0 if by_chance else max(0.0, corrected - _SURE * error),
        ece_high=corrected + _SURE * error,
    )


def _standard_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def folded_mean(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return the mean of |X| for normal X (Leone, Nelson, Nottingham, Technometrics 3(4), 1961)."""
    z = np.divide(mean, deviation, out=np.zeros_like(mean), where=deviation > 0)
    folded = 2 * deviation * norm.pdf(z) + mean * (2 * norm.cdf(z) - 1)
    return np.where(deviation > 0, folded, np.abs(mean))


def _largest_by_chance(excess: np.ndarray, bins: np.ndarray, cells: int) -> float:
    """Return the 97.5 % quantile of the ECE if all true gaps are 0, with the same noise."""
    trainings, n = excess.shape
    covariance = np.zeros((cells, cells))
    for one in range(trainings):
        for other in range(trainings):
            pairs = bins[one] * cells + bins[other]
            product = np.bincount(pairs, excess[one] * excess[other], cells**2)
            covariance += product.reshape(cells, cells)
    random = np.random.default_rng(0)  # the same draws for the same results
    values, vectors = np.linalg.eigh(covariance / n**2)
    scaled = vectors * np.sqrt(np.maximum(values, 0))
    drawn = np.abs(random.standard_normal((_DRAWS, cells)) @ scaled.T).sum(axis=1) / trainings
    return float(np.quantile(drawn, (1 + LEVEL) / 2))


def calibration_table(labels: np.ndarray, predicted: Sequence[ModelPredictions]) -> pd.DataFrame:
    """One row per model: accuracy, mean confidence, their gap, and the ECE with its interval.

    `seeds` counts all trainings, `diverged` the excluded ones.  ece_min and ece_max are over seeds.
    """
    renamed = {"ece_smallest": "ece_min", "ece_largest": "ece_max"}
    columns = [renamed.get(name, name) for name in Calibration._fields]
    rows = []
    for model in predicted:
        found = {}
        if model.predictions:
            measured = calibration(labels, model.predictions)
            found = dict(zip(columns, measured, strict=True))
        rows.append(model.model_columns() | {"images": len(labels)} | found)
    return pd.DataFrame(rows, columns=[*ModelPredictions.COLUMNS, "images", *columns])
