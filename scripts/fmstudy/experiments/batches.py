"""bn-batch-size, bn-evaluation: batches of all sizes, and the statistics that are used later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fmstudy.engines.batchnorm import Statistics
from fmstudy.engines.mini_batch import MIN_FUSED_STEPS, MiniBatches, Samples, Score, orders
from fmstudy.experiments.common import ARMS, Data, Row, net_spec, row, steps_of
from fmstudy.runtime import Progress
from fmstudy.study.spec import RunSpec

LOOK = 2000


def batch_size(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
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
            finished = batches.train(order, LOOK, fused=steps > MIN_FUSED_STEPS)
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


def evaluation(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Moving against exact statistics: after one epoch in mini-batches, after full-batch steps."""
    shared = {"train_samples": settings["train_samples"], "test_samples": settings["test_samples"]}
    net = RunSpec(
        "lowlevel",
        batch_norm="before",
        bn_epsilon=settings["bn_epsilon"],
        validation_split=settings["validation_split"],
        **shared,
    )
    epoch = settings["epoch"]
    spec = net.varied(
        hidden=tuple(epoch["hidden"]),
        bias="vector",
        weight_std=None,
        batch_size=epoch["batch_size"],
    )
    rows = _moving_against_exact(
        spec, data.fitted, steps_of(1, data, epoch["batch_size"]), seed, data, settings, "epoch"
    )
    full = settings["full"]
    some = data.fitted.part(0, min(full["samples"], len(data.fitted)))
    spec = net.varied(hidden=tuple(full["hidden"]), batch_size=len(some))
    return rows + _moving_against_exact(spec, some, full["steps"], seed, data, settings, "full")


def _moving_against_exact(
    spec: RunSpec,
    fitted: Samples,
    steps: int,
    seed: int,
    data: Data,
    settings: Mapping[str, Any],
    case: str,
) -> list[Row]:
    assert spec.batch_size is not None
    batches = MiniBatches(spec, fitted, settings["momenta"])
    batches.start(seed)
    batches.train(orders(len(fitted), spec.batch_size, seed, steps), LOOK)
    ways: dict[str, list[Statistics]] = {"exact": batches.exact()}
    ways |= {f"{momentum:g}": moving for momentum, moving in batches.moving.items()}
    found: dict[str, Score] = {
        way: batches.score(data.validation, population) for way, population in ways.items()
    }
    return [row("steps", batches.steps, case=case, way="")] + [
        row(name, value, case=case, way=way)
        for way, score in found.items()
        for name, value in score._asdict().items()
    ]
