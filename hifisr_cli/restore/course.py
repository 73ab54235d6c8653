"""The course of a recording: which line each of its channels came over, from when on; all places at 48 kHz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import FloatArray, Wave
from hifisr_cli.restore.line import Line
from hifisr_cli.results import KEPT_FRACTION, Bandwidth

FADE = 480
"""Samples over which one line's layer gives way to the next one's: 10 ms, short against the error of a change."""

_ALWAYS = 1 << 62


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one channel, of one line, from `start` up to `stop`; the outermost have no end."""

    start: int
    stop: int
    line: Line

    def share(self, start: int, length: int) -> Wave | None:
        """How much of the layer of so many samples is this piece's, [T]; None for all. Neighbours sum to 1."""
        if self.start + FADE <= start and self.stop - FADE >= start + length:
            return None
        place = np.arange(start, start + length, dtype=np.float64) + 0.5
        rise, fall = (np.clip((place - edge) / FADE + 0.5, 0.0, 1.0) for edge in (self.start, self.stop))
        return np.asarray(rise - fall, np.float32)


class Course:
    """The changes of each channel, in order; they may be added while a stream goes on.

    Args:
        channels: for each channel, or once where all are alike, where a line begins, and the line. The first begins at
            the beginning, whatever its place.
        goes_on: there may be more changes than are known so far.
    """

    def __init__(self, channels: Sequence[Sequence[tuple[int, Line]]], *, goes_on: bool = False) -> None:
        self.channels = [list(changes) for changes in channels]
        self.goes_on = goes_on

    def begin(self, place: int) -> None:
        """Counts from this place on, so far from the beginning."""
        self.channels = [[(start - place, line) for start, line in changes] for changes in self.channels]

    @property
    def lines(self) -> list[Line]:
        """Every line of it that restores."""
        return [line for changes in self.channels for _, line in changes if line.restores]

    def pieces(self, channel: int, start: int, length: int) -> list[Piece]:
        """What a channel (from 0) goes through within so many samples, and what still fades out there."""
        changes = self.channels[min(channel, len(self.channels) - 1)]
        starts = [-_ALWAYS, *(place for place, _ in changes[1:]), _ALWAYS]
        return [
            Piece(starts[index], starts[index + 1], line)
            for index, (_, line) in enumerate(changes)
            if starts[index] < start + length + FADE and starts[index + 1] > start - FADE
        ]


def steady(cutoff_hz: float, kept_hz: float | None = None, background: FloatArray | None = None) -> Course:
    """The course of a recording that has one cutoff; `kept_hz` is 0.9 of it where it is not known."""
    kept_hz = KEPT_FRACTION * cutoff_hz if kept_hz is None else kept_hz
    return Course([[(0, Line(Bandwidth(cutoff_hz, 1.0, "given"), kept_hz, background))]])
