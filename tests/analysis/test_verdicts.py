"""The words for what numbers show, and where one word gives way to the next."""

import pytest

from fmstudy.analysis import verdicts
from fmstudy.analysis.statistics import ALPHA, Estimate

SUPPORTED, CONTRADICTED = verdicts.SUPPORTED, verdicts.CONTRADICTED
UNRESOLVED, TOO_FEW, UNTESTED = verdicts.UNRESOLVED, verdicts.TOO_FEW, verdicts.UNTESTED


def difference(value: float) -> Estimate:
    return Estimate(value, error=0.001, freedom=3)


def test_the_level_is_five_percent():
    assert pytest.approx(0.05) == ALPHA


@pytest.mark.parametrize(("p", "word"), [(0.049, "better"), (0.051, UNRESOLVED)])
def test_a_difference_is_resolved_below_five_percent_only(p, word):
    assert verdicts.of_difference(difference(0.01), p, "test_accuracy") == word


@pytest.mark.parametrize(("p", "word"), [(0.049, SUPPORTED), (0.051, UNRESOLVED)])
def test_a_claim_is_resolved_below_five_percent_only(p, word):
    assert verdicts.of_claim(p / 2, 1 - p / 2, p) == word


@pytest.mark.parametrize(
    ("metric", "more", "less"),
    [
        ("test_accuracy", "better", "worse"),
        ("validation_loss", "worse", "better"),
        ("train_objective", "worse", "better"),
        ("gap_accuracy", "larger gap", "smaller gap"),
        ("test_gap_loss", "larger gap", "smaller gap"),
        ("weight_norm", "more", "less"),
    ],
)
def test_the_word_for_a_difference_depends_on_what_is_measured(metric, more, less):
    assert verdicts.of_difference(difference(0.01), 0.01, metric) == more
    assert verdicts.of_difference(difference(-0.01), 0.01, metric) == less
    assert verdicts.of_difference(difference(0.0), 0.01, metric) == UNRESOLVED


def test_a_difference_without_an_estimate_or_a_p_value_has_too_few_seeds():
    assert verdicts.of_difference(None, 0.01, "test_loss") == TOO_FEW
    assert verdicts.of_difference(difference(0.01), None, "test_loss") == TOO_FEW


def test_the_smaller_p_value_decides_what_becomes_of_a_claim():
    assert verdicts.of_claim(0.01, 0.99, 0.02) == SUPPORTED
    assert verdicts.of_claim(0.99, 0.01, 0.02) == CONTRADICTED


@pytest.mark.parametrize(
    ("expected", "verdict", "outcome"),
    [
        (SUPPORTED, SUPPORTED, verdicts.AS_EXPECTED),
        (SUPPORTED, CONTRADICTED, verdicts.OTHERWISE),
        (SUPPORTED, UNRESOLVED, verdicts.OTHERWISE),
        (UNRESOLVED, UNRESOLVED, verdicts.AS_EXPECTED),
        (SUPPORTED, UNTESTED, verdicts.OPEN_OUTCOME),
        (UNRESOLVED, TOO_FEW, verdicts.OPEN_OUTCOME),
    ],
)
def test_a_prediction_comes_true_or_fails_or_stays_open(expected, verdict, outcome):
    assert verdicts.of_prediction(expected, verdict) == outcome


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ([], verdicts.LITERATURE_ONLY),
        ([SUPPORTED, UNRESOLVED, UNTESTED], SUPPORTED),
        ([UNRESOLVED, CONTRADICTED], CONTRADICTED),
        ([SUPPORTED, CONTRADICTED], verdicts.IN_PART),
        ([UNTESTED, TOO_FEW, UNRESOLVED], UNRESOLVED),
        ([UNTESTED, TOO_FEW], TOO_FEW),
        ([UNTESTED], UNTESTED),
    ],
)
def test_only_resolved_hypotheses_decide_on_a_claim(words, verdict):
    assert verdicts.of_hypotheses(words) == verdict


@pytest.mark.parametrize(
    ("difference", "tolerance", "unit", "verdict"),
    [
        (1.0, 1.0, "percent", "reproduced"),  # on both edges
        (-1.0, 1.0, "percent", "reproduced"),
        (1.01, 1.01, "percent", "within noise"),
        (-1.01, 1.5, "percent", "within noise"),
        (1.0, 0.99, "percent", "not reproduced"),
        (-0.2, 0.1, "percent", "not reproduced"),
        (0.05, 0.06, "nats", "reproduced"),
        (0.051, 0.06, "nats", "within noise"),
        (0.07, 0.06, "nats", "not reproduced"),
    ],
)
def test_a_published_number_is_reproduced_if_another_run_could_give_it_and_it_is_close(
    difference, tolerance, unit, verdict
):
    assert verdicts.of_published(difference, tolerance, unit) == verdict
