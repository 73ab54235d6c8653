"""MP4, M4A, 3GP and QuickTime: where the pieces of the first sound track stand, by its table of samples.

A piece ("sample" in ISO/IEC 14496-12) is a codec's frame. The table counts them and says where each of them is, so what
is missing at the end of a file is known to the piece, whatever edit lists and encoders' delays make of the length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.completeness import shortfall
from hifisr_cli.audio.containers.extent import WHOLE, Extent, cut_short
from hifisr_cli.audio.containers.signatures import ReadAt

_MOST_BOXES = 1_000_000
_NEVER = 1 << 62
_NO_INDEX = "the index of its sound, which stands at its end, is missing"

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Box:
    name: bytes
    start: int  # of its body
    end: int  # as its header has it


def mp4_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Whether the file has all that its tables speak of. The first sound track counts, as it is what is decoded."""
    boxes = list(_walk(read, start, size))
    cut = any(box.end > size and box.name in (b"moov", b"mdat", b"moof") for box in boxes)
    index = next((box for box in boxes if box.name == b"moov"), None)
    if index is None:
        return cut_short(_NO_INDEX)
    if index.end > size:
        return cut_short()
    in_pieces = any(box.name == b"moof" for box in boxes)
    table = _find_sound(read, index)
    if table is None or in_pieces:
        return cut_short() if cut else WHOLE
    codec, places, sizes = table
    if not len(places):
        return cut_short() if cut else WHOLE
    damage = shortfall(int(sizes.sum()), int(np.clip(size - places, 0, sizes).sum()))
    if damage is None and cut and sizes.max() <= 1:  # a piece may be more than the one byte that is said
        return cut_short()
    another = sum(box.name == b"moov" for box in boxes) > 1
    notes = ("another recording stands behind it and was left out",) if another else ()
    return Extent(damage=damage, pieces=_joined(places, sizes), codec=codec, notes=notes)


def _joined(places: Numbers, sizes: Numbers) -> tuple[tuple[int, int], ...]:
    """Pieces that follow each other without a gap as one: start and length in bytes."""
    ends = places + sizes
    breaks = np.flatnonzero(places[1:] != ends[:-1])
    firsts, lasts = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(places) - 1]])
    return tuple(zip(places[firsts].tolist(), (ends[lasts] - places[firsts]).tolist(), strict=True))


def _walk(read: ReadAt, position: int, end: int) -> Iterator[_Box]:
    for _ in range(_MOST_BOXES):
        head = read(position, 16)
        if len(head) < 8 or position + 8 > end:
            return
        length, body = int.from_bytes(head[:4], "big"), position + 8
        if length == 1 and len(head) == 16:
            length, body = int.from_bytes(head[8:], "big"), position + 16
        elif length == 0:  # to the end
            length = end - position
        if length < body - position:
            return
        yield _Box(head[4:8], body, position + length)
        position += length


def _inside(read: ReadAt, box: _Box, *names: bytes) -> _Box | None:
    """The first box of a name in the first box of a name in ... a box."""
    for name in names:
        found = next((part for part in _walk(read, box.start, box.end) if part.name == name), None)
        if found is None:
            return None
        box = found
    return box


def _find_sound(read: ReadAt, index: _Box) -> tuple[bytes, Numbers, Numbers] | None:
    """Codec, places and sizes of the pieces of the first sound track; of uncompressed sound one for each chunk."""
    for track in _walk(read, index.start, index.end):
        handler = _inside(read, track, b"mdia", b"hdlr") if track.name == b"trak" else None
        if handler is None or read(handler.start + 8, 4) != b"soun":
            continue
        table = _inside(read, track, b"mdia", b"minf", b"stbl")
        parts = {} if table is None else {box.name: box for box in _walk(read, table.start, table.end)}
        offsets = parts.get(b"co64") or parts.get(b"stco")
        lengths = parts.get(b"stsz") or parts.get(b"stz2")
        runs = parts.get(b"stsc")
        if offsets is None or lengths is None or runs is None:
            return None
        codec = read(parts[b"stsd"].start + 12, 4) if b"stsd" in parts else b""
        places = _numbers(read, offsets, 8 if offsets.name == b"co64" else 4)
        chunks = _per_chunk(_numbers(read, runs, 4, columns=3), len(places))
        return (codec, *_pieces(read, lengths, places, chunks))
    return None


def _pieces(read: ReadAt, lengths: _Box, places: Numbers, chunks: Numbers) -> tuple[Numbers, Numbers]:
    """Places and sizes of pieces, in chunks that begin at `places` and have so many each."""
    each, count = (int.from_bytes(read(lengths.start + at, 4), "big") for at in (4, 8))
    if lengths.name == b"stsz" and each:
        chunks = np.minimum(chunks, max(0, count))
        return places, chunks * each if each > 1 else np.ones_like(chunks)
    bits = each & 0xFF if lengths.name == b"stz2" else 32
    if bits == 4:
        packed = np.frombuffer(read(lengths.start + 12, -(-count // 2)), np.uint8)
        sizes = np.stack([packed >> 4, packed & 15], axis=1).ravel()[:count].astype(np.int64)
    else:
        sizes = _numbers(read, lengths, bits // 8, skip=12)
    chunks = chunks[: int(np.searchsorted(np.cumsum(chunks), len(sizes))) + 1]
    owner = np.repeat(np.arange(len(chunks)), chunks)[: len(sizes)]
    sizes = sizes[: len(owner)]
    before = np.concatenate([[0], np.cumsum(sizes)])
    first = np.concatenate([[0], np.cumsum(chunks)])[owner]
    return places[owner] + before[:-1] - before[first], sizes


def _per_chunk(runs: Numbers, count: int) -> Numbers:
    """Pieces in each of `count` chunks, from runs of them that are alike: first chunk from 1 on, pieces, kind."""
    if not len(runs):
        return np.zeros(0, np.int64)
    starts = np.clip(runs[:, 0] - 1, 0, count)
    lengths = np.maximum(np.diff(np.concatenate([starts, [count]])), 0)
    return np.repeat(runs[:, 1], lengths)[:count]


def _numbers(read: ReadAt, box: _Box, width: int, *, columns: int = 0, skip: int = 8) -> Numbers:
    """The numbers of a table, whose count stands in front of them."""
    count = int.from_bytes(read(box.start + skip - 4, 4), "big")
    data = read(box.start + skip, min(max(0, box.end - box.start - skip), count * width * max(1, columns)))
    row = width * max(1, columns)
    found = np.frombuffer(data[: len(data) // row * row], f">u{width}").astype(np.int64)
    found = np.minimum(found, _NEVER)
    return found.reshape(-1, columns) if columns else found
