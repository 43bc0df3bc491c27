"""Nets with and without batch normalization, trained at many learning rates."""

from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.experiments.common import ARMS, Data, Row, at_rates, net_spec
from fmstudy.runtime import Progress


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train each net a few epochs at each rate; metrics, or that the training diverged."""
    rows: list[Row] = []
    trainings = 2 * sum(len(grid["rates"]) for grid in settings["grids"])
    progress = Progress(f"bn-learning-rate, seed {seed}", trainings, "trainings")
    done = 0
    for grid in settings["grids"]:
        for arm, batch_norm in ARMS.items():
            spec = net_spec(
                settings,
                activation=grid["activation"],
                optimizer=grid["optimizer"],
                batch_norm=batch_norm,
            )
            keys = {"activation": spec.activation, "optimizer": spec.optimizer, "arm": arm}
            batches = MiniBatches(spec, data.fitted)
            rows += at_rates(batches, grid["rates"], settings, seed, data, **keys)
            done += len(grid["rates"])
            progress.update(done)
    return rows
