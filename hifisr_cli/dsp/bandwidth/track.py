"""The cutoff is a track: constant by stretches of time, for each channel."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.apart import apart
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.frames import Frames, Framing
from hifisr_cli.dsp.bandwidth.reach import SECTION_UNITS, UNIT_FRAMES, Reach, cutoffs

_SECTION = SECTION_UNITS * UNIT_FRAMES  # frames
_LAG = 3  # sections that are heard after one before it is decided
_MOST_LINES = 8
_CELLS = 1  # that cutoffs of one line may be apart, in steps of `reach`
_LEAST_UNITS = 8  # in which something must be heard before a line is believed in: 0.8 s


@dataclass(frozen=True, slots=True)
class Change:
    """From this sample on a channel comes over this line."""

    start: int
    line: int


@dataclass(frozen=True)
class Track:
    """Which line each channel came over, and when.

    Attributes:
        lines: what was heard on each line.
        channels: the changes of each channel, the first of which starts at 0; one tuple where all are alike.
    """

    lines: tuple[BandLevels, ...]
    channels: tuple[tuple[Change, ...], ...]


@dataclass
class _Section:
    frames: Frames
    density: FloatArray  # [C, U, K] of each unit
    lowest_db: FloatArray  # [C, K]
    origin: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros((0, 0, 0), np.intp))  # [C, U, S]
    heard: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), np.bool_))  # [C, U]


@dataclass
class _Channel:
    line: int = 0
    heard: bool = False  # anything yet
    refused: int | None = None  # the cutoff of a run that was found to be the same line
    changes: list[Change] = field(default_factory=lambda: [Change(0, 0)])


class TrackMeter:
    """Measures the track of a recording from consecutive blocks, in constant memory.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._framing = Framing(sample_rate)
        self._lines = [BandLevels(sample_rate)]
        self._reaches: list[int] = [-1]  # of each line: place among the cutoffs, the widest
        self._examples: list[BandLevels] = [BandLevels(sample_rate)]  # the first run heard on each line
        self._cutoffs = cutoffs(sample_rate)
        self._reach = Reach(self._lines[0].centres_hz, self._cutoffs)
        self._pending: list[Frames] = []
        self._waiting: list[_Section] = []
        self._before: FloatArray | None = None  # lowest levels of the section that was decided last
        self._channels: list[_Channel] = []

    @property
    def settled(self) -> int:
        """Returns the sample up to which later sound changes nothing of the track."""
        first = [section.frames for section in self._waiting] + self._pending
        return int(first[0].starts[0]) if first else 0

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Takes a block [C, T] of any length T."""
        for frames in self._framing.push(block):
            if not self._channels:
                self._channels = [_Channel() for _ in block]
            if len(self._lines) == 1:
                self._lines[0].count(frames)
            self._pending.append(frames)
            if sum(len(part.starts) for part in self._pending) >= _SECTION:
                whole = _joined(self._pending)
                self._pending = [whole[_SECTION:]] if len(whole.starts) > _SECTION else []
                self._hear(whole[:_SECTION])

    def result(self) -> Track:
        """Returns the track; it may be asked for at any time, and what is not settled of it may change later."""
        density = self._framing.short()
        if density is not None:
            short = BandLevels(self.sample_rate)
            short.add(density)
            return Track((short,), ((Change(0, 0),),))
        done = copy.deepcopy(self)
        if done._pending:
            done._hear(_joined(done._pending), last=True)
        elif done._waiting:
            done._advance(len(done._waiting) - 1)
        while done._waiting:
            done._decide()
        every = [tuple(channel.changes) for channel in done._channels] or [(Change(0, 0),)]
        alike = all(changes == every[0] for changes in every)
        return Track(tuple(done._lines), tuple(every[:1] if alike else every))

    def _hear(self, frames: Frames, *, last: bool = False) -> None:
        units = np.arange(0, len(frames.starts), UNIT_FRAMES)
        sizes = np.diff(np.append(units, len(frames.starts)))
        density = np.add.reduceat(frames.density, units, axis=1) / sizes[:, None]
        self._waiting.append(_Section(frames, density, 10 * np.log10(density.min(axis=1) + 1e-30)))
        if len(self._waiting) > 1:
            self._advance(len(self._waiting) - 2)
        if last:
            self._advance(len(self._waiting) - 1)
        elif len(self._waiting) > _LAG:
            self._decide()

    def _advance(self, place: int) -> None:
        section = self._waiting[place]
        if section.origin.size:
            return
        about = [other.lowest_db for other in self._waiting[max(place - 1, 0) : place + 2]]
        if place == 0 and self._before is not None:
            about.append(self._before)
        section.origin, section.heard = self._reach.advance(section.density, np.min(about, axis=0))

    def _decide(self) -> None:
        """Decides on the oldest section."""
        advanced = [section for section in self._waiting if section.origin.size]
        origin = np.concatenate([section.origin for section in advanced], axis=1)
        heard = np.concatenate([section.heard for section in advanced], axis=1)
        course = np.empty(heard.shape, np.intp)
        state = self._reach.cheapest()
        for unit in range(course.shape[1] - 1, -1, -1):
            course[:, unit] = state
            state = np.take_along_axis(origin[:, unit], state[:, None], 1)[:, 0]
        frames = _joined([section.frames for section in self._waiting])
        section = self._waiting[0]
        units, count = section.density.shape[1], len(section.frames.starts)
        lines = np.empty((len(self._channels), count), np.intp)
        for number, channel in enumerate(self._channels):
            lines[number] = channel.line
            for first, last in _runs(course[number]):
                if first >= units:
                    break
                self._consider(number, course[number, first], heard[number, first:last], first, last, frames)
                lines[number, first * UNIT_FRAMES :] = channel.line
        self._before = self._waiting.pop(0).lowest_db
        if len(self._lines) > 1:
            self._count(section.frames, lines)

    def _consider(
        self, number: int, reach: int, heard: npt.NDArray[np.bool_], first: int, last: int, frames: Frames
    ) -> None:
        """Decides whether a channel's run of one reach is a change of its line."""
        channel = self._channels[number]
        if heard.sum() < _LEAST_UNITS:
            return
        if channel.heard and abs(reach - self._reaches[channel.line]) <= _CELLS:
            channel.refused = None
            return
        if channel.heard and channel.refused is not None and abs(reach - channel.refused) <= _CELLS:
            return
        run = frames[first * UNIT_FRAMES : last * UNIT_FRAMES]
        levels = BandLevels(self.sample_rate)
        levels.add(run.density[number])
        start = int(run.starts[0]) if channel.heard else 0
        channel.heard = True
        if self._reaches[0] < 0:
            self._reaches[0], self._examples[0] = reach, levels
            return
        line = self._line_of(levels, reach, channel.line)
        if line == channel.line:
            channel.refused = reach
            return
        channel.refused = None
        channel.line = line
        if channel.changes[-1].start == start:
            channel.changes.pop()
        channel.changes.append(Change(start, line))

    def _line_of(self, levels: BandLevels, reach: int, current: int) -> int:
        if not self._differs(levels, reach, current):
            if reach > self._reaches[current]:
                self._reaches[current] = reach
            return current
        others = [line for line in range(len(self._lines)) if line != current]
        others.sort(key=lambda line: abs(self._reaches[line] - reach))
        for line in others:
            if abs(self._reaches[line] - reach) <= _CELLS or not self._differs(levels, reach, line):
                return line
        if len(self._lines) == _MOST_LINES:
            return others[0]
        if len(self._lines) == 1:
            self._lines[0] = self._decided()
        self._lines.append(BandLevels(self.sample_rate))
        self._reaches.append(reach)
        self._examples.append(levels)
        return len(self._lines) - 1

    def _differs(self, levels: BandLevels, reach: int, line: int) -> bool:
        known = self._decided() if len(self._lines) == 1 else self._lines[line]
        if known.frames < self._examples[line].frames:
            known = self._examples[line]
        narrower = reach < self._reaches[line]
        return apart(levels, known) if narrower else apart(known, levels)

    def _decided(self) -> BandLevels:
        """What was heard on the only line before the sections that wait."""
        levels = copy.deepcopy(self._lines[0])
        for frames in [section.frames for section in self._waiting] + self._pending:
            levels.count(frames, -1)
        return levels

    def _count(self, frames: Frames, lines: npt.NDArray[np.intp]) -> None:
        borders = np.flatnonzero((np.diff(lines, axis=1) != 0).any(axis=0)) + 1
        for first, last in zip([0, *borders], [*borders, lines.shape[1]], strict=True):
            part = frames[first:last]
            for line in np.unique(lines[:, first]):
                on = lines[:, first] == line
                self._lines[line].count(Frames(part.starts, part.powers[on], part.density[on]))


def _joined(parts: list[Frames]) -> Frames:
    if len(parts) == 1:
        return parts[0]
    return Frames(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.powers for part in parts], axis=1),
        np.concatenate([part.density for part in parts], axis=1),
    )


def _runs(course: npt.NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    borders = np.flatnonzero(np.diff(course)) + 1
    return zip([0, *borders.tolist()], [*borders.tolist(), len(course)], strict=True)
