"""The IDX reader takes whole, well-formed files and says what is wrong with all others."""

import struct

import numpy as np
import pytest

from fmstudy.idx import parse_idx, parse_images, parse_labels
from fmstudy.runtime import StudyError


def idx_file(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


IMAGES = np.arange(3 * 28 * 28).reshape(3, 28, 28) % 251
LABELS = np.array([9, 0, 3])


def test_values_come_back_in_their_shape_and_order():
    values = parse_idx(idx_file(np.arange(24).reshape(2, 3, 4)), "file")
    assert values.dtype == np.uint8
    assert values.tolist() == np.arange(24).reshape(2, 3, 4).tolist()


def test_sizes_are_big_endian():
    content = bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258)
    assert parse_idx(content, "file").shape == (258,)


def test_images_and_labels_come_back():
    assert np.array_equal(parse_images(idx_file(IMAGES), "file"), IMAGES)
    assert np.array_equal(parse_labels(idx_file(LABELS), "file"), LABELS)


GOOD = idx_file(LABELS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "only 0 bytes"),
        (GOOD[:3], "only 3 bytes"),
        (b"\x1f\x8b" + GOOD[2:], "starts with 1f 8b 08 01"),
        (b"\x00\x01" + GOOD[2:], "starts with 00 01"),
        (GOOD[:2] + b"\x0d" + GOOD[3:], "IDX type 0x0d"),
        (bytes([0, 0, 8, 0, 7]), "without dimensions"),
        (GOOD[:7], "ends inside its header: 7 bytes, and 1 dimensions take 8"),
        (GOOD[:-1], "10 bytes, but its header announces 3 values, which makes 11 bytes"),
        (GOOD + b"\x00", "12 bytes, but its header announces 3 values, which makes 11 bytes"),
        # Sizes whose product wraps round to 0 in 64 bits.
        (bytes([0, 0, 8, 4]) + bytes([0, 1, 0, 0]) * 4, "65536 x 65536 x 65536 x 65536"),
    ],
)
def test_a_malformed_file_is_refused_by_name_and_reason(content, reason):
    with pytest.raises(StudyError) as error:
        parse_idx(content, "some/file")
    assert str(error.value).startswith("some/file: ")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("parse", "content", "reason"),
    [
        (parse_images, idx_file(LABELS), "magic number 2049, but a file of images has 2051"),
        (parse_labels, idx_file(IMAGES), "magic number 2051, but a file of labels has 2049"),
        (parse_images, idx_file(IMAGES[:, :27]), "images of 27 x 28 pixels"),
        (parse_labels, idx_file(np.array([1, 9, 10, 11])), "label 10 at position 2"),
    ],
)
def test_images_and_labels_of_another_kind_are_refused(parse, content, reason):
    with pytest.raises(StudyError, match=reason) as error:
        parse(content, "some/file")
    assert str(error.value).startswith("some/file: ")
