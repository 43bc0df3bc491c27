"""How fast each net trains at its best learning rate, in steps and in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.experiments.common import (
    ARMS,
    STEP_SECONDS,
    Data,
    Row,
    follow,
    net_spec,
    order_of,
    row,
)

ROUNDS, TIMED = 5, 300  # of timing, and steps in each


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Follow each net at its best rate; then time the steps of all nets in turns.

    `best` in the settings gives the rate of each net, by names such as relu/bn.  Gives the
    validation metrics after every so many steps, and the seconds of a step, evaluation not
    included.
    """
    order = order_of(settings, seed, data)
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
