"""Matroska and WebM: whether a file ends where its elements do (RFC 8794, RFC 9559).

Its duration is no promise: sound may begin late, end before the picture does, or pause. Its sizes are one.
"""

from __future__ import annotations

from hifisr_cli.audio.containers.extent import WHOLE, Extent, cut_short, left_behind
from hifisr_cli.audio.containers.signatures import ReadAt

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_IN_CLUSTER = frozenset({0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0xAF, 0x5854, 0xEC, 0xBF})
_BESIDE_CLUSTERS = frozenset({0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367})
_MOST = 50_000_000
_HEADER = 12
_PIECE = 1 << 20


def matroska_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Walks the file's elements, and the blocks in its clusters: demuxers look for the next cluster in silence.

    About a second for an hour of sound in blocks of 20 ms.
    """
    position, promised, inside, is_open = start, size, False, False
    for _ in range(_MOST):
        name, length, body = _element(read(position, _HEADER))
        if name is None or position >= promised:  # what stands behind the segment is no part of it
            break
        position += body
        if name == _SEGMENT:
            is_open = length is None
            promised = size if length is None else position + length
        elif name == _CLUSTER:
            inside = True
        elif length is None:
            break
        else:
            if inside and name not in _IN_CLUSTER and name not in _BESIDE_CLUSTERS:
                position -= body
                break
            inside = inside and name in _IN_CLUSTER
            end = position + length
            if end > size:
                # What is cut is no sound where nothing that could be any is promised behind it.
                return WHOLE if not inside and end == promised else cut_short()
            position = end
    if position < min(size, promised) and inside:
        if is_open and not _holds_cluster(read, position, size):
            return left_behind(position, read, size)
        return cut_short("a part of it is overwritten") if position + _HEADER <= size else cut_short()
    if promised > size:
        return cut_short()
    return WHOLE if is_open or promised == size else left_behind(promised, read, size)


def _holds_cluster(read: ReadAt, start: int, size: int) -> bool:
    """Whether another cluster begins behind a place, which what stands there has hidden."""
    mark = _CLUSTER.to_bytes(4, "big")
    return any(mark in read(place, _PIECE + len(mark) - 1) for place in range(start, size, _PIECE))


def _element(head: bytes) -> tuple[int | None, int | None, int]:
    """Name, length of the body (None where it is left open) and length of the header of an element."""
    name_size = 9 - head[0].bit_length() if head and head[0] else 9
    if name_size > 4 or len(head) <= name_size or not head[name_size]:
        return None, None, 0
    size = 9 - head[name_size].bit_length()
    length = int.from_bytes(head[name_size : name_size + size], "big") & (1 << 7 * size) - 1
    if len(head) < name_size + size:
        return None, None, 0
    is_open = length == (1 << 7 * size) - 1
    return int.from_bytes(head[:name_size], "big"), None if is_open else length, name_size + size
