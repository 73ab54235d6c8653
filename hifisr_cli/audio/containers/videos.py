"""ASF, AVI, FLV, RealMedia, MPEG-TS and MPEG-PS: whether a file ends where its own sizes say.

The duration in such a file is that of its longest track, with what a player buffers: no promise about the sound.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hifisr_cli.audio.completeness import shortfall
from hifisr_cli.audio.containers.extent import WHOLE, Extent, cut_short, ends_at
from hifisr_cli.audio.containers.riff import MAX_SIZE
from hifisr_cli.audio.containers.signatures import ReadAt

_MOST = 10_000_000
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_TS_PACKET = 188
_PS_PACK, _PS_WINDOW = b"\0\0\x01\xba", 1 << 18
"""A pack has 2 KB, seldom up to 64."""
_FLV_TAGS = (8, 9, 18)


def asf_extent(read: ReadAt, start: int, size: int) -> Extent:
    """The data object has a length, in bytes; that of a live stream is 0 or 50."""
    position = start
    for _ in range(1_000):
        head = read(position, 24)
        length = int.from_bytes(head[16:], "little")
        if len(head) < 24 or length < 24:
            return cut_short() if len(head) == 24 or position == start else WHOLE
        if head[:16] == _ASF_DATA:
            body = position + 50
            return Extent(damage=shortfall(length - 50, size - body) if length > 50 else None)
        position += length
    return cut_short()


def avi_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Its lists of frames have lengths; what is not open and longer than the file is cut."""
    found = False
    for _, form, body, length in _lists(read, start):
        found = found or form == b"movi"
        if form == b"movi" and 4 < length < MAX_SIZE and body + length > size:
            return Extent(damage=shortfall(length, size - body))
    return WHOLE if found else cut_short()


def _lists(read: ReadAt, position: int) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Name, form, start and length of the chunks of a file's RIFFs, those that are lists, one after the other."""
    for _ in range(1_000):
        head = read(position, 12)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:8], "little")
        yield head[:4], head[8:], position + 8, length
        position += 12 if head[:4] == b"RIFF" else 8 + length + length % 2


def flv_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Tags, each with its length; and the size of the file among the metadata."""
    position = start + int.from_bytes(read(start + 5, 4), "big") + 4
    head = read(position, 4096)
    at = head.find(b"\0\x08filesize\0")
    if at >= 0 and len(stated := head[at + 11 : at + 19]) == 8:
        promised = struct.unpack(">d", stated)[0]
        if size < promised < 1 << 62:
            return Extent(damage=shortfall(int(promised), size))
    for _ in range(_MOST):
        head = read(position, 11)
        if len(head) < 11 or head[0] & 0x1F not in _FLV_TAGS:
            return cut_short() if 0 < len(head) < 11 else WHOLE
        position += 11 + int.from_bytes(head[1:4], "big")
        if position > size:
            return cut_short()
        position += 4
    return WHOLE


def ts_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Packets of 188 bytes, in M2TS behind 4 bytes each, recorded from any one to any one: the last may be cut."""
    rest = (size - start) % (_TS_PACKET if read(start, 1) == b"G" else _TS_PACKET + 4)
    return ends_at(size - rest, size) if rest else WHOLE


def real_extent(read: ReadAt, start: int, size: int) -> Extent:
    """The chunk of data counts its packets, each with its length; in what is live there are 0 of them."""
    position = start
    for _ in range(1_000):
        head = read(position, 18)
        length = int.from_bytes(head[4:8], "big")
        if head[:4] == b"DATA" or len(head) < 8 or length < 8:
            break
        position += length
    if head[:4] != b"DATA":
        return WHOLE if read(start, 4) == b".ra\xfd" else cut_short()
    position += 18
    for _ in range(int.from_bytes(head[10:14], "big")):
        length = int.from_bytes(read(position, 4)[2:], "big")
        position += length
        if position > size or not length:
            return cut_short()
    return WHOLE


def ps_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Packets with their lengths, in packs, recorded from any one to any one."""
    begin = max(start, size - _PS_WINDOW)
    window = read(begin, size - begin)
    position = window.rfind(_PS_PACK)
    while 0 <= position < len(window) - 6 and window[position : position + 3] == b"\0\0\1":
        code = window[position + 3]
        if code == 0xB9:  # the end
            break
        if code == _PS_PACK[3]:
            position += (
                14 + (window[min(position + 13, len(window) - 1)] & 7) if window[position + 4] & 0xC0 == 0x40 else 12
            )
        else:
            position += 6 + int.from_bytes(window[position + 4 : position + 6], "big")
        if position > len(window):
            missing = position - len(window)
            return Extent(notes=(f"its last packet ends {missing} bytes early: less than a block of sound is missing",))
    return WHOLE
