"""Converts verified IDX files to tensors and summarizes the data.

`x` is features-major, one column per image: (784, n) float32, pixels divided by 255.  `y` is
one-hot: (10, n) float32.  Both are C-contiguous `.npy` files, which jobs map into memory.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fmstudy.data import idx
from fmstudy.data.identity import (
    FILES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    Identity,
)
from fmstudy.runtime import StudyError, log, write_array, write_arrays, write_json

# The authors' names for the labels 0 to 9:
# https://github.com/zalandoresearch/fashion-mnist#labels
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SPLITS = {"train": (TRAIN_IMAGES, TRAIN_LABELS), "test": (TEST_IMAGES, TEST_LABELS)}
FEATURES = 28 * 28
WHITE = 255  # the largest pixel; tensors hold pixels divided by it
EXAMPLES = 8  # images shown per class
VALIDATION_SHARE = 0.2

_REBUILD = "delete this file and run the same command again to rebuild it"


def prepare(
    sources: str | Path, destination: str | Path, *, files: Mapping[str, Identity] = FILES
) -> None:
    """Convert the four IDX files in `sources` to tensors and a summary.

    Writes to the directory `destination`:
    x_train.npy, x_test.npy   (784, n) float32 in [0, 1]
    y_train.npy, y_test.npy   (10, n) float32, one-hot
    summary.json              `describe` of each split, and the validation part
    summary.npz               the result of `training_images`

    Everything is checked before anything is written.  Raises StudyError if a file is missing or
    differs from the expected one (`files`), or if the results cannot be written.
    """
    sources, destination = Path(sources), Path(destination)
    splits = {split: read_split(sources, split, files=files) for split in SPLITS}
    train_images, train_labels = splits["train"]
    summary: dict[str, Any] = {
        "classes": list(CLASSES),
        "files": {name: files[name]._asdict() for pair in SPLITS.values() for name in pair},
        **{split: describe(*pair) for split, pair in splits.items()},
        "validation": describe_validation(train_labels),
    }
    illustrations = training_images(train_images, train_labels)
    try:
        for split, (images, labels) in splits.items():
            write_array(destination / f"x_{split}.npy", features_major(images))
            write_array(destination / f"y_{split}.npy", one_hot(labels))
            log.info("%s: %d images", split, len(images))
        write_json(destination / "summary.json", summary)
        write_arrays(destination / "summary.npz", illustrations)
    except OSError as error:
        raise StudyError(f"{destination}: cannot be written: {error}") from error


def read_split(
    directory: str | Path, split: str, *, files: Mapping[str, Identity] = FILES
) -> tuple[np.ndarray, np.ndarray]:
    """Read one split, train or test: images (n, 28, 28) uint8 and labels (n,) uint8.

    Raises StudyError if a file is missing or differs from the expected one (`files`).
    """
    images, labels = (
        idx.parse_idx(_read_verified(Path(directory) / name, files)) for name in SPLITS[split]
    )
    return images, labels


def _read_verified(path: Path, files: Mapping[str, Identity]) -> bytes:
    """Read a fetched file; raises StudyError unless it has the expected content."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StudyError(f"{path}: not found; run fetch_dataset first") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror or error}") from error
    if difference := files[path.name].mismatch(content):
        raise StudyError(f"{path}: wrong content: {difference}; {_REBUILD}")
    return content


def features_major(images: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28) uint8 as the columns of a (784, n) float32 matrix in [0, 1]."""
    pixels = images.reshape(len(images), -1).T
    x: np.ndarray = np.divide(pixels, np.float32(WHITE), dtype=np.float32, order="C")
    return x


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return labels (n,) as a (10, n) float32 matrix: 1 in the row of the label, else 0."""
    y: np.ndarray = (labels == np.arange(len(CLASSES))[:, np.newaxis]).astype(np.float32)
    return y


def describe(images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Count one split's images per class, and summarize its pixels, scaled to [0, 1].

    images: (n, 28, 28) uint8, labels: (n,).  All sums are integer sums, hence exact and the same
    on every machine; the standard deviation is that of the population.
    """
    values = np.arange(WHITE + 1)
    histogram = np.zeros(WHITE + 1, dtype=np.int64)
    for image in images:  # `bincount` of all at once would convert every pixel to 64 bits
        histogram += np.bincount(image.ravel(), minlength=WHITE + 1)
    present = np.flatnonzero(histogram)
    mean = int(histogram @ values) / images.size
    mean_square = int(histogram @ values**2) / images.size
    return {
        "samples": len(images),
        "class_counts": _class_counts(labels),
        "pixels": {
            "minimum": int(present[0]) / WHITE,
            "maximum": int(present[-1]) / WHITE,
            "mean": mean / WHITE,
            "standard_deviation": math.sqrt(mean_square - mean**2) / WHITE,
        },
    }


def describe_validation(labels: np.ndarray, share: float = VALIDATION_SHARE) -> dict[str, Any]:
    """Count per class the samples that Keras holds out for validation: the last `share`.

    labels: (n,), in the order of the file.  `first` is the index of the first held-out sample,
    computed as in Keras' `train_validation_split`, which does not shuffle first.
    """
    first = math.floor(len(labels) * (1.0 - share))
    held_out = labels[first:]
    return {
        "share": share,
        "first": first,
        "samples": len(held_out),
        "class_counts": _class_counts(held_out),
    }


def _class_counts(labels: np.ndarray) -> list[int]:
    counts: list[int] = np.bincount(labels, minlength=len(CLASSES)).tolist()
    return counts


def training_images(images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the images that illustrate the training set.

    images: (n, 28, 28) uint8, labels: (n,).  Returns, with pixels in [0, 1]:
    mean_image, variance_image   (28, 28) float32, over all images (population variance)
    class_mean_images            (10, 28, 28) float32
    and, with unscaled pixels:
    sample_images                (10, 8, 28, 28) uint8, the first 8 images of each class
    """
    sums = np.zeros((len(CLASSES), *images.shape[1:]), dtype=np.int64)
    squares = np.zeros(images.shape[1:], dtype=np.int64)
    samples = np.zeros((len(CLASSES), EXAMPLES, *images.shape[1:]), dtype=np.uint8)
    counts = np.bincount(labels, minlength=len(CLASSES))
    for label in range(len(CLASSES)):
        group = images[labels == label]
        sums[label] = group.sum(axis=0, dtype=np.int64)
        squares += np.square(group, dtype=np.uint16).sum(axis=0, dtype=np.int64)
        samples[label] = group[:EXAMPLES]
    mean = sums.sum(axis=0) / len(images)
    variance = squares / len(images) - mean**2
    class_means = sums / counts[:, np.newaxis, np.newaxis]
    return {
        "mean_image": (mean / WHITE).astype(np.float32),
        "variance_image": (variance / WHITE**2).astype(np.float32),
        "class_mean_images": (class_means / WHITE).astype(np.float32),
        "sample_images": samples,
    }


def load_tensors(
    directory: str | Path, split: str, samples: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Map the tensors of one split, train or test, into memory, read-only.

    Returns x (784, n) float32 and y (10, n) float32; with `samples`, only their first columns.
    Raises StudyError if a file is missing or is not such a tensor, if the two have different
    numbers of columns, or if there are fewer than `samples`.
    """
    x_path, y_path = Path(directory) / f"x_{split}.npy", Path(directory) / f"y_{split}.npy"
    x, y = _map(x_path, FEATURES), _map(y_path, len(CLASSES))
    available = x.shape[1]
    if available != y.shape[1]:
        raise StudyError(
            f"{y_path}: {y.shape[1]} columns, but {x_path} has {available}; {_REBUILD}"
        )
    if samples is not None and not 1 <= samples <= available:
        raise StudyError(
            f"{samples} {split} samples are configured, but only {available} exist."
            f" Choose a number from 1 to {available} in the configuration"
        )
    return x[:, :samples], y[:, :samples]


def release_pages(array: np.ndarray) -> None:
    """Release the memory of a mapped array after use; a later use reads it again."""
    mapping = getattr(array, "_mmap", None)  # of a numpy.memmap and its slices
    if mapping is not None and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _map(path: Path, rows: int) -> np.ndarray:
    """Map a float32 matrix with `rows` rows; `open_memmap` never unpickles anything."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError as error:
        raise StudyError(f"{path}: not found; run prepare_dataset first") from error
    except (OSError, ValueError, EOFError) as error:
        raise StudyError(f"{path}: not a complete .npy file: {error}; {_REBUILD}") from error
    fits = array.dtype == np.float32 and array.ndim == 2 and array.shape[0] == rows
    if not (fits and array.flags.c_contiguous):
        order = "C" if array.flags.c_contiguous else "Fortran"
        raise StudyError(
            f"{path}: expected float32 of shape ({rows}, n) in C order, found {array.dtype}"
            f" of shape {array.shape} in {order} order; {_REBUILD}"
        )
    return array
