"""Training in batches of every size, and evaluation with several kinds of statistics."""

import math
from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MIN_FUSED_STEPS, MiniBatches, orders
from fmstudy.experiments.common import ARMS, Data, Row, net_spec, row
from fmstudy.runtime import Progress

CHECK_EVERY = 2000  # steps between two checks for divergence


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train on equally many examples in batches of each size, at several rates.

    One rate for all sizes would favor some of them, and one of the nets: without batch
    normalization, a rate that suits batches of 60 diverges in batches of 1.  So each net and size
    is judged at the rate that is best for it on validation data.  The configured rates are for
    batches of the common size; those for other sizes are proportional to the root of the size,
    near which the best rates were found, so that few have to be tried.

    The test set is evaluated with several statistics:

    exact   those of the whole training set
    own     each batch by its own statistics, in batches of the size of training
    0.99 (or another momentum)   moving statistics

    Sizes larger than the number of examples are left out.
    """
    examples = min(settings["examples"], len(data.fitted))
    sizes = [size for size in settings["sizes"] if size <= examples]
    trainings = len(ARMS) * len(sizes) * len(settings["rates"])
    progress = Progress(f"bn-batch-size, seed {seed}", trainings, "trainings")
    rows: list[Row] = []
    done = 0
    for arm, batch_norm in ARMS.items():
        momenta = settings["momenta"] if arm == "bn" else ()
        spec = net_spec(settings, activation=settings["activation"], batch_norm=batch_norm)
        batches = MiniBatches(spec, data.fitted, momenta)
        for size in sizes:
            order = orders(len(data.fitted), size, seed, examples // size)
            fused = len(settings["rates"]) * len(order) > MIN_FUSED_STEPS
            for common_rate in settings["rates"]:
                rate = common_rate * math.sqrt(size / settings["batch_size"])
                keys = {"arm": arm, "size": size, "rate": rate}
                batches.start(seed, rate)
                finished = batches.train(order, CHECK_EVERY, fused=fused)
                metrics = _metrics(batches, data, size) if finished else {}
                finished = {"validation_loss", "loss_exact"} <= set(metrics)
                rows += [row("finished", finished, **keys), row("steps", batches.steps, **keys)]
                rows += [row(name, value, **keys) for name, value in metrics.items()]
                done += 1
                progress.update(done)
    return rows


def _metrics(batches: MiniBatches, data: Data, size: int) -> dict[str, float]:
    """The metrics of a trained net that are finite."""
    exact = batches.exact()
    found = {"exact": batches.score(data.test, exact)}
    if batches.network.gammas:
        found["own"] = batches.score_in_batches(data.test, min(size, len(data.test)))
    for momentum, moving in batches.moving.items():
        found[f"{momentum:g}"] = batches.score(data.test, moving)
    metrics = {"validation_loss": batches.score(data.validation, exact).loss}
    for way, score in found.items():
        if math.isfinite(score.loss):
            metrics |= {f"loss_{way}": score.loss, f"accuracy_{way}": score.accuracy}
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
