"""Intervals and tests: the uncertainty of a number, and whether two models differ.

The test accuracy of a trained network depends on two random draws: of the seed, and of the test
images.  The question determines which of them matters.

- One run on other images: `share_interval`, `mcnemar`.  They ignore other seeds.
- Another seed on the same images: `over_seeds`; `Estimate.another_run` for one further run.
- Another seed and other images, as in "A is better than B": `over_seeds_and_images`.

Few seeds say little about a variance, so verdicts use `moderated` estimates, whose variance borrows
from estimates of the same kind.  The training images are fixed; no interval accounts for other
training data.

All intervals are two-sided 95 % intervals.  `checks.simulation` tests their coverage.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

# Functions of the beta distribution, of the normal distribution, and of Student's t.
from scipy.special import betainc, betainccinv, betaincinv, ndtri, stdtr, stdtrit

# scipy.optimize is slow to import, so only the functions that need it do.

LEVEL = 0.95
ALPHA = 1.0 - LEVEL


@dataclass(frozen=True)
class Estimate:
    """A number with its standard errors from the trainings and from the test images.

    error, freedom              of the trainings, with its (few) degrees of freedom
    image_error, image_freedom  of the test images, or of another source of error; 0 without one
    trainings                   how many trainings the value averages: a single one deviates by
                                sqrt(trainings) times the error

    With a single error, intervals and p-values are Student's t.  With both, the half-width is the
    root sum of squares of their half-widths (S. K. Banerjee, Sankhya 22 (1960)), which keeps its
    level for any ratio of the two and is conservative.  The usual approximation, Satterthwaite's
    degrees of freedom of the sum, fails if one of them has two degrees of freedom and the level is
    small: it mistakes trainings that agree by chance for trainings with low variance.  With an
    error of 0 (all replicates equal) there is no uncertainty.
    """

    value: float
    error: float
    freedom: float
    image_error: float = 0.0
    image_freedom: float = math.inf
    trainings: float = 1.0

    @property
    def variance(self) -> float:
        """The variance of a single training."""
        return self.error**2 * self.trainings

    def another_run(self) -> float:
        """Return the possible deviation of one further run from the value, on the same images.

        Half the width of the 95 % prediction interval, t s sqrt(1 + 1/n) for n trainings.
        """
        deviation = math.sqrt(self.variance * (1.0 + 1.0 / self.trainings))
        return _quantile(self.freedom, ALPHA) * deviation

    def two_runs(self, alpha: float = ALPHA) -> float:
        """Return the possible difference of two single runs on the same images, t s sqrt(2)."""
        return _quantile(self.freedom, alpha) * math.sqrt(2.0 * self.variance)

    def half_width(self, alpha: float = ALPHA) -> float:
        """Return half the width of the two-sided interval of level 1 - `alpha`."""
        return math.hypot(
            _quantile(self.freedom, alpha) * self.error,
            _quantile(self.image_freedom, alpha) * self.image_error,
        )

    @property
    def low(self) -> float:
        """The lower end of the 95 % interval."""
        return self.value - self.half_width()

    @property
    def high(self) -> float:
        """The upper end of the 95 % interval."""
        return self.value + self.half_width()

    def p_differs(self, threshold: float = 0.0) -> float:
        """Return the two-sided p-value of the hypothesis "the true value is `threshold`".

        It is the alpha for which the interval just reaches the threshold.
        """
        distance = abs(self.value - threshold)
        if distance == 0.0:
            return 1.0
        if self.half_width(_SMALLEST) < distance:  # an error of 0 or almost 0
            return 0.0
        if self.image_error == 0.0:
            return 2.0 * float(stdtr(self.freedom, -distance / self.error))
        from scipy.optimize import brentq

        def excess(level: float) -> float:
            return self.half_width(math.exp(level)) - distance

        return math.exp(brentq(excess, math.log(_SMALLEST), 0.0))

    def p_above(self, threshold: float = 0.0) -> float:
        """Return the one-sided p-value of "the true value is at most `threshold`"."""
        half = self.p_differs(threshold) / 2.0
        return half if self.value >= threshold else 1.0 - half

    def p_below(self, threshold: float = 0.0) -> float:
        """Return the one-sided p-value of "the true value is at least `threshold`"."""
        return (-self).p_above(-threshold)

    def p_inside(self, low: float, high: float) -> float:
        """Return the p-value of "the true value lies outside low to high".

        Two one-sided tests: D. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987).
        """
        return max(self.p_above(low), self.p_below(high))

    def p_outside(self, low: float, high: float) -> float:
        """Return the p-value of "the true value lies within low to high"."""
        return min(self.p_below(low), self.p_above(high))

    def __neg__(self) -> Estimate:
        return replace(self, value=-self.value)


_SMALLEST = 1e-200  # p-values below this are 0


def _quantile(freedom: float, alpha: float) -> float:
    """Return the two-sided quantile of Student's t; normal for infinite degrees of freedom."""
    return -float(ndtri(alpha / 2.0) if math.isinf(freedom) else stdtrit(freedom, alpha / 2.0))


@dataclass(frozen=True)
class Sample:
    """One metric of one model: a value per seed and, if available, values by test image.

    seeds    value by seed
    images   by seed, an array (n,) over the test images with the value as its mean, except for a
             part that does not depend on the test images; empty if not available (metrics of the
             training data, or of an epoch before the last)
    """

    seeds: Mapping[int, float]
    images: Mapping[int, np.ndarray] = field(default_factory=dict)

    def only(self, seeds: Sequence[int]) -> Sample:
        """Return the sample of some of the seeds."""
        return Sample(
            {seed: self.seeds[seed] for seed in seeds},
            {seed: self.images[seed] for seed in seeds if seed in self.images},
        )

    @property
    def values(self) -> np.ndarray:
        """The values, (seeds,)."""
        return np.array(list(self.seeds.values()), dtype=np.float64)

    @property
    def image_values(self) -> np.ndarray | None:
        """The values by image, (seeds, n); None unless available for every seed."""
        if not self.seeds or set(self.images) != set(self.seeds):
            return None
        return np.array([self.images[seed] for seed in self.seeds], dtype=np.float64)


def _least_squares(
    values: np.ndarray, images: np.ndarray | None, design: np.ndarray, weights: np.ndarray
) -> Estimate:
    """Return the least-squares estimate weights @ values, for other trainings and other images.

    values (p,) of p trainings are linear in the columns of design (p, k), plus noise; images (p, n)
    are the values by test image.  All trainings use all images, a crossed design with two random
    factors: the variance is that over trainings plus that over images.  Both contain the
    interaction, which is therefore subtracted from the images' part (H. Scheffé, The Analysis of
    Variance, 1959, on the two-way layout).
    """
    trainings, columns = design.shape
    freedom = trainings - columns
    residual = np.eye(trainings) - design @ np.linalg.pinv(design)
    spread = float(np.sum(weights**2))
    value = float(weights @ values)
    error = math.sqrt(float(np.sum((residual @ values) ** 2)) / freedom * spread)
    if images is None:
        return Estimate(value, error, freedom, trainings=1.0 / spread)
    n = images.shape[1]
    rest = residual @ images
    rest -= rest.mean(axis=1, keepdims=True)
    both = float(np.sum(rest**2)) / (freedom * (n - 1)) * spread / n
    of_images = float((weights @ images).var(ddof=1)) / n
    image_error = math.sqrt(max(of_images - both, 0.0))
    return Estimate(value, error, freedom, image_error, n - 1, 1.0 / spread)


def over_seeds(values: Sequence[float] | np.ndarray) -> Estimate | None:
    """Estimate the mean for other seeds on the same images; None for fewer than two seeds."""
    values = np.asarray(values, dtype=np.float64)
    if values.size < 2:
        return None
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return Estimate(float(values.mean()), error, values.size - 1, trainings=values.size)


def over_seeds_and_images(sample: Sample) -> Estimate | None:
    """Estimate the mean for other seeds and other images; None for fewer than two seeds.

    Without values by image, only the seeds matter.
    """
    values = sample.values
    if values.size < 2:
        return None
    weights = np.full(values.size, 1.0 / values.size)
    return _least_squares(values, sample.image_values, np.ones((values.size, 1)), weights)


def difference(first: Sample, second: Sample) -> Estimate | None:
    """Estimate second minus first, for other seeds and other images.

    Only over common seeds: runs with the same seed share what they can (initial weights, batch
    order), so differences are taken seed by seed and image by image.  None for fewer than two
    common seeds.
    """
    shared = [seed for seed in first.seeds if seed in second.seeds]
    first, second = first.only(shared), second.only(shared)
    known = first.image_values is not None and second.image_values is not None
    return over_seeds_and_images(
        Sample(
            {seed: second.seeds[seed] - first.seeds[seed] for seed in shared},
            {seed: second.images[seed] - first.images[seed] for seed in shared if known},
        )
    )


def unpaired_difference(first: Sample, second: Sample) -> Estimate | None:
    """Estimate second minus first from trainings that share only the test images.

    The variance over trainings is assumed to be the same in both.  None if one of the samples is
    empty, or both have only one training.
    """
    sizes = (len(first.seeds), len(second.seeds))
    if not all(sizes) or sum(sizes) < 3:
        return None
    design = np.repeat(np.eye(2), sizes, axis=0)
    weights = design @ [-1.0 / sizes[0], 1.0 / sizes[1]]
    one, other = first.image_values, second.image_values
    images = None if one is None or other is None else np.concatenate([one, other])
    return _least_squares(np.concatenate([first.values, second.values]), images, design, weights)


def trend(x: Sequence[float] | np.ndarray, samples: Sequence[Sample]) -> Estimate | None:
    """Estimate the change of a metric along a line fitted over the range of `x`.

    Least squares with one point per seed and value.  Deviations from the line come from seeds and
    from nonlinearity.  None for fewer than three points.
    """
    known = [(place, sample) for place, sample in zip(x, samples, strict=True) if sample.seeds]
    places = np.array([place for place, sample in known for _ in sample.seeds], dtype=np.float64)
    if places.size < 3 or np.ptp(places) == 0.0:
        return None
    values = np.concatenate([sample.values for _, sample in known])
    each = [sample.image_values for _, sample in known]
    images = (
        None if any(e is None for e in each) else np.concatenate([e for e in each if e is not None])
    )
    centered = places - places.mean()
    weights = centered / np.sum(centered**2) * np.ptp(places)
    design = np.column_stack([np.ones_like(centered), centered])
    return _least_squares(values, images, design, weights)


def moderated(estimate: Estimate, others: Iterable[Estimate]) -> Estimate:
    """Return an estimate whose variance over trainings borrows from `others` of the same kind.

    The variance s^2 of a training, with f degrees of freedom, is shrunk towards the pooled variance
    p of the estimate and the others, each weighted by its degrees of freedom, as if p were known
    with d of them: (d p + f s^2) / (d + f), with d + f degrees of freedom (the posterior variance
    of G. Smyth, Statistical Applications in Genetics and Molecular Biology 3 (2004), with a fixed
    prior).  Two guards keep the error rate where variances differ: the result is never less than
    s^2, and d is half the degrees of freedom of the others, at most `BORROWED`.
    `checks.simulation.power` shows error rates and power.
    """
    others = list(others)
    freedom = sum(other.freedom for other in others)
    borrowed = min(BORROWED, freedom / 2.0)
    if borrowed == 0.0:
        return estimate
    own, total = estimate.variance, estimate.freedom + borrowed
    pooled = (estimate.freedom * own + sum(other.freedom * other.variance for other in others)) / (
        estimate.freedom + freedom
    )
    variance = max(own, (borrowed * pooled + estimate.freedom * own) / total)
    return replace(estimate, error=math.sqrt(variance / estimate.trainings), freedom=total)


BORROWED = 4.0  # degrees of freedom


def share_interval(hits: float, n: float) -> tuple[float, float]:
    """Return the interval for the share `hits` / `n` of one run, over images.

    Its bounds are the shares p that lie z standard errors sqrt(p (1 - p) / n) from the observed
    one (E. Wilson, JASA 22 (1927)).
    """
    z, share = -ndtri(ALPHA / 2.0), hits / n
    scale = 1.0 + z**2 / n
    center = (share + z**2 / (2.0 * n)) / scale
    half = z * math.sqrt(share * (1.0 - share) / n + z**2 / (4.0 * n**2)) / scale
    return max(0.0, float(center - half)), min(1.0, float(center + half))


class Discordance(NamedTuple):
    """Numbers of images that only the first, or only the second of two runs classifies correctly.

    p is the p-value of McNemar's exact test.  `share` is the second run's fraction of these images,
    0.5 when neither is better, with its interval (C. Clopper, E. Pearson, Biometrika 26 (1934)).
    """

    only_first: int
    only_second: int
    p: float
    share: float
    low: float
    high: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> Discordance:
    """Compare which images two runs classify correctly, given as booleans (n,) each.

    Q. McNemar, Psychometrika 12 (1947).  The result holds for these two trained networks, not
    for networks trained with other seeds.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return Discordance(0, 0, 1.0, 0.5, 0.0, 1.0)
    # Were both runs equally good, the smaller count would be binomial (n, 1/2).
    p = min(1.0, 2.0 * float(betainc(n - fewer, fewer + 1, 0.5)))
    low = float(betaincinv(only_second, only_first + 1, ALPHA / 2.0)) if only_second else 0.0
    high = float(betainccinv(only_second + 1, only_first, ALPHA / 2.0)) if only_first else 1.0
    return Discordance(only_first, only_second, p, only_second / n, low, high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p-values of one planned family (S. Holm, Scand. J. Statistics 6 (1979)).

    If adjusted p-values below 5 % count as resolved, the probability of any false positive in the
    whole family is at most 5 %.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(p.size, 0, -1)  # the smallest times all, the next times one fewer
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted.tolist()


def resolution(estimate: Estimate, family: int) -> float:
    """Return the smallest difference that is certain to be resolved.

    That is the half-width at the level divided by the size of the family: such a difference is
    resolved whatever the other comparisons show.
    """
    return estimate.half_width(ALPHA / max(1, family))
