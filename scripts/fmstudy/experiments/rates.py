"""bn-learning-rate, bn-speed, bn-placement: how fast nets train, and at which rates at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fmstudy.engines.mini_batch import MIN_FUSED_STEPS, MiniBatches, orders
from fmstudy.experiments.common import (
    ARMS,
    STEP_SECONDS,
    Data,
    Row,
    follow,
    net_spec,
    outcome,
    row,
    steps_of,
)
from fmstudy.runtime import Progress

LOOK = 200  # steps between two looks for a divergence
ROUNDS, TIMED = 5, 300  # of timing, and steps in each


def learning_rate(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
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
            rows += _at_rates(batches, settings, grid["rates"], seed, data, keys)
            done += len(grid["rates"])
            progress.update(done)
    return rows


def placement(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Batch normalization before and after the activation, at several rates."""
    rows: list[Row] = []
    for activation in settings["activations"]:
        for place in ("before", "after"):
            batches = MiniBatches(
                net_spec(settings, activation=activation, batch_norm=place), data.fitted
            )
            keys = {"activation": activation, "arm": place}
            rows += _at_rates(batches, settings, settings["rates"], seed, data, keys)
    return rows


def _at_rates(
    batches: MiniBatches,
    settings: Mapping[str, Any],
    rates: Sequence[float],
    seed: int,
    data: Data,
    keys: Row,
) -> list[Row]:
    size = settings["batch_size"]
    order = orders(len(data.fitted), size, seed, steps_of(settings["epochs"], data, size))
    fused = len(rates) * len(order) > MIN_FUSED_STEPS
    rows: list[Row] = []
    for rate in rates:
        batches.start(seed, rate)
        finished = batches.train(order, LOOK, fused=fused)
        rows += outcome(finished, batches, data, **keys, rate=rate)
    return rows


def speed(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Follow each net at its best rate; then time the steps of all nets in turns.

    `best` in the settings gives the rate of each net, by names such as relu/bn.  Gives the
    validation metrics after every so many steps, and the seconds of a step, evaluation not
    included.
    """
    size = settings["batch_size"]
    order = orders(len(data.fitted), size, seed, steps_of(settings["epochs"], data, size))
    rows: list[Row] = []
    nets = {}
    for activation in settings["activations"]:
        for arm, batch_norm in ARMS.items():
            spec = net_spec(settings, activation=activation, batch_norm=batch_norm)
            batches = nets[activation, arm] = MiniBatches(spec, data.fitted)
            keys = {"activation": activation, "arm": arm}
            rate = settings["best"][f"{activation}/{arm}"]
            rows.append(row("rate", rate, **keys, step=0))
            batches.start(seed, rate)
            rows += follow(batches, order, settings, data, **keys)[1]
    for turn in range(1, ROUNDS + 1):
        for (activation, arm), batches in nets.items():
            batches.start(seed, settings["best"][f"{activation}/{arm}"])
            batches.train(order[:TIMED])
            seconds = batches.watch.seconds["training"] / len(order[:TIMED])
            keys = {"activation": activation, "arm": arm}
            rows.append(row(STEP_SECONDS, seconds, **keys, turn=turn))
    return rows
