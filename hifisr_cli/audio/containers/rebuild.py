"""A file of chunks as it should be: its own header and samples, with true sizes, and nothing else.

libsndfile loses its way in files whose sizes are wrong, whose chunks of odd length are not padded, or behind whose
samples another file stands. It reads this instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from hifisr_cli.audio.containers.riff import LAYOUTS, MAX_SIZE, SOUND, ChunkPlace, Layout
from hifisr_cli.audio.containers.signatures import ReadAt

_NEEDED = (b"ds64", b"fmt ", b"fact", b"FVER", b"COMM", b"desc", b"chan", b"kuki", b"pakt")
"""What a decoder has to know, beside the samples."""


def rebuild(kind: str, start: int, places: Sequence[ChunkPlace], frames: int, read: ReadAt) -> list[bytes | range]:
    """The file in pieces: bytes, and stretches of the file as it is.

    Args:
        kind: a name in `LAYOUTS`, or "AU".
        start: where the file begins.
        places: its chunks (`sizes.find_sizes`), that of the samples as long as they are.
        frames: samples a channel, for an AIFF file.
    """
    sound = next(place for place in places if place.name in SOUND)
    samples = range(sound.start, sound.start + sound.length)
    if kind == "AU":
        head = read(start, sound.start - start)
        return [head[:8], min(sound.length, MAX_SIZE).to_bytes(4, "big"), head[12:], samples]
    layout = LAYOUTS[kind]
    pieces: list[bytes | range] = []
    for place in places:
        if place.name in _NEEDED:
            body = _changed(place, sound, frames, read)
            pieces += [_header(place, layout, read), body, bytes(-len(body) % layout.align)]
    pieces += [_sound_header(sound, layout, read), samples]
    head = read(start, layout.first)
    size = sum(map(len, pieces)) + layout.first
    if layout.header == 8:
        long = head[:4] in (b"RF64", b"BW64")
        head = head[:4] + (MAX_SIZE if long else min(size - 8, MAX_SIZE)).to_bytes(4, layout.order) + head[8:]
    elif layout.header == 24:
        head = head[:16] + size.to_bytes(8, "little") + head[24:]
    return [head, *pieces]


def _header(place: ChunkPlace, layout: Layout, read: ReadAt) -> bytes:
    return read(place.start - layout.header, layout.header)


def _sound_header(sound: ChunkPlace, layout: Layout, read: ReadAt) -> bytes:
    head = _header(sound, layout, read)
    if layout.header == 8:
        return head[:4] + min(sound.length, MAX_SIZE).to_bytes(4, layout.order)
    return head[:-8] + (sound.length + (layout.header if layout.header == 24 else 0)).to_bytes(8, layout.order)


def _changed(place: ChunkPlace, sound: ChunkPlace, frames: int, read: ReadAt) -> bytes:
    body = read(place.start, place.length)
    if place.name == b"ds64":
        return body[:8] + sound.length.to_bytes(8, "little") + body[16:]
    if place.name == b"COMM":
        return body[:2] + min(frames, MAX_SIZE).to_bytes(4, "big") + body[6:]
    return body
