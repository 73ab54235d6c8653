"""AIFF-C whose samples QuickTime wrote the other way round, which it says in a `wave` chunk and nowhere else.

Layout: QuickTime File Format, "Sound sample descriptions": atoms, of which `enda` is 1 for little-endian samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from hifisr_cli.audio.containers.riff import ChunkPlace
from hifisr_cli.audio.containers.signatures import ReadAt

_TURNED = {b"in24": "s24le", b"in32": "s32le", b"fl32": "f32le", b"fl64": "f64le"}
_COMPRESSION = 18
"""Where the kind of the samples stands in `COMM`."""
_MOST = 4_096


def little_endian(places: Sequence[ChunkPlace], read: ReadAt) -> str | None:
    """How the samples of a file with these chunks are stored (a name in `raw.ENCODINGS`); None: as `COMM` says."""
    bodies = {place.name: read(place.start, max(0, min(place.length, _MOST))) for place in places[:100]}
    wave = bodies.get(b"wave", b"")
    turned = int.from_bytes(wave.partition(b"\0\0\0\x0aenda")[2][:2], "big") == 1
    return _TURNED.get(bodies.get(b"COMM", b"")[_COMPRESSION : _COMPRESSION + 4].lower()) if turned else None
