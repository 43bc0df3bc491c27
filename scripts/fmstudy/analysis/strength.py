"""Which strengths of a penalty are compatible with the numbers that the source prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis.estimator import Estimator
from fmstudy.analysis.ledger import metric_of, rounding, unit_scale
from fmstudy.analysis.measures import Measures
from fmstudy.analysis.results import Runs
from fmstudy.analysis.statistics import ALPHA

COLUMNS = ("sweep", "source_model", "id", "as_written", "unit", "tolerance", "low", "high")
POINTS = 2001  # of the interpolated curve


def strengths_table(
    published: Sequence[Mapping[str, str]],
    redone_by: Mapping[str, Sequence[str]],
    models: Sequence[Mapping[str, Any]],
    sweeps: Sequence[Mapping[str, Any]],
    uses_all_images: bool,
    runs: Runs,
    labels: np.ndarray,
) -> pd.DataFrame:
    """One row per sweep of a penalty's strength and published number: the compatible strengths.

    The sweeps vary delta, and their base model re-does a model of the source; `values` and `models`
    are those of the sweep.  Each metric is interpolated between the trained strengths (`curve`); a
    strength is compatible with a published number if the metric there differs from it by no more
    than two runs may, plus the rounding.  `low` and `high` are the smallest and the largest of
    these strengths, empty if there is none; a range that ends where the sweep ends may go on.  The
    row without an id is for all numbers together, each at a level divided by their number.

    A study of part of the images (not `uses_all_images`) is not comparable and has no rows.
    """
    estimator = Estimator(Measures(runs, labels), models)
    rows: list[dict[str, Any]] = []
    for sweep in sweeps if uses_all_images else ():
        source = next(name for name, names in redone_by.items() if sweep["base"] in names)
        numbers = [row for row in published if row["model"] == source]
        strengths = [value for value in sweep["values"] if value > 0]
        if not strengths:
            continue
        places = np.linspace(math.log10(min(strengths)), math.log10(max(strengths)), POINTS)
        common = np.ones(POINTS, dtype=bool)
        for row in numbers:
            metric, scale = metric_of(row), unit_scale(row["unit"])
            known = estimator.level_on_these_images(sweep["base"], metric)
            away = np.abs(scale * curve(sweep, metric, estimator.m, places) - float(row["value"]))
            one, each = (
                math.nan
                if known is None
                else scale * known.two_runs(alpha) + rounding(row["as_written"])
                for alpha in (ALPHA, ALPHA / len(numbers))
            )
            common &= away <= each
            rows.append(
                {
                    "sweep": sweep["name"],
                    "source_model": source,
                    "id": row["id"],
                    "as_written": row["as_written"],
                    "unit": row["unit"],
                    "tolerance": one,
                    **_range(places, away <= one),
                }
            )
        rows.append({"sweep": sweep["name"], "source_model": source, **_range(places, common)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def curve(sweep: Mapping[str, Any], metric: str, m: Measures, places: np.ndarray) -> np.ndarray:
    """Interpolate a metric at the logarithms (base 10) of strengths, from the sweep's trainings.

    Monotone cubic in the logarithm (F. Fritsch, R. Carlson, SIAM J. Numerical Analysis 17 (1980)),
    through the means over seeds; NaN outside of the trained strengths.
    """
    from scipy.interpolate import PchipInterpolator

    samples = [m.sample(model, metric) for model in sweep["models"]]
    known = [
        (math.log10(value), sample.values.mean())
        for value, sample in zip(sweep["values"], samples, strict=True)
        if sample.seeds and value > 0
    ]
    if len(known) < 2:
        return np.full(places.shape, np.nan)
    x, y = zip(*sorted(known), strict=True)
    found: np.ndarray = PchipInterpolator(x, y, extrapolate=False)(places)
    return found


def _range(places: np.ndarray, compatible: np.ndarray) -> dict[str, float]:
    if not compatible.any():
        return {}
    chosen = 10.0 ** places[compatible]
    return {"low": float(chosen[0]), "high": float(chosen[-1])}
