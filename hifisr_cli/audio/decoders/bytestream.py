"""A stream of bytes whose beginning can be read again, until somebody has made out what it is."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import BinaryIO

from hifisr_cli.system.files import widen_pipe
from hifisr_cli.system.hashing import Tally

KEPT = 1 << 20
"""Bytes at the beginning that are kept; a longer header cannot be looked through in a stream."""

_PIPE_BYTES = 1 << 20


class ByteStream:
    """Reads a binary stream as it comes, without waiting for more than there is.

    Args:
        stream: for example `sys.stdin.buffer`, of which nothing was read yet.
        tally: counts every byte when it is received.
    """

    def __init__(self, stream: BinaryIO, tally: Tally | None = None) -> None:
        self._stream, self._tally = stream, tally
        self._receiving = threading.Lock()  # a thread that feeds a decoder may still be reading when `drain` is called
        try:
            # Past Python's own buffer: a thread that waits in it would hold the lock that is needed at exit.
            self._fd: int | None = stream.fileno()
        except (OSError, ValueError, AttributeError):
            self._fd = None
        self._kept = bytearray()  # everything since the first byte, up to a limit
        self._ahead = bytearray()  # received, and to be read again
        self._keeps = True
        self._position = 0  # of the next byte that `read` gives
        self._received = 0
        if self._fd is not None:  # for what comes while a model is loaded, so that no recorder has to wait
            widen_pipe(self._fd, _PIPE_BYTES)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none at the end."""
        if self._ahead:
            data = bytes(self._ahead[:size])
            del self._ahead[:size]
        else:
            data = self._receive(size)
        self._position += len(data)
        return data

    def read_at(self, position: int, size: int) -> bytes:
        """The same from a position: from within what is kept (`read` stays where it is), or from further on."""
        if position < self._position:
            return bytes(self._kept[position : min(position + size, self._position)])
        return self.read(size) if self.skip(position - self._position) else b""

    def at(self, position: int, size: int) -> bytes:
        """The bytes at a position from the first one on; `read` stays where it is.

        Fewer where the stream ends, or is not kept so far.
        """
        end = position + size
        while self._received < end <= KEPT and self.can_rewind and (data := self._receive(end - self._received)):
            self._ahead += data
        return bytes(self._kept[position:end])

    def exactly(self, size: int) -> bytes:
        """`size` bytes, fewer at the end only."""
        data = bytearray()
        while len(data) < size and (part := self.read(size - len(data))):
            data += part
        return bytes(data)

    def peek(self, size: int) -> bytes:
        """The first bytes from where `read` stands, which does not move."""
        data = self.exactly(size)
        self._ahead[:0] = data
        self._position -= len(data)
        return data

    def skip(self, size: int) -> bool:
        """Read past bytes; False where the stream ends before."""
        while size > 0:
            data = self.read(min(size, 1 << 16))
            if not data:
                return False
            size -= len(data)
        return True

    @property
    def can_rewind(self) -> bool:
        """Whether everything that was received is kept."""
        return self._received == len(self._kept)

    def rewind(self) -> None:
        """Back to the first byte. Only where `can_rewind`."""
        self._ahead, self._position = bytearray(self._kept), 0

    def commit(self) -> None:
        """The beginning is not needed again."""
        self._keeps = False

    def drain(self) -> None:
        """Receive everything up to the end, for the tally: what a decoder had no use for is part of the stream, too."""
        while self._receive(1 << 16):
            pass

    def _receive(self, size: int) -> bytes:
        size = min(size, 1 << 16)
        with self._receiving:
            data = os.read(self._fd, size) if self._fd is not None else self._stream.read(size)
            if self._tally is not None:
                self._tally.update(data)
            if self._keeps and len(self._kept) == self._received and len(self._kept) + len(data) <= KEPT:
                self._kept += data
            self._received += len(data)
        return data


class PiecedBytes:
    """Pieces of bytes, one after the other, of which the first ones can be read again."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._kept = bytearray()
        self._piece, self._start = b"", 0  # the last piece, and where it stands

    def read_at(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from a position, none at the end: from within what is kept, or from further on."""
        if position < self._start:
            return bytes(self._kept[position : position + size])
        while position >= self._start + len(self._piece):
            self._start += len(self._piece)
            self._piece = next(self._pieces, b"")
            if not self._piece:
                return b""
            if len(self._kept) == self._start < KEPT:
                self._kept += self._piece
        place = position - self._start
        return self._piece[place : place + size]
