"""Verifies the files of trainings against each other before they are used.

A training's folder names its run and seed, its history ends with its metrics, and its predictions
give the test metrics.  What metrics.json says must agree with all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis.results import Runs
from fmstudy.data.dataset import load_tensor
from fmstudy.runtime import StudyError, damaged, reading
from fmstudy.study.spec import CLASSES, DIVERGED, FINISHED, RunSpec

# Engines compute the test metrics from logits, in a separate pass.  On a CPU, the loss computed
# from predictions deviates by less than 1e-6; ties between classes may be broken differently.
LOSS_TOLERANCE = {"rel_tol": 1e-4, "abs_tol": 1e-5}
ACCURACY_TOLERANCE = 1e-3
SUM_TOLERANCE = 1e-4  # of probabilities; single precision deviates by less than 1e-6

Claim = tuple[str, Any, Any, str]  # a key, its value, the value elsewhere, and where that is


def verified_runs(files: Sequence[str]) -> tuple[Runs, np.ndarray]:
    """Verify the trainings that these files belong to.

    `files` are files of trainings, then the tensor of the test labels and the summary with its
    digests (see `workflow.layout.Layout.run_files`).  Returns a reader for the trainings and the
    classes (n,) of the test images that they predicted.  Raises StudyError as `verify` does.
    """
    *paths, tensor, _ = files
    runs = Runs(Path(paths[0]).parents[2] if paths else "")
    labels = load_tensor(tensor).argmax(axis=0)
    used = len(labels)
    for folder in dict.fromkeys(Path(path).parent for path in paths):
        used = verify(runs, folder.parent.name, int(folder.name.removeprefix("seed-")), labels)
    return runs, labels[:used]


def verify(runs: Runs, run: str, seed: int, labels: np.ndarray) -> int:
    """Verify one training, given the classes (N,) of all test images; return how many it predicted.

    Raises StudyError, with the file and what to do, if a file is damaged or if metrics.json
    contradicts the training's folder, history or predictions.
    """
    path = runs.path(run, seed, "metrics.json")
    metrics, history = runs.metrics(run, seed), runs.history(run, seed)
    with reading(path):  # for missing keys
        spec = RunSpec.from_dict(metrics["specification"])
        claims = chain(
            _of_folder(metrics, spec, run, seed),
            _of_history(metrics, spec, history),
            _of_predictions(metrics, runs, run, seed, labels[: spec.test_samples]),
        )
        for key, said, found, where in claims:
            if said != found:
                raise StudyError(
                    f"{path}: {key} is {said}, but {where} {found}. Delete the folder"
                    f" {path.parent} and run the same command again."
                )
    return spec.test_samples


def _of_folder(metrics: Mapping[str, Any], spec: RunSpec, run: str, seed: int) -> Iterator[Claim]:
    folder = "its folder is that of"
    yield "run", metrics["run"], run, folder
    yield "seed", metrics["seed"], seed, folder
    yield "specification", spec.name, run, folder
    yield "parameters", metrics["parameters"], spec.parameters, "its specification implies"


def _of_history(
    metrics: Mapping[str, Any], spec: RunSpec, history: pd.DataFrame
) -> Iterator[Claim]:
    finished, place = metrics["status"] == FINISHED, "history.csv has"
    epochs = int((history["split"] == "train").sum()) - 1
    yield "epochs_done", metrics["epochs_done"], epochs, place
    if finished:
        yield "epochs_done", epochs, spec.epochs, "its specification has"
    last = history.drop_duplicates("split", keep="last").set_index("split")
    decisive = last.drop("test", errors="ignore")[["loss", "penalty"]].to_numpy(dtype=float)
    yield "status", metrics["status"], FINISHED if np.isfinite(decisive).all() else DIVERGED, place
    if "train_all" in last.index:
        last.loc["train"] = last.loc["train_all"]
    last = last.drop(["train_all", "running"], errors="ignore")
    yield "final", sorted(metrics["final"]), sorted(last.index), place
    for split, row in last.iterrows():
        for name in ("loss", "penalty", "accuracy"):
            said = metrics["final"][split][name]
            if not (finished and (split, name) == ("test", "accuracy") and _near(said, row[name])):
                yield f"final.{split}.{name}", _digits(said), _digits(row[name]), place


def _of_predictions(
    metrics: Mapping[str, Any], runs: Runs, run: str, seed: int, labels: np.ndarray
) -> Iterator[Claim]:
    predictions, path = runs.predictions(run, seed), runs.path(run, seed, "predictions.npy")
    shape = CLASSES, labels.size
    if predictions.dtype != np.float32 or predictions.shape != shape:
        found = f"{predictions.dtype} of shape {predictions.shape}"
        raise damaged(path, f"expected float32 of shape {shape}, found {found}")
    if metrics["status"] != FINISHED:
        return
    if not (predictions.min() >= 0 and np.abs(predictions.sum(axis=0) - 1).max() < SUM_TOLERANCE):
        raise damaged(path, "its columns are not probabilities")
    place, test = "predictions.npy gives", metrics["final"]["test"]
    accuracy = np.mean(predictions.argmax(axis=0) == labels)
    yield "final.test.accuracy", _digits(test["accuracy"]), _digits(accuracy), place
    # Probabilities that float32 rounds to 0, or nearly so, hide the size of the error.
    given = predictions[labels, np.arange(labels.size)].astype(np.float64)
    smallest = float(np.finfo(np.float32).tiny)
    loss = float(-np.log(np.maximum(given, smallest)).mean())
    hidden = given.min() < smallest and test["loss"] > loss
    if not (hidden or math.isclose(test["loss"], loss, **LOSS_TOLERANCE)):
        yield "final.test.loss", _digits(test["loss"]), _digits(loss), place


def _near(said: float, found: float) -> bool:
    """Return whether an engine's accuracy is that of its predictions, apart from ties."""
    return abs(said - found) < ACCURACY_TOLERANCE


def _digits(value: float | None) -> str:
    """Format a metric with the digits of the history; JSON has null for what is not finite."""
    return "not finite" if value is None or not math.isfinite(value) else f"{value:.9g}"
