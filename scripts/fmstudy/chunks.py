"""A batch cut into chunks that a processor's cache holds, and ways to go through them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fmstudy.dataset import release_pages


class Chunk(NamedTuple):
    """Some samples: x (features, n), perhaps a samples-major copy of it (n, features), labels."""

    index: tf.Tensor  # () int32, counted from 0 over the whole batch
    x: tf.Tensor
    x_transposed: tf.Tensor | None
    labels: tf.Tensor  # (10, n) one-hot


class Chunks:
    """Samples cut into chunks of columns: x (features, n) and labels (10, n).

    The last chunk is shorter where `size` does not divide n.  With `transposed` there is a
    samples-major copy too.  No third copy is made on the way, and the pages of a memory-mapped x
    are given back: of the whole study's data, one copy is 188 MB.
    """

    def __init__(self, x: np.ndarray, labels: np.ndarray, size: int, transposed: bool) -> None:
        self.samples = x.shape[1]
        size = min(size, self.samples)
        whole = self.samples // size * size
        bounds = [(0, whole, size), (whole, self.samples, self.samples - whole)]
        parts = [bound for bound in bounds if bound[0] < bound[1]]
        self.count = sum((stop - start) // width for start, stop, width in parts)
        self.tensors: list[tuple[tf.Tensor, tf.Tensor | None, tf.Tensor]] = []
        for start, stop, width in parts:
            xs = _stacked(x[:, start:stop], width)
            release_pages(x)
            turned = None
            if transposed:
                turned = _aligned((len(xs), width, x.shape[0]))
                for chunk, copy in zip(xs, turned, strict=True):
                    copy[:] = chunk.T
            labelled = _stacked(labels[:, start:stop], width)
            self.tensors.append(
                (_tensor(xs), None if turned is None else _tensor(turned), _tensor(labelled))
            )

    def sweep(self, function: Callable[[Chunk, list], list], state: list) -> list:
        """Go through the chunks in fixed order: each gives a new state from the chunk and the old.

        A state is a list of tensors and TensorArrays.
        """
        start = 0
        for x, x_transposed, labels in self.tensors:

            def body(
                i: tf.Tensor,
                state: list,
                start: int = start,
                x: tf.Tensor = x,
                x_transposed: tf.Tensor | None = x_transposed,
                labels: tf.Tensor = labels,
            ) -> tuple[tf.Tensor, list]:
                turned = None if x_transposed is None else x_transposed[i]
                return i + 1, function(Chunk(start + i, x[i], turned, labels[i]), state)

            _, state = tf.while_loop(
                lambda i, _, count=x.shape[0]: i < count, body, (0, state), parallel_iterations=1
            )
            start += x.shape[0]
        return state

    def fold(self, function: Callable[[Chunk], list[tf.Tensor]], sums: list) -> list[tf.Tensor]:
        """Add `function(chunk)` of every chunk to `sums`, in fixed order."""

        def add(chunk: Chunk, sums: list) -> list:
            return [old + new for old, new in zip(sums, function(chunk), strict=True)]

        return self.sweep(add, sums)


def _stacked(array: np.ndarray, width: int) -> np.ndarray:
    """The columns of `array` (rows, n) in chunks: (n / width, rows, width)."""
    stacked = _aligned((array.shape[1] // width, array.shape[0], width))
    for i, chunk in enumerate(stacked):
        chunk[:] = array[:, i * width : (i + 1) * width]
    return stacked


def _aligned(shape: tuple[int, ...]) -> np.ndarray:
    """An empty float32 array that begins at a multiple of 64 bytes, as TensorFlow's tensors do."""
    size = math.prod(shape)
    room = np.empty(size + 16, np.float32)
    start = -room.ctypes.data % 64 // room.itemsize
    return room[start : start + size].reshape(shape)


def _tensor(array: np.ndarray) -> tf.Tensor:
    """The array as a tensor in the same memory; `tf.constant` would copy it twice on the way."""
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
