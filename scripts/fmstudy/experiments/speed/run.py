"""How fast each net trains at its best learning rate, in steps and in seconds."""

from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.experiments.common import STEP_SECONDS, Data, Row, follow, nets, order_of, row

ROUNDS, TIMED = 5, 300  # of timing, and steps in each


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Follow each net at its best rate; then time the steps of all nets in turns.

    `best` in the settings gives the rate of each net, by names such as relu/bn.  Gives the
    validation metrics after every so many steps, and the seconds of a step, evaluation not
    included.
    """
    order = order_of(settings, seed, data)
    rows: list[Row] = []
    timed = []
    for keys, spec in nets(settings):
        batches, rate = MiniBatches(spec, data.fitted), settings["best"]["/".join(keys.values())]
        rows.append(row("rate", rate, **keys, step=0))
        batches.start(seed, rate)
        rows += follow(batches, order, settings, data, **keys)[1]
        timed.append((keys, batches, rate))
    for turn in range(1, ROUNDS + 1):
        for keys, batches, rate in timed:
            batches.start(seed, rate)
            batches.train(order[:TIMED])
            seconds = batches.watch.seconds["training"] / len(order[:TIMED])
            rows.append(row(STEP_SECONDS, seconds, **keys, turn=turn))
    return rows
