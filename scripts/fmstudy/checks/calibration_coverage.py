"""Simulates how often the intervals of `calibration` contain the true ECE.

The calibration of the simulated models is known.  Confidences follow mixtures of two Beta
distributions, similar to those of the study's models.
"""

from __future__ import annotations

from typing import NamedTuple

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


SCENARIOS = [
    *(Scenario("sharp", *it) for it in ((0.8, 0.2), (0.75, 0.0), (0.6, 0.4), (1.2, 0.1))),
    Scenario("sharp", 1.0, -0.15),
    *(Scenario("middle", *it) for it in ((0.9, 0.0), (1.0, -0.15), (0.75, 0.0), (0.6, 0.4))),
    *(Scenario("flat", *it) for it in ((0.9, 0.0), (1.0, -0.15), (0.6, 0.4))),
    Scenario("sharp", 0.75, 0.0, trainings=3),
    Scenario("middle", 0.75, 0.0, trainings=3),
    Scenario("flat", 1.0, -0.15, trainings=3),
    Scenario("middle", 1.0, 0.0),
    Scenario("middle", 1.0, 0.0, trainings=3),
]

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


def coverage(scenario: Scenario, repetitions: int, seed: int) -> float:
    """Simulate one model: the fraction of 95 % intervals that contain the true value."""
    random = np.random.default_rng([seed, 15])
    share, sure, unsure = _quantiles(scenario.shape)
    truth = true_ece(scenario)
    held = 0
    for _ in range(repetitions):
        # The trainings agree on which images are easy, and mostly on which they classify correctly.
        size = (scenario.trainings, IMAGES)
        easy = random.random(IMAGES) < share
        level = norm.cdf(np.sqrt(0.7) * random.standard_normal(IMAGES)
                         + np.sqrt(0.3) * random.standard_normal(size))  # fmt: skip
        confidence = np.where(easy, np.interp(level, _GRID, sure), np.interp(level, _GRID, unsure))
        right = random.random(IMAGES) < _hit_probability(scenario, confidence)
        found = calibrate(confidence, right)
        held += found.ece_low <= truth <= found.ece_high
    return held / repetitions


def simulate_ece_coverage(repetitions: int, seed: int) -> list[float]:
    """Measure the coverage of the 95 % interval of the ECE, with 10,000 images, by scenario.

    100 repetitions take half a second per scenario.
    """
    return [coverage(scenario, repetitions, seed) for scenario in SCENARIOS]
