"""Simulates how often the intervals of `calibration` contain the true ECE.

The calibration of the simulated models is known: confidences follow mixtures of two Beta
distributions, similar to those of the study's models, and the probability of a hit is a known
function of the confidence.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta, norm

from fmstudy.analysis.calibration import BINS, bin_of, calibrate

IMAGES = 10_000
_GRID = (np.arange(20_000) + 0.5) / 20_000


class Scenario(NamedTuple):
    """A simulated model: its confidences and accuracies.

    shape   of the confidences: sharp (most near 1, as in Keras models), middle, flat (as in
            softmax regression)
    slope, shift   the probability of a hit is expit(slope * logit(confidence) + shift); 1 and 0
            is perfect calibration
    trainings   number of trainings tested on the same images
    """

    shape: str
    slope: float
    shift: float
    trainings: int = 1


SCENARIOS = (
    Scenario("sharp", 0.8, 0.2),
    Scenario("sharp", 0.75, 0.0),
    Scenario("sharp", 0.6, 0.4),
    Scenario("sharp", 1.2, 0.1),
    Scenario("sharp", 1.0, -0.15),
    Scenario("middle", 0.9, 0.0),
    Scenario("middle", 1.0, -0.15),
    Scenario("middle", 0.75, 0.0),
    Scenario("middle", 0.6, 0.4),
    Scenario("flat", 0.9, 0.0),
    Scenario("flat", 1.0, -0.15),
    Scenario("flat", 0.6, 0.4),
    Scenario("sharp", 0.75, 0.0, trainings=3),
    Scenario("middle", 0.75, 0.0, trainings=3),
    Scenario("flat", 1.0, -0.15, trainings=3),
    Scenario("middle", 1.0, 0.0),
    Scenario("middle", 1.0, 0.0, trainings=3),
)

# Fraction of confident images, Beta distribution of their confidences, and that of the others.
_SHAPES = {
    "sharp": (0.75, (20, 0.35), (4, 3)),
    "middle": (0.6, (6, 0.5), (4, 3)),
    "flat": (0.6, (3, 1.2), (4, 3)),
}


def _quantiles(shape: str) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the fraction of confident images and the quantiles of both groups' confidences."""
    share, sure, unsure = _SHAPES[shape]
    scaled = (np.clip(0.1 + 0.9 * beta.ppf(_GRID, *p), 0.1, 1 - 1e-7) for p in (sure, unsure))
    return share, *scaled


def true_ece(scenario: Scenario) -> float:
    """Compute the binned ECE of a simulated model by summing over its quantiles."""
    share, *groups = _quantiles(scenario.shape)
    d = np.zeros(BINS)
    for weight, confidence in zip((share, 1 - share), groups, strict=True):
        excess = confidence - _hit_probability(scenario, confidence)
        d += weight * np.bincount(bin_of(confidence), excess, BINS) / len(confidence)
    return float(np.abs(d).sum())


def _hit_probability(scenario: Scenario, confidence: np.ndarray) -> np.ndarray:
    probability: np.ndarray = expit(scenario.slope * logit(confidence) + scenario.shift)
    return probability


def coverage(scenario: Scenario, repetitions: int, seed: int) -> dict[str, Any]:
    """Simulate one model: how often the 95 % interval contains the true value, and how it misses.

    below and above are the fractions of intervals entirely below and above the true value.
    """
    random = np.random.default_rng([seed, 15])
    share, sure, unsure = _quantiles(scenario.shape)
    truth = true_ece(scenario)
    found = np.empty((repetitions, 4))
    for repetition in range(repetitions):
        # The trainings agree on which images are easy, and mostly on which they classify correctly.
        size = (scenario.trainings, IMAGES)
        easy = random.random(IMAGES) < share
        level = norm.cdf(np.sqrt(0.7) * random.standard_normal(IMAGES)
                         + np.sqrt(0.3) * random.standard_normal(size))  # fmt: skip
        confidence = np.where(easy, np.interp(level, _GRID, sure), np.interp(level, _GRID, unsure))
        right = random.random(IMAGES) < _hit_probability(scenario, confidence)
        one = calibrate(confidence, right)
        found[repetition] = one.ece, one.ece_corrected, one.ece_low, one.ece_high
    ece, corrected, low, high = found.T
    return {
        **scenario._asdict(),
        "true_ece": truth,
        "mean_ece": float(ece.mean()),
        "mean_corrected": float(corrected.mean()),
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
        "below": float(np.mean(high < truth)),
        "above": float(np.mean(low > truth)),
        "width": float((high - low).mean()),
    }


def simulate_ece_coverage(repetitions: int, seed: int) -> dict[str, Any]:
    """Measure the coverage of the 95 % interval of the ECE, with 10,000 images.

    Returns the mean, lowest and highest coverage over the scenarios, the standard error of a single
    coverage, and the results of each scenario.  17 scenarios of 100 repetitions take about 8
    seconds.
    """
    found = [coverage(scenario, repetitions, seed) for scenario in SCENARIOS]
    covered = [scenario["coverage"] for scenario in found]
    return {
        "nominal": 0.95,
        "repetitions": repetitions,
        "images": IMAGES,
        "mean": float(np.mean(covered)),
        "lowest": min(covered),
        "highest": max(covered),
        "standard_error": float(np.sqrt(0.95 * 0.05 / repetitions)),
        "scenarios": found,
    }
