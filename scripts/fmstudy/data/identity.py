"""The identity of a data set's files.

Sources compress the files differently, so the identity of a file is, if it is known, the SHA-256 of
its uncompressed content; else, that of the one compressed file that its authors publish.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

GZIP_MAGIC = b"\x1f\x8b"


class Identity(NamedTuple):
    """The size in bytes and the SHA-256 of a file's uncompressed content, or of the gzip file."""

    size: int
    sha256: str = ""
    gz_sha256: str = ""

    def matches(self, content: bytes, compressed: bytes = b"") -> bool:
        """Whether this is the file's content, `compressed` being the gzip file it comes from."""
        if self.sha256:
            known, found = self.sha256, content
        else:
            known, found = self.gz_sha256, compressed
        return len(content) == self.size and hashlib.sha256(found).hexdigest() == known
