"""The course of a stream that goes on: what is held back of it says where its cutoff changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from hifisr_cli.arrays import Wave
from hifisr_cli.audio.resample import output_length
from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.track import Track, TrackMeter
from hifisr_cli.restore.course import Course
from hifisr_cli.restore.line import AboveCutoff, Line, line_over
from hifisr_cli.restore.survey import Changes, bandwidth_on
from hifisr_cli.results import Bandwidth

_STEP_SECONDS = 2.0
"""The track is asked for as often: each time costs 7 ms where there is one line."""

_SAME_RATIO = 1.12
"""Cutoffs that are closer are the same line's, as in the track of a whole recording."""


class Following:
    """Lets blocks pass some seconds late, and by then knows which line they came over.

    The lines of what has passed do not change any more. A line keeps what was measured on it at first.

    Args:
        sample_rate: Hz.
        held: the beginning of the stream, on which it was measured. From then on half as much is held back: the first
            output comes when it can, and a change is heard long enough before it passes.
        meter: has heard it.
        changes: what was found in it.
        above: what becomes of what stands above an edge.
    """

    def __init__(
        self, sample_rate: int, held: Iterable[Wave], meter: TrackMeter, changes: Changes, above: AboveCutoff
    ) -> None:
        self._rate, self._meter, self._above = sample_rate, meter, above
        self._held = deque(held)
        self._waiting = sum(block.shape[1] for block in self._held)
        self._room = self._waiting // 2
        self._passed = 0
        self._known_to = 0
        self._channels = self._held[0].shape[0]
        self._lines = list({id(line): line for channel in changes for _, line in channel}.values())
        first = [changes[min(channel, len(changes) - 1)][0] for channel in range(self._channels)]
        self.changes = [[change] for change in first]
        self.course = Course(self.changes, goes_on=True)

    def blocks(self, rest: Iterator[Wave]) -> Iterator[Wave]:
        """The blocks of the stream, in order; when one comes out, the course knows all of it."""
        yield from self._let_pass(self._room)
        for block in rest:
            self._meter.push(block)
            self._held.append(block)
            self._waiting += block.shape[1]
            yield from self._let_pass(self._room)
        yield from self._let_pass(0)

    def _let_pass(self, room: int) -> Iterator[Wave]:
        """All but so many samples."""
        while self._held and self._waiting - self._held[0].shape[1] >= room:
            block = self._held.popleft()
            end = self._passed + block.shape[1]
            if end > self._known_to:
                self._known_to = max(end, self._passed + round(_STEP_SECONDS * self._rate))
                self._learn(self._meter.result())
            self._passed = end
            self._waiting -= block.shape[1]
            yield block

    def _learn(self, track: Track) -> None:
        """Adds the changes of the next seconds to the course."""
        if len(track.lines) == 1:
            return
        lines: dict[int, Line] = {}
        for number, known in enumerate(self.changes):
            of_channel = track.channels[min(number, len(track.channels) - 1)]
            current = [change for change in of_channel if change.start <= self._passed][-1:]
            for change in (*current, *(c for c in of_channel if self._passed < c.start < self._known_to)):
                if change.line not in lines:
                    lines[change.line] = self._line(track.lines[change.line])
                line = lines[change.line]
                if line is not known[-1][1]:
                    place = max(change.start, self._passed)
                    known.append((place, line))
                    self.course.channels[number].append((output_length(place, self._rate), line))

    def _line(self, levels: BandLevels) -> Line:
        bandwidth = bandwidth_on(levels)
        for line in self._lines:
            if _same(line.bandwidth, bandwidth):
                return line
        self._lines.append(line_over(levels, bandwidth, self._above))
        return self._lines[-1]


def _same(one: Bandwidth, other: Bandwidth) -> bool:
    if not one.restorable or not other.restorable:
        return one.restorable == other.restorable
    return 1 / _SAME_RATIO < one.cutoff_hz / other.cutoff_hz < _SAME_RATIO
