"""Does a file hold as many bytes as its header promises? libsndfile reads what there is and keeps quiet.

Only headers are read here. Sizes of 0 and near 2**32 are what programs write that did not know the length (a pipe, a
recorder without power): they promise nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from hifisr_cli.audio.containers.ogg import ends_properly
from hifisr_cli.system.files import read_at

_MAX_HEADER = 1 << 15
_MOST_CHUNKS = 100_000
"""A file of zeros is a file of empty chunks; nobody looks through millions of them."""

_UNKNOWN = 0x7FFF_0000  # sox writes 0x7FFFF000 plus a little, ffmpeg 0xFFFFFFFF; a true size this large is checked too
_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What a file lacks: `have` of `promised` bytes of sound, or just an end (both None)."""

    promised: int | None = None
    have: int | None = None

    def __str__(self) -> str:
        if self.promised is None or self.have is None:
            return "it ends in the middle"
        percent = 100 * self.have / self.promised if self.promised else 0.0
        return f"it holds {percent:.1f} % of the sound that its header promises"


def find_shortfall(fd: int, size: int) -> Shortfall | None:
    """What is missing at the end of the file of `size` bytes behind a descriptor, None where nothing is known to be.

    Knows WAV, RF64, Wave64, AIFF, AU, CAF and Ogg; the decoder itself notices in FLAC, and `mpeg.py` counts MP3 frames.
    """
    head = read_at(fd, 40, 0)
    walk: Callable[[int, int], Shortfall | None]
    match head[:4], head[8:12]:
        case ((b"RIFF" | b"RF64" | b"BW64"), b"WAVE"):
            walk = _riff
        case b"FORM", (b"AIFF" | b"AIFC"):
            walk = _aiff
        case b"caff", _:
            walk = _caf
        case b".snd", _:
            walk = _au
        case b"OggS", _:
            return None if ends_properly(fd, size) else Shortfall()
        case b"riff", _ if head[:16] == _W64_RIFF:
            walk = _wave64
        case _:
            return None
    return walk(fd, size)


def find_open_header(fd: int, size: int) -> tuple[bytes, int] | None:
    """The header of a WAV file whose length was never filled in, mended, and the number of frames after it.

    libsndfile takes a length of 0 at its word. The mended header says "until the end". None for all other files, and
    where only whole chunks follow, since such a file holds no sound.
    """
    head = read_at(fd, 12, 0)
    if (head[:4], head[8:]) != (b"RIFF", b"WAVE"):
        return None
    frame = 0
    for name, start, length in _chunks(fd, size, "little"):
        if name == b"fmt ":
            frame = int.from_bytes(read_at(fd, 2, start + 12), "little")
        if name == b"data":
            if length or not frame or start > _MAX_HEADER or _ends_in_chunks(fd, start, size):
                return None
            head = read_at(fd, start, 0)
            return head[:4] + b"\xff" * 4 + head[8:-4] + b"\xff" * 4, (size - start) // frame
    return None


def _ends_in_chunks(fd: int, position: int, size: int) -> bool:
    for _ in range(_MOST_CHUNKS):
        if position + 8 > size:
            break
        length = int.from_bytes(read_at(fd, 4, position + 4), "little")
        position += 8 + length + length % 2
    return position == size


def _chunks(fd: int, size: int, order: Literal["little", "big"]) -> Iterator[tuple[bytes, int, int]]:
    """Chunks after a 12-byte header: name, position of the content, promised length."""
    position = 12
    for _ in range(_MOST_CHUNKS):
        if position + 8 > size:
            return
        head = read_at(fd, 8, position)
        length = int.from_bytes(head[4:], order)
        yield head[:4], position + 8, length
        position += 8 + length + length % 2


def _riff(fd: int, size: int) -> Shortfall | None:
    long_length: int | None = None
    for name, start, length in _chunks(fd, size, "little"):
        if name == b"ds64":
            long_length = int.from_bytes(read_at(fd, 8, start + 8), "little")
        if name == b"data":
            have = size - start
            if length == 0xFFFF_FFFF and long_length is not None:
                return _compare(long_length, have)
            if length >= _UNKNOWN and have < _UNKNOWN:
                return None
            return _compare(length, have)
    return Shortfall()


def _aiff(fd: int, size: int) -> Shortfall | None:
    for name, start, length in _chunks(fd, size, "big"):
        if name == b"SSND":
            return _compare(length, size - start)
        if name == b"COMM" and int.from_bytes(read_at(fd, 4, start + 2), "big") == 0:
            return None  # no samples, so no chunk of samples either
    return Shortfall()


def _au(fd: int, size: int) -> Shortfall | None:
    head = read_at(fd, 12, 0)
    start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    return None if length == 0xFFFF_FFFF else _compare(length, size - start)


def _caf(fd: int, size: int) -> Shortfall | None:
    position = 8
    for _ in range(_MOST_CHUNKS):
        if position + 12 > size:
            break
        head = read_at(fd, 12, position)
        length = int.from_bytes(head[4:], "big", signed=True)
        position += 12
        if head[:4] == b"data":
            return None if length < 0 else _compare(length, size - position)
        if length < 0:
            break
        position += length
    return Shortfall()


def _wave64(fd: int, size: int) -> Shortfall | None:
    position = 40
    for _ in range(_MOST_CHUNKS):
        if position + 24 > size:
            break
        head = read_at(fd, 24, position)
        length = int.from_bytes(head[16:], "little")  # counts its own 24 bytes
        if head[:16] == _W64_DATA:
            return _compare(length - 24, size - position - 24)
        position += max(24, length + -length % 8)
    return Shortfall()


def _compare(promised: int, have: int) -> Shortfall | None:
    return Shortfall(promised, max(0, have)) if promised > have else None
