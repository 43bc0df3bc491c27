"""How much an image is like the training images, compared with the test images.

The likeness of two images is the correlation of their pixels, as for near-duplicates
(`analysis.duplicates`), whose table has the most similar training image of each test image.  The
models never see it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fmstudy.analysis.duplicates import standardized

CHUNK = 500  # training images at a time, which fit into a processor's cache
RARE = 0.01  # of the test images; an image less like the training images than these is unlike them


class Likeness(NamedTuple):
    """Of an image: its correlation with the most similar training image.

    share: of the test images whose own most similar training image is at most as similar.
    """

    correlation: float
    share: float

    @property
    def unlike(self) -> bool:
        """Whether hardly any test image is as unlike the training images."""
        return self.share < RARE


def likeness(x: np.ndarray, x_train: np.ndarray, of_test: np.ndarray) -> list[Likeness]:
    """Compare images with the training images.

    x: (features, n) and x_train: (features, m), in [0, 1]; of_test: (k,), the highest correlation
    of each test image with a training image.
    """
    ordered = np.sort(of_test)
    highest = nearest(x, x_train)
    shares = np.searchsorted(ordered, highest, side="right") / len(ordered)
    return [Likeness(float(it), float(share)) for it, share in zip(highest, shares, strict=True)]


def nearest(x: np.ndarray, x_train: np.ndarray) -> np.ndarray:
    """Return the highest correlation of each image with a training image, (n,).

    It is 0 with images of one gray value.
    """
    images = standardized(x).T
    best = np.full(len(images), -1.0, dtype=np.float32)
    for start in range(0, x_train.shape[1], CHUNK):
        part = np.ascontiguousarray(x_train[:, start : start + CHUNK])
        squares = np.einsum("ij,ij->j", part, part) - np.square(part.sum(axis=0)) / len(part)
        inverse = 1 / np.sqrt(np.where(squares > 1e-6, squares, np.inf))
        best = np.maximum(best, (images @ part * inverse).max(axis=1))
    return best
