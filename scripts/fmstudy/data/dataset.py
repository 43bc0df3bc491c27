"""Converts verified IDX files to tensors and summarizes the data.

`x` is features-major, one column per image: (784, n) float32, pixels divided by 255.  `y` is
one-hot: (10, n) float32.  Both are C-contiguous `.npy` files, which jobs map into memory.
"""

from __future__ import annotations

import hashlib
import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fmstudy.data import idx
from fmstudy.data.identity import FILES, SPLITS, Identity
from fmstudy.runtime import (
    StudyError,
    damaged,
    log,
    read_array,
    read_json,
    reading,
    write_array,
    write_arrays,
    write_json,
)

# The authors' names for the labels 0 to 9:
# https://github.com/zalandoresearch/fashion-mnist#labels
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
FEATURES = 28 * 28
WHITE = 255  # the largest pixel; tensors hold pixels divided by it
EXAMPLES = 8  # images shown per class
VALIDATION_SHARE = 0.2  # of the training set
BLOCK = 1000  # images per digest, so that jobs verify only the images that they use


def prepare(
    sources: str | Path, destination: str | Path, *, files: Mapping[str, Identity] = FILES
) -> None:
    """Convert the four IDX files in `sources` to tensors and a summary.

    Writes to the directory `destination`:
    x_train.npy, x_test.npy   (784, n) float32 in [0, 1]
    y_train.npy, y_test.npy   (10, n) float32, one-hot
    summary.json              the classes, the files, the images per class of each split, the
                              `pixel_moments` of the training set, and the tensors' `digests`
    summary.npz               the result of `training_images`

    Everything is checked before anything is written.  Raises StudyError if a file is missing or
    differs from the expected one (`files`), and OSError if the results cannot be written.
    """
    sources, destination = Path(sources), Path(destination)
    splits = {split: read_split(sources, split, files=files) for split in SPLITS}
    train_images, train_labels = splits["train"]
    # Keras holds out the last images of the file for validation; it does not shuffle first.
    first = math.floor(len(train_labels) * (1.0 - VALIDATION_SHARE))
    validation = {"share": VALIDATION_SHARE, "first": first} | describe(train_labels[first:])
    summary: dict[str, Any] = {
        "classes": list(CLASSES),
        "files": {name: files[name]._asdict() for pair in SPLITS.values() for name in pair},
        **{split: describe(labels) for split, (_, labels) in splits.items()},
        "validation": validation,
    }
    illustrations = training_images(train_images, train_labels)
    summary["train"]["pixels"] = pixel_moments(illustrations)
    summary["digests"] = {}
    for split, (images, labels) in splits.items():
        for name, tensor in (("x", features_major(images)), ("y", one_hot(labels))):
            summary["digests"][f"{name}_{split}"] = digests(tensor)
            write_array(destination / f"{name}_{split}.npy", tensor)
        log.info("%s: %d images", split, len(images))
    write_json(destination / "summary.json", summary)
    write_arrays(destination / "summary.npz", illustrations)


def read_split(
    directory: str | Path, split: str, *, files: Mapping[str, Identity] = FILES
) -> tuple[np.ndarray, np.ndarray]:
    """Read one split, train or test: images (n, 28, 28) uint8 and labels (n,) uint8.

    Raises StudyError if a file is missing or differs from the expected one (`files`).
    """

    def read(name: str) -> np.ndarray:
        path = Path(directory) / name
        with reading(path):
            content = path.read_bytes()
        if difference := files[name].mismatch(content):
            raise damaged(path, f"wrong content: {difference}")
        return idx.parse_idx(content)

    images, labels = SPLITS[split]
    return read(images), read(labels)


def features_major(images: np.ndarray) -> np.ndarray:
    """Return images (n, 28, 28) uint8 as the columns of a (784, n) float32 matrix in [0, 1]."""
    pixels = images.reshape(len(images), -1).T
    x: np.ndarray = np.divide(pixels, np.float32(WHITE), dtype=np.float32, order="C")
    return x


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Return labels (n,) as a (10, n) float32 matrix: 1 in the row of the label, else 0."""
    y: np.ndarray = (labels == np.arange(len(CLASSES))[:, np.newaxis]).astype(np.float32)
    return y


def describe(labels: np.ndarray) -> dict[str, Any]:
    """Count images, also per class; labels: (n,)."""
    counts = np.bincount(labels, minlength=len(CLASSES))
    return {"samples": len(labels), "class_counts": counts.tolist()}


def training_images(images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the images that illustrate the training set.

    images: (n, 28, 28) uint8, labels: (n,).  Returns, with pixels in [0, 1]:
    mean_image, variance_image   (28, 28) float32, over all images (population variance)
    class_mean_images            (10, 28, 28) float32
    and, with unscaled pixels:
    sample_images                (10, 8, 28, 28) uint8, the first 8 images of each class
    """
    shape = images.shape[1:]
    sums = np.zeros((len(CLASSES), *shape), dtype=np.int64)
    squares = np.zeros(shape, dtype=np.int64)
    samples = np.zeros((len(CLASSES), EXAMPLES, *shape), dtype=np.uint8)
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


def pixel_moments(illustrations: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return mean and population standard deviation over all pixels, from `training_images`."""
    means = illustrations["mean_image"].astype(np.float64)
    variance = illustrations["variance_image"].mean(dtype=np.float64) + means.var()
    return {"mean": float(means.mean()), "standard_deviation": math.sqrt(variance)}


def digests(tensor: np.ndarray) -> list[str]:
    """Return the SHA-256 of the values of every `BLOCK` columns; tensor: (rows, n)."""
    starts = range(0, tensor.shape[1], BLOCK)
    blocks = (tensor[:, start : start + BLOCK].tobytes() for start in starts)
    return [hashlib.sha256(block).hexdigest() for block in blocks]


def load_tensors(
    directory: str | Path, split: str, samples: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Map the tensors of one split, train or test, into memory, read-only.

    Returns x (784, n) float32 and y (10, n) float32; with `samples`, only their first columns.
    Raises StudyError as `load_tensor` does.
    """
    x, y = (load_tensor(Path(directory) / f"{name}_{split}.npy", samples) for name in "xy")
    return x, y


def load_tensor(path: str | Path, samples: int | None = None) -> np.ndarray:
    """Map one tensor into memory, read-only; with `samples`, only its first columns.

    Raises StudyError if a file is missing or is not such a tensor, if its values are not those that
    `prepare` wrote, according to summary.json, or if there are fewer than `samples`.
    """
    path = Path(path)
    name, split = path.stem.split("_")
    rows = FEATURES if name == "x" else len(CLASSES)
    tensor = read_array(path)
    fits = tensor.dtype == np.float32 and tensor.ndim == 2 and tensor.shape[0] == rows
    if not (fits and tensor.flags.c_contiguous):
        order = "C" if tensor.flags.c_contiguous else "Fortran"
        raise damaged(
            path,
            f"expected float32 of shape ({rows}, n) in C order, found {tensor.dtype} of shape"
            f" {tensor.shape} in {order} order",
        )
    available = tensor.shape[1]
    if samples is not None and not 1 <= samples <= available:
        raise StudyError(
            f"{samples} {split} samples are configured, but only {available} exist."
            f" Choose a number from 1 to {available} in the configuration"
        )
    summary = path.with_name("summary.json")
    with reading(summary):
        expected = read_json(summary)["digests"][path.stem]
    blocks = math.ceil((samples or available) / BLOCK)
    if digests(tensor[:, : blocks * BLOCK]) != expected[: blocks if samples else None]:
        raise damaged(path, f"its values have changed, according to the digests in {summary}")
    return tensor[:, :samples]


def release_pages(array: np.ndarray) -> None:
    """Release the memory of a mapped array after use; a later use reads it again."""
    mapping = getattr(array, "_mmap", None)  # of a numpy.memmap and its slices
    if mapping is not None and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)
