"""A full batch, split into chunks that fit into the processor's cache and omit blank pixels.

A full-batch sum does not depend on the order of the samples, except for rounding.  So samples are
sorted such that neighbors share their blank borders, and a chunk keeps only pixels that are not
blank in all of its samples: about 70 % of them on Fashion-MNIST.  The other pixels contribute
exactly 0 to W x and to its gradient.  `Chunk.product` hides this from networks and penalties.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fmstudy.data.dataset import release_pages

# Samples per chunk.  Smaller chunks share more blank pixels but add overhead.
CHUNK = 2_000
# The number of kept pixels is a multiple of this, so that chunks are aligned to 64 bytes and
# TensorFlow slices them without a copy.
ALIGNMENT = 16
# If a larger share of the entries would be kept, all are: selecting pixels has a cost, too.
MAX_SHARE = 0.95


class Selection(NamedTuple):
    """The pixels that a chunk keeps.

    pixels  (kept,) int32, ascending
    places  (features,) int32, the index of each pixel in `pixels`; a dropped pixel has the index
            of a kept blank one, which has the same gradient, 0
    """

    pixels: tf.Tensor
    places: tf.Tensor


class Chunk(NamedTuple):
    """A subset of a batch.

    index         () int32, counted from 0
    labels        (classes, n) float32, one-hot
    x             (kept, n) float32, without most pixels that are blank in all n samples
    x_transposed  (n, kept) float32, an optional copy that makes the gradient faster
    selection     the kept pixels; None if all are kept
    """

    index: tf.Tensor
    labels: tf.Tensor
    x: tf.Tensor
    x_transposed: tf.Tensor | None
    selection: Selection | None

    def product(self, weights: tf.Tensor) -> tf.Tensor:
        """W x, of shape (units, n), for weights in the layout of `Chunks.layout`."""

        @tf.custom_gradient
        def product(weights: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            kept = weights
            if self.selection is not None:
                kept = tf.transpose(tf.gather(weights, self.selection.pixels))
            return tf.matmul(kept, self.x), self.gradient

        result: tf.Tensor = product(weights)
        return result

    def gradient(self, dz: tf.Tensor) -> tf.Tensor:
        """dZ x^T for dZ (units, n): the gradient of `product` w.r.t. `weights`."""
        if self.x_transposed is None:
            by_kept = tf.matmul(dz, self.x, transpose_b=True)
        else:
            by_kept = tf.matmul(dz, self.x_transposed)
        if self.selection is None:
            return by_kept
        return tf.gather(tf.transpose(by_kept), self.selection.places)


class Chunks:
    """The samples x (features, n) with labels (classes, n), sorted and split into chunks of `size`.

    The last chunk is shorter if `size` does not divide n.  `copied` also keeps a samples-major
    copy.  `compact=False` keeps all pixels and the given order of samples.

    samples  n
    count    number of chunks
    order    (n,) int64, the column of x at each position
    share    fraction of the entries of x that the chunks keep, in (0, 1]
    """

    def __init__(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        size: int = CHUNK,
        *,
        copied: bool = True,
        compact: bool = True,
    ) -> None:
        features, self.samples = x.shape
        self.order, self.share = np.arange(self.samples), 1.0
        selections: list[tuple[np.ndarray, np.ndarray]] = []
        if compact:
            shown = np.asarray(x != 0)
            order = order_by_borders(shown)
            parts = _split(order, size)
            found = [_select(shown[:, part]) for part in parts]
            kept = [len(pixels) * len(part) for (pixels, _), part in zip(found, parts, strict=True)]
            if sum(kept) <= MAX_SHARE * x.size:
                self.order, self.share, selections = order, sum(kept) / x.size, found
        parts = _split(self.order, size)
        self.count = len(parts)
        rows = [pixels for pixels, _ in selections] or [np.arange(features)] * self.count
        self._x, arrays = _allocate(
            [(len(k), len(part)) for k, part in zip(rows, parts, strict=True)]
        )
        for array, kept_rows, part in zip(arrays, rows, parts, strict=True):
            array[:] = x[:, part][kept_rows]
        release_pages(x)
        self._x_transposed = None
        if copied:
            self._x_transposed, copies = _allocate([array.T.shape for array in arrays])
            for copy, array in zip(copies, arrays, strict=True):
                copy[:] = array.T
        self._labels, arrays = _allocate([(len(labels), len(part)) for part in parts])
        for array, part in zip(arrays, parts, strict=True):
            array[:] = labels[:, part]
        self._lengths = tf.constant([len(part) for part in parts])
        self._selections = None
        if selections:
            pixels, places = zip(*selections, strict=True)
            self._selections = tf.ragged.constant(pixels, tf.int32), tf.constant(np.stack(places))

    def __getitem__(self, index: int | tf.Tensor) -> Chunk:
        """Return a chunk, without copying its data."""
        length = self._lengths[index]
        x_transposed, selection = None, None
        if self._x_transposed is not None:
            x_transposed = tf.reshape(self._x_transposed[index], (length, -1))
        if self._selections is not None:
            selection = Selection(*(part[index] for part in self._selections))
        return Chunk(
            tf.convert_to_tensor(index),
            tf.reshape(self._labels[index], (-1, length)),
            tf.reshape(self._x[index], (-1, length)),
            x_transposed,
            selection,
        )

    def layout(self, weights: tf.Tensor) -> tf.Tensor:
        """Convert weights (units, features) to the layout for products, or a gradient back.

        With selected pixels it is transposed, because selecting rows is faster than columns.
        """
        return weights if self._selections is None else tf.transpose(weights)

    def sweep(self, function: Callable[[Chunk, list], list], state: list) -> list:
        """Update a state, a list of tensors and TensorArrays, with each chunk in fixed order."""

        def body(index: tf.Tensor, state: list) -> tuple[tf.Tensor, list]:
            return index + 1, function(self[index], state)

        _, state = tf.while_loop(
            lambda index, _: index < self.count, body, (0, state), parallel_iterations=1
        )
        return state

    def fold(self, function: Callable[[Chunk], list[tf.Tensor]], sums: list) -> list[tf.Tensor]:
        """Add `function(chunk)` of every chunk to `sums`, in fixed order."""

        def add(chunk: Chunk, sums: list) -> list:
            return [old + new for old, new in zip(sums, function(chunk), strict=True)]

        return self.sweep(add, sums)


def order_by_borders(shown: np.ndarray) -> np.ndarray:
    """Sort samples so that neighbors share their blank borders.

    shown: (features, n) bool, true where a sample is not blank; pixels are row by row, of a square
    image if their number is a square.  Returns the order (n,): by the first nonblank column, then
    the last one, the first row, and the last row; ties keep their order.
    """
    features, samples = shown.shape
    side = math.isqrt(features)
    shape = (side, side) if side**2 == features else (1, features)
    images = shown.reshape(*shape, samples)
    keys = []
    for axis in (0, 1):  # reduce over rows, then over columns
        lines = np.logical_or.reduce(images, axis=axis)
        keys += [lines.argmax(axis=0), -lines[::-1].argmax(axis=0)]
    return np.lexsort(keys[::-1])


def _select(shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `pixels` and `places` of a `Selection` for shown (features, n).

    Unless all pixels are kept, at least one kept pixel is blank.
    """
    used = np.logical_or.reduce(shown, axis=1)
    blank = np.flatnonzero(~used)
    present = len(used) - len(blank)
    kept = min(-(-(present + 1) // ALIGNMENT) * ALIGNMENT, len(used))
    used[blank[: kept - present]] = True
    pixels = np.flatnonzero(used)
    places = np.full(len(used), np.searchsorted(pixels, blank[0]) if len(blank) else 0, np.int32)
    places[pixels] = np.arange(kept)
    return pixels, places


def _split(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _allocate(shapes: Sequence[tuple[int, int]]) -> tuple[tf.RaggedTensor, list[np.ndarray]]:
    """Return a ragged tensor with one flat row per matrix, and the empty matrices to fill.

    They share memory, aligned to 64 bytes as TensorFlow requires; `tf.constant` would copy the
    data twice.
    """
    stops = np.cumsum([math.prod(shape) for shape in shapes])
    buffer = np.empty(stops[-1] + 16, np.float32)
    start = -buffer.ctypes.data % 64 // buffer.itemsize
    flat = buffer[start : start + stops[-1]]
    arrays = [
        part.reshape(shape) for part, shape in zip(np.split(flat, stops[:-1]), shapes, strict=True)
    ]
    tensor = tf.experimental.dlpack.from_dlpack(flat.__dlpack__())
    splits = np.concatenate([[0], stops])
    return tf.RaggedTensor.from_row_splits(tensor, splits, validate=False), arrays
