"""Training in batches of every size, and evaluation with several kinds of statistics."""

import math
from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MIN_FUSED_STEPS, MiniBatches, Score, orders
from fmstudy.experiments.common import ARMS, Data, Row, net_spec, row
from fmstudy.runtime import Progress

CHECK_EVERY = 2000  # steps between two checks for divergence


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train on equally many examples in batches of each size; evaluate in several ways.

    exact   with the statistics of the whole training set
    own     each batch of the validation set by its own statistics, of the size of training
    0.99 (or another momentum)   with moving statistics

    Sizes larger than the number of examples are left out.
    """
    examples = min(settings["examples"], len(data.fitted))
    sizes = [size for size in settings["sizes"] if size <= examples]
    progress = Progress(f"bn-batch-size, seed {seed}", len(ARMS) * len(sizes), "trainings")
    rows: list[Row] = []
    for arm, batch_norm in ARMS.items():
        momenta = settings["momenta"] if arm == "bn" else ()
        spec = net_spec(settings, activation=settings["activation"], batch_norm=batch_norm)
        batches = MiniBatches(spec, data.fitted, momenta)
        for size in sizes:
            keys = {"arm": arm, "size": size}
            batches.start(seed)
            steps = examples // size
            order = orders(len(data.fitted), size, seed, steps)
            finished = batches.train(order, CHECK_EVERY, fused=steps > MIN_FUSED_STEPS)
            ways = _ways(batches, data, size) if finished else {}
            rows += [row("finished", "exact" in ways, **keys), row("steps", batches.steps, **keys)]
            rows += [
                row(f"{name}_{way}", value, **keys)
                for way, score in ways.items()
                for name, value in score._asdict().items()
            ]
            progress.update(len({(r["arm"], r["size"]) for r in rows}))
    return rows


def _ways(batches: MiniBatches, data: Data, size: int) -> dict[str, Score]:
    """The evaluations of a trained net that give numbers."""
    found = {"exact": batches.score(data.validation, batches.exact())}
    if batches.network.gammas:
        found["own"] = batches.score_in_batches(data.validation, min(size, len(data.validation)))
    for momentum, moving in batches.moving.items():
        found[f"{momentum:g}"] = batches.score(data.validation, moving)
    return {way: score for way, score in found.items() if math.isfinite(score.loss)}
