"""The study's verdicts, and the rules that choose them, for tables, figures and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from fmstudy.analysis.statistics import ALPHA, Estimate

# ------------------------------------------------------------------- is there a difference?
UNRESOLVED = "not resolved"
TOO_FEW = "not resolved (too few seeds)"  # fewer than two common seeds
NO_VALUE = "no value"  # every training diverged

# The meaning of larger and smaller values of a metric.
_WORDS = {
    "accuracy": ("better", "worse"),
    "loss": ("worse", "better"),
    "objective": ("worse", "better"),
    "gap_accuracy": ("larger gap", "smaller gap"),
    "gap_loss": ("larger gap", "smaller gap"),
}


def kind_of(metric: str) -> str:
    """Return a metric's kind, without its split: test_gap_loss is a gap_loss, test_loss a loss."""
    for split in ("train_", "validation_", "test_"):
        metric = metric.removeprefix(split)
    return metric


def of_difference(estimate: Estimate | None, p_adjusted: float | None, metric: str) -> str:
    """Decide whether the second of two models does better, from its difference to the first.

    `p_adjusted` is two-sided and corrected for all comparisons in the family.
    """
    if estimate is None or p_adjusted is None:
        return TOO_FEW
    if p_adjusted > ALPHA or estimate.value == 0.0:
        return UNRESOLVED
    more, less = _WORDS.get(kind_of(metric), ("more", "less"))
    return more if estimate.value > 0 else less


# --------------------------------------------------------------- does a claim of the source hold?
SUPPORTED = "supported"
CONTRADICTED = "contradicted"
UNTESTED = "not tested"


def of_claim(supporting: float, contradicting: float, p_adjusted: float) -> str:
    """Decide whether a hypothesis holds, from the one-sided p-values for it and against it.

    `p_adjusted` is twice the smaller one, corrected: both are tested, each at half the level.
    """
    if p_adjusted > ALPHA:
        return UNRESOLVED
    return SUPPORTED if supporting < contradicting else CONTRADICTED


# ---------------------------------------------- did our own experiments show what we expected?
AS_EXPECTED = "as expected"
OTHERWISE = "not as expected"
OPEN_OUTCOME = "open"  # not tested here, or with too few seeds
IN_PART = "supported in part"
LITERATURE_ONLY = "literature only"


def of_prediction(expected: str, verdict: str) -> str:
    """Decide whether a verdict is the predicted one.

    If the verdict is not resolved, the prediction failed unless it was "not resolved", because it
    said that the experiment would decide.
    """
    if verdict in (UNTESTED, TOO_FEW):
        return OPEN_OUTCOME
    return AS_EXPECTED if verdict == expected else OTHERWISE


def of_hypotheses(words: Sequence[str]) -> str:
    """Combine the verdicts of the hypotheses that test a claim; unresolved ones have no vote."""
    if not words:
        return LITERATURE_ONLY
    resolved = {word for word in words if word in (SUPPORTED, CONTRADICTED)}
    if len(resolved) > 1:
        return IN_PART
    if resolved:
        return resolved.pop()
    return next(word for word in (UNRESOLVED, TOO_FEW, UNTESTED) if word in words)


# --------------------------------------------------------- is a published number reproduced?
REPRODUCED = "reproduced"
WITHIN_NOISE = "within noise"
NOT_REPRODUCED = "not reproduced"
NOT_TESTABLE = "not testable"
CONTRADICTION = "contradiction in the source"

# Differences that are small in practice: percentage points, nats.
CLOSE = {"percent": 1.0, "nats": 0.05}


def of_published(difference: float, tolerance: float, unit: str) -> str:
    """Decide whether a published number could be the result of another run.

    `tolerance` is the possible deviation of another run from our mean, plus the source's rounding.
    Within it and close means reproduced.  Within it, but not close, means within noise: the runs
    vary too much.
    """
    if abs(difference) > tolerance:
        return NOT_REPRODUCED
    return REPRODUCED if abs(difference) <= CLOSE[unit] else WITHIN_NOISE
