"""The identity of the data set's files.

Sources compress the files differently, so the identity of a file is the SHA-256 of its
uncompressed content.  The rules import this module when the workflow is parsed, so it imports only
the standard library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple


class Identity(NamedTuple):
    """The size in bytes and the SHA-256 of a file's uncompressed content."""

    size: int
    sha256: str

    def mismatch(self, content: bytes) -> str | None:
        """Describe how `content` differs from the expected file; None if it does not."""
        found = Identity(len(content), hashlib.sha256(content).hexdigest())
        return None if found == self else f"found {found}; expected {self}"

    def __str__(self) -> str:
        return f"{self.size:,} bytes with SHA-256 {self.sha256}"


FILES: Mapping[str, Identity] = {
    "train-images-idx3-ubyte": Identity(
        47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte": Identity(
        60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte": Identity(
        7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte": Identity(
        10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}
# The files of each split: images and labels.
SPLITS = {"train": tuple(FILES)[:2], "test": tuple(FILES)[2:]}
