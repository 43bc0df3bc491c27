"""A full batch, cut into chunks that a processor's cache holds and that carry no blank pixels.

A full-batch sum may be taken in any order.  So the samples are sorted until neighbors share their
blank borders, and a chunk keeps only the pixels that at least one of its samples has: about 0.7 of
them on Fashion-MNIST.  What the other pixels would add to W x, and to its gradient, is exactly 0.
Networks, penalties, and batch normalization need not know: they ask a chunk for its product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fmstudy.data.dataset import release_pages

# Samples per chunk.  Fewer share more blank pixels, but repeat more often what is done per chunk.
CHUNK = 2_000
# A chunk keeps a multiple of this many pixels, so that it starts at a multiple of 64 bytes, where
# TensorFlow slices a tensor without copying it.
ALIGNED = 16
# If more than this share of the entries would be kept, all are: choosing pixels has its cost, too.
WORTHWHILE = 0.95


class Choice(NamedTuple):
    """Which pixels a chunk keeps.

    pixels  (kept,) int32, ascending
    places  (features,) int32, where each pixel is in `pixels`; one that is not kept has the place
            of a kept one that is blank, and so the same gradient, 0
    """

    pixels: tf.Tensor
    places: tf.Tensor


class Chunk(NamedTuple):
    """Some samples of a batch.

    index         () int32, counted from 0
    labels        (10, n) float32, one-hot
    x             (kept, n) float32, without pixels that are blank in all n samples
    x_transposed  (n, kept) float32, a copy that makes the gradient faster; None if there is none
    choice        which pixels are kept; None if all are
    """

    index: tf.Tensor
    labels: tf.Tensor
    x: tf.Tensor
    x_transposed: tf.Tensor | None
    choice: Choice | None

    def product(self, weights: tf.Tensor) -> tf.Tensor:
        """W x, of shape (units, n), for weights as `Chunks.layout` gives them."""

        @tf.custom_gradient
        def product(weights: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            kept = weights
            if self.choice is not None:
                kept = tf.transpose(tf.gather(weights, self.choice.pixels))
            return tf.matmul(kept, self.x), self.gradient

        result: tf.Tensor = product(weights)
        return result

    def gradient(self, dz: tf.Tensor) -> tf.Tensor:
        """dZ x^T for dZ (units, n): the gradient of `product` by its weights, in their layout."""
        if self.x_transposed is None:
            by_kept = tf.matmul(dz, self.x, transpose_b=True)
        else:
            by_kept = tf.matmul(dz, self.x_transposed)
        if self.choice is None:
            return by_kept
        return tf.gather(tf.transpose(by_kept), self.choice.places)


class Chunks:
    """The samples x (features, n) with labels (10, n), sorted and cut into chunks of `size`.

    The last chunk is shorter where `size` does not divide n.  `copied` keeps a samples-major copy,
    too.  `compact=False` keeps all pixels, and the samples in the given order.

    samples  n
    count    number of chunks
    order    (n,) int64, the column of x at each place
    share    of the entries of x that the chunks keep, in (0, 1]
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
        choices: list[tuple[np.ndarray, np.ndarray]] = []
        if compact:
            shown = np.asarray(x != 0)
            order = order_by_borders(shown)
            parts = _cut(order, size)
            found = [_choose(shown[:, part]) for part in parts]
            kept = [len(pixels) * len(part) for (pixels, _), part in zip(found, parts, strict=True)]
            if sum(kept) <= WORTHWHILE * x.size:
                self.order, self.share, choices = order, sum(kept) / x.size, found
        parts = _cut(self.order, size)
        self.count = len(parts)
        rows = [pixels for pixels, _ in choices] or [np.arange(features)] * self.count
        self._x, arrays = _room([(len(k), len(part)) for k, part in zip(rows, parts, strict=True)])
        for array, kept_rows, part in zip(arrays, rows, parts, strict=True):
            array[:] = x[:, part][kept_rows]
        release_pages(x)
        self._x_transposed = None
        if copied:
            self._x_transposed, copies = _room([array.T.shape for array in arrays])
            for copy, array in zip(copies, arrays, strict=True):
                copy[:] = array.T
        self._labels, arrays = _room([(len(labels), len(part)) for part in parts])
        for array, part in zip(arrays, parts, strict=True):
            array[:] = labels[:, part]
        self._lengths = tf.constant([len(part) for part in parts])
        self._choices = None
        if choices:
            pixels, places = zip(*choices, strict=True)
            self._choices = tf.ragged.constant(pixels, tf.int32), tf.constant(np.stack(places))

    def __getitem__(self, index: int | tf.Tensor) -> Chunk:
        """The chunk at a place; its data are not copied."""
        length = self._lengths[index]
        x_transposed, choice = None, None
        if self._x_transposed is not None:
            x_transposed = tf.reshape(self._x_transposed[index], (length, -1))
        if self._choices is not None:
            choice = Choice(*(part[index] for part in self._choices))
        return Chunk(
            tf.convert_to_tensor(index),
            tf.reshape(self._labels[index], (-1, length)),
            tf.reshape(self._x[index], (-1, length)),
            x_transposed,
            choice,
        )

    def layout(self, weights: tf.Tensor) -> tf.Tensor:
        """Turn weights (units, features) to the layout that products take, or such a gradient back.

        Where pixels are chosen it is transposed, because rows are chosen faster than columns.
        """
        return weights if self._choices is None else tf.transpose(weights)

    def sweep(self, function: Callable[[Chunk, list], list], state: list) -> list:
        """Go through the chunks in fixed order: each gives a new state from the chunk and the old.

        A state is a list of tensors and TensorArrays.
        """

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

    shown: (features, n) bool, where a sample is not blank; pixels are row by row, in a square image
    if their number is a square.  Gives the order (n,): by the first column that is not blank, then
    the last one, the first row, the last row; equal samples keep their order.
    """
    features, samples = shown.shape
    side = math.isqrt(features)
    shape = (side, side) if side**2 == features else (1, features)
    images = shown.reshape(*shape, samples)
    keys = []
    for axis in (0, 1):  # over the rows: what each column shows; then over the columns
        lines = np.logical_or.reduce(images, axis=axis)
        keys += [lines.argmax(axis=0), -lines[::-1].argmax(axis=0)]
    return np.lexsort(keys[::-1])


def _choose(shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kept pixels and the places of all, as in Choice, for shown (features, n).

    Unless all pixels are kept, at least one of the kept ones is blank.
    """
    used = np.logical_or.reduce(shown, axis=1)
    blank = np.flatnonzero(~used)
    present = len(used) - len(blank)
    kept = min(-(-(present + 1) // ALIGNED) * ALIGNED, len(used))
    used[blank[: kept - present]] = True
    pixels = np.flatnonzero(used)
    places = np.full(len(used), np.searchsorted(pixels, blank[0]) if len(blank) else 0, np.int32)
    places[pixels] = np.arange(kept)
    return pixels, places


def _cut(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _room(shapes: Sequence[tuple[int, int]]) -> tuple[tf.RaggedTensor, list[np.ndarray]]:
    """A ragged tensor with a row for each matrix, flat, and the empty matrices to be filled.

    The memory is shared and begins at a multiple of 64 bytes, as TensorFlow has it; `tf.constant`
    would copy the data twice.
    """
    stops = np.cumsum([math.prod(shape) for shape in shapes])
    room = np.empty(stops[-1] + 16, np.float32)
    start = -room.ctypes.data % 64 // room.itemsize
    flat = room[start : start + stops[-1]]
    arrays = [
        part.reshape(shape) for part, shape in zip(np.split(flat, stops[:-1]), shapes, strict=True)
    ]
    tensor = tf.experimental.dlpack.from_dlpack(flat.__dlpack__())
    splits = np.concatenate([[0], stops])
    return tf.RaggedTensor.from_row_splits(tensor, splits, validate=False), arrays
