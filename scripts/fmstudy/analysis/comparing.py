"""Tables of intervals: the uncertainty of metrics, and differences between models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis import verdicts
from fmstudy.analysis.measures import Measures, gaps_over_epochs
from fmstudy.analysis.results import Runs
from fmstudy.analysis.statistics import (
    Sample,
    another_run,
    difference,
    holm,
    mcnemar,
    over_seeds,
    over_seeds_and_images,
    resolution,
    share_interval,
)

# Compared metrics.  The comparisons of one metric in one section of the report form a family.
METRICS = ("test_accuracy", "test_loss", "test_gap_accuracy", "test_gap_loss")

COLUMNS = (
    *("metric", "first", "second", "first_title", "second_title", "comparisons", "section"),
    *("first_value", "second_value", "seeds", "difference", "low", "high", "p", "p_holm"),
    *("family", "resolution", "verdict", "only_first", "only_second", "mcnemar_p", "share"),
    *("share_low", "share_high"),
)


def pairs_of(models: Sequence[str], against: str) -> list[tuple[str, str]]:
    """Return the planned pairs of a comparison: each model with the first or the previous one."""
    if against == "previous":
        return list(pairwise(models))
    return [(models[0], other) for other in models[1:]]


def comparisons_table(
    comparisons: Sequence[Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
    runs: Runs,
    labels: np.ndarray,
) -> pd.DataFrame:
    """One row per metric and planned pair, comparing the second model with the first.

    Differences are second minus first, with 95 % intervals for other seeds and other test images.
    `p_holm` is corrected over the pairs of the metric and section; `resolution` is the smallest
    difference that is certain to be resolved.  A pair from several comparisons has one row.  The
    last six columns, for the test accuracy only, are from McNemar's test: medians over the common
    seeds, each for one pair of runs.
    """
    m, named = Measures(runs, labels), {model["name"]: model for model in models}
    planned: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for comparison in comparisons:
        for pair in pairs_of(comparison["models"], comparison["against"]):
            planned.setdefault(pair, []).append(comparison)
    rows: list[dict[str, Any]] = []
    for metric in METRICS:
        of_metric = [_compared(metric, *pair, by, named, m) for pair, by in planned.items()]
        for section in dict.fromkeys(row["section"] for row in of_metric):
            _judge([row for row in of_metric if row["section"] == section])
        rows += of_metric
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _judge(family: Sequence[dict[str, Any]]) -> None:
    """Add corrected p-values, resolutions and verdicts to the rows of a family."""
    tested = [row for row in family if row["estimate"] is not None]
    for row, p_holm in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = p_holm
        row["resolution"] = resolution(row["estimate"], len(tested))
    for row in family:
        row["family"] = len(tested)
        row["verdict"] = verdicts.of_difference(row["estimate"], row.get("p_holm"), row["metric"])
        if row["first_value"] is None or row["second_value"] is None:
            row["verdict"] = verdicts.NO_VALUE


def _compared(
    metric: str,
    first: str,
    second: str,
    planned_by: Sequence[Mapping[str, Any]],
    models: Mapping[str, Mapping[str, Any]],
    m: Measures,
) -> dict[str, Any]:
    one, other = models[first], models[second]
    samples = m.sample(one, metric), m.sample(other, metric)
    estimate = difference(*samples)
    shared = [seed for seed in samples[0].seeds if seed in samples[1].seeds]
    row: dict[str, Any] = {
        "metric": metric,
        "first": first,
        "second": second,
        "first_title": one["title"],
        "second_title": other["title"],
        "comparisons": " ".join(comparison["name"] for comparison in planned_by),
        "section": planned_by[0]["section"],
        "first_value": _mean(samples[0]),
        "second_value": _mean(samples[1]),
        "seeds": len(shared),
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
    if metric == "test_accuracy" and shared:
        row |= _run_by_run(one, other, shared, m)
    return row


def _mean(sample: Sample) -> float | None:
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
    """
    m = Measures(runs, labels)
    return pd.DataFrame(_estimated(model, metric, m) for model in models for metric in ESTIMATED)


def _estimated(model: Mapping[str, Any], metric: str, m: Measures) -> dict[str, Any]:
    sample = m.sample(model, metric)
    row: dict[str, Any] = dict.fromkeys(_INTERVALS)
    row |= {"model": model["name"], "title": model["title"], "metric": metric}
    row |= {"seeds": len(sample.seeds), "value": _mean(sample)}
    both, seeds = over_seeds_and_images(sample), over_seeds(sample.values)
    if both is not None and seeds is not None:
        row |= {"low": both.low, "high": both.high}
        row |= {"seeds_low": seeds.low, "seeds_high": seeds.high}
        row["another"] = another_run(sample.values)
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
