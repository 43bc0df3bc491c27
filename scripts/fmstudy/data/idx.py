"""Parses the IDX format of the MNIST family: a short header, then the values, row by row.

Format: two zero bytes, one byte for the value type (8: unsigned bytes), one for the number of
dimensions d, then d big-endian 32-bit sizes, then the values; see
http://yann.lecun.com/exdb/mnist/.  Callers verify the SHA-256 of a file first, so the content needs
no further checks here.
"""

from __future__ import annotations

import struct

import numpy as np


def parse_idx(content: bytes) -> np.ndarray:
    """Return the values of an IDX file as a read-only uint8 array of the shape in its header."""
    dimensions = content[3]
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)
