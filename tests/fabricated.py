"""Runs as trainings leave them, but with numbers that a test chooses."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fmstudy import runtime
from fmstudy.measures import Measures
from fmstudy.tables import Runs

Three = tuple[float | None, float, float | None]  # loss, penalty, accuracy
NAMES = ("loss", "penalty", "accuracy")


def labels_of(n: int) -> np.ndarray:
    """The classes of n test images: 0, 1, ..., 9, 0, ..."""
    return np.arange(n) % 10


def predictions_of(given: np.ndarray) -> np.ndarray:
    """Predictions (10, n) that give the right class these probabilities, the next one the rest."""
    n = len(given)
    predictions = np.zeros((10, n), dtype=np.float32)
    predictions[labels_of(n), np.arange(n)] = given
    predictions[(labels_of(n) + 1) % 10, np.arange(n)] = 1.0 - np.asarray(given)
    return predictions


def leave(
    directory: Path,
    run: str,
    seed: int,
    given: Sequence[float] | np.ndarray = (0.9, 0.2),
    *,
    train: Three = (0.3, 0.0, 0.9),
    validation: Three | None = None,
    test: Three | None = None,
    penalty: float = 0.0,
    status: str = "finished",
    history: Mapping[int, Mapping[str, Three]] | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a training's files; `given` are the right classes' probabilities, (n,).

    Without `test`, the metrics of the test data are those of `given`: right is above one half.
    """
    given = np.asarray(given, dtype=np.float64)
    if test is None:
        test = (float(-np.log(given).mean()), penalty, float((given > 0.5).mean()))
    final = {"train": train, "validation": validation, "test": test}
    content = {
        "run": run,
        "seed": seed,
        "status": status,
        "final": {
            split: dict(zip(NAMES, values, strict=True))
            for split, values in final.items()
            if values is not None
        },
    }
    place = directory / run / f"seed-{seed}"
    runtime.write_json(place / "metrics.json", content)
    runtime.write_array(place / "predictions.npy", predictions_of(given))
    lines = ["epoch,split,loss,penalty,accuracy"]
    for epoch, splits in (history or {}).items():
        for split, values in splits.items():
            lines.append(",".join(["" if v is None else str(v) for v in (epoch, split, *values)]))
    runtime.write_text(place / "history.csv", "\n".join(lines) + "\n")
    runtime.write_arrays(
        place / "weights.npz", dict(weights or {"coefficients0": np.ones((2, 2), np.float32)})
    )


def model(name: str, seeds: Sequence[int] = (1, 2, 3), run: str | None = None) -> dict[str, Any]:
    """What a table must know of a model; its title is "Model {name}"."""
    return {"name": name, "title": f"Model {name}", "run": run or name, "seeds": list(seeds)}


def measures(directory: Path, n: int = 2) -> Measures:
    """Measure the runs in a directory, each with n test images."""
    return Measures(Runs(directory), labels_of(n))
