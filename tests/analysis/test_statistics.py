"""Intervals and tests are those of the textbooks, re-derived here by other means."""

import math

import numpy as np
import pytest
from scipy import stats

from fmstudy.analysis import statistics as s
from fmstudy.analysis.statistics import Estimate, Sample


def crossed(
    trainings: int, n: int, seed: int = 0, of_trainings: float = 1.0, of_images: float = 1.0
) -> np.ndarray:
    """Values (trainings, n) with effects of trainings and of images, and chance."""
    random = np.random.default_rng([7, seed])
    return (
        0.5
        + of_trainings * random.normal(size=(trainings, 1))
        + of_images * random.normal(size=(1, n))
        + random.normal(size=(trainings, n))
    )


def sample_of(values: np.ndarray) -> Sample:
    """A sample whose values are the means of its image values; seeds 1, 2, ..."""
    return Sample(
        {seed + 1: float(row.mean()) for seed, row in enumerate(values)},
        {seed + 1: row for seed, row in enumerate(values)},
    )


def anova(values: np.ndarray) -> tuple[float, float, float]:
    """The mean squares of a two-way layout, written out: trainings, images, residual."""
    trainings, n = values.shape
    grand = sum(values[t, i] for t in range(trainings) for i in range(n)) / (trainings * n)
    of_training = [sum(values[t, i] for i in range(n)) / n for t in range(trainings)]
    of_image = [sum(values[t, i] for t in range(trainings)) / trainings for i in range(n)]
    rest = sum(
        (values[t, i] - of_training[t] - of_image[i] + grand) ** 2
        for t in range(trainings)
        for i in range(n)
    )
    return (
        n * sum((mean - grand) ** 2 for mean in of_training) / (trainings - 1),
        trainings * sum((mean - grand) ** 2 for mean in of_image) / (n - 1),
        rest / ((trainings - 1) * (n - 1)),
    )


# Student's t


@pytest.mark.parametrize("threshold", [0.0, 0.52, 0.49])
def test_mean_over_seeds_has_the_interval_and_p_values_of_the_one_sample_t_test(threshold):
    values = [0.50, 0.53, 0.51, 0.55]
    estimate = s.over_seeds(values)
    for way, p in (
        ("two-sided", estimate.p_differs(threshold)),
        ("greater", estimate.p_above(threshold)),
        ("less", estimate.p_below(threshold)),
    ):
        expected = stats.ttest_1samp(values, threshold, alternative=way).pvalue
        assert p == pytest.approx(expected, rel=1e-9)
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(interval))
    assert estimate.freedom == 3


def test_mean_without_image_values_is_the_plain_t():
    values = {1: 0.50, 2: 0.53, 3: 0.51}
    interval = stats.ttest_1samp(list(values.values()), 0.0).confidence_interval(0.95)
    estimate = s.over_seeds_and_images(Sample(values))
    assert (estimate.low, estimate.high) == pytest.approx(tuple(interval))
    some = Sample(values, {1: np.array([0.0, 1.0]), 2: np.array([1.0, 0.0])})  # of seed 3 none
    assert s.over_seeds_and_images(some) == estimate


def test_difference_without_image_values_is_the_paired_t_test_of_second_minus_first():
    first, second = {1: 0.50, 2: 0.53, 3: 0.51}, {3: 0.54, 1: 0.52, 2: 0.54}  # by seed, not place
    expected = stats.ttest_rel([second[seed] for seed in first], list(first.values()))
    estimate = s.difference(Sample(first), Sample(second))
    assert estimate.value == pytest.approx(0.02)
    assert estimate.p_differs() == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(interval))


def test_difference_takes_only_the_seeds_that_both_have():
    a, b = crossed(4, 30, seed=1), crossed(4, 30, seed=2)
    first, second = sample_of(a), sample_of(b)
    shared = s.difference(first.only([1, 2, 3]), second.only([2, 3, 4]))
    assert shared == s.difference(first.only([2, 3]), second.only([2, 3]))
    assert shared.value == pytest.approx(b[1:3].mean() - a[1:3].mean())


def test_unpaired_difference_is_the_t_test_of_two_samples_of_equal_variance():
    first, second = {1: 0.3, 2: 0.35, 3: 0.31}, {1: 0.4, 7: 0.38}
    estimate = s.unpaired_difference(Sample(first), Sample(second))
    expected = stats.ttest_ind(list(second.values()), list(first.values()))
    assert estimate.p_differs() == pytest.approx(expected.pvalue)
    assert estimate.freedom == 3
    interval = expected.confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high))
    assert s.unpaired_difference(Sample({1: 0.3}), Sample({1: 0.4})) is None
    assert s.unpaired_difference(Sample({}), Sample(first)) is None


def test_unpaired_difference_keeps_its_level_for_other_images_as_well():
    """Two groups of trainings with effects of images that differ between the groups."""
    n, missed, repetitions = 50, 0, 300
    random = np.random.default_rng(5)
    for _ in range(repetitions):
        first, second = (
            random.normal(size=(3, 1)) / n**0.5
            + random.normal(size=(1, n))
            + random.normal(size=(3, n))
            for _ in range(2)
        )
        estimate = s.unpaired_difference(sample_of(first), sample_of(second))
        missed += not estimate.low < 0.0 < estimate.high
    assert missed / repetitions < 0.05


def test_one_seed_has_no_estimate():
    one = sample_of(crossed(1, 20))
    assert s.over_seeds([0.5]) is None
    assert s.over_seeds([]) is None
    assert s.over_seeds_and_images(one) is None
    assert s.over_seeds_and_images(Sample({})) is None
    assert s.difference(sample_of(crossed(3, 20)), one) is None
    assert s.difference(Sample({1: 0.1, 2: 0.2}), Sample({3: 0.1, 4: 0.2})) is None


# Other seeds and other images


@pytest.mark.parametrize(
    ("trainings", "n", "of_trainings", "of_images"),
    [(2, 40, 1.0, 1.0), (3, 40, 0.3, 1.0), (3, 40, 1.0, 0.2), (5, 17, 0.5, 0.8)],
)
def test_estimate_for_other_seeds_and_images_is_that_of_the_two_way_random_effects_anova(
    trainings, n, of_trainings, of_images
):
    values = crossed(trainings, n, 3, of_trainings, of_images)
    of_training, of_image, rest = anova(values)
    total = trainings * n
    assert min(of_training, of_image) > rest  # so that there is nothing to bound
    estimate = s.over_seeds_and_images(sample_of(values))
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.error == pytest.approx(math.sqrt(of_training / total))
    assert estimate.image_error == pytest.approx(math.sqrt((of_image - rest) / total))
    assert (estimate.freedom, estimate.image_freedom) == (trainings - 1, n - 1)


@pytest.mark.parametrize("seed", range(40))
def test_images_have_no_negative_part(seed):
    """The estimate of what both share may by chance be larger than that of the images."""
    values = crossed(3, 25, seed, of_trainings=0.0, of_images=0.0)
    of_training, of_image, rest = (mean / values.size for mean in anova(values))
    estimate = s.over_seeds_and_images(sample_of(values))
    assert estimate.error == pytest.approx(math.sqrt(of_training))
    assert estimate.image_error == pytest.approx(math.sqrt(max(of_image - rest, 0.0)), abs=1e-7)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 15])
@pytest.mark.parametrize(("error", "image_error"), [(0.01, 0.0), (0.01, 0.004), (0.002, 0.009)])
def test_interval_puts_the_half_widths_of_seeds_and_images_together(error, image_error, alpha):
    estimate = Estimate(0.87, error, 3, image_error, 9999)
    of_seeds = stats.t.ppf(1 - alpha / 2, 3) * error
    of_images = stats.t.ppf(1 - alpha / 2, 9999) * image_error
    half = math.sqrt(of_seeds**2 + of_images**2)
    assert estimate.half_width(alpha) == pytest.approx(half)
    assert estimate.p_differs(0.87 + half) == pytest.approx(alpha)
    assert estimate.p_above(0.87 - half) == pytest.approx(alpha / 2)
    assert estimate.p_above(0.87 + half) == pytest.approx(1 - alpha / 2)


def test_p_value_falls_with_the_distance_and_is_never_more_than_one():
    estimate = Estimate(0.0, 0.002, 2, 0.003, 999)
    p = [estimate.p_differs(distance) for distance in (0.0, 1e-6, 0.001, 0.01, 0.1, 1.0, 1e9)]
    assert p[0] == 1.0
    assert p == sorted(p, reverse=True)
    assert p[-1] < 1e-15


def test_seeds_that_agree_by_luck_do_not_make_small_p_values():
    """The trap of Satterthwaite's degrees of freedom: a small error of seeds raises them."""
    lucky = Estimate(0.02, 0.0005, 2, 0.003, 9999)
    only_images = Estimate(0.02, 0.0, 2, 0.003, 9999)
    assert lucky.p_differs() > 1000 * only_images.p_differs()


def test_difference_of_two_models_is_the_anova_of_their_differences():
    """Paired by seed and by image: what both models find hard cancels."""
    a, b = crossed(3, 50, seed=4), crossed(3, 50, seed=5)
    shared = 5.0 * np.random.default_rng(0).normal(size=(1, 50))
    of_training, of_image, rest = anova(b - a)
    estimate = s.difference(sample_of(a + shared), sample_of(b + shared))
    assert estimate.value == pytest.approx(b.mean() - a.mean())
    assert estimate.error == pytest.approx(math.sqrt(of_training / a.size))
    assert estimate.image_error == pytest.approx(math.sqrt((of_image - rest) / a.size))


def test_part_of_a_value_that_does_not_depend_on_the_images_counts_for_the_seeds_alone():
    """A gap: what a seed does on the training images is in its value, and no image adds it."""
    values = crossed(3, 50, seed=6)
    trained = np.array([0.3, -0.4, 0.9])
    sample = Sample(
        {seed: float(values[seed].mean() + trained[seed]) for seed in range(3)},
        dict(enumerate(values)),
    )
    _, of_image, rest = anova(values)
    of_seeds = np.var(values.mean(axis=1) + trained, ddof=1) / 3
    estimate = s.over_seeds_and_images(sample)
    assert estimate.value == pytest.approx(np.mean(values.mean(axis=1) + trained))
    assert estimate.error**2 == pytest.approx(of_seeds)
    assert estimate.image_error**2 == pytest.approx((of_image - rest) / values.size)


def test_seeds_that_are_all_the_same_leave_the_variance_of_the_images():
    row = crossed(1, 60)[0]
    estimate = s.over_seeds_and_images(sample_of(np.array([row, row, row])))
    alone = stats.ttest_1samp(row, 0.0)
    assert estimate.error == pytest.approx(0.0, abs=1e-12)
    assert estimate.image_error == pytest.approx(float(np.std(row, ddof=1)) / math.sqrt(60))
    assert (estimate.low, estimate.high) == pytest.approx(tuple(alone.confidence_interval(0.95)))


def test_values_without_any_variance_leave_no_doubt():
    measured = s.over_seeds_and_images(Sample({1: 0.5, 2: 0.5, 3: 0.5}))
    assert (measured.low, measured.high) == pytest.approx((0.5, 0.5), abs=1e-12)
    assert (measured.p_above(0.4), measured.p_below(0.4)) == pytest.approx((0.0, 1.0))
    same = Estimate(0.5, 0.0, 2.0)
    assert (same.low, same.high) == (0.5, 0.5)
    assert (same.p_above(0.4), same.p_below(0.4), same.p_differs(0.4)) == (0.0, 1.0, 0.0)
    assert (same.p_above(0.5), same.p_below(0.5), same.p_differs(0.5)) == (0.5, 0.5, 1.0)
    assert (same.p_inside(0.4, 0.6), same.p_outside(0.4, 0.6)) == (0.0, 1.0)
    itself = s.difference(sample_of(crossed(3, 20)), sample_of(crossed(3, 20)))
    assert (itself.value, itself.error, itself.p_differs()) == (0.0, 0.0, 1.0)


# A line through several models


PLACES = [1.0, 2.0, 4.0, 7.0, 11.0]


def test_trend_without_image_values_is_the_regression_line_from_end_to_end():
    random = np.random.default_rng(3)
    samples = [Sample({seed: 0.1 * x + float(random.normal()) for seed in (1, 2)}) for x in PLACES]
    x = [place for place in PLACES for _ in (1, 2)]
    y = [value for sample in samples for value in sample.seeds.values()]
    line = stats.linregress(x, y)
    estimate = s.trend(PLACES, samples)
    assert estimate.value == pytest.approx(line.slope * 10)
    assert estimate.error == pytest.approx(line.stderr * 10)
    assert estimate.freedom == 8
    assert estimate.p_differs() == pytest.approx(line.pvalue)


def test_trend_with_image_values_adds_what_the_slopes_of_single_images_scatter():
    """Each image has a line of its own; the mean of their slopes is the slope of the means."""
    n, p = 30, len(PLACES)
    random = np.random.default_rng(8)
    values = (
        np.array(PLACES)[:, None] * random.normal(0.2, 0.3, (1, n))  # slopes of images
        + random.normal(size=(p, 1))
        + random.normal(size=(p, n))
    )
    lines = [stats.linregress(PLACES, values[:, i]) for i in range(n)]
    of_means = stats.linregress(PLACES, values.mean(axis=1))
    spread = sum(((x - np.mean(PLACES)) / np.sum((PLACES - np.mean(PLACES)) ** 2)) ** 2
                 for x in PLACES)  # fmt: skip
    rest = 0.0
    for i, line in enumerate(lines):
        for k, x in enumerate(PLACES):
            own = values[k, i] - line.intercept - line.slope * x
            common = values[k].mean() - of_means.intercept - of_means.slope * x
            rest += (own - common) ** 2 / ((p - 2) * (n - 1))
    of_trainings = of_means.stderr**2
    of_images = np.var([line.slope for line in lines], ddof=1) / n
    both = rest * spread / n
    samples = [Sample({1: float(row.mean())}, {1: row}) for row in values]
    estimate = s.trend(PLACES, samples)
    assert estimate.value == pytest.approx(10 * of_means.slope)
    assert estimate.error == pytest.approx(10 * math.sqrt(of_trainings))
    assert estimate.image_error == pytest.approx(10 * math.sqrt(max(of_images - both, 0.0)))
    assert (estimate.freedom, estimate.image_freedom) == (p - 2, n - 1)


def test_trend_leaves_out_values_that_have_no_seed_left():
    samples = [Sample({1: 0.1}), Sample({}), Sample({1: 0.3}), Sample({1: 0.35})]
    line = stats.linregress([1, 3, 4], [0.1, 0.3, 0.35])
    estimate = s.trend([1, 2, 3, 4], samples)
    assert estimate.value == pytest.approx(3 * line.slope)
    assert estimate.error == pytest.approx(3 * line.stderr)


def test_trend_needs_three_points_at_more_than_one_place():
    assert s.trend([1, 2], [Sample({1: 0.1}), Sample({1: 0.2})]) is None
    assert s.trend([1, 1], [Sample({1: 0.1, 2: 0.3}), Sample({1: 0.2, 2: 0.1})]) is None
    assert s.trend([], []) is None


# One run, and one more run


@pytest.mark.parametrize(("hits", "n"), [(8800, 10_000), (3, 20), (0, 50), (50, 50)])
def test_interval_of_one_share_is_wilson_s(hits, n):
    expected = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert s.share_interval(hits, n) == pytest.approx(tuple(expected), abs=1e-12)


def test_one_more_run_lies_within_the_prediction_interval():
    values = [0.86, 0.88, 0.87, 0.90]
    deviation = math.sqrt(sum((v - 0.8775) ** 2 for v in values) / 3)
    expected = stats.t.ppf(0.975, 3) * deviation * math.sqrt(1 + 1 / 4)
    assert s.over_seeds(values).another_run() == pytest.approx(expected)
    # Other images do not matter: one run lies as far from the mean with values by image.
    sample = sample_of(crossed(4, 30))
    both, seeds = s.over_seeds_and_images(sample), s.over_seeds(sample.values)
    assert both.another_run() == pytest.approx(seeds.another_run())


# Variances that borrow from each other


def family(*deviations: float, seeds: int = 3) -> list[Estimate]:
    """Estimates with these standard deviations of a training."""
    return [
        Estimate(0.5, deviation / math.sqrt(seeds), seeds - 1, trainings=seeds)
        for deviation in deviations
    ]


@pytest.mark.parametrize(
    ("deviations", "borrowed"),
    [((1.0, 2.0), 1), ((1.0, 2.0, 3.0), 2), ((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), 4)],
)
def test_variance_is_shrunk_towards_that_of_its_family_by_degrees_of_freedom(deviations, borrowed):
    """Half of the others' degrees of freedom, 2 each, and 4 at most."""
    own, *others = family(*deviations)
    found = s.moderated(own, others)
    pooled = np.mean(np.square(deviations))
    assert found.freedom == 2 + borrowed
    assert found.variance == pytest.approx((2 * 1.0 + borrowed * pooled) / (2 + borrowed))
    assert found.value == own.value
    assert found.error == pytest.approx(math.sqrt(found.variance / 3))


def test_variance_is_pooled_by_degrees_of_freedom():
    [own], [other] = family(1.0, seeds=3), family(3.0, seeds=9)
    found = s.moderated(own, [other])
    pooled = (2 * 1.0 + 8 * 9.0) / 10
    assert found.variance == pytest.approx((2 * 1.0 + 4 * pooled) / 6)


def test_variance_is_never_less_than_the_own_one():
    own, *others = family(9.0, 1.0, 1.0, 1.0)
    found = s.moderated(own, others)
    assert found.error == pytest.approx(own.error)
    assert found.freedom == 5


def test_alone_nothing_is_borrowed():
    [own] = family(1.0)
    assert s.moderated(own, []) == own


def test_images_keep_their_part_and_their_degrees_of_freedom():
    own = Estimate(0.5, 0.01, 2, 0.02, 999, trainings=3)
    found = s.moderated(own, family(0.5, 0.5, 0.5))
    assert (found.image_error, found.image_freedom) == (0.02, 999)
    assert found.error > own.error


@pytest.mark.parametrize(("only_first", "only_second"), [(3, 12), (12, 3), (7, 7), (0, 4), (1, 0)])
def test_two_runs_are_compared_by_the_exact_test_of_mcnemar(only_first, only_second):
    both, neither = 20, 9
    first = np.repeat([True, True, False, False], [both, only_first, only_second, neither])
    second = np.repeat([True, False, True, False], [both, only_first, only_second, neither])
    test = stats.binomtest(only_second, only_first + only_second)
    interval = test.proportion_ci(0.95, method="exact")
    found = s.mcnemar(first, second)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.p == pytest.approx(test.pvalue)
    assert found.share == pytest.approx(only_second / (only_first + only_second))
    assert (found.low, found.high) == pytest.approx(tuple(interval))


def test_runs_that_have_the_same_images_right_do_not_differ():
    right = np.array([True, False, True])
    assert s.mcnemar(right, right) == (0, 0, 1.0, 0.5, 0.0, 1.0)


# Several comparisons


def test_p_values_of_a_family_are_corrected_by_holm():
    """.005 * 4; .01 * 3; .03 * 2; .04 * 1, but no less than the one before."""
    assert s.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert s.holm([0.6, 0.7]) == [1.0, 1.0]
    assert s.holm([0.03]) == pytest.approx([0.03])
    assert s.holm([]) == []


def test_resolution_tells_differences_that_are_resolved_whatever_the_others_show():
    estimate, family = Estimate(0.0, 0.004, 5.3), 15
    limit = s.resolution(estimate, family)
    others = [1.0] * (family - 1)
    for value, resolved in ((1.001 * limit, True), (0.999 * limit, False)):
        for sign in (1, -1):
            p = Estimate(sign * value, 0.004, 5.3).p_differs()
            assert (s.holm([p, *others])[0] <= s.ALPHA) is resolved
    assert s.resolution(estimate, 1) == pytest.approx(stats.t.ppf(0.975, 5.3) * 0.004)
    assert s.resolution(estimate, 0) == s.resolution(estimate, 1)


# About a value


def one_sided(estimate: Estimate, threshold: float) -> float:
    """p against "at most threshold", from scipy."""
    return float(stats.t.sf((estimate.value - threshold) / estimate.error, estimate.freedom))


@pytest.mark.parametrize("value", [-0.03, -0.01, 0.0, 0.004, 0.01, 0.02])
def test_being_about_a_value_needs_both_one_sided_tests_and_not_being_so_needs_one(value):
    estimate, low, high = Estimate(value, 0.003, 4.0), -0.01, 0.01
    above_low, above_high = one_sided(estimate, low), one_sided(estimate, high)
    assert estimate.p_inside(low, high) == pytest.approx(max(above_low, 1 - above_high))
    assert estimate.p_outside(low, high) == pytest.approx(min(1 - above_low, above_high))


def test_equivalence_is_shown_when_the_90_percent_interval_lies_within_the_bounds():
    estimate = Estimate(0.002, 0.003, 4.0)
    half = stats.t.ppf(0.95, 4.0) * 0.003
    assert estimate.p_inside(0.002 - half * 1.001, 1.0) < s.ALPHA
    assert estimate.p_inside(0.002 - half * 0.999, 1.0) > s.ALPHA
    assert estimate.p_inside(-1.0, 0.002 + half * 1.001) < s.ALPHA
    assert estimate.p_inside(-1.0, 0.002 + half * 0.999) > s.ALPHA


def test_turning_the_sign_turns_the_sides():
    estimate = Estimate(0.01, 0.004, 3.0)
    assert (-estimate).p_above(0.005) == pytest.approx(estimate.p_below(-0.005))
    assert (-estimate).low == pytest.approx(-estimate.high)
