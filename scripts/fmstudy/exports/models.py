"""The files of each model: Keras, ONNX, and its card, checked against its training.

A model's files are those of the training with its first finished seed; one whose trainings all
diverged has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmstudy.analysis.results import Runs
from fmstudy.exports import keras_file, onnx_file
from fmstudy.predict.layers import trained_layers
from fmstudy.runtime import StudyError

Model = Mapping[str, Any]  # name, title, run, seeds, spec, ...

# The largest difference of a probability from the training's prediction, for a file to be accepted.
# Single precision cannot promise less for large logits: from 32 on, neighboring numbers differ by
# 4e-6.  A file that is wrong, such as for a missing bias, differs by much more.
TOLERANCE = 1e-5
ROUNDINGS = 16  # of the largest logit


@dataclass(frozen=True)
class Exported:
    """A model's files, and how far their probabilities are from the training's predictions.

    differences   the largest difference of any probability, by the ending of the file
    allowed       the difference from which a file is refused
    """

    model: Model
    seed: int
    files: Mapping[str, bytes]
    differences: Mapping[str, float]
    allowed: float
    images: int


def export(
    models: Sequence[Model],
    runs: Runs,
    x_test: np.ndarray,
    shape: Sequence[int],
    described: Mapping[str, str],
) -> Iterator[Exported]:
    """Yield the files of each model that has a finished training, by their endings.

    x_test: (features, N) in [0, 1], the test images, of which the trainings predicted the first n;
    shape: their rows and columns; `described` is what all ONNX files say about themselves.  Raises
    StudyError for a file that predicts other probabilities than its training did.
    """
    for model in models:
        for seed in runs.finished(model)[:1]:
            stored = runs.predictions(model["run"], seed)
            spec, arrays = model["spec"], runs.arrays(model["run"], seed)
            layers, count = trained_layers(spec, arrays), stored.shape[1]
            images = np.ascontiguousarray(x_test[:, :count].T).reshape(-1, *shape)
            of_model = {"title": model["title"], "run": model["run"], "seed": str(seed)}
            network = keras_file.build(spec, layers, shape)
            onnx = onnx_file.build(spec, layers, shape, {**of_model, **described})
            found, logits = keras_file.predict(network, images)
            allowed = tolerance(logits)
            differences = {"keras": found, "onnx": onnx_file.predict(onnx, images)}
            folder = runs.path(model["run"], seed, "")
            yield Exported(
                model,
                seed,
                {"keras": keras_file.packed(network), "onnx": onnx},
                {
                    ending: _difference(it, stored, allowed, f"{folder}: the .{ending} file")
                    for ending, it in differences.items()
                },
                allowed,
                count,
            )


def tolerance(logits: np.ndarray) -> float:
    """Return the difference of probabilities from which a file is refused, by its logits."""
    largest = np.float32(np.abs(logits).max())
    return max(TOLERANCE, ROUNDINGS * float(np.spacing(largest)))


def _difference(found: np.ndarray, stored: np.ndarray, allowed: float, what: str) -> float:
    difference = float(np.abs(found.T - stored).max())
    if not difference <= allowed:  # nor is NaN
        raise StudyError(
            f"{what} of this training would predict other probabilities than predictions.npy has: "
            f"the largest difference is {difference:.1e}, more than {allowed:.1e}. Delete the "
            "folder and run the same command again, which repeats the training."
        )
    return difference


def description(
    study: str, summary: Mapping[str, Any], citation: Mapping[str, Any]
) -> dict[str, str]:
    """Return what every ONNX file of a study says about itself; no entry is empty."""
    found = {
        "classes": json.dumps(summary["classes"], ensure_ascii=False),
        "data_set": summary["set"]["name"],
        "data_license": summary["set"]["license"],
        "study": study,
        "software": citation["title"],
        "version": citation["version"],
        "license": citation["license"],
        "repository": citation["repository"],
    }
    return {key: text for key, text in found.items() if text}
