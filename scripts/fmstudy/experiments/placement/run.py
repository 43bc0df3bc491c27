"""Batch normalization before and after the activation, at several learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.experiments.common import Data, Row, at_rates, net_spec


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Batch normalization before and after the activation, at several rates."""
    rows: list[Row] = []
    for activation in settings["activations"]:
        for place in ("before", "after"):
            batches = MiniBatches(
                net_spec(settings, activation=activation, batch_norm=place), data.fitted
            )
            keys = {"activation": activation, "arm": place}
            rows += at_rates(batches, settings["rates"], settings, seed, data, **keys)
    return rows
