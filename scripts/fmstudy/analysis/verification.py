"""Verifies the files of trainings against each other before they are used.

A training's folder names its run and seed, its history ends with its metrics, and its predictions
give the test metrics.  What metrics.json says must agree with all of them, and every file must have
the digest in provenance.json.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np

from fmstudy.analysis.results import Runs
from fmstudy.data.dataset import load_tensor
from fmstudy.runtime import StudyError, damaged, read_cells, reading, verify_digest
from fmstudy.study.spec import DIVERGED, FINISHED, RunSpec

# Engines compute the test metrics from logits, in a separate pass.  On a CPU, the loss computed
# from predictions deviates by less than 1e-6; ties between classes may be broken differently.
LOSS_TOLERANCE = {"rel_tol": 1e-4, "abs_tol": 1e-5}
ACCURACY_TOLERANCE = 1e-3
SUM_TOLERANCE = 1e-4  # of probabilities; single precision deviates by less than 1e-6

METRICS = ("loss", "penalty", "accuracy")

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
    for path in paths:
        verify_digest(path)
    return runs, labels[:used]


def verify(runs: Runs, run: str, seed: int, labels: np.ndarray) -> int:
    """Verify one training, given the classes (N,) of all test images; return how many it predicted.

    Raises StudyError, with the file and what to do, if a file is damaged or if metrics.json
    contradicts the training's folder, history or predictions.
    """
    path, metrics = runs.path(run, seed, "metrics.json"), runs.metrics(run, seed)
    with reading(path):  # keys may be missing
        spec = RunSpec.from_dict(metrics["specification"])
        claims = chain(
            _of_folder(metrics, spec, run, seed),
            _of_predictions(metrics, runs, spec, seed, labels[: spec.test_samples]),
            _of_history(metrics, spec, runs.path(run, seed, "history.csv")),
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


def _of_history(metrics: Mapping[str, Any], spec: RunSpec, path: Path) -> Iterator[Claim]:
    finished, where = metrics["status"] == FINISHED, "history.csv has"
    epochs, last = _read_history(path)
    yield "epochs_done", metrics["epochs_done"], epochs, where
    if finished:
        yield "epochs_done", epochs, spec.epochs, "its specification has"
    ends = [value[name] for split, value in last.items() for name in METRICS[:2] if split != "test"]
    yield "status", metrics["status"], FINISHED if np.isfinite(ends).all() else DIVERGED, where
    last |= {"train": last.pop("train_all", last["train"])}
    last.pop("running", None)
    yield "final", sorted(metrics["final"]), sorted(last), where
    for split, name in product(last, METRICS):
        said, found = metrics["final"][split][name], last[split][name]
        # The test accuracy of finished trainings is that of the predictions.
        near = (split, name) == ("test", "accuracy") and abs(said - found) < ACCURACY_TOLERANCE
        if not (finished and near):
            yield f"final.{split}.{name}", _digits(said), _digits(found), where


def _read_history(path: Path) -> tuple[int, dict[str, dict[str, float]]]:
    """Read a history; return the number of epochs and the last metrics of each split."""
    with reading(path):
        header, *rows = read_cells(path)
        if header != ["epoch", "split", *METRICS]:
            raise ValueError(f"the header is {','.join(header)[:80]!r}")
        last = {
            split: dict(zip(METRICS, map(float, values), strict=True)) for _, split, *values in rows
        }
        epochs = [int(epoch) for epoch, split, *_ in rows if split == "train"]
        if epochs != list(range(len(epochs))) or not epochs:
            raise ValueError("epochs are missing")
    return epochs[-1], last


def _of_predictions(
    metrics: Mapping[str, Any], runs: Runs, spec: RunSpec, seed: int, labels: np.ndarray
) -> Iterator[Claim]:
    run = spec.name
    predictions, path = runs.predictions(run, seed), runs.path(run, seed, "predictions.npy")
    shape = spec.classes, labels.size
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


def _digits(value: float | None) -> str:
    """Format a metric with the digits of the history; JSON has null for what is not finite."""
    return "not finite" if value is None or not math.isfinite(value) else f"{value:.9g}"
