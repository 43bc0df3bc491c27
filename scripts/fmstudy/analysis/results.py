"""Reads the results of trainings: metrics, histories, predictions and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from fmstudy import runtime
from fmstudy.study.spec import FINISHED

Model = Mapping[str, Any]  # name, title, run, seeds, spec, ...


class Runs:
    """The trainings on disk, by run and seed: {directory}/{run}/seed-{seed}/{file}."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)

    def path(self, run: str, seed: int, file: str) -> Path:
        """Return the path of a training's file."""
        return self.directory / run / f"seed-{seed}" / file

    def metrics(self, run: str, seed: int) -> dict[str, Any]:
        """Read metrics.json of a training."""
        return runtime.read_json(self.path(run, seed, "metrics.json"))

    def finished(self, model: Model) -> list[int]:
        """Return the seeds of a model whose training did not diverge."""
        seeds = model["seeds"]
        return [s for s in seeds if self.metrics(model["run"], s)["status"] == FINISHED]

    def history(self, run: str, seed: int) -> pd.DataFrame:
        """Read the history of a training: epoch, split, loss, penalty, accuracy."""
        path = self.path(run, seed, "history.csv")
        return runtime.read_table(path, ("epoch", "loss", "penalty", "accuracy"), ("split",))

    def provenance(self, run: str, seed: int) -> dict[str, Any]:
        """Read provenance.json of a training."""
        return runtime.read_json(self.path(run, seed, "provenance.json"))

    def predictions(self, run: str, seed: int) -> np.ndarray:
        """Read the predicted probabilities (10, n) of the test images."""
        return runtime.read_array(self.path(run, seed, "predictions.npy"))

    def arrays(self, run: str, seed: int) -> dict[str, np.ndarray]:
        """Read all arrays of a trained net, by name."""
        return runtime.read_arrays(self.path(run, seed, "weights.npz"))

    def weights(self, run: str, seed: int) -> np.ndarray:
        """Read the weights of all layers as one vector, without biases."""
        kept = {
            name: array
            for name, array in self.arrays(run, seed).items()
            if name.startswith(("coefficients", "dense")) and not name.endswith("bias")
        }
        return np.concatenate([array.ravel() for array in kept.values()])

    def predicted(self, model: Model) -> ModelPredictions:
        """Read the predictions of a model's finished trainings."""
        seeds = self.finished(model)
        return ModelPredictions(
            model, [self.predictions(model["run"], seed) for seed in seeds], seeds
        )


@dataclass(frozen=True)
class ModelPredictions:
    """A model with the predictions of its finished trainings, each (10, n), and their seeds.

    Diverged trainings are counted but have no predictions.
    """

    model: Model
    predictions: Sequence[np.ndarray]
    seeds: Sequence[int]

    COLUMNS: ClassVar[tuple[str, ...]] = ("model", "title", "engine", "run", "seeds", "diverged")

    @property
    def classes(self) -> list[np.ndarray]:
        """The most probable class of each image, (n,), for every training."""
        return [predictions.argmax(axis=0) for predictions in self.predictions]

    @property
    def trainings(self) -> list[tuple[str, int]]:
        """The finished trainings, as (run, seed)."""
        return [(self.model["run"], seed) for seed in self.seeds]

    def model_columns(self) -> dict[str, Any]:
        """Return the first columns of a model's row: name, title and numbers of seeds."""
        seeds = len(self.model["seeds"])
        return {name: self.model[name] for name in ("name", "title", "engine", "run")} | {
            "model": self.model["name"],
            "seeds": seeds,
            "diverged": seeds - len(self.seeds),
        }
