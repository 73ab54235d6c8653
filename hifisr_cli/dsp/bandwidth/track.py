"""The cutoff of a recording is a track: for each channel, constant by stretches of time.

Sections of some seconds wait until enough was heard after them. Then each channel's cheapest course through the cutoffs
(`reach`) is decided on: where it changes, what comes is compared with what was heard before (`lines`), because sound
that is darker for a while is no other line.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.frames import Frames, Framing
from hifisr_cli.dsp.bandwidth.lines import KnownLine, line_of
from hifisr_cli.dsp.bandwidth.reach import Reach, Ways, cutoffs_hz
from hifisr_cli.dsp.sound.meter import SoundMeter

_UNIT_FRAMES = 4  # 0.1 s, shorter than most consonants
_SECTION_UNITS = 40  # 3.4 to 5.1 s: what has no pause in it hides its floor
_SECTION = _SECTION_UNITS * _UNIT_FRAMES
_LAG = 3  # sections that are heard after one before it is decided: 10 to 15 s
_LEAST_UNITS = 8  # in which something must be heard of a run: 0.7 to 1 s


@dataclass(frozen=True, slots=True)
class Change:
    """From this sample on, at the recording's own rate, a channel comes over the line of this number."""

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
    """Frames that wait; density [C, U, K] of each unit, and the lowest [C, K]; the course once it is known."""

    frames: Frames
    density: FloatArray
    lowest: FloatArray
    course: Ways | None = None


@dataclass
class _Channel:
    """A channel is not `known` before anything was heard on it; `refused` is the last reach that was no change."""

    line: int = 0
    known: bool = False
    refused: int | None = None
    changes: list[Change] = field(default_factory=lambda: [Change(0, 0)])


@dataclass(frozen=True)
class _Run:
    """A piece of a channel with one reach: its density [N, K], and in how many units something was heard."""

    start: int
    reach: int
    heard: int
    density: FloatArray


class TrackMeter:
    """Measures the track of a recording from consecutive blocks, in constant memory.

    The result does not depend on the blocks. A recording of one line has exactly one stretch, and its levels are those
    that `BandLevels` measures.

    Args:
        sample_rate: Hz.

    Attributes:
        sound: what it holds, as far as it was heard.

    Raises:
        ValueError: the rate is not positive, or a block is not [C, T].
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._framing = Framing(sample_rate)
        self._lines = [KnownLine(BandLevels(sample_rate))]
        self._reach = Reach(self._lines[0].levels.centres_hz, cutoffs_hz(sample_rate))
        self._pending: list[Frames] = []
        self._waiting: list[_Section] = []
        self._lowest_before: list[FloatArray] = []  # of the section that was decided last
        self._channels: list[_Channel] = []
        self.sound = SoundMeter(sample_rate)

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Takes a block [C, T] of any length T. Samples that are not finite count as zero."""
        for frames in self._framing.push(block):
            self.sound.push(frames)
            if not self._channels:
                self._channels = [_Channel() for _ in block]
            if len(self._lines) == 1:
                self._lines[0].levels.count(frames)
            self._pending.append(frames)
            if sum(len(part) for part in self._pending) >= _SECTION:
                whole = _joined(self._pending)
                self._pending = [whole[_SECTION:]] if len(whole) > _SECTION else []
                self._wait(whole[:_SECTION])
                self._follow(len(self._waiting) - 1)
                if len(self._waiting) > _LAG:
                    self._decide()

    def result(self) -> Track:
        """Returns the track. It may be asked for at any time; of the last seconds it may be another one later."""
        short = self._framing.short()
        if short is not None:
            levels = BandLevels(self.sample_rate)
            levels.add(short)
            return Track((levels,), ((Change(0, 0),),))
        return copy.deepcopy(self)._ended()

    def _ended(self) -> Track:
        if self._pending:
            rest, self._pending = _joined(self._pending), []
            self._wait(rest)
        self._follow(len(self._waiting))
        while self._waiting:
            self._decide()
        channels = [tuple(channel.changes) for channel in self._channels] or [(Change(0, 0),)]
        alike = all(changes == channels[0] for changes in channels)
        return Track(tuple(line.levels for line in self._lines), tuple(channels[:1] if alike else channels))

    def _undecided(self) -> list[Frames]:
        return [section.frames for section in self._waiting] + self._pending

    def _wait(self, frames: Frames) -> None:
        units = np.arange(0, len(frames), _UNIT_FRAMES)
        sizes = np.diff(np.append(units, len(frames)))
        density = np.add.reduceat(frames.density, units, axis=1) / sizes[:, None]
        self._waiting.append(_Section(frames, density, density.min(axis=1)))

    def _follow(self, end: int) -> None:
        """Follows the course through the waiting sections up to this one; each is seen over the floor about it."""
        for place, section in enumerate(self._waiting[:end]):
            if section.course is None:
                about = [other.lowest for other in self._waiting[max(place - 1, 0) : place + 2]]
                floor = np.min(about + (self._lowest_before if place == 0 else []), axis=0)
                section.course = self._reach.advance(section.density, floor)

    def _decide(self) -> None:
        """Decides on the oldest section."""
        courses = [section.course for section in self._waiting if section.course is not None]
        reaches = self._reach.cheapest(courses)
        heard = np.concatenate([course.heard for course in courses], axis=1)
        starts = np.concatenate([section.frames.starts for section in self._waiting])
        density = np.concatenate([section.frames.density for section in self._waiting], axis=1)
        section = self._waiting[0]
        lines = np.empty((len(self._channels), len(section.frames)), np.intp)
        for number, channel in enumerate(self._channels):
            lines[number] = channel.line
            for first, last in _runs(reaches[number]):
                if first >= section.density.shape[1]:
                    break
                begin, reach = first * _UNIT_FRAMES, int(reaches[number, first])
                start = int(starts[begin])
                if first > 0:
                    around = slice(begin - _UNIT_FRAMES, begin + _UNIT_FRAMES)
                    inside, rises = self._reach.between(density[number, around], reaches[number, first - 1], reach)
                    begin += _border(inside, rises) - _UNIT_FRAMES
                    start = int(starts[begin]) + (3 if rises else 1) * self._framing.window // 4
                run = density[number, begin : last * _UNIT_FRAMES]
                self._consider(channel, _Run(start, reach, int(heard[number, first:last].sum()), run))
                lines[number, begin:] = channel.line
        self._waiting.pop(0)
        self._lowest_before = [section.lowest]
        if len(self._lines) > 1:
            self._count(section.frames, lines)

    def _consider(self, channel: _Channel, run: _Run) -> None:
        """Decides whether a run is a change of the channel's line."""
        if run.heard < _LEAST_UNITS:
            return
        if channel.known and self._lines[channel.line].reach == run.reach:
            channel.refused = None
            return
        if run.reach == channel.refused:
            return
        start = run.start if channel.known else 0
        channel.known, channel.refused = True, run.reach
        levels = BandLevels(self.sample_rate)
        levels.add(run.density)
        if self._lines[0].first is None:
            self._lines[0].first, self._lines[0].reach = levels, run.reach
            return
        line = self._line_of(levels, run.reach, channel.line)
        if line != channel.line:
            channel.line, channel.refused = line, None
            channel.changes = [change for change in channel.changes if change.start < start] + [Change(start, line)]

    def _line_of(self, levels: BandLevels, reach: int, current: int) -> int:
        if len(self._lines) > 1:
            return line_of(levels, reach, current, self._lines)
        # The only line has heard everything so far; what is undecided is taken back from it.
        everything = self._lines[0].levels
        self._lines[0].levels = copy.deepcopy(everything)
        for frames in self._undecided():
            self._lines[0].levels.count(frames, -1)
        line = line_of(levels, reach, current, self._lines)
        if len(self._lines) == 1:
            self._lines[0].levels = everything
        return line

    def _count(self, frames: Frames, lines: npt.NDArray[np.intp]) -> None:
        """Counts frames for the lines that the channels came over, [C, N]."""
        for first, last in _runs(lines.T):
            for line in np.unique(lines[:, first]):
                self._lines[line].levels.count(frames[first:last].of(lines[:, first] == line))


def _joined(parts: list[Frames]) -> Frames:
    return Frames(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.powers for part in parts], axis=1),
        np.concatenate([part.density for part in parts], axis=1),
        np.concatenate([part.mirrored for part in parts], axis=1),
    )


def _border(level_db: FloatArray, rises: bool) -> int:
    """Returns the first frame of [N] at which they rise, or fall, the most: the two parts are most unlike."""
    after = np.arange(1, len(level_db))
    sums = np.cumsum(level_db)
    apart = sums[:-1] / after - (sums[-1] - sums[:-1]) / (len(level_db) - after)
    return int(np.argmax((-apart if rises else apart) * np.sqrt(after * (len(level_db) - after)))) + 1


def _runs(values: npt.NDArray[np.intp]) -> Iterator[tuple[int, int]]:
    """First place and last + 1 of each run of equal values."""
    changes = np.diff(values.reshape(len(values), -1), axis=0).any(axis=1)
    borders = (np.flatnonzero(changes) + 1).tolist()
    return zip([0, *borders], [*borders, len(values)], strict=True)
