"""Batch normalization before and after the activation, at several learning rates."""

from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.experiments.common import Data, Row, at_rates, nets


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train each net at every rate, normalized before or after the activation."""
    rows: list[Row] = []
    for keys, spec in nets(settings, {"before": "before", "after": "after"}):
        batches = MiniBatches(spec, data.fitted)
        rows += at_rates(batches, settings["rates"], settings, seed, data, **keys)
    return rows
