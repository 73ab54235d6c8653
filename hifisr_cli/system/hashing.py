"""SHA-256 of files, and of bytes that pass by once: what comes through a pipe cannot be read again."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Tally:
    """Counts and hashes bytes in the order in which `update` is told of them, in constant memory.

    Attributes:
        size: in bytes.
    """

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Take in what comes next."""
        self.size += len(data)
        self._hash.update(data)

    @property
    def sha256(self) -> str:
        """Of all bytes so far, in hexadecimal digits."""
        return self._hash.hexdigest()
