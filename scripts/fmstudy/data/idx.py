"""Parses the IDX format of the MNIST family: a short header, then the values, row by row.

Format: two zero bytes, one byte for the value type (8: unsigned bytes), one for the number of
dimensions d, then d big-endian 32-bit sizes, then the values; see
http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from fmstudy.data.identity import GZIP_MAGIC

LONGEST_HEADER = 16  # bytes, of images


def idx_shape(content: bytes) -> tuple[int, ...]:
    """Return the shape in the header of an IDX file of unsigned bytes, of up to three dimensions.

    Raises ValueError if this is not such a file.
    """
    if len(content) < 8 or content[:3] != b"\0\0\x08" or content[3] not in (1, 2, 3):
        raise ValueError("not an IDX file of unsigned bytes")
    if len(content) < 4 + 4 * content[3]:
        raise ValueError("cut off")
    return struct.unpack_from(f">{content[3]}I", content, 4)


def parse_idx(content: bytes) -> np.ndarray:
    """Return the values of an IDX file as a read-only uint8 array of the shape in its header.

    Raises ValueError if this is not an IDX file, or has more or fewer values than its header says.
    """
    shape = idx_shape(content)
    values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * len(shape))
    if values.size != math.prod(shape):
        raise ValueError(f"{values.size:,} values, but its header says {math.prod(shape):,}")
    return values.reshape(shape)


def read_idx(path: str | Path, most: int = -1) -> bytes:
    """Return the uncompressed content of a file, or its first `most` bytes.

    Raises ValueError for a damaged gzip file, and OSError.
    """
    with open(path, "rb") as raw:
        compressed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        if not compressed:
            return raw.read(most)
        try:
            with gzip.GzipFile(fileobj=raw) as file:
                return file.read(most)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"the gzip file is damaged or cut off ({error})") from error


def plain_size(path: str | Path) -> int | None:
    """Return the size of a file in bytes; None if it is compressed, so that nobody knows it."""
    with open(path, "rb") as raw:
        if raw.read(2) == GZIP_MAGIC:
            return None
        return raw.seek(0, os.SEEK_END)
