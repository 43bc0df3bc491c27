"""Read the IDX format of the MNIST family: a short header, then the values, row by row.

Format: two zero bytes, one byte for the type of the values, one for the number of dimensions
d, then d big-endian 32-bit sizes, then the values, as http://yann.lecun.com/exdb/mnist/ lays
down.  The first four bytes together are the "magic number" of that page.
"""

from __future__ import annotations

import math
import struct

import numpy as np

from fmstudy.runtime import StudyError

UINT8 = 0x08
IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049  # bytes in three dimensions, bytes in one
IMAGE_SHAPE = (28, 28)
LARGEST_LABEL = 9


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Give the values of an IDX file as a read-only uint8 array in the shape that it states.

    `name` is what a message calls the file.  Raises StudyError if `content` is anything but
    one whole IDX file of unsigned bytes: nothing missing, nothing left over.
    """
    if len(content) < 4:
        raise StudyError(f"{name}: only {len(content)} bytes, too short for an IDX file")
    zeros, kind, dimensions = struct.unpack_from(">HBB", content)
    if zeros != 0:
        raise StudyError(
            f"{name}: not an IDX file, which starts with two zero bytes;"
            f" this one starts with {content[:4].hex(' ')}"
        )
    if kind != UINT8:
        raise StudyError(
            f"{name}: holds values of IDX type 0x{kind:02x}; only unsigned bytes"
            f" (0x{UINT8:02x}) are read here"
        )
    if dimensions == 0:
        raise StudyError(f"{name}: an IDX file without dimensions")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise StudyError(
            f"{name}: ends inside its header: {len(content)} bytes, and {dimensions}"
            f" dimensions take {start}"
        )
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise StudyError(
            f"{name}: {len(content):,} bytes, but its header announces"
            f" {' x '.join(map(str, shape))} values, which makes {expected:,} bytes"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def parse_images(content: bytes, name: str) -> np.ndarray:
    """Give the images of an IDX file: (n, 28, 28) uint8, 0 is background, 255 full ink.

    Raises StudyError if `content` is not an IDX file of 28 x 28 images.
    """
    images = parse_idx(content, name)
    _check_magic(content, IMAGES_MAGIC, "images", name)
    if images.shape[1:] != IMAGE_SHAPE:
        height, width = images.shape[1:]
        raise StudyError(f"{name}: images of {height} x {width} pixels; 28 x 28 are expected")
    return images


def parse_labels(content: bytes, name: str) -> np.ndarray:
    """Give the labels of an IDX file: (n,) uint8, class numbers 0 to 9.

    Raises StudyError if `content` is not an IDX file of such labels.
    """
    labels = parse_idx(content, name)
    _check_magic(content, LABELS_MAGIC, "labels", name)
    wrong = np.flatnonzero(labels > LARGEST_LABEL)
    if wrong.size:
        raise StudyError(
            f"{name}: label {labels[wrong[0]]} at position {wrong[0]}; labels go from 0 to"
            f" {LARGEST_LABEL}"
        )
    return labels


def _check_magic(content: bytes, expected: int, what: str, name: str) -> None:
    magic = int.from_bytes(content[:4], "big")
    if magic != expected:
        raise StudyError(
            f"{name}: magic number {magic}, but a file of {what} has {expected};"
            " are images and labels mixed up?"
        )
