"""Tests the source's claims on our runs, and on the numbers that the source prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis import verdicts
from fmstudy.analysis.estimator import Estimator
from fmstudy.analysis.formats import brief
from fmstudy.analysis.ledger import rounding, unit_scale
from fmstudy.analysis.measures import Measures
from fmstudy.analysis.results import Runs
from fmstudy.analysis.statistics import (
    ALPHA,
    Estimate,
    Sample,
    difference,
    holm,
    moderated,
    over_seeds,
    over_seeds_and_images,
)
from fmstudy.numbers import number
from fmstudy.study.words import setting_name

MINUS = "\N{MINUS SIGN}"

COLUMNS = (
    *("claim", "part", "topic", "place", "says", "hypothesis", "models", "seeds", "unit"),
    *("estimate", "low", "high", "p", "p_holm", "family", "verdict", "reason"),
    *("printed_hypothesis", "printed_value", "printed_unit", "printed_verdict", "literature"),
    *("part_c", "comparison"),
)


class UnavailableQuantity(Exception):
    """A quantity that this study lacks, such as an epoch beyond the end of training."""


@dataclass(frozen=True)
class Expectation:
    """The expected value of a quantity: more than, less than, or about a value."""

    relation: str  # more, less or about
    value: float
    within: float = 0.0

    @classmethod
    def of(cls, test: Mapping[str, Any]) -> Expectation:
        """Read the expectation of a test."""
        [relation] = [key for key in ("more", "less", "about") if key in test]
        return cls(relation, float(test[relation]), float(test.get("within", 0.0)))

    def p_values(self, estimate: Estimate) -> tuple[float, float]:
        """Return the one-sided p-values for the expectation and against it."""
        if self.relation == "more":
            return estimate.p_above(self.value), estimate.p_below(self.value)
        if self.relation == "less":
            return estimate.p_below(self.value), estimate.p_above(self.value)
        low, high = self.value - self.within, self.value + self.within
        return estimate.p_inside(low, high), estimate.p_outside(low, high)

    def holds(self, value: float, slack: float = 0.0) -> bool:
        """Return whether an exact value meets the expectation, with a tolerance of `slack`."""
        if self.relation == "more":
            return value > self.value - slack
        if self.relation == "less":
            return value < self.value + slack
        return abs(value - self.value) <= self.within + slack

    def text(self, unit: str) -> str:
        """Format the expectation: "above 5 points"."""
        value = written(self.value, unit)
        if self.relation == "about":
            return f"{value} to within {written(self.within, unit)}"
        return f"{'above' if self.relation == 'more' else 'below'} {value}"


def unit_of(metric: str, differs: bool = True) -> str:
    """Return the unit of a metric, or of its differences: points, %, nats or none."""
    kind = verdicts.kind_of(metric)
    if "accuracy" in kind or kind.endswith("share"):
        return "points" if differs or kind.startswith("gap") else "%"
    return "nats" if "loss" in kind or "objective" in kind else ""


def written(value: float, unit: str) -> str:
    """Format a value with its unit: fractions as points or percent, a logarithm as a factor."""
    if unit == "factor":
        return f"a factor of {brief(10.0**value, 3)}"
    size = round(100 * value, 6) if unit in ("points", "%") else value
    if unit == "points" and abs(size) == 1:
        unit = "point"
    return f"{number(size)} {unit}".strip()


# ----------------------------------------------------------------------------------- quantities
@dataclass(frozen=True)
class Quantity:
    """What a test measures: an estimate (None for one seed), its value, and its description.

    kind   quantities of one kind borrow from each other; None if the estimate has borrowed already
    """

    estimate: Estimate | None
    value: float
    seeds: int
    unit: str
    words: str
    models: tuple[str, ...]
    kind: tuple[Any, ...] | None = None


class Evidence:
    """The data for testing claims: models, sweeps and longer training of a study.

    models   by name, as dictionaries
    sweeps   by name: their values and models
    longer   the model of the longer training (model), and the epochs of its evaluations (at)
    """

    def __init__(
        self,
        estimator: Estimator,
        sweeps: Mapping[str, Mapping[str, Any]],
        longer: Mapping[str, Any] | None,
    ) -> None:
        self.estimator, self.sweeps, self.longer = estimator, sweeps, longer
        self.models, self.m = estimator.models, estimator.m

    def quantity(self, test: Mapping[str, Any]) -> Quantity:
        """Measure the quantity of a test.  Raises UnavailableQuantity if this study lacks it."""
        measures = {
            "compare": self._compare,
            "level": self._level,
            "course": self._course,
            "longer": self._longer,
            "trend": self._trend,
        }
        [kind] = measures.keys() & test.keys()
        return measures[kind](test[kind])

    def _sample(self, model: Mapping[str, Any], metric: str, epoch: int | None = None) -> Sample:
        try:
            sample = self.m.sample(model, metric, epoch)
        except KeyError:
            place = "" if epoch is None else f" after epoch {epoch}"
            raise UnavailableQuantity(
                f"{model['title']} has no {describe_metric(metric)}{place} here."
            ) from None
        if not sample.seeds:
            raise UnavailableQuantity(f"Every training of {model['title']} diverged.")
        return sample

    def _compare(self, given: Mapping[str, Any]) -> Quantity:
        metric, epoch = given["metric"], given.get("epoch")
        one, other = self.models[given["with"]], self.models[given["model"]]
        first, second = self._sample(one, metric, epoch), self._sample(other, metric, epoch)
        at = "" if epoch is None else f" after epoch {epoch}"
        shared = [seed for seed in first.seeds if seed in second.seeds]
        at_end = epoch is None
        return Quantity(
            self.estimator.difference(given["with"], given["model"], metric)
            if at_end
            else difference(first, second),
            float(second.values.mean() - first.values.mean()),
            len(shared),
            unit_of(metric),
            f"{describe_metric(metric)}{at}: {other['title']} minus {one['title']}",
            (given["with"], given["model"]),
            None if at_end else ("compare", metric, epoch, other["engine"]),
        )

    def _level(self, given: Mapping[str, Any]) -> Quantity:
        metric, epoch = given["metric"], given.get("epoch")
        model = self.models[given["model"]]
        sample = self._sample(model, metric, epoch)
        at = "" if epoch is None else f" after epoch {epoch}"
        at_end = epoch is None
        return Quantity(
            self.estimator.level(given["model"], metric)
            if at_end
            else over_seeds_and_images(sample),
            float(sample.values.mean()),
            len(sample.seeds),
            unit_of(metric, differs=False),
            f"{describe_metric(metric)}{at} of {model['title']}",
            (given["model"],),
            None if at_end else ("level", metric, epoch, model["engine"]),
        )

    def _course(self, given: Mapping[str, Any]) -> Quantity:
        """Change of a metric within trainings, optionally minus its change over other epochs."""
        model = self.models[given["model"]]
        return self._change(
            model, given["metric"], (given["from"], given["to"]), given.get("minus")
        )

    def _longer(self, given: Mapping[str, Any]) -> Quantity:
        """Change of a metric from the first to the last evaluation of the longer training."""
        assert self.longer  # the configuration has been checked
        at = self.longer["at"]
        return self._change(self.longer["model"], given["metric"], (at[0], at[-1]))

    def _change(
        self,
        model: Mapping[str, Any],
        metric: str,
        span: Sequence[int],
        minus: Sequence[int] | None = None,
    ) -> Quantity:
        """Change of a metric over a span of epochs, training by training.

        Values by image are not available for epochs before the last.
        """

        def over(start: int, end: int) -> Any:
            first, last = (self._sample(model, metric, epoch) for epoch in (start, end))
            return last.values - first.values

        values, words = over(*span), f"change from epoch {span[0]} to {span[1]}"
        if minus is not None:
            values = values - over(*minus)
            words += f", minus the change from epoch {minus[0]} to {minus[1]}"
        return Quantity(
            over_seeds(values),
            float(values.mean()),
            len(values),
            unit_of(metric),
            f"{describe_metric(metric)} of {model['title']}: {words}",
            (model["name"],),
            # Untrained nets vary far more than trained ones, so changes from epoch 0 are apart.
            ("course", metric, model["engine"], span[0] == 0),
        )

    def _trend(self, given: Mapping[str, Any]) -> Quantity:
        metric, sweep = given["metric"], self.sweeps[given["sweep"]]
        low, high = given.get("from", -math.inf), given.get("to", math.inf)
        chosen = [
            (value, model)
            for value, model in zip(sweep["values"], sweep["models"], strict=True)
            if low <= value <= high
        ]
        logarithmic = given.get("scale", "linear") == "log"
        if logarithmic:
            chosen = [(value, model) for value, model in chosen if value > 0]
        samples = [self._sample(model, metric) for _, model in chosen]
        values = [value for value, _ in chosen]
        places = [math.log(value) for value in values] if logarithmic else values
        engine = self.models[sweep["base"]]["engine"]
        estimate = self.estimator.trend(places, samples, metric, engine)
        if estimate is None:
            raise UnavailableQuantity(
                f"The sweep {sweep['title']} has fewer than three values there."
            )
        scale = " of the logarithm" if logarithmic else ""
        return Quantity(
            estimate,
            estimate.value,
            sum(len(sample.seeds) for sample in samples),
            unit_of(metric),
            f"{describe_metric(metric)}, fitted line{scale}: {setting_name(sweep['vary'])} "
            f"{number(max(values))} minus {number(min(values))}",
            (sweep["base"],),
        )


def describe_metric(metric: str) -> str:
    """Describe a metric in words."""
    return {
        "test_gap_accuracy": "gap in accuracy, training minus test",
        "test_gap_loss": "gap in loss, test minus training",
        "gap_accuracy": "gap in accuracy, training minus held-out",
        "gap_loss": "gap in loss, held-out minus training",
        "norm": "norm of the weights",
        "near_zero_share": "share of weights near zero",
        "zero_share": "share of weights that are exactly zero",
        "sum_absolute": "sum of absolute weights",
        "gamma_deviation": "mean distance of gamma from the standard deviation, relative to it",
        "beta_mean": "mean distance of beta from the mean, in standard deviations",
        "gamma_one": "mean distance of gamma from 1",
    }.get(metric, metric.replace("_objective", " loss with penalty").replace("_", " "))


# ------------------------------------------------------------------------------------- judging
def claims_table(
    claims: Mapping[str, Mapping[str, Any]],
    published: Sequence[Mapping[str, str]],
    models: Sequence[Mapping[str, Any]],
    pairs: Sequence[Sequence[str]],
    sweeps: Mapping[str, Mapping[str, Any]],
    longer: Mapping[str, Any] | None,
    runs: Runs,
    labels: np.ndarray,
) -> pd.DataFrame:
    """One row per claim: hypothesis, measurement, verdict, reason, and the source's own numbers.

    `models` are all models of the study, and `pairs` all pairs of them that it compares, from which
    variances borrow (see `Estimator`); for `sweeps` and `longer` see `Evidence`.  The claims of a
    topic that are tested on runs form a family: their p-values are corrected together.
    `comparison` is "metric first second" if the claim is a difference at the end above or below 0.
    """
    evidence = Evidence(Estimator(Measures(runs, labels), models, pairs), sweeps, longer)
    rows: list[dict[str, Any]] = []
    measured: list[tuple[dict[str, Any], Expectation, Quantity]] = []
    for name, claim in claims.items():
        row: dict[str, Any] = {
            "claim": name,
            "part": claim["part"],
            "topic": claim["topic"],
            "place": claim["place"],
            "says": " ".join(claim["says"].split()),
            "verdict": verdicts.UNTESTED,
            "reason": " ".join(claim.get("untested", "").split()),
            "literature": " ".join(claim.get("literature", [])),
            "part_c": claim.get("part_c", ""),
        }
        row |= _printed(claim, published)
        rows.append(row)
        if "test" in claim:
            try:
                quantity = evidence.quantity(claim["test"])
            except UnavailableQuantity as unavailable:
                row["reason"] = str(unavailable)
                continue
            expectation = Expectation.of(claim["test"])
            row["comparison"] = _comparison(claim["test"], expectation)
            measured.append((row, expectation, quantity))
    tested = []
    for (row, expectation, _), quantity in zip(
        measured, borrowed([quantity for _, _, quantity in measured]), strict=True
    ):
        row |= _measured(quantity, expectation)
        if quantity.estimate is not None:
            tested.append((row, expectation.p_values(quantity.estimate)))
    for topic in dict.fromkeys(row["topic"] for row, _ in tested):
        family = [(row, each) for row, each in tested if row["topic"] == topic]
        judge(family, "claims of its topic")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def borrowed(quantities: Sequence[Quantity]) -> list[Quantity]:
    """Return the quantities with variances that borrow from the others of their kind.

    Several claims may be about one quantity, which counts once.
    """
    distinct = {(it.kind, it.words): it.estimate for it in quantities if it.estimate is not None}
    found = []
    for own in quantities:
        if own.kind is not None and own.estimate is not None:
            others = (
                estimate
                for (kind, words), estimate in distinct.items()
                if kind == own.kind and words != own.words
            )
            own = replace(own, estimate=moderated(own.estimate, others))
        found.append(own)
    return found


def _comparison(test: Mapping[str, Any], expectation: Expectation) -> str | None:
    """Return "metric first second" if a test is that their difference is above or below 0."""
    given = test.get("compare")
    if given is None or "epoch" in given:
        return None
    if expectation.relation == "about" or expectation.value != 0:
        return None
    return f"{given['metric']} {given['with']} {given['model']}"


def judge(
    family: Sequence[tuple[dict[str, Any], tuple[float, float]]], what: str = "tests"
) -> None:
    """Add verdicts to the rows of a family, given their one-sided p-values for and against.

    `what` names the members of the family.
    """
    p_values = [min(1.0, 2.0 * min(each)) for _, each in family]
    for (row, each), p, p_holm in zip(family, p_values, holm(p_values), strict=True):
        row |= {"p": p, "p_holm": p_holm, "family": len(family)}
        row["verdict"] = verdicts.of_claim(*each, p_holm)
        if p <= ALPHA < p_holm:
            row["reason"] = (
                f"On its own it would count as {verdicts.of_claim(*each, p)}; corrected for the "
                f"{len(family)} {what} it does not."
            )


def _measured(quantity: Quantity, expectation: Expectation) -> dict[str, Any]:
    row: dict[str, Any] = {
        "hypothesis": f"{quantity.words}: {expectation.text(quantity.unit)}",
        "models": " ".join(quantity.models),
        "seeds": quantity.seeds,
        "unit": quantity.unit,
        "estimate": quantity.value,
    }
    if quantity.estimate is None:
        return row | {
            "verdict": verdicts.TOO_FEW,
            "reason": "One seed does not show how much runs vary."
            if quantity.seeds
            else "The two models have no seed in common.",
        }
    return row | {
        "estimate": quantity.estimate.value,
        "low": quantity.estimate.low,
        "high": quantity.estimate.high,
    }


def _printed(claim: Mapping[str, Any], published: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Test a claim on the source's own numbers, which are rounded."""
    if "printed" not in claim:
        return {}
    test = claim["printed"]
    rows = {row["id"]: row for row in published}
    signed = [(rows[it], 1.0) for it in test.get("add", [])]
    signed += [(rows[it], -1.0) for it in test.get("subtract", [])]
    scales = [1.0 / unit_scale(row["unit"]) for row, _ in signed]
    value = sum(
        sign * float(row["value"]) * scale
        for (row, sign), scale in zip(signed, scales, strict=True)
    )
    slack = sum(
        rounding(row["as_written"]) * scale for (row, _), scale in zip(signed, scales, strict=True)
    )
    expectation = Expectation.of(test)
    unit = ("points" if len(signed) > 1 else "%") if signed[0][0]["unit"] == "percent" else "nats"
    if expectation.holds(value, slack) != expectation.holds(value, -slack):
        verdict = verdicts.UNRESOLVED  # the printed digits do not decide
    else:
        verdict = verdicts.SUPPORTED if expectation.holds(value) else verdicts.CONTRADICTED
    sums = " ".join(f"{'+' if sign > 0 else '−'} {row['id']}" for row, sign in signed)
    return {
        "printed_hypothesis": f"{sums.removeprefix('+ ')}: {expectation.text(unit)}",
        "printed_value": value,
        "printed_verdict": verdict,
        "printed_unit": unit,
    }
