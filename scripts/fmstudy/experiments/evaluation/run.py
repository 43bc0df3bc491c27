"""Moving against exact statistics of the same trained net."""

from collections.abc import Mapping
from typing import Any

from fmstudy.engines.batchnorm import Statistics
from fmstudy.engines.mini_batch import MiniBatches, Samples, Score, orders
from fmstudy.experiments.common import Data, Row, row, steps_of
from fmstudy.study.spec import RunSpec

CHECK_EVERY = 2000  # steps between two checks for divergence


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Moving against exact statistics: after one epoch in mini-batches, after full-batch steps."""
    keys = ("train_samples", "test_samples", "features", "classes")
    net = RunSpec(
        "lowlevel",
        batch_norm="before",
        bn_epsilon=settings["bn_epsilon"],
        validation_split=settings["validation_split"],
        **{key: settings[key] for key in keys},
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
    batches.train(orders(len(fitted), spec.batch_size, seed, steps), CHECK_EVERY)
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
