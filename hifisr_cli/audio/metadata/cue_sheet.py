"""The cue sheet of a FLAC file: where the tracks of a disc begin, in samples.

Layout: RFC 9639, section 8.7.
"""

from __future__ import annotations

from hifisr_cli.audio.metadata.treatment import Treatment

_HEAD, _TRACK, _INDEX = 396, 36, 12
"""Bytes of the sheet before its first track, of a track before its first index, and of an index."""

_LEAD_IN, _FLAGS = slice(128, 136), 136
_IS_DISC = 0x80
_LEAD_OUT, _LEAD_OUT_OF_DISC = 255, 170
"""The number of what comes last, in general and on a compact disc, whose rate is another."""


def scale_cue_sheet(body: bytes, treatment: Treatment) -> bytes:
    """The block for the output: its places scaled, each to the nearest sample. At another rate it is no disc's.

    Raises:
        ValueError: it is shorter than it says, or a place does not fit.
    """
    if treatment.same_rate:
        return body
    out = bytearray(body)
    if len(body) < _HEAD:
        raise ValueError("too short")
    out[_LEAD_IN] = _scaled(body[_LEAD_IN], 0, treatment)
    out[_FLAGS] &= ~_IS_DISC
    at = _HEAD
    for _ in range(body[_HEAD - 1]):
        if len(body) < at + _TRACK:
            raise ValueError("shorter than it says")
        start = int.from_bytes(body[at : at + 8], "big")
        out[at : at + 8] = _scaled(body[at : at + 8], 0, treatment)
        if body[at + 8] == _LEAD_OUT_OF_DISC and body[_FLAGS] & _IS_DISC:
            out[at + 8] = _LEAD_OUT
        count, at = body[at + 35], at + _TRACK
        for _ in range(count):  # counted from where its track begins
            if len(body) < at + _INDEX:
                raise ValueError("shorter than it says")
            out[at : at + 8] = _scaled(body[at : at + 8], start, treatment)
            at += _INDEX
    return bytes(out)


def _scaled(place: bytes, start: int, treatment: Treatment) -> bytes:
    """A distance from `start`, so that what it leads to is in the right place."""
    scaled = treatment.scale(start + int.from_bytes(place, "big")) - treatment.scale(start)
    if scaled >= 1 << 64:
        raise ValueError("too far into the recording")
    return scaled.to_bytes(8, "big")
