"""Scores as standard MIDI files, which synthesizers read."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

_TICKS_A_SECOND = 960  # 480 a beat at 120 beats a minute, which is what a file without a tempo has
DRUMS = 9  # the channel of General MIDI on which every key is another drum


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A message to a channel at a time in seconds."""

    seconds: float
    message: bytes


def note(start: float, end: float, channel: int, key: int, velocity: int) -> tuple[Event, Event]:
    """A note from its beginning to its end in seconds; key and velocity from 0 to 127."""
    return Event(start, bytes((0x90 | channel, key, velocity))), Event(end, bytes((0x80 | channel, key, 0)))


def program(start: float, channel: int, number: int) -> Event:
    """Another instrument for a channel."""
    return Event(start, bytes((0xC0 | channel, number)))


def volume(start: float, channel: int, value: int) -> Event:
    """The volume of a channel, from 0 to 127."""
    return Event(start, bytes((0xB0 | channel, 7, value)))


def midi_file(events: Iterable[Event]) -> bytes:
    """A file of format 0 with one track (The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0)."""
    track, now = b"", 0
    for tick, message in sorted((round(event.seconds * _TICKS_A_SECOND), event.message) for event in events):
        track += _variable(tick - now) + message
        now = tick
    track += b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", len(track)) + track


def _variable(number: int) -> bytes:
    """A number in seven bits a byte, the highest first."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
