"""Tables of the runs' results.

Accuracies are in [0, 1], losses are mean cross-entropies in nats, objectives are losses plus
penalties.  Over several seeds, tables have the mean, the sample standard deviation (n - 1; empty
for one seed), the smallest and the largest value.  Diverged trainings are counted but excluded from
the means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis.results import Runs
from fmstudy.study.spec import FINISHED

Row = dict[str, Any]
# Weights below this fraction of their root mean square are near zero.  A relative limit: weights
# that all shrink by the same factor are not closer to zero, compared with each other.
NEAR_ZERO = 0.02

METRICS = (
    "train_accuracy",
    "train_loss",
    "train_objective",
    "validation_accuracy",
    "validation_loss",
    "test_accuracy",
    "test_loss",
    "test_objective",
    "gap_accuracy",
    "gap_loss",
)


def has_finished(history: pd.DataFrame) -> bool:
    """Return whether a training finished, by its history: diverged ones end with a nonfinite loss.

    Equivalent to the status in metrics.json.
    """
    last = history[history["epoch"] == history["epoch"].max()]
    return bool(np.isfinite(last[["loss", "penalty"]].to_numpy(dtype=float)).all())


def mean_of_finished(values: np.ndarray, finished: np.ndarray) -> np.ndarray:
    """Average values (..., seeds) over the seeds that finished, booleans (seeds,): (...).

    Diverged seeds are excluded from the start, because the mean would jump where they end.  If
    every seed diverged, each counts while its values are finite; NaN where none is.
    """
    counted = np.isfinite(values) & (finished if finished.any() else True)
    count = counted.sum(axis=-1)
    sums = np.where(counted, values, 0.0).sum(axis=-1)
    return np.divide(sums, count, out=np.full(count.shape, np.nan), where=count > 0)


def final_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Flatten the final metrics of one training, with objectives and gaps.

    The gap between training and held-out data is positive if the model does better on the training
    data.  Held out is the validation part if there is one, else the test data.
    """
    final = metrics["final"]
    flat: dict[str, float] = {}
    for split, values in final.items():
        flat[f"{split}_accuracy"] = values["accuracy"]
        flat[f"{split}_loss"] = values["loss"]
        flat[f"{split}_objective"] = values["loss"] + values["penalty"]
    held_out = "validation" if "validation" in final else "test"
    flat["gap_accuracy"] = flat["train_accuracy"] - flat[f"{held_out}_accuracy"]
    flat["gap_loss"] = flat[f"{held_out}_loss"] - flat["train_loss"]
    return flat


def spread(name: str, values: Sequence[float]) -> Row:
    """Return mean, sample standard deviation, smallest and largest value, as four columns."""
    if not len(values):
        return dict.fromkeys((name, f"{name}_sd", f"{name}_min", f"{name}_max"))
    array = np.asarray(values, dtype=np.float64)
    deviation = float(array.std(ddof=1)) if array.size > 1 else None
    return {
        name: float(array.mean()),
        f"{name}_sd": deviation,
        f"{name}_min": float(array.min()),
        f"{name}_max": float(array.max()),
    }


def spreads(names: Iterable[str], seeds: Sequence[Mapping[str, float]]) -> Row:
    """Return the `spread` of each named metric over the seeds that have it."""
    row: Row = {}
    for name in names:
        row |= spread(name, [metrics[name] for metrics in seeds if name in metrics])
    return row


def model_row(model: Mapping[str, Any], runs: Runs) -> Row:
    """Return one model's row: its description, number of seeds, and all final metrics."""
    results = [runs.metrics(model["run"], seed) for seed in model["seeds"]]
    finished = [final_metrics(result) for result in results if result["status"] == FINISHED]
    return {
        "model": model["name"],
        "title": model["title"],
        "section": model["section"],
        "engine": model["engine"],
        "run": model["run"],
        "hidden": "-".join(map(str, model["spec"]["hidden"])),
        "parameters": results[0]["parameters"],
        "seeds": len(results),
        "diverged": len(results) - len(finished),
        **spreads(METRICS, finished),
    }


def models_table(models: Sequence[Mapping[str, Any]], runs: Runs) -> pd.DataFrame:
    """One row per model."""
    columns = ["model", "title", "section", "engine", "run", "hidden", "parameters"]
    columns += ["seeds", "diverged", *spreads(METRICS, [])]
    return pd.DataFrame([model_row(model, runs) for model in models], columns=columns)


def runs_table(trainings: Sequence[tuple[str, int]], runs: Runs) -> pd.DataFrame:
    """One row per training: status, final metrics, specification and versions."""
    rows = []
    for run, seed in trainings:
        result = runs.metrics(run, seed)
        row: Row = {"run": run, "seed": seed, "status": result["status"]}
        row |= {key: result[key] for key in ("epochs_done", "parameters")}
        for split in ("train", "validation", "test"):
            values = result["final"].get(split, {})
            for metric in ("loss", "penalty", "accuracy"):
                row[f"{split}_{metric}"] = values.get(metric)
        specification = result["specification"]
        hidden = "-".join(map(str, specification["hidden"]))
        made_with = {"code": result["code"]} | result["versions"]
        rows.append(row | specification | {"hidden": hidden} | made_with)
    return pd.DataFrame(rows)


def near_zero(weights: np.ndarray) -> np.ndarray:
    """Return which weights are at most `NEAR_ZERO` times their root mean square, as booleans."""
    near: np.ndarray = np.abs(weights) <= NEAR_ZERO * np.sqrt(np.mean(np.square(weights)))
    return near


def weight_row(run: str, seeds: Sequence[int], runs: Runs) -> Row:
    """Return statistics of a run's weights, as means over these seeds, which must have finished.

    sum, sum_absolute and norm (root of the sum of squares) are over the weights of all layers;
    near_zero_share is the fraction of weights that are `near_zero`, zero_share that of exact zeros.
    """
    measured = []
    for seed in seeds:
        w = runs.weights(run, seed).astype(np.float64)
        measured.append(
            {
                "weights": w.size,
                "sum": w.sum(),
                "sum_absolute": np.abs(w).sum(),
                "norm": np.sqrt(np.square(w).sum()),
                "near_zero_share": near_zero(w).mean(),
                "zero_share": np.mean(w == 0.0),
                "largest": np.abs(w).max(),
            }
        )
    return {
        name: float(np.mean([row[name] for row in measured])) if measured else None
        for name in _WEIGHT_MEASURES
    }


_WEIGHT_MEASURES = (
    *("weights", "sum", "sum_absolute", "norm", "near_zero_share", "zero_share", "largest"),
)


def weights_table(models: Sequence[Mapping[str, Any]], runs: Runs) -> pd.DataFrame:
    """One row per model: statistics of its weights."""
    return pd.DataFrame(
        {"model": model["name"], "title": model["title"], "seeds": len(model["seeds"])}
        | weight_row(model["run"], runs.finished(model), runs)
        for model in models
    )


def sweep_table(
    settings: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, Any]], runs: Runs
) -> pd.DataFrame:
    """One row per model of a sweep: its varied settings, its row, and two measures of its weights.

    The settings are `value`, or both keys of a grid.  The measures are norm and fraction near zero.
    """
    rows = []
    for varied, model in zip(settings, models, strict=True):
        weights = weight_row(model["run"], runs.finished(model), runs)
        kept = {f"weight_{key}" if key == "norm" else key: weights[key] for key in _SWEPT_WEIGHTS}
        rows.append({**varied, **model_row(model, runs), **kept, **varied})
    return pd.DataFrame(rows)


_SWEPT_WEIGHTS = ("norm", "near_zero_share")


def epochs_table(at: Sequence[int], model: Mapping[str, Any], runs: Runs) -> pd.DataFrame:
    """One row per number of epochs: metrics of one long training at these epochs."""
    names = ["train_accuracy", "train_loss", "test_accuracy", "test_loss"]
    rows = []
    histories = [runs.history(model["run"], seed) for seed in model["seeds"]]
    histories = [history for history in histories if has_finished(history)]
    for epochs in at:
        seeds = []
        for history in histories:
            reached = history[history["epoch"] == epochs].set_index("split")
            seeds.append(
                {f"{s}_{m}": reached.loc[s, m] for s in reached.index for m in ("accuracy", "loss")}
            )
        rows.append({"epochs": epochs, "seeds": len(seeds)} | spreads(names, seeds))
    return pd.DataFrame(rows)


def cost_table(trainings: Sequence[tuple[str, int]], runs: Runs) -> pd.DataFrame:
    """One row per training: seconds of the job and its parts, memory, arithmetic, end, machine."""
    return pd.DataFrame(
        {"run": run, "seed": seed} | cost_row(runs.provenance(run, seed), TRAINING_PARTS)
        for run, seed in trainings
    )


def cost_row(record: Mapping[str, Any], parts: Iterable[str]) -> Row:
    """Return the cost in a job's provenance as columns; see `fmstudy.engines.cost.record`."""
    seconds = record["seconds"]
    copied = ("processor_seconds", "peak_memory_mb", "arithmetic", "threads", "finished")
    return {
        "seconds": seconds["whole"],
        **{f"{part}_seconds": seconds.get(part) for part in parts},
        **{key: record[key] for key in copied},
        **record["machine"],
    }


TRAINING_PARTS = ("startup", "reading", "training", "evaluation", "writing")
