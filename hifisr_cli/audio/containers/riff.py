"""Chunks of WAV, RF64, BW64 and Wave64 files, and where they stand: found by their sizes, read only when needed.

Damaged files are walked as far as they make sense. Layouts: Microsoft RIFF, EBU Tech 3306, Sony Wave64.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from hifisr_cli.errors import TruncatedError

MAX_SIZE = 0xFFFF_FFFF
_COPY = 1 << 20
_MAX_CHUNKS = 10_000  # a file of nothing but empty chunks must not cost hours
_FILES = frozenset({b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"riff"})
"""Begin a recording, and no chunk within one: libsndfile reads no file with such a chunk in it."""
_OPEN_LENGTH = 0x7FFF_0000  # from here on a length that the file does not have means "until the end"
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_TAILS = (bytes.fromhex("f3acd3118cd100c04f8edb8a"), bytes.fromhex("2e91cf11a5d628db04c10000"))


@dataclass(frozen=True, slots=True)
class FileSlice:
    """`size` bytes of a file from `start` on, not in memory."""

    path: Path
    start: int
    size: int

    def parts(self) -> Iterator[bytes]:
        """The bytes in portions. Raises TruncatedError where the file has become shorter, OSError."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left:
                data = file.read(min(left, _COPY))
                if not data:
                    raise TruncatedError("became shorter while it was read", path=self.path, hint="run again")
                left -= len(data)
                yield data


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: a name of four bytes and a body, in memory or in a file."""

    name: bytes
    body: bytes | FileSlice

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.body.size if isinstance(self.body, FileSlice) else len(self.body)

    @property
    def length(self) -> int:
        """Bytes in a file: with its header, and padded to an even length."""
        return 8 + self.size + self.size % 2

    @property
    def label(self) -> str:
        """The name for messages."""
        return self.name.decode("ascii", "replace").strip()

    def read(self) -> bytes:
        """The body."""
        return b"".join(self.body.parts()) if isinstance(self.body, FileSlice) else self.body

    def parts(self) -> Iterator[bytes]:
        """The chunk as it stands in a file, in portions."""
        yield self.name + self.size.to_bytes(4, "little")
        if isinstance(self.body, FileSlice):
            yield from self.body.parts()
        else:
            yield self.body
        if self.size % 2:
            yield b"\0"


@dataclass(slots=True)
class Chunks:
    """The chunks of a file: those before and after the samples, and what is wrong with it, one line each."""

    before: list[Chunk] = field(default_factory=list)
    after: list[Chunk] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_chunks(path: Path) -> Chunks | None:
    """All chunks but the samples (`data`, `SSND`); None where the file has none.

    AIFF files are walked as well; all their chunks count as standing before the samples.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(16)
        match head[:4], head[8:12]:
            case ((b"RIFF" | b"RF64" | b"BW64"), b"WAVE"):
                return _walk(path, file, size, "little")
            case b"FORM", (b"AIFF" | b"AIFC"):
                return _walk(path, file, size, "big")
            case b"riff", _ if head == _W64_RIFF:
                return _walk_wave64(path, file, size)
    return None


def parse_chunks(data: bytes, start: int = 0) -> list[tuple[bytes, bytes]]:
    """Names and bodies of the chunks that follow each other in `data`, such as a LIST's.

    Raises:
        ValueError: one is longer than what is left.
    """
    found: list[tuple[bytes, bytes]] = []
    while len(data) - start >= 8:
        name, length = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        if start + 8 + length > len(data):
            raise ValueError(f"{name!r} is cut")
        found.append((name, data[start + 8 : start + 8 + length]))
        start += 8 + length
        if length % 2 and (data[start : start + 1] == b"\0" or not plausible(data[start : start + 4])):
            start += 1
    return found


def join_chunks(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """The reverse of `parse_chunks`."""
    return b"".join(part for name, body in chunks for part in Chunk(name, body).parts())


def plausible(name: bytes) -> bool:
    """Whether four bytes may be the name of a chunk: printable ASCII, and not all blank."""
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name) and bool(name.strip())


def _walk(path: Path, file: BinaryIO, size: int, order: Literal["little", "big"]) -> Chunks:
    found = Chunks()
    target = found.before
    position, long_data, count = 12, 0, 0
    while position + 8 <= size:
        name, length = _header(file, position, order)
        start = position + 8
        count += 1
        if not plausible(name) or count > _MAX_CHUNKS:
            _note_rest(file, position, size, found)
            break
        if name in _FILES:
            found.problems.append(f"{size - position} bytes at its end are another recording and were left out")
            break
        if name == b"ds64":
            file.seek(start)
            long_data = int.from_bytes(file.read(16)[8:], "little")
        elif name in (b"data", b"SSND"):
            if length == MAX_SIZE and long_data:
                length = long_data
            if length == 0 or (length >= _OPEN_LENGTH and start + length > size):
                break  # never filled in: all the rest is sound
            target = found.after if order == "little" else found.before
        elif start + length > size:
            found.problems.append(f"its {Chunk(name, b'').label} chunk is cut off and was left out")
            break
        else:
            target.append(Chunk(name, FileSlice(path, start, length)))
        position = _next(file, start + length, size, order) if length % 2 else start + length
    return found


def _header(file: BinaryIO, position: int, order: Literal["little", "big"]) -> tuple[bytes, int]:
    file.seek(position)
    head = file.read(8)
    return head[:4], int.from_bytes(head[4:], order)


def _next(file: BinaryIO, end: int, size: int, order: Literal["little", "big"]) -> int:
    """Where the chunk after one of an odd length begins: a byte behind its end, unless the padding was forgotten."""
    if end + 9 <= size and plausible(_header(file, end + 1, order)[0]):
        return end + 1
    if end + 8 <= size:
        name, length = _header(file, end, order)
        if plausible(name) and end + 8 + length <= size:
            return end
    return end + 1


def _note_rest(file: BinaryIO, position: int, size: int, found: Chunks) -> None:
    file.seek(position)
    rest = size - position
    if file.read(min(rest, _COPY)).strip(b"\0"):
        found.problems.append(f"{rest} bytes at its end are no chunks and were left out")


def _walk_wave64(path: Path, file: BinaryIO, size: int) -> Chunks:
    found = Chunks()
    target = found.before
    position, others, count = 40, 0, 0
    while position + 24 <= size:
        file.seek(position)
        head = file.read(24)
        length = int.from_bytes(head[16:], "little")  # counts its own header
        count += 1
        if length < 24 or position + length > size or count > _MAX_CHUNKS:
            break
        name = head[:4]
        if head[4:16] not in _W64_TAILS or not plausible(name) or name in _FILES:
            others += 1
        elif name == b"data":
            target = found.after
        else:
            name = b"LIST" if name == b"list" else name
            target.append(Chunk(name, FileSlice(path, position + 24, length - 24)))
        position += length + -length % 8
    if others:
        found.problems.append(f"{others} chunks that only Wave64 knows were left out")
    return found
