"""The IDX reader gives the values of a file in their shape and order."""

import struct

import numpy as np

from fmstudy.data.idx import parse_idx


def idx_file(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def test_values_come_back_in_their_shape_and_order():
    values = parse_idx(idx_file(np.arange(24).reshape(2, 3, 4)))
    assert values.dtype == np.uint8
    assert values.tolist() == np.arange(24).reshape(2, 3, 4).tolist()


def test_sizes_are_big_endian():
    content = bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258)
    assert parse_idx(content).shape == (258,)
