"""The standard deviation of test metrics that each source of randomness causes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fmstudy.experiments.best_rates import results_table
from fmstudy.experiments.reading import some, values_of

NAMES = {
    "weights": "initial weights",
    "order": "order of batches",
    "dropout": "dropout masks",
    "images": "training images",
    "rounding": "rounding",
    "all": "all together",
}
TEST_IMAGES = "test images"
METRICS = ("accuracy", "loss")


def noise_table(seeds: Sequence[int], results: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One row per epoch and source: means, and standard deviations over trainings.

    The last source of each epoch is the sampling of test images, from the trained nets alone: the
    standard error of a binomial share, and of the mean loss; root mean squares over trainings.
    """
    table = _finished(results_table(seeds, results))
    rows: list[dict[str, Any]] = []
    for epoch in values_of(table, "epoch"):
        after = some(table, epoch=epoch)
        for source in values_of(after, "source"):
            own = some(after, source=source)
            found = {kind: some(own, measure=f"test_{kind}")["value"] for kind in METRICS}
            rows.append(
                _row(epoch, NAMES[source], found)
                | _deviations("accuracy", found["accuracy"])
                | _deviations("loss", found["loss"])
            )
        found = {kind: some(after, measure=f"test_{kind}")["value"] for kind in METRICS}
        sampling = _row(epoch, TEST_IMAGES, found)
        for kind in METRICS:
            errors = some(after, measure=f"test_{kind}_error")["value"]
            sampling[f"{kind}_deviation"] = math.sqrt(np.square(errors).mean())
        rows.append(sampling)
    return pd.DataFrame(rows)


def _finished(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the metrics of diverged trainings, all of them: one has an accuracy of guessing."""
    keys = ["epoch", "source", "seed"]
    finite = table.groupby(keys)["value"].transform(lambda values: np.isfinite(values).all())
    return table[finite.astype(bool)]


def _row(epoch: int, source: str, found: dict[str, pd.Series]) -> dict[str, Any]:
    means = {f"test_{kind}": values.mean() for kind, values in found.items()}
    return {"epoch": int(epoch), "source": source, "trainings": len(found["loss"]), **means}


def _deviations(kind: str, values: pd.Series) -> dict[str, Any]:
    key = f"{kind}_deviation"
    return dict(zip((key, f"{key}_low", f"{key}_high"), deviation(values), strict=True))


def deviation(values: Sequence[float] | pd.Series) -> tuple[float | None, ...]:
    """Return the standard deviation of a normal variable with its 95 % interval (chi-square).

    (n - 1) s^2 / sigma^2 has a chi-square distribution with n - 1 degrees of freedom.  All three
    are None for fewer than two values.
    """
    freedom = len(values) - 1
    if freedom < 1:
        return None, None, None
    found = float(np.std(values, ddof=1))
    low, high = (found * math.sqrt(freedom / stats.chi2.ppf(q, freedom)) for q in (0.975, 0.025))
    return found, float(low), float(high)
