"""Streams of frames without a file around them: ADTS AAC, AC-3, E-AC-3, DTS, MLP. They may begin and end with any.

Nothing promises how long they are; only the last frame may be cut, which is known by the length that it states.
Layouts: ISO/IEC 13818-7, 6.2 (ADTS); ATSC A/52, 5.4.1 and E.2.2 (AC-3, E-AC-3); ETSI TS 102 114, 5.3.1 (DTS).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hifisr_cli.audio.containers.extent import WHOLE, Extent, ends_at, left_behind
from hifisr_cli.audio.containers.signatures import ReadAt

_HEADER = 8
_WINDOW = 1 << 17
"""Bytes at the end in which frames are looked for: eight of the longest (DTS: 16 KiB)."""
_IN_A_ROW = 3
"""So many headers, each where the one before says, are no chance."""

_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)

LengthOf = Callable[[bytes], int]
"""Bytes of the frame that begins with these; 0 where none does."""


def adts_length(head: bytes) -> int:
    """Of ADTS AAC."""
    if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def ac3_length(head: bytes) -> int:
    """Of AC-3 and E-AC-3, which may follow each other."""
    if head[:2] != b"\x0b\x77":
        return 0
    if head[5] >> 3 > 10:  # bsid: E-AC-3
        return 2 * (((head[2] & 7) << 8 | head[3]) + 1)
    rate, code = head[4] >> 6, head[4] & 63
    if rate == 3 or code >> 1 >= len(_KBITS):
        return 0
    kbits = _KBITS[code >> 1]
    words = (2 * kbits, kbits * 96_000 // 44_100 + (code & 1), 3 * kbits)[rate]
    return 2 * words


def dts_length(head: bytes) -> int:
    """Of the core of DTS, in 16 bits, the first byte the upper one."""
    if head[:4] != b"\x7f\xfe\x80\x01":
        return 0
    return ((head[5] & 3) << 12 | head[6] << 4 | head[7] >> 4) + 1


def mlp_length(head: bytes) -> int:
    """Of MLP and TrueHD, most of whose frames nothing marks."""
    return 2 * ((head[0] & 15) << 8 | head[1])


def _marked_mlp(head: bytes) -> int:
    return mlp_length(head) if head[4:7] == b"\xf8\x72\x6f" else 0


def _extent(length_of: LengthOf, read: ReadAt, start: int, size: int, *, begins: LengthOf | None = None) -> Extent:
    """Where the last whole frame ends, counted from one that surely is one (`begins`; None: all are)."""
    begin = max(start, size - _WINDOW)
    window = read(begin, size - begin)
    position, last = 0, WHOLE
    while position < len(window) - _HEADER:
        if not (begins or length_of)(window[position : position + _HEADER]):
            position += 1
            continue
        end, count, cut = _chain(length_of, window, position)
        if count >= _IN_A_ROW or (count and begin + position == start):
            last = _ended(begin + end, size, read, cut=cut)
            position = end
        position += 1
    return last


def _chain(length_of: LengthOf, window: bytes, position: int) -> tuple[int, int, bool]:
    """Where the frames that begin here end, how many there are, and whether another one is cut."""
    count = 0
    while position + _HEADER <= len(window) and (length := length_of(window[position : position + _HEADER])):
        if position + length > len(window):
            return position, count, True
        position, count = position + length, count + 1
    return position, count, 0 < len(window) - position < _HEADER


def _ended(end: int, size: int, read: ReadAt, *, cut: bool) -> Extent:
    if cut:
        return ends_at(end, size)
    return left_behind(end, read, size) if end < size else WHOLE


adts_extent = partial(_extent, adts_length)
ac3_extent = partial(_extent, ac3_length)
dts_extent = partial(_extent, dts_length)
mlp_extent = partial(_extent, mlp_length, begins=_marked_mlp)
