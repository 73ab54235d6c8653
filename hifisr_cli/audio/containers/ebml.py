"""Matroska and WebM: whether a file ends where its elements do (RFC 8794, RFC 9559).

Its duration is no promise: sound may begin late, end before the picture does, or pause. Its sizes are one.
"""

from __future__ import annotations

from hifisr_cli.audio.containers.extent import WHOLE, Extent, cut_short
from hifisr_cli.audio.containers.signatures import ReadAt

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_MOST = 50_000_000
_HEADER = 12


def matroska_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Walks the file's elements, and those in a cluster of unknown size, as a live stream has it."""
    position, promised = start, size
    for _ in range(_MOST):
        name, length, body = _element(read(position, _HEADER))
        if name is None:  # the end, or what is no element: the decoder tells
            break
        position += body
        if length is None:
            continue
        end = position + length
        if name == _SEGMENT:
            promised = end
            continue
        if end > size:
            # What is cut is no sound where nothing that could be any is promised behind it.
            return WHOLE if name != _CLUSTER and end == promised else cut_short()
        position = end
    return cut_short() if promised > size else WHOLE


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
