"""Chunks that count samples, for the output's rate: markers, labelled regions, loops, playlists, broadcast timers.

Layouts: Microsoft's Multimedia Data Standards Update (`cue `, `plst`, `adtl`, `smpl`) and AES46 (`cart`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from hifisr_cli.audio.containers.riff import MAX_SIZE, join_chunks, parse_chunks
from hifisr_cli.audio.metadata.treatment import Treatment
from hifisr_cli.results import SAMPLE_RATE


class TooFarError(ValueError):
    """A position that the chunk's 32 bits do not hold at the output's rate."""


def scale_cue(body: bytes, treatment: Treatment) -> bytes:
    """`cue `: each point has a position in play order and an offset in the sound."""
    (count,) = struct.unpack_from("<I", body)
    _need(len(body) >= 4 + 24 * count)
    out = bytearray(body)
    for at in range(4, 4 + 24 * count, 24):
        name, position, chunk, start, block, offset = struct.unpack_from("<II4sIII", body, at)
        if block:  # counted from a block of a compressed or chunked input: the play order is what still holds
            block, offset = 0, position or offset
        struct.pack_into(
            "<II4sIII", out, at, name, _scaled(position, treatment), chunk, start, block, _scaled(offset, treatment)
        )
    return bytes(out)


def scale_playlist(body: bytes, treatment: Treatment) -> bytes:
    """`plst`: the length of each segment."""
    (count,) = struct.unpack_from("<I", body)
    _need(len(body) >= 4 + 12 * count)
    out = bytearray(body)
    for at in range(4, 4 + 12 * count, 12):
        _scale_at(out, at + 4, treatment)
    return bytes(out)


def scale_adtl(body: bytes, treatment: Treatment) -> bytes:
    """`LIST` of the type `adtl`: the length of each labelled text (`ltxt`); labels and notes stay."""
    parts = []
    for name, data in parse_chunks(body, 4):
        changed = bytearray(data)
        if name == b"ltxt" and len(data) >= 8:
            _scale_at(changed, 4, treatment)
        parts.append((name, bytes(changed)))
    return body[:4] + join_chunks(parts)


def scale_sampler(body: bytes, treatment: Treatment) -> bytes:
    """`smpl`: nanoseconds a sample and the ends of each loop."""
    _need(len(body) >= 36)
    (count,) = struct.unpack_from("<I", body, 28)
    _need(len(body) >= 36 + 24 * count)
    out = bytearray(body)
    struct.pack_into("<I", out, 8, round(1e9 / SAMPLE_RATE))
    for at in range(36, 36 + 24 * count, 24):
        start, end, fraction = struct.unpack_from("<III", body, at + 8)
        # The loop plays from the first to the last sample inclusive: scale what lies between their edges.
        last = treatment.scale(end + 1) - 1
        _need_room(last)
        struct.pack_into("<III", out, at + 8, _scaled(start, treatment), max(last, 0), fraction)
    return bytes(out)


def scale_cart(body: bytes, treatment: Treatment) -> bytes:
    """`cart`: eight timers, unused where they have no name."""
    _need(len(body) >= 748)
    out = bytearray(body)
    for at in range(684, 748, 8):
        if any(body[at : at + 4]):
            _scale_at(out, at + 4, treatment)
    return bytes(out)


SCALERS: dict[bytes, Callable[[bytes, Treatment], bytes]] = {
    b"cue ": scale_cue,
    b"plst": scale_playlist,
    b"smpl": scale_sampler,
    b"cart": scale_cart,
}
"""What scales a chunk, by its name. Raises ValueError or struct.error where it is damaged, TooFarError."""


def _scale_at(out: bytearray, at: int, treatment: Treatment) -> None:
    (value,) = struct.unpack_from("<I", out, at)
    struct.pack_into("<I", out, at, _scaled(value, treatment))


def _scaled(value: int, treatment: Treatment) -> int:
    if value == MAX_SIZE:  # "none" or "the end"
        return value
    scaled = treatment.scale(value)
    _need_room(scaled)
    return scaled


def _need_room(value: int) -> None:
    if value > MAX_SIZE:
        raise TooFarError("a position is too far into the recording for its 32 bits")


def _need(whole: bool) -> None:
    if not whole:
        raise ValueError("shorter than it says")
