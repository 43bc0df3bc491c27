"""Test loss and accuracy by batch size and kind of statistics, at the best rates."""

import numpy as np
import pandas as pd

from fmstudy.experiments.best_rates import rate_to_show
from fmstudy.experiments.reading import Quantities, groups, or_guessed, some


def quantities(table: pd.DataFrame) -> Quantities:
    """Test loss and accuracy for each net, batch size, and kind of statistics; the best rates."""
    best = rows_at_best_rates(table)
    found: Quantities = {}
    for arm, size, rate in groups(best, "arm", "size", "rate"):
        net = some(best, arm=arm, size=size)
        for (measure,) in groups(net, "measure"):
            if measure.startswith(("loss", "accuracy")):
                found[f"{measure}/{arm}/{size}"] = or_guessed(net, measure)
        found[f"best_rate/{arm}/{size}"] = dict.fromkeys(
            map(int, net["seed"].unique()), float(np.log10(rate))
        )
    return found


def rows_at_best_rates(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each net and batch size at the rate that is best for it on validation data.

    If there is no rate at which every seed finished, those at the smallest rate.
    """
    parts = []
    for arm, size in groups(table, "arm", "size"):
        net = some(table, arm=arm, size=size)
        parts.append(some(net, rate=rate_to_show(net)))
    return pd.concat(parts) if parts else table
