"""What a training leaves behind: its history, its result, and the files that hold them."""

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
from fmstudy.engines.evaluation import accuracy
from fmstudy.study.spec import FINISHED, RunSpec

HISTORY_COLUMNS = ("epoch", "split", "loss", "penalty", "accuracy")


@dataclass
class History:
    """Loss, penalty and accuracy of each split after each epoch; epoch 0 is before training.

    The loss is the plain cross-entropy; what is minimized is loss + penalty.  Metrics belong to
    the parameters *after* the epoch, in inference mode.  The split `running` alone is Keras'
    own figure, averaged while an epoch's batches change the parameters (dropout on).
    """

    rows: list[tuple[int, str, float, float, float]] = field(default_factory=list)

    def add(self, epoch: int, split: str, loss: float, penalty: float, accuracy: float) -> None:
        """Note the metrics of one split after one epoch."""
        self.rows.append((epoch, split, float(loss), float(penalty), float(accuracy)))

    def last(self, split: str) -> dict[str, float] | None:
        """Give the last metrics of a split, or None if it was never evaluated."""
        for epoch, name, loss, penalty, share in reversed(self.rows):
            if name == split:
                return {"epoch": epoch, "loss": loss, "penalty": penalty, "accuracy": share}
        return None

    def write(self, path: str | Path) -> None:
        """Write the history as CSV; 9 digits hold a float32 exactly."""
        lines = [",".join(HISTORY_COLUMNS)]
        for epoch, split, *values in self.rows:
            lines.append(",".join([str(epoch), split, *(f"{value:.9g}" for value in values)]))
        runtime.write_text(path, "\n".join(lines) + "\n")


@dataclass
class Stopwatch:
    """Adds up the seconds of training and of evaluation apart."""

    seconds: dict[str, float] = field(default_factory=lambda: {"training": 0.0, "evaluation": 0.0})

    @contextmanager
    def measure(self, what: str) -> Iterator[None]:
        """Count the body's seconds as `what`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] += time.perf_counter() - started


@dataclass
class Training:
    """A finished training: what became of it, and what it leaves."""

    status: str
    epochs_done: int
    history: History
    predictions: np.ndarray
    weights: dict[str, np.ndarray]
    seconds: dict[str, float]


def diverged(*losses: float) -> bool:
    """Tell whether a loss is no longer a finite number."""
    return not all(math.isfinite(loss) for loss in losses)


def metrics(
    spec: RunSpec, seed: int, training: Training, labels: np.ndarray, code: str
) -> dict[str, Any]:
    """Give the content of metrics.json: the same bytes for the same run, seed and machine.

    `labels` are the test set's (10, n) one-hot: the test accuracy is counted here again from the
    predictions, apart from the engine that made the history.  The losses are the engine's, from
    logits: a probability that float32 rounds to 0 would hide how wrong it was.
    """
    final: dict[str, Any] = {}
    for split in ("train", "validation", "test"):
        last = training.history.last(split)
        if last is not None:
            final[split] = {key: last[key] for key in ("loss", "penalty", "accuracy")}
    if training.status == FINISHED:
        final["test"]["accuracy"] = accuracy(training.predictions, labels)
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
) -> None:
    """Write a training's files: history, metrics, predictions, weights, provenance.

    `laps` are the job's so far: start-up, reading, and all that the engine did.  Times, date and
    machine stand in the provenance file alone, so that the others have the same bytes whenever
    the run is repeated on one machine.
    """
    training.history.write(paths["history"])
    runtime.write_array(paths["predictions"], training.predictions.astype(np.float32))
    runtime.write_arrays(paths["weights"], training.weights)
    runtime.write_json(paths["metrics"], metrics(spec, seed, training, labels, code))
    laps.end("writing")
    arithmetic = spec.arithmetic_of(training.epochs_done)
    spent = cost.record(laps, threads, arithmetic, training.seconds)
    runtime.write_json(paths["provenance"], {"run": spec.name, "seed": seed} | spent)
