"""Results of all seeds of an experiment, and the best rate of a net.

Some quantities and the experiment speed start from the best rate.

By itself, because an experiment is run again when the code that it imports has changed, and the
quantities change more often.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.runtime import read_table, verify_digest


def read_rates(path: str | Path) -> pd.DataFrame:
    """Read the results of one seed of the experiment learning-rate."""
    verify_digest(path)
    return read_table(path, ("rate", "value"), ("activation", "optimizer", "arm", "measure"))


def results_table(seeds: Iterable[int], results: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The results of every seed one below the other, with a column `seed`."""
    parts = [part.assign(seed=seed) for seed, part in zip(seeds, results, strict=True)]
    return pd.concat(parts, ignore_index=True)


def best_rate(table: pd.DataFrame) -> float | None:
    """The rate with the smallest mean validation loss, among those at which every seed finished.

    `table` holds the results of one net at all rates.  None if there is no such rate.
    """
    losses = table[table["measure"] == "validation_loss"]
    finite = losses[np.isfinite(losses["value"])]
    seeds = table["seed"].nunique()
    means = finite.groupby("rate")["value"].agg(["mean", "count"])
    whole = means[means["count"] == seeds]
    return None if whole.empty else float(whole["mean"].idxmin())


def rate_to_show(net: pd.DataFrame) -> float:
    """The best rate of a net; the smallest one if there is no rate at which every seed finished."""
    found = best_rate(net)
    return float(net["rate"].min()) if found is None else found


def best_rates(table: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, float]:
    """The SGD rate to show of each net of the settings' activations, by names such as relu/bn.

    `table` holds the results of the experiment learning-rate.
    """
    nets = table[table["optimizer"] == "sgd"].groupby(["activation", "arm"])
    return {
        f"{activation}/{arm}": rate_to_show(net)
        for (activation, arm), net in nets
        if activation in settings["activations"]
    }
