"""Size and SHA-256 of bytes that pass by once: what comes through a pipe cannot be read again."""

from __future__ import annotations

import hashlib


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
