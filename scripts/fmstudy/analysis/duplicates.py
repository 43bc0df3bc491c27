"""Near-duplicates: test images that are nearly identical to a training image.

A model may have memorized such images, so its accuracy on them says little.  The similarity of two
images is the Pearson correlation of their pixels.  Unlike a distance, it does not depend on
brightness and contrast, so it also finds other photos of a product and the product in other colors.
It depends mostly on the outline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from fmstudy.analysis.results import ModelPredictions
from fmstudy.analysis.statistics import share_interval
from fmstudy.data.dataset import load_tensors
from fmstudy.runtime import Progress

CHUNK = 2000  # training images at a time: 80 MB of correlations with 10,000 test images


class Neighbors(NamedTuple):
    """The most similar training image of each test image, (n,): index, correlation, exact.

    exact: all pixels are equal.  Ties go to the first image.
    """

    train: np.ndarray
    correlation: np.ndarray
    exact: np.ndarray


def find_neighbors(x_test: np.ndarray, x_train: np.ndarray) -> Neighbors:
    """Find the most similar training image of each test image; x: (features, n) float32.

    A matrix product on one thread, in chunks, so that the training images can stay on disk.  The
    correlation of each pair found is then recomputed in double precision; it is 0 for constant
    images.
    """
    images = x_test.shape[1]
    best = np.full(images, -2.0, dtype=np.float32)
    train = np.zeros(images, dtype=np.intp)
    equal = _equal_images(x_test, x_train)
    progress = Progress("find_duplicates", x_train.shape[1], "training images")
    with threadpool_limits(1):  # more threads would sum in another order
        tested = standardized(x_test).T
        for start in range(0, x_train.shape[1], CHUNK):
            correlations = tested @ standardized(x_train[:, start : start + CHUNK])
            place = correlations.argmax(axis=1)
            highest = correlations[np.arange(images), place]
            better = highest > best
            best[better], train[better] = highest[better], start + place[better]
            progress.update(start + CHUNK)
    exact = equal >= 0
    train[exact] = equal[exact]  # rounding may have preferred another image
    pairs = standardized(x_test, np.float64), standardized(x_train[:, train], np.float64)
    correlation = np.where(exact, 1.0, np.einsum("ij,ij->j", *pairs))
    return Neighbors(train, correlation, exact)


def standardized(x: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Center columns and scale them to length 1, so that their products are correlations."""
    pixels: np.ndarray = np.asarray(x, dtype=dtype)
    centered = pixels - pixels.mean(axis=0)
    length = np.sqrt(np.square(centered).sum(axis=0))
    scaled: np.ndarray = centered / np.where(length > 0, length, 1).astype(dtype)
    return scaled


def _equal_images(x_test: np.ndarray, x_train: np.ndarray) -> np.ndarray:
    """The first training image with the very same pixels, (n,), or -1."""
    columns = [column.tobytes() for column in np.ascontiguousarray(x_test.T)]
    wanted = set(columns)
    first: dict[bytes, int] = {}
    for start in range(0, x_train.shape[1], CHUNK):
        for place, column in enumerate(np.ascontiguousarray(x_train[:, start : start + CHUNK].T)):
            if (pixels := column.tobytes()) in wanted:
                first.setdefault(pixels, start + place)
    return np.array([first.get(pixels, -1) for pixels in columns], dtype=np.intp)


def find_duplicates(folder: Path, train_samples: int, test_samples: int) -> pd.DataFrame:
    """Return the table of neighbors of the images that a study uses, from a folder of tensors."""
    x_test, y_test = load_tensors(folder, "test", test_samples)
    x_train, y_train = load_tensors(folder, "train", train_samples)
    found = find_neighbors(x_test, x_train)
    return neighbors_table(found, y_test.argmax(axis=0), y_train.argmax(axis=0))


def neighbors_table(
    found: Neighbors, test_labels: np.ndarray, train_labels: np.ndarray
) -> pd.DataFrame:
    """One row per test image: its most similar training image, their correlation, both labels."""
    return pd.DataFrame(
        {
            "test": np.arange(len(test_labels)),
            "train": found.train,
            "correlation": found.correlation,
            "test_label": test_labels,
            "train_label": train_labels[found.train],
            "exact": found.exact.astype(int),
        }
    )


LIMITS = (0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)


def similarity_table(neighbors: pd.DataFrame, correlation: float) -> pd.DataFrame:
    """One row per threshold of the correlation: how many pairs reach it, and with which labels.

    Has the usual thresholds and the study's own (`chosen` is 1).
    """
    rows = []
    for limit in sorted({*LIMITS, correlation}):
        pairs = neighbors[neighbors["correlation"] >= limit]
        differ = int((pairs["test_label"] != pairs["train_label"]).sum())
        rows.append(
            {
                "correlation": limit,
                "chosen": int(limit == correlation),
                "pairs": len(pairs),
                "share": len(pairs) / len(neighbors),
                "exact": int(pairs["exact"].sum()),
                "labels_differ": differ,
                "differ_share": differ / len(pairs) if len(pairs) else None,
            }
        )
    return pd.DataFrame(rows)


GROUPS = ("all", "without", "only")


def duplicates_table(
    labels: np.ndarray,
    neighbors: pd.DataFrame,
    predicted: Sequence[ModelPredictions],
    correlation: float,
) -> pd.DataFrame:
    """One row per model: accuracy on all test images, without near-duplicates, and on only these.

    `matched` is the reference for the accuracy on near-duplicates: that on the other images,
    weighted to the class frequencies of the near-duplicates.
    """
    near = (neighbors["correlation"] >= correlation).to_numpy()
    selected = {"all": np.ones_like(near), "without": ~near, "only": near}
    rows = []
    for model in predicted:
        row = model.model_columns()
        right = np.array([classes == labels for classes in model.classes])
        for group, which in selected.items():
            row |= {f"{group}_images": int(which.sum())}
            row |= accuracy_of(right[:, which] if len(right) else right, group)
        row["matched"] = _matched(right.mean(axis=0), labels, near) if len(right) else None
        rows.append(row)
    columns = [f"{group}{end}" for group in GROUPS for end in ("_images", "", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*ModelPredictions.COLUMNS, *columns, "matched"])


def accuracy_of(right: np.ndarray, name: str) -> Mapping[str, float | None]:
    """Return the mean accuracy over trainings, with a 95 % interval over images; right: (seeds, n).

    This is Wilson's interval, as for one training with that accuracy.  Mean hits over seeds vary
    over images at most as much as the hits of one such training, so the interval is conservative.
    """
    if not right.size:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    images = right.shape[1]
    low, high = share_interval(right.mean() * images, images)
    return {name: float(right.mean()), f"{name}_low": low, f"{name}_high": high}


def _matched(right: np.ndarray, labels: np.ndarray, near: np.ndarray) -> float | None:
    """Return the mean of `right` (n,) over images not near, with the near images' class weights."""
    classes, counts = np.unique(labels[near], return_counts=True)
    others = [right[~near & (labels == label)] for label in classes]
    if not len(classes) or not all(map(len, others)):
        return None
    return float(np.average([other.mean() for other in others], weights=counts))
