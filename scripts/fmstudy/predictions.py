"""What the trainings of models predict on the test images, read from their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fmstudy.tables import Runs


@dataclass(frozen=True)
class Predicted:
    """A model with the predictions of its finished trainings, each (10, n), and their seeds.

    A diverged training predicts nothing: it is counted and left out.
    """

    model: Mapping[str, Any]
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


def read_predictions(model: Mapping[str, Any], runs: Runs) -> Predicted:
    """Read what the finished trainings of a model predict."""
    seeds = runs.finished(model)
    paths = [runs.path(model["run"], seed, "predictions.npy") for seed in seeds]
    return Predicted(model, [np.load(path, allow_pickle=False) for path in paths], seeds)


def read_all(
    models: Sequence[Mapping[str, Any]], files: Sequence[str], labels: str | Path
) -> tuple[np.ndarray, list[Predicted]]:
    """Read the labels (n,) of the test images that a study uses, and what its models predict.

    `files` are files of the models' runs, `labels` is y_test.npy, (10, N) one-hot.
    """
    runs = Runs.holding(files)
    samples = models[0]["spec"]["test_samples"]
    return read_labels(labels, samples), [read_predictions(model, runs) for model in models]


def read_labels(path: str | Path, samples: int) -> np.ndarray:
    """Read the labels (n,) of the first images from one-hot labels (10, N) on disk."""
    one_hot = np.load(path, mmap_mode="r", allow_pickle=False)
    labels: np.ndarray = one_hot[:, :samples].argmax(axis=0)
    return labels
