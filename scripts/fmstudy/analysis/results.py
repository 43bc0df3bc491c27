"""What jobs leave and later jobs read: trainings, what they predict, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from fmstudy import runtime
from fmstudy.study.spec import FINISHED

Model = Mapping[str, Any]  # what the study says of a model: name, title, run, seeds, spec


class Runs:
    """The trainings on disk, by run and seed: {directory}/{run}/seed-{seed}/{file}."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)

    @classmethod
    def holding(cls, files: Sequence[str]) -> Runs:
        """Find the directory of runs from files of runs."""
        return cls(Path(files[0]).parents[2] if files else "")

    def path(self, run: str, seed: int, file: str) -> Path:
        """Where a training's file lies."""
        return self.directory / run / f"seed-{seed}" / file

    def metrics(self, run: str, seed: int) -> dict[str, Any]:
        """Read metrics.json of a training."""
        return runtime.read_json(self.path(run, seed, "metrics.json"))

    def finished(self, model: Model) -> list[int]:
        """The seeds of a model whose training did not diverge."""
        seeds = model["seeds"]
        return [s for s in seeds if self.metrics(model["run"], s)["status"] == FINISHED]

    def history(self, run: str, seed: int) -> pd.DataFrame:
        """Read the history of a training: epoch, split, loss, penalty, accuracy."""
        return pd.read_csv(self.path(run, seed, "history.csv"))

    def provenance(self, run: str, seed: int) -> dict[str, Any]:
        """Read provenance.json of a training."""
        return runtime.read_json(self.path(run, seed, "provenance.json"))

    def predictions(self, run: str, seed: int) -> np.ndarray:
        """The probabilities (10, n) that a training gives to the classes of the test images."""
        path = self.path(run, seed, "predictions.npy")
        found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        return found

    def arrays(self, run: str, seed: int) -> dict[str, np.ndarray]:
        """Everything that a trained net consists of, by name."""
        return read_arrays(self.path(run, seed, "weights.npz"))

    def weights(self, run: str, seed: int) -> np.ndarray:
        """All weights of a training in one row: coefficients of all layers, no biases."""
        kept = {
            name: array
            for name, array in self.arrays(run, seed).items()
            if name.startswith(("coefficients", "dense")) and not name.endswith("bias")
        }
        return np.concatenate([array.ravel() for array in kept.values()])

    def predicted(self, model: Model) -> Predicted:
        """What the finished trainings of a model predict."""
        seeds = self.finished(model)
        return Predicted(model, [self.predictions(model["run"], seed) for seed in seeds], seeds)


@dataclass(frozen=True)
class Predicted:
    """A model with the predictions of its finished trainings, each (10, n), and their seeds.

    A diverged training predicts nothing: it is counted and left out.
    """

    model: Model
    predictions: Sequence[np.ndarray]
    seeds: Sequence[int]

    COLUMNS: ClassVar[tuple[str, ...]] = ("model", "title", "engine", "run", "seeds", "diverged")

    @property
    def classes(self) -> list[np.ndarray]:
        """The most probable class of each image, (n,), of every training."""
        return [predictions.argmax(axis=0) for predictions in self.predictions]

    @property
    def trainings(self) -> list[tuple[str, int]]:
        """The finished trainings, as (run, seed)."""
        return [(self.model["run"], seed) for seed in self.seeds]

    def described(self) -> dict[str, Any]:
        """Give what a table says first of a model: name, title, and how many seeds."""
        asked = len(self.model["seeds"])
        return {name: self.model[name] for name in ("name", "title", "engine", "run")} | {
            "model": self.model["name"],
            "seeds": asked,
            "diverged": asked - len(self.seeds),
        }


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read named arrays (.npz)."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
