"""Metrics of models as samples over seeds and images, from the results of trainings.

Accuracies and fractions are in [0, 1], losses in nats.  Metrics at the end of training:

- train_, validation_ and test_ with accuracy, loss and objective (loss plus penalty);
- gap_accuracy, gap_loss: between training data and held-out data, which is the validation part if
  there is one, else the test data; test_gap_accuracy, test_gap_loss: always to the test data.
  Positive if the model does better on the training data;
- norm, near_zero_share, zero_share, sum_absolute: of the weights of all layers;
- gamma_deviation, beta_mean, gamma_one: of batch normalization in the low-level engine, the
  mean over its units of |gamma - s| / s, |beta - m| / s and |gamma - 1|, where m and s are mean
  and standard deviation of the unit before normalization.

Metrics of splits and gaps are also available for any epoch.  Diverged trainings are excluded.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis.results import Runs
from fmstudy.analysis.statistics import Sample
from fmstudy.analysis.tables import final_metrics, weight_row

SPLITS = ("train", "validation", "test")
OF_SPLITS = tuple(f"{split}_{kind}" for split in SPLITS for kind in ("accuracy", "loss"))
OBJECTIVES = tuple(f"{split}_objective" for split in SPLITS)
GAPS = ("gap_accuracy", "gap_loss", "test_gap_accuracy", "test_gap_loss")
OF_WEIGHTS = ("norm", "near_zero_share", "zero_share", "sum_absolute")
OF_NORMALIZATION = ("gamma_deviation", "beta_mean", "gamma_one")
METRICS = (*OF_SPLITS, *OBJECTIVES, *GAPS, *OF_WEIGHTS, *OF_NORMALIZATION)

Model = Mapping[str, Any]


class Measures:
    """Reads samples of models; `labels` are those of the test images, (n,), as class numbers.

    Without labels (n = 0), samples have no values by image.
    """

    def __init__(self, runs: Runs, labels: np.ndarray) -> None:
        self.runs, self.labels = runs, labels
        self._images = cache(self._read_images)

    def sample(self, model: Model, metric: str, epoch: int | None = None) -> Sample:
        """A metric of a model at the end of its training, or after an epoch.

        Raises KeyError if the model has no such metric, or its history no such epoch.
        """
        seeds = self.runs.finished(model)
        if epoch is not None:
            return Sample({seed: self._at(model, seed, metric, epoch) for seed in seeds})
        values = {seed: self._final(model, seed, metric) for seed in seeds}
        sign, kind = _OF_TEST.get(metric, (0, ""))
        if metric in ("gap_accuracy", "gap_loss") and "validation" in self._splits(model, seeds):
            sign = 0  # predictions for the validation part are not saved
        if not (sign and self.labels.size):
            return Sample(values)
        images = {seed: sign * self._images(model["run"], seed)[kind] for seed in seeds}
        return Sample(values, images)

    def right(self, model: Model, seed: int) -> np.ndarray:
        """Return which test images a run classifies correctly: booleans (n,)."""
        return self._images(model["run"], seed)["accuracy"] > 0.5

    def _splits(self, model: Model, seeds: list[int]) -> list[str]:
        return list(self.runs.metrics(model["run"], seeds[0])["final"]) if seeds else []

    def _final(self, model: Model, seed: int, metric: str) -> float:
        if metric in OF_WEIGHTS:
            return float(weight_row(model["run"], [seed], self.runs)[metric])
        if metric in OF_NORMALIZATION:
            return _normalization(metric, self.runs.arrays(model["run"], seed))
        return _add_test_gaps(final_metrics(self.runs.metrics(model["run"], seed)))[metric]

    def _at(self, model: Model, seed: int, metric: str, epoch: int) -> float:
        history = self.runs.history(model["run"], seed)
        rows = history[history["epoch"] == epoch].set_index("split")
        if rows.empty:
            raise KeyError(epoch)
        final = {
            str(split): {key: float(row[key]) for key in ("loss", "penalty", "accuracy")}
            for split, row in rows.iterrows()
        }
        return _add_test_gaps(final_metrics({"final": final}))[metric]

    def _read_images(self, run: str, seed: int) -> dict[str, np.ndarray]:
        """Compute the accuracy (1 or 0) and loss of each test image.

        Probabilities that float32 rounds to 0 are replaced by its smallest positive number.  The
        loss of such an image is then too small, which affects only the variance: the mean is the
        engine's, from logits.
        """
        predictions = self.runs.predictions(run, seed)
        given = predictions[self.labels, np.arange(self.labels.size)].astype(np.float64)
        smallest = float(np.finfo(np.float32).smallest_subnormal)
        return {
            "accuracy": (predictions.argmax(axis=0) == self.labels).astype(np.float64),
            "loss": -np.log(np.maximum(given, smallest)),
        }


# Sign and kind of the test images' contribution to a metric.
_OF_TEST = {
    "test_accuracy": (1, "accuracy"),
    "test_loss": (1, "loss"),
    "test_objective": (1, "loss"),
    "gap_accuracy": (-1, "accuracy"),
    "gap_loss": (1, "loss"),
    "test_gap_accuracy": (-1, "accuracy"),
    "test_gap_loss": (1, "loss"),
}


def _add_test_gaps(metrics: dict[str, float]) -> dict[str, float]:
    """Add the gaps to the test data, if it was evaluated."""
    if "test_loss" not in metrics:
        return metrics
    return metrics | {
        "test_gap_accuracy": metrics["train_accuracy"] - metrics["test_accuracy"],
        "test_gap_loss": metrics["test_loss"] - metrics["train_loss"],
    }


def _normalization(metric: str, arrays: Mapping[str, np.ndarray]) -> float:
    """Return a mean over the units of all normalized layers; see the module's docstring."""
    distances = []
    for name in (name for name in arrays if name.startswith("gamma")):
        layer = name.removeprefix("gamma")
        gamma, beta = (arrays[f"{it}{layer}"].astype(np.float64) for it in ("gamma", "beta"))
        mean, variance = (arrays[f"{it}{layer}"].astype(np.float64) for it in ("mean", "variance"))
        deviation = np.sqrt(variance)
        known = deviation > 0  # 0 for units that are always off
        distance = {
            "gamma_deviation": np.abs(gamma - deviation) / np.where(known, deviation, 1.0),
            "beta_mean": np.abs(beta - mean) / np.where(known, deviation, 1.0),
            "gamma_one": np.abs(gamma - 1.0),
        }[metric]
        distances.append(distance[known])
    if not distances:
        raise KeyError(metric)
    return float(np.concatenate(distances).mean())


def gaps_over_epochs(model: Model, runs: Runs) -> pd.DataFrame:
    """Return the gaps to held-out data after each epoch, for each kind and seed.

    Held out is the validation part if there is one, else the test data.  Columns are (kind, seed)
    with kind accuracy or loss; the index is the epoch.
    """
    columns = {}
    for seed in model["seeds"]:
        history = runs.history(model["run"], seed).pivot(
            index="epoch", columns="split", values=["accuracy", "loss"]
        )
        held_out = "validation" if "validation" in history["loss"] else "test"
        accuracy, loss = history["accuracy"], history["loss"]
        columns["accuracy", seed] = accuracy["train"] - accuracy[held_out]
        columns["loss", seed] = loss[held_out] - loss["train"]
    return pd.DataFrame(columns)
