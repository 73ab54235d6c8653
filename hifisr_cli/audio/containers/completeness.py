"""Does a file hold as many bytes as its header promises? libsndfile reads what there is and says nothing.

Only headers are read here. Sizes of 0 and near 2**32 are what programs write that did not know the length (a pipe, a
recorder without power): they promise nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hifisr_cli.audio.containers.ogg import ends_properly
from hifisr_cli.audio.containers.riff import LAYOUTS, OPEN_LENGTH, SOUND, ChunkPlace
from hifisr_cli.audio.containers.signatures import ReadAt

_MAX_HEADER = 1 << 15


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


def find_shortfall(kind: str | None, places: Sequence[ChunkPlace], read: ReadAt, size: int) -> Shortfall | None:
    """What is missing at the end of a file of `size` bytes, None where nothing is known to be.

    Knows WAV, RF64, Wave64, AIFF, AU, CAF and Ogg; the decoder itself notices in FLAC, and `mpeg.py` counts MP3 frames.

    Args:
        kind: of the file, by its name (`signatures`).
        places: of its chunks, where it has any.
    """
    if kind == "OGG":
        return None if ends_properly(read, size) else Shortfall()
    if kind == "AU":
        head = read(0, 12)
        start, length = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
        return None if length == 0xFFFF_FFFF else _compare(length, size - start)
    if kind not in LAYOUTS:
        return None
    for place in places:
        if place.name in SOUND:
            have = size - place.start
            return None if place.open and have < OPEN_LENGTH else _compare(place.length, have)
        if kind in ("AIFF", "AIFC") and place.name == b"COMM" and read(place.start + 2, 4) == bytes(4):
            return None  # no samples, so no chunk of samples either
    return Shortfall()


def find_open_header(places: Sequence[ChunkPlace], read: ReadAt, size: int) -> tuple[bytes, int] | None:
    """The header of a WAV file whose length was never filled in, mended, and the number of frames after it.

    libsndfile takes a length of 0 at its word. The mended header says "until the end". None for all other files, and
    where only whole chunks follow, since such a file holds no sound.

    Args:
        places: of the chunks of the WAV file, of `size` bytes.
    """
    frame = 0
    for place in places:
        if place.name == b"fmt ":
            frame = int.from_bytes(read(place.start + 12, 2), "little")
        if place.name == b"data":
            last = places[-1]
            end = last.start + last.length
            if place.length or not frame or place.start > _MAX_HEADER or end + end % 2 == size:
                return None
            head = read(0, place.start)
            if head[:4] != b"RIFF":
                return None
            return head[:4] + b"\xff" * 4 + head[8:-4] + b"\xff" * 4, (size - place.start) // frame
    return None


def _compare(promised: int, have: int) -> Shortfall | None:
    return Shortfall(promised, max(0, have)) if promised > have else None
