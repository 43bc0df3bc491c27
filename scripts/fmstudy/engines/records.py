"""The results of a training: its history, its metrics, and their files."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fmstudy import runtime
from fmstudy.engines import cost
from fmstudy.study.spec import FINISHED, RunSpec

HISTORY_COLUMNS = ("epoch", "split", "loss", "penalty", "accuracy")


@dataclass
class History:
    """Loss, penalty and accuracy of each split after each epoch; epoch 0 is before training.

    The loss is the plain cross-entropy; training minimizes loss + penalty.  Metrics are those of
    the parameters *after* the epoch, in inference mode, except for the split `running`: Keras' own
    metrics, averaged over an epoch while the parameters change and dropout is active.  If the split
    `train` has only some of the training samples, `train_all` has all of them, at the end.
    """

    rows: list[tuple[int, str, float, float, float]] = field(default_factory=list)

    def add(self, epoch: int, split: str, loss: float, penalty: float, accuracy: float) -> None:
        """Record the metrics of one split after one epoch."""
        self.rows.append((epoch, split, float(loss), float(penalty), float(accuracy)))

    def last(self, split: str) -> dict[str, float] | None:
        """Return the last metrics of a split, or None if it was never evaluated."""
        for epoch, name, loss, penalty, share in reversed(self.rows):
            if name == split:
                return {"epoch": epoch, "loss": loss, "penalty": penalty, "accuracy": share}
        return None

    def write(self, path: str | Path) -> None:
        """Write the history as CSV; 9 digits represent a float32 exactly."""
        lines = [",".join(HISTORY_COLUMNS)]
        for epoch, split, *values in self.rows:
            lines.append(",".join([str(epoch), split, *(f"{value:.9g}" for value in values)]))
        runtime.write_text(path, "\n".join(lines) + "\n")


@dataclass
class Stopwatch:
    """Adds up the seconds of training and evaluation separately."""

    seconds: dict[str, float] = field(default_factory=lambda: {"training": 0.0, "evaluation": 0.0})

    @contextmanager
    def measure(self, what: str) -> Iterator[None]:
        """Add the body's seconds to `what`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - started


@dataclass
class Training:
    """The outcome of a training."""

    status: str
    epochs_done: int
    history: History
    predictions: np.ndarray
    weights: dict[str, np.ndarray]
    seconds: dict[str, float]


def has_diverged(*losses: float) -> bool:
    """Return whether a loss is no longer a finite number."""
    return not all(math.isfinite(loss) for loss in losses)


def metrics(
    spec: RunSpec, seed: int, training: Training, labels: np.ndarray, code: str
) -> dict[str, Any]:
    """Return the content of metrics.json: the same bytes for the same run, seed and machine.

    `labels` are those of the test set, (classes, n) one-hot: the test accuracy is recomputed from
    the predictions, independently of the engine.  Losses are the engine's, computed from logits,
    because probabilities that float32 rounds to 0 would hide the size of the error.
    """
    final: dict[str, Any] = {}
    for split in ("train", "validation", "test"):
        last = training.history.last(split)
        if split == "train":
            last = training.history.last("train_all") or last
        if last is not None:
            final[split] = {key: last[key] for key in ("loss", "penalty", "accuracy")}
    if training.status == FINISHED:
        hits = training.predictions.argmax(axis=0) == labels.argmax(axis=0)
        final["test"]["accuracy"] = float(np.mean(hits))
    return {
        "run": spec.name,
        "seed": seed,
        "status": training.status,
        "epochs_done": training.epochs_done,
        "parameters": spec.parameters,
        "final": final,
        "specification": spec.as_dict(),
        "versions": runtime.versions(["tensorflow", "keras", "numpy"]),
        "code": code,
    }


def save(
    paths: Mapping[str, str],
    spec: RunSpec,
    seed: int,
    training: Training,
    labels: np.ndarray,
    code: str,
    threads: int,
    laps: cost.Laps,
    machine: Mapping[str, Any] | None = None,
) -> None:
    """Write a training's files: history, metrics, predictions, weights, provenance.

    `laps` are those of the job so far: startup, reading and engine; `machine` is what computed, as
    for `cost.record`.  Only the provenance file has
    times, date and machine, so that repeated runs on one machine write identical bytes to the
    other files, whose digests it has.
    """
    training.history.write(paths["history"])
    runtime.write_array(paths["predictions"], training.predictions.astype(np.float32))
    runtime.write_arrays(paths["weights"], training.weights)
    runtime.write_json(paths["metrics"], metrics(spec, seed, training, labels, code))
    laps.end("writing")
    arithmetic = spec.arithmetic_of(training.epochs_done)
    job_cost = cost.record(laps, threads, arithmetic, training.seconds, machine)
    others = [path for kind, path in paths.items() if kind != "provenance"]
    job = {"run": spec.name, "seed": seed, "digests": runtime.file_digests(others)}
    runtime.write_json(paths["provenance"], job | job_cost)
