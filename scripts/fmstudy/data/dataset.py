"""The data of the study: verified IDX files to the tensors and the numbers that describe them.

`x` is features-major, one column per image: (784, n) float32, pixels divided by 255.  `y` is
one-hot: (10, n) float32.  Both are C-contiguous `.npy` files, so that every job can map them
into memory instead of reading them.
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

# The names that the authors give to the labels 0 to 9:
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
EXAMPLES = 8  # images shown of each class
VALIDATION_SHARE = 0.2

_REMAKE = "remove this file and run the same command again, which makes it anew"


def prepare(
    sources: str | Path, destination: str | Path, *, files: Mapping[str, Identity] = FILES
) -> None:
    """Make tensors and a description of the data from the four IDX files in `sources`.

    Writes to the directory `destination`:
    x_train.npy, x_test.npy   (784, n) float32 in [0, 1]
    y_train.npy, y_test.npy   (10, n) float32, one-hot
    summary.json              what `describe` says of each split, and the validation share
    summary.npz               what `training_images` gives

    Everything is checked before anything is written.  Raises StudyError if a file is missing or
    is not the expected one (`files`), or if the results cannot be written.
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
    pictures = training_images(train_images, train_labels)
    try:
        for split, (images, labels) in splits.items():
            write_array(destination / f"x_{split}.npy", features_major(images))
            write_array(destination / f"y_{split}.npy", one_hot(labels))
            log.info("%s: %d images", split, len(images))
        write_json(destination / "summary.json", summary)
        write_arrays(destination / "summary.npz", pictures)
    except OSError as error:
        raise StudyError(f"{destination}: cannot be written: {error}") from error


def read_split(
    directory: str | Path, split: str, *, files: Mapping[str, Identity] = FILES
) -> tuple[np.ndarray, np.ndarray]:
    """Read one split, train or test: images (n, 28, 28) uint8 and labels (n,) uint8.

    Raises StudyError if a file is missing or is not the expected one (`files`).
    """
    images, labels = (
        idx.parse_idx(_verified(Path(directory) / name, files)) for name in SPLITS[split]
    )
    return images, labels


def _verified(path: Path, files: Mapping[str, Identity]) -> bytes:
    """Give the content of a file that was fetched before, if it is still the expected one."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise StudyError(f"{path}: not found; run fetch_dataset first") from error
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror or error}") from error
    if difference := files[path.name].mismatch(content):
        raise StudyError(f"{path}: wrong content: {difference}; {_REMAKE}")
    return content


def features_major(images: np.ndarray) -> np.ndarray:
    """Give images (n, 28, 28) uint8 as the columns of a (784, n) float32 matrix in [0, 1]."""
    pixels = images.reshape(len(images), -1).T
    x: np.ndarray = np.divide(pixels, np.float32(WHITE), dtype=np.float32, order="C")
    return x


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Give labels (n,) as a (10, n) float32 matrix: 1 in the row of the label, else 0."""
    y: np.ndarray = (labels == np.arange(len(CLASSES))[:, np.newaxis]).astype(np.float32)
    return y


def describe(images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Count one split's images by class, and describe its pixels, in the tensors' unit [0, 1].

    images: (n, 28, 28) uint8, labels: (n,).  All sums are of whole numbers, hence exact and the
    same on every machine; the standard deviation is the population's.
    """
    values = np.arange(WHITE + 1)
    histogram = np.zeros(WHITE + 1, dtype=np.int64)
    for image in images:  # all at once, `bincount` would make 64-bit numbers of every pixel
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
    """Count by class the samples that Keras holds out for validation: the last `share`.

    labels: (n,), in the order of the file.  `first` is the index of the first sample held out;
    Keras computes it so in `train_validation_split`, and does not shuffle before.
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
    """Give the pictures that describe the training set.

    images: (n, 28, 28) uint8, labels: (n,).  In the result, with pixels in [0, 1]:
    mean_image, variance_image   (28, 28) float32, over all images (population variance)
    class_mean_images            (10, 28, 28) float32
    and, with pixels as in the file:
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

    Gives x (784, n) float32 and y (10, n) float32; with `samples`, their first columns only.
    Raises StudyError if a file is missing or is not such a tensor, if the two do not belong
    together, or if there are fewer than `samples`.
    """
    x_path, y_path = Path(directory) / f"x_{split}.npy", Path(directory) / f"y_{split}.npy"
    x, y = _map(x_path, FEATURES), _map(y_path, len(CLASSES))
    available = x.shape[1]
    if available != y.shape[1]:
        raise StudyError(
            f"{y_path}: {y.shape[1]} columns for the {available} of {x_path}; {_REMAKE}"
        )
    if samples is not None and not 1 <= samples <= available:
        raise StudyError(
            f"{samples} {split} samples are asked for; there are {available}."
            f" Choose a number from 1 to {available} in the configuration"
        )
    return x[:, :samples], y[:, :samples]


def release_pages(array: np.ndarray) -> None:
    """Give back the memory of a mapped array that has been read; a later use reads it again."""
    mapping = getattr(array, "_mmap", None)  # of a numpy.memmap and its slices
    if mapping is not None and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _map(path: Path, rows: int) -> np.ndarray:
    """Map a float32 matrix with that many rows; `open_memmap` never unpickles anything."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError as error:
        raise StudyError(f"{path}: not found; run prepare_dataset first") from error
    except (OSError, ValueError, EOFError) as error:
        raise StudyError(f"{path}: not a whole .npy file: {error}; {_REMAKE}") from error
    fits = array.dtype == np.float32 and array.ndim == 2 and array.shape[0] == rows
    if not (fits and array.flags.c_contiguous):
        order = "C" if array.flags.c_contiguous else "Fortran"
        raise StudyError(
            f"{path}: {array.dtype} of shape {array.shape} in {order} order; float32 of shape"
            f" ({rows}, n) in C order is expected; {_REMAKE}"
        )
    return array
