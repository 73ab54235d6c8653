"""Recordings whose header counts their samples: WavPack, Monkey's Audio, True Audio, TAK, DSF, FLAC, Musepack.

Layouts: the formats' own descriptions and decoders; FLAC: RFC 9639, 8.2.
"""

from __future__ import annotations

from dataclasses import replace

from hifisr_cli.audio.completeness import shortfall
from hifisr_cli.audio.containers.extent import WHOLE, Extent, cut_short, left_behind
from hifisr_cli.audio.containers.signatures import ReadAt

_PIECE = 1 << 20
_WAVPACK = b"wvpk"
_WAVPACK_BITS = (8, 16, 24, 32)
_WAVPACK_UNKNOWN = 0xFFFF_FFFF
_SYNTHESIS = 481
"""Samples by which Musepack's filter bank is late, which its own decoder takes off and FFmpeg does not."""
_MOST_PACKETS = 10_000_000
_APE_HEADER = 3_980
"""From this version on (times 1000) Monkey's Audio has the header that is read here."""


def wavpack_extent(read: ReadAt, start: int, size: int) -> Extent:
    """The first block counts the samples of all; a block of channels 3 and up counts the same ones.

    Behind the last block stand tags, or what is no sound.
    """
    head = read(start, 32)
    if len(head) < 32:
        return cut_short()
    found = _behind_blocks(read, start, size)
    low, flags = _little(head, 12, 4), _little(head, 24, 4)
    if low in (0, _WAVPACK_UNKNOWN) or flags & 1 << 31:  # the latter: DSD
        return found
    frames = low + head[11] * _WAVPACK_UNKNOWN
    return replace(found, frames=frames, bits=_WAVPACK_BITS[flags & 3] - (flags >> 13 & 31))


def _behind_blocks(read: ReadAt, start: int, size: int) -> Extent:
    """Where the blocks end, if no other follows what stands there."""
    position = start
    while (head := read(position, 8))[:4] == _WAVPACK:
        position += 8 + _little(head, 4, 4)
    later = (read(place, _PIECE + len(_WAVPACK) - 1) for place in range(position, size, _PIECE))
    return WHOLE if position >= size or any(_WAVPACK in piece for piece in later) else left_behind(position, read, size)


def ape_extent(read: ReadAt, start: int, _size: int) -> Extent:
    """A number of frames of the same length, and the length of the last one."""
    head = read(start, 12)
    if _little(head, 4, 2) < _APE_HEADER:
        return WHOLE
    body = read(start + _little(head, 8, 4), 24)
    if len(body) < 24:
        return cut_short()
    each, last, count = (_little(body, at, 4) for at in (4, 8, 12))
    return Extent(max(0, count - 1) * each + (last if count else 0), _little(body, 16, 2) or None)


def tta_extent(read: ReadAt, start: int, size: int) -> Extent:
    """The header says it; and a table has the bytes of every frame, of 256/245 s each."""
    head = read(start, 22)
    if len(head) < 22:
        return cut_short()
    frames, bits = _little(head, 14, 4), _little(head, 8, 2) or None
    count = -(-frames * 245 // max(1, 256 * _little(head, 10, 4)))
    table = read(start + 22, 4 * count)
    promised = 22 + 4 * count + 4 + sum(_little(table, at, 4) for at in range(0, len(table), 4))
    if len(table) == 4 * count and start + promised < size:
        return replace(left_behind(start + promised, read, size), frames=frames, bits=bits)
    return Extent(frames, bits, shortfall(promised, size - start) if len(table) == 4 * count else cut_short().damage)


def dsf_extent(read: ReadAt, start: int, size: int) -> Extent:
    """One bit a sample, of which eight become one; the file's own size stands in front."""
    head = read(start, 72)
    if len(head) < 72 or start + _little(head, 12, 8) > size:
        return cut_short()
    return Extent(_little(head, 64, 8) // 8)


def flac_extent(read: ReadAt, start: int, _size: int) -> Extent:
    """STREAMINFO, the first block."""
    head = read(start + 18, 8)
    packed = int.from_bytes(head, "big")
    return Extent((packed & (1 << 36) - 1) or None, (packed >> 36 & 31) + 1) if len(head) == 8 else cut_short()


def tak_extent(read: ReadAt, start: int, _size: int) -> Extent:
    """The block of stream information, bits from the lowest on: 10 of the encoder, 4 of frames' size, 35 of samples."""
    position = start + 4
    for _ in range(32):
        head = read(position, 4)
        if len(head) < 4 or head[0] & 0x7F == 0:
            break
        if head[0] & 0x7F == 1:
            packed = _little(read(position + 4, 10), 0, 10)
            return Extent((packed >> 14 & (1 << 35) - 1) or None, (packed >> 70 & 31) + 8)
        position += 4 + _little(head, 1, 3)
    return WHOLE


def musepack_extent(read: ReadAt, start: int, size: int) -> Extent:
    """Version 8: packets with a key and a length, of which `SH` counts samples and `SE` is the last.

    Version 7 is left to the decoder, which counts its frames.
    """
    if read(start, 3) == b"MP+":
        return WHOLE
    position, frames, silence = start + 4, 0, 0
    for _ in range(_MOST_PACKETS):
        head = read(position, 32)
        length, used = _varied(head[2:])
        if len(head) < 3 or length < 3 or position + length > size:
            return cut_short()
        if head[:2] == b"SH":
            frames, more = _varied(head[2 + used + 5 :])
            silence, _ = _varied(head[2 + used + 5 + more :])
        if head[:2] == b"SE":
            break
        position += length
    return Extent(max(0, frames - silence) or None, skipped=_SYNTHESIS + silence)


def _varied(data: bytes) -> tuple[int, int]:
    """A number of seven bits a byte, all but the last with their highest bit set; and the bytes of it."""
    number = 0
    for index, byte in enumerate(data[:9]):
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            return number, index + 1
    return 0, len(data)


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
