"""Converts a data set to tensors and summarizes it.

`x` is features-major, one column per image: (features, n) float32, pixels divided by the largest
that the set can have.  `y` is one-hot: (classes, n) float32.  Both are C-contiguous `.npy` files,
which jobs map into memory.
"""

from __future__ import annotations

import hashlib
import math
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fmstudy.data import download, folders, idx, sets
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

EXAMPLES = 8  # images shown per class
VALIDATION_SHARE = 0.2  # of the training set
BLOCK = 1000  # images per digest, so that jobs verify only the images that they use


# The SHA-256 of scikit-learn's digits, pixels then labels, which no version has changed.
DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"

Splits = dict[str, folders.Labeled]  # train and test: images (n, rows, columns) and labels (n,)


def prepare(
    config: Mapping[str, Any],
    destination: str | Path,
    *,
    resources: str | Path = "resources",
    sources: Sequence[str] = (),
    timeout: float = sets.TIMEOUT,
) -> None:
    """Read the data set of the configuration `data`, and write its tensors and a summary.

    Writes to the directory `destination`:
    x_train.npy, x_test.npy   (features, n) float32 in [0, 1]
    y_train.npy, y_test.npy   (classes, n) float32, one-hot
    summary.json              the data set (`set`), its classes, shape, white and files, the images
                              per class of each split, the `pixel_moments` of the training set, and
                              the tensors' `digests`
    summary.npz               the result of `training_images`

    Files of a ready-made set are fetched from `sources` and kept in `resources`.  Everything is
    checked before anything is written.  Raises StudyError if the data cannot be used, and OSError
    if the results cannot be written.
    """
    destination = Path(destination)
    try:
        data_set = sets.describe(config)
    except folders.Refused as refused:
        raise StudyError(f"data.{refused.key}: {refused.text}") from refused
    splits, files = load(data_set, config, resources, sources, timeout)
    train_images, train_labels = splits["train"]
    classes = len(data_set.classes)
    # Keras holds out the last images of the file for validation; it does not shuffle first.
    first = math.floor(len(train_labels) * (1.0 - VALIDATION_SHARE))
    held_out = describe(train_labels[first:], classes)
    of_set = ("key", "name", "things", "references", "license", "url", "kind")
    summary: dict[str, Any] = {
        "set": {key: getattr(data_set, key) for key in of_set} | {"digest": digest(splits)},
        "shape": list(data_set.shape),
        "white": data_set.white,
        "classes": list(data_set.classes),
        "files": files,
        **{split: describe(labels, classes) for split, (_, labels) in splits.items()},
        "validation": {"share": VALIDATION_SHARE, "first": first} | held_out,
    }
    illustrations = training_images(train_images, train_labels, classes, data_set.white)
    summary["train"]["pixels"] = pixel_moments(illustrations)
    summary["digests"] = {}
    for split, (images, labels) in splits.items():
        tensors = {"x": features_major(images, data_set.white), "y": one_hot(labels, classes)}
        for name, tensor in tensors.items():
            summary["digests"][f"{name}_{split}"] = digests(tensor)
            write_array(destination / f"{name}_{split}.npy", tensor)
        log.info("%s: %d images", split, len(images))
    write_json(destination / "summary.json", summary)
    write_arrays(destination / "summary.npz", illustrations)


def load(
    data_set: sets.DataSet,
    config: Mapping[str, Any],
    resources: str | Path,
    sources: Sequence[str],
    timeout: float,
) -> tuple[Splits, dict[str, Any]]:
    """Read all images of a data set, and return them with size and SHA-256 of its IDX files.

    Raises StudyError, with what was found and what to do.
    """
    if data_set.own:
        return data_set.own.read(config), {}
    if data_set.kind == "digits":
        return _digits(), {}
    others = {it.name: it.files for it in sets.READY_MADE.values() if it.files}
    wanted = download.Wanted(data_set.name, data_set.files, others)
    folder = Path(resources) / data_set.key
    contents = download.fetch(wanted, sources, folder, download.Patience(timeout))
    parsed = [idx.parse_idx(content) for content in contents.values()]
    files = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }
    return {"train": (parsed[0], parsed[1]), "test": (parsed[2], parsed[3])}, files


def _digits() -> Splits:
    """Return scikit-learn's digits, split as for any set without test images."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images, labels = found.images.astype(np.uint8), found.target.astype(np.uint8)
    if hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() != DIGITS_SHA256:
        raise StudyError(
            "scikit-learn's digits are not the ones that this study knows: its package is damaged, "
            "or they have changed. Install scikit-learn again (make setup)."
        )
    places = folders.split(labels, folders.TEST_SHARE, folders.SPLIT_SEED)
    return {
        name: (images[place], labels[place])
        for name, place in zip(folders.SPLITS, places, strict=True)
    }


def digest(splits: Splits) -> str:
    """Return the SHA-256 of the shapes, pixels and labels of all images, in their order."""
    found = hashlib.sha256()
    for images, labels in (splits[name] for name in folders.SPLITS):
        found.update(repr(images.shape).encode())
        found.update(np.ascontiguousarray(images).tobytes())
        found.update(labels.astype(np.uint8).tobytes())
    return found.hexdigest()


def features_major(images: np.ndarray, white: int) -> np.ndarray:
    """Return images (n, rows, columns) uint8 as the columns of a float32 matrix in [0, 1]."""
    pixels = images.reshape(len(images), -1).T
    x: np.ndarray = np.divide(pixels, np.float32(white), dtype=np.float32, order="C")
    return x


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return labels (n,) as a (classes, n) float32 matrix: 1 in the row of the label, else 0."""
    y: np.ndarray = (labels == np.arange(classes)[:, np.newaxis]).astype(np.float32)
    return y


def describe(labels: np.ndarray, classes: int) -> dict[str, Any]:
    """Count images, also per class; labels: (n,)."""
    counts = np.bincount(labels, minlength=classes)
    return {"samples": len(labels), "class_counts": counts.tolist()}


def training_images(
    images: np.ndarray, labels: np.ndarray, classes: int, white: int
) -> dict[str, np.ndarray]:
    """Return the images that illustrate the training set.

    images: (n, rows, columns) uint8, labels: (n,).  Returns, with pixels in [0, 1]:
    mean_image, variance_image   (rows, columns) float32, over all images (population variance)
    class_mean_images            (classes, rows, columns) float32
    and, with unscaled pixels:
    sample_images                (classes, 8, rows, columns) uint8, the first images of each class
    """
    shape = images.shape[1:]
    sums = np.zeros((classes, *shape), dtype=np.int64)
    squares = np.zeros(shape, dtype=np.int64)
    samples = np.zeros((classes, EXAMPLES, *shape), dtype=np.uint8)
    counts = np.bincount(labels, minlength=classes)
    for label in range(classes):
        group = images[labels == label]
        sums[label] = group.sum(axis=0, dtype=np.int64)
        squares += np.square(group, dtype=np.uint16).sum(axis=0, dtype=np.int64)
        samples[label, : len(group)] = group[:EXAMPLES]
    mean = sums.sum(axis=0) / len(images)
    variance = squares / len(images) - mean**2
    class_means = sums / counts[:, np.newaxis, np.newaxis]
    return {
        "mean_image": (mean / white).astype(np.float32),
        "variance_image": (variance / white**2).astype(np.float32),
        "class_mean_images": (class_means / white).astype(np.float32),
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

    Returns x (features, n) and y (classes, n), float32; with `samples`, only their first columns.
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
    summary = path.with_name("summary.json")
    with reading(summary):
        known = read_json(summary)
        expected = known["digests"][path.stem]
        rows = math.prod(known["shape"]) if name == "x" else len(known["classes"])
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
    blocks = math.ceil((samples or available) / BLOCK)
    if digests(tensor[:, : blocks * BLOCK]) != expected[: blocks if samples else None]:
        raise damaged(path, f"its values have changed, according to the digests in {summary}")
    return tensor[:, :samples]


def release_pages(array: np.ndarray) -> None:
    """Release the memory of a mapped array after use; a later use reads it again."""
    mapping = getattr(array, "_mmap", None)  # of a numpy.memmap and its slices
    if mapping is not None and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)
