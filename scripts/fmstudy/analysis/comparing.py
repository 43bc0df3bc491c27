"""Tables of intervals: the uncertainty of metrics, and differences between models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis import verdicts
from fmstudy.analysis.estimator import Estimator
from fmstudy.analysis.measures import Measures, gaps_over_epochs
from fmstudy.analysis.results import Runs
from fmstudy.analysis.statistics import (
    Sample,
    holm,
    mcnemar,
    over_seeds,
    resolution,
    share_interval,
)

METRICS = ("test_accuracy", "test_loss", "test_gap_accuracy", "test_gap_loss")

COLUMNS = (
    *("metric", "first", "second", "first_title", "second_title", "comparisons", "section"),
    *("first_value", "second_value", "seeds", "difference", "low", "high", "p", "p_holm"),
    *("family", "claim", "resolution", "verdict"),
    *("only_first", "only_second", "mcnemar_p", "share", "share_low", "share_high"),
)
PAIR_COLUMNS = (
    *("metric", "first", "second", "first_title", "second_title", "planned"),
    *("first_value", "second_value", "seeds", "difference", "low", "high", "p", "p_holm"),
    *("family", "resolution", "verdict"),
)


def comparisons_table(
    comparisons: Sequence[Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
    runs: Runs,
    labels: np.ndarray,
    pairs: Sequence[Sequence[str]] = (),
    claims: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per metric and planned pair, comparing the second model with the first.

    Differences are second minus first, with 95 % intervals for other seeds and other test images;
    their variances borrow from each other, and from those of further `pairs` (see `Estimator`).

    Each hypothesis is tested once.  Where a claim in the table `claims` says that the difference is
    above or below 0, its corrected p-value and its family count here as well, and `claim` names it.
    The other pairs of a metric and section are a family.  `p_holm` is corrected for the family;
    `resolution` is the smallest difference that is certain to be resolved in it.

    A pair from several comparisons has one row.  The last six columns, for the test accuracy only,
    are from McNemar's test: medians over the common seeds, each for one pair of runs.
    """
    by_pair: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for comparison in comparisons:
        for first, second in comparison["pairs"]:
            by_pair.setdefault((first, second), []).append(comparison)
    estimator = Estimator(Measures(runs, labels), models, [*pairs, *by_pair])
    tested = _tested_by_claims(claims)
    rows: list[dict[str, Any]] = []
    for metric in METRICS:
        of_metric = [_compared(metric, *pair, by, estimator) for pair, by in by_pair.items()]
        for row in of_metric:
            _take_over(row, tested)
        for section in dict.fromkeys(row["section"] for row in of_metric):
            correct([r for r in of_metric if r["section"] == section and "claim" not in r])
        for row in of_metric:
            judge(row)
        rows += of_metric
    return pd.DataFrame(rows, columns=list(COLUMNS))


def pairs_table(
    models: Sequence[Mapping[str, Any]],
    runs: Runs,
    labels: np.ndarray,
    comparisons: pd.DataFrame | None = None,
    pairs: Sequence[Sequence[str]] = (),
    claims: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row per metric and pair of models, planned or not, comparing the second with the first.

    A planned pair has its row in the table `comparisons`, or the corrected p-value of the claim
    that is about it.  All other pairs are exploratory: for each metric, they are one family.
    Variances borrow from the planned `pairs`, as in `comparisons_table`.
    """
    estimator = Estimator(Measures(runs, labels), models, pairs)
    tested = _tested_by_claims(claims)
    known = {
        (row["metric"], frozenset((row["first"], row["second"]))): row
        for row in (() if comparisons is None else comparisons.to_dict("records"))
    }
    names = [model["name"] for model in models]
    rows: list[dict[Any, Any]] = []
    for metric in METRICS:
        of_metric: list[dict[Any, Any]] = []
        for first, second in combinations(names, 2):
            planned = known.get((metric, frozenset((first, second))))
            if planned is not None:
                of_metric.append(planned | {"planned": "yes"})
            else:
                row = _difference(metric, first, second, estimator)
                _take_over(row, tested)
                of_metric.append(row | {"planned": "yes" if "claim" in row else "no"})
        correct([row for row in of_metric if row["planned"] == "no"])
        for row in of_metric:
            if "estimate" in row:  # otherwise it has its verdict
                judge(row)
        rows += of_metric
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def _take_over(row: dict[str, Any], tested: Mapping[Any, Mapping[Any, Any]]) -> None:
    """Give a row the corrected p-value and the family of the claim that says the same, if any."""
    claim = tested.get((row["metric"], frozenset((row["first"], row["second"]))))
    if claim is not None and row["estimate"] is not None:
        row |= {"claim": claim["claim"], "p_holm": claim["p_holm"]}
        row["family"] = int(claim["family"])


def _tested_by_claims(claims: pd.DataFrame | None) -> dict[Any, Mapping[Any, Any]]:
    """Return the tested claims "this difference is above (or below) 0" by metric and pair."""
    if claims is None:
        return {}
    rows = claims[claims["comparison"].notna() & claims["p_holm"].notna()].to_dict("records")
    named = [(*row["comparison"].split(), row) for row in rows]
    return {(metric, frozenset((first, second))): row for metric, first, second, row in named}


def correct(family: Sequence[dict[str, Any]]) -> None:
    """Add the p-values corrected for a family, and the number of its tests, to its rows."""
    tested = [row for row in family if row["estimate"] is not None]
    for row, p_holm in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = p_holm
    for row in family:
        row["family"] = len(tested)


def judge(row: dict[str, Any]) -> None:
    """Add resolution and verdict to a row."""
    if row["estimate"] is not None:
        row["resolution"] = resolution(row["estimate"], row["family"])
    row["verdict"] = verdicts.of_difference(row["estimate"], row.get("p_holm"), row["metric"])
    if row["first_value"] is None or row["second_value"] is None:
        row["verdict"] = verdicts.NO_VALUE


def _compared(
    metric: str,
    first: str,
    second: str,
    planned_by: Sequence[Mapping[str, Any]],
    estimator: Estimator,
) -> dict[str, Any]:
    row = _difference(metric, first, second, estimator)
    row["comparisons"] = " ".join(comparison["name"] for comparison in planned_by)
    row["section"] = planned_by[0]["section"]
    if metric == "test_accuracy" and row["shared"]:
        one, other = (estimator.models[name] for name in (first, second))
        row |= _run_by_run(one, other, row["shared"], estimator.m)
    return row


def _difference(metric: str, first: str, second: str, estimator: Estimator) -> dict[str, Any]:
    m, models = estimator.m, estimator.models
    one, other = models[first], models[second]
    samples = m.sample(one, metric), m.sample(other, metric)
    estimate = estimator.difference(first, second, metric)
    shared = [seed for seed in samples[0].seeds if seed in samples[1].seeds]
    row: dict[str, Any] = {
        "metric": metric,
        "first": first,
        "second": second,
        "first_title": one["title"],
        "second_title": other["title"],
        "first_value": mean_of(samples[0]),
        "second_value": mean_of(samples[1]),
        "seeds": len(shared),
        "shared": shared,
        "estimate": estimate,
    }
    if estimate is None:
        if row["first_value"] is not None and row["second_value"] is not None:
            row["difference"] = row["second_value"] - row["first_value"]
    else:
        row |= {
            "difference": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "p": estimate.p_differs(),
        }
    return row


def mean_of(sample: Sample) -> float | None:
    return float(sample.values.mean()) if sample.seeds else None


def _run_by_run(
    first: Mapping[str, Any], second: Mapping[str, Any], seeds: Sequence[int], m: Measures
) -> dict[str, float]:
    found = [mcnemar(m.right(first, seed), m.right(second, seed)) for seed in seeds]
    names = {
        "only_first": "only_first",
        "only_second": "only_second",
        "p": "mcnemar_p",
        "share": "share",
        "low": "share_low",
        "high": "share_high",
    }
    medians = pd.DataFrame(found).median()
    return {column: float(medians[field]) for field, column in names.items()}


# --------------------------------------------------------------------- single models
ESTIMATED = ("train_accuracy", "train_loss", *METRICS)


_INTERVALS = (
    "model",
    "title",
    "metric",
    "seeds",
    "value",
    "low",
    "high",
    "seeds_low",
    "seeds_high",
    "another",
    "one_low",
    "one_high",
)


def intervals_table(
    models: Sequence[Mapping[str, Any]], runs: Runs, labels: np.ndarray
) -> pd.DataFrame:
    """One row per model and metric: the mean over seeds, with several 95 % intervals.

    low, high              for other seeds and other test images
    seeds_low, seeds_high  for other seeds on the same images
    another                possible deviation of one more run from the mean, on the same images
    one_low, one_high      for the first seed's test accuracy on other images (Wilson)

    Intervals end where no value is possible: accuracies are in [0, 1], losses at least 0.
    """
    estimator = Estimator(Measures(runs, labels), models)
    return pd.DataFrame(
        _estimated(model, metric, estimator) for model in models for metric in ESTIMATED
    )


def _estimated(model: Mapping[str, Any], metric: str, estimator: Estimator) -> dict[str, Any]:
    m, name = estimator.m, model["name"]
    sample = m.sample(model, metric)
    row: dict[str, Any] = dict.fromkeys(_INTERVALS)
    row |= {"model": model["name"], "title": model["title"], "metric": metric}
    row |= {"seeds": len(sample.seeds), "value": mean_of(sample)}
    both, seeds = estimator.level(name, metric), estimator.level_on_these_images(name, metric)
    if both is not None and seeds is not None:
        lowest = -np.inf if "gap" in metric else 0.0
        highest = 1.0 if metric in ("train_accuracy", "test_accuracy") else np.inf
        for key, it in (("", both), ("seeds_", seeds)):
            row |= {f"{key}low": max(it.low, lowest), f"{key}high": min(it.high, highest)}
        row["another"] = seeds.another_run()
    if metric == "test_accuracy" and sample.seeds:
        right = m.right(model, next(iter(sample.seeds)))
        row["one_low"], row["one_high"] = share_interval(int(right.sum()), right.size)
    return row


def gaps_table(models: Sequence[Mapping[str, Any]], runs: Runs) -> pd.DataFrame:
    """One row per model and epoch: both gaps to held-out data, with 95 % intervals over seeds.

    The intervals are for other seeds on the same images; they are empty for one seed.  A diverged
    training counts as long as its losses are finite.
    """
    rows = []
    for model in models:
        gaps = gaps_over_epochs(model, runs)
        for epoch, values in gaps.iterrows():
            row: dict[str, Any] = {"model": model["name"], "epoch": epoch}
            finite = values["loss"].index[np.isfinite(values["loss"])]
            row["seeds"] = len(finite)
            for kind in ("accuracy", "loss"):
                known = values[kind][finite]
                estimate = over_seeds(known.to_numpy())
                row[f"gap_{kind}"] = known.mean() if len(known) else None
                row[f"gap_{kind}_low"] = None if estimate is None else estimate.low
                row[f"gap_{kind}_high"] = None if estimate is None else estimate.high
            rows.append(row)
    return pd.DataFrame(rows)
