"""What the experiments that train share: data, networks, common trainings, and form of results.

An experiment returns rows with its own keys (activation, arm, rate, ...), a measure, and a value.
The arms are `plain` (without batch normalization), `bn` (before the activation, as in the paper)
and whatever else the experiment is about.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fmstudy.data import dataset
from fmstudy.engines.mini_batch import MIN_FUSED_STEPS, MiniBatches, Samples, orders
from fmstudy.study.spec import RunSpec

Row = dict[str, Any]
ARMS = {"plain": "none", "bn": "before"}
STEP_SECONDS = "step_seconds"  # the measure that is not the same when an experiment is repeated
CHECK_EVERY = 200  # steps between two checks for divergence


class Data(NamedTuple):
    """The samples that nets are fitted to, choices are made on, and results are told of."""

    fitted: Samples
    validation: Samples
    test: Samples


def load_data(folder: str | Path, settings: Mapping[str, Any]) -> Data:
    """Load the tensors of the study, and hold out the last part of the training samples."""
    train = dataset.load_tensors(folder, "train", settings["train_samples"])
    test = dataset.load_tensors(folder, "test", settings["test_samples"])
    sizes = {key: settings[key] for key in ("train_samples", "validation_split")}
    cut = RunSpec("lowlevel", **sizes).fitted_samples
    x, labels = train
    return Data(
        Samples.of(x[:, :cut], labels[:, :cut]),
        Samples.of(x[:, cut:], labels[:, cut:]),
        Samples.of(*test),
    )


def net_spec(settings: Mapping[str, Any], **changes: Any) -> RunSpec:
    """The experiments' common net, with changes."""
    spec = RunSpec(
        "lowlevel",
        hidden=tuple(settings["hidden"]),
        bias="vector",
        weight_std=None,
        bn_epsilon=settings["bn_epsilon"],
        optimizer="sgd",
        learning_rate=settings["learning_rate"],
        batch_size=settings["batch_size"],
        validation_split=settings["validation_split"],
        train_samples=settings["train_samples"],
        test_samples=settings["test_samples"],
        features=settings["features"],
        classes=settings["classes"],
    )
    return spec.varied(**changes)


def nets(
    settings: Mapping[str, Any], arms: Mapping[str, str] = ARMS
) -> Iterator[tuple[dict[str, str], RunSpec]]:
    """Every activation of an experiment with every arm: the keys of its rows, and its net.

    arms: where batch normalization stands in each.
    """
    for activation in settings["activations"]:
        for arm, batch_norm in arms.items():
            keys = {"activation": activation, "arm": arm}
            yield keys, net_spec(settings, activation=activation, batch_norm=batch_norm)


def steps_of(epochs: float, data: Data, size: int) -> int:
    """The steps of so many epochs of whole batches, one at least."""
    return max(1, round(epochs * (len(data.fitted) // size)))


def order_of(settings: Mapping[str, Any], seed: int, data: Data) -> np.ndarray:
    """The samples of every step of a training, (steps, batch size)."""
    size = settings["batch_size"]
    return orders(len(data.fitted), size, seed, steps_of(settings["epochs"], data, size))


def scores(batches: MiniBatches, data: Data, **keys: Any) -> list[Row]:
    """Validation and test metrics of a trained net with exact statistics of the training set."""
    population = batches.exact()
    found = {
        "validation": batches.score(data.validation, population),
        "test": batches.score(data.test, population),
    }
    return [
        row(f"{split}_{name}", value, **keys)
        for split, score in found.items()
        for name, value in score._asdict().items()
    ]


def outcome(finished: bool, batches: MiniBatches, data: Data, **keys: Any) -> list[Row]:
    """Whether a training stayed finite to its end, and its metrics if it did.

    One whose last steps made a metric overflow did not.
    """
    metrics = scores(batches, data, **keys) if finished else []
    finished = finished and all(math.isfinite(each["value"]) for each in metrics)
    return [row("finished", finished, **keys), *(metrics if finished else [])]


def at_rates(
    batches: MiniBatches,
    rates: Sequence[float],
    settings: Mapping[str, Any],
    seed: int,
    data: Data,
    **keys: Any,
) -> list[Row]:
    """Train a net from the same start at each learning rate; the outcomes."""
    order = order_of(settings, seed, data)
    fused = len(rates) * len(order) > MIN_FUSED_STEPS
    rows: list[Row] = []
    for rate in rates:
        batches.start(seed, rate)
        finished = batches.train(order, CHECK_EVERY, fused=fused)
        rows += outcome(finished, batches, data, **keys, rate=rate)
    return rows


def follow(
    batches: MiniBatches,
    order: np.ndarray,
    settings: Mapping[str, Any],
    data: Data,
    **keys: Any,
) -> tuple[bool, list[Row]]:
    """Train a net that was started, and evaluate it on the validation set on the way.

    Tells whether the training stayed finite, and the metrics until it ended.

    Every `every` steps, with the exact statistics of the first `statistics_samples` of the
    training samples, since those of all would take longer than the steps between.
    """
    some = data.fitted.part(0, settings["statistics_samples"])
    rows: list[Row] = []

    def look(step: int) -> None:
        score = batches.score(data.validation, batches.exact(some))
        for name, value in score._asdict().items():
            rows.append(row(f"validation_{name}", value, **keys, step=step))

    look(0)
    return batches.train(order, settings["every"], look), rows


def row(measure: str, value: float, **keys: Any) -> Row:
    """One value of the results."""
    return {**keys, "measure": measure, "value": float(value)}


def without_times(rows: Sequence[Row]) -> tuple[pd.DataFrame, list[Row]]:
    """Part the rows into results, which are the same whenever they are repeated, and times."""
    results = [each for each in rows if each["measure"] != STEP_SECONDS]
    return pd.DataFrame(results), [each for each in rows if each["measure"] == STEP_SECONDS]
