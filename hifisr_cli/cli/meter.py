"""How far a run has come, at which speed, and how long it will still take."""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from hifisr_cli.results import Event, FileFinished, FileProgressed, FileStarted

_SURVEY_SHARE = 0.1
"""How much of a file's work the first pass is thought to be."""

_WINDOW = 300.0
"""The speed is that of the last five minutes: what the machine does now says more than what it did yesterday."""

_SETTLED = 1.0
"""Seconds of work that a speed needs at least."""


@dataclass(slots=True)
class _Current:
    """A file that is being worked on; `total` seconds are 0 until it is known how long it is."""

    name: str
    fraction: float = 0.0
    seconds: float = 0.0
    total: float = 0.0


class Meter:
    """Takes the events of a run, in which several files may be at work at once.

    Files count by their size in bytes, which is known before any of them is opened. What is skipped or fails costs no
    time and says nothing about the speed: it leaves the total instead of adding to what is done. The time that is left
    goes by seconds of audio: a megabyte of MP3 is more of them than a megabyte of WAV, as the files done so far show.

    Args:
        sizes: of the inputs in bytes, 0 where unknown.
        names: of the inputs; their suffixes tell the kinds of files apart. None takes all for one kind.
    """

    def __init__(self, sizes: Sequence[int], names: Sequence[str] | None = None) -> None:
        self._weights = [float(max(size, 1)) for size in sizes]
        known: dict[str, str] = {}
        suffixes = [os.path.splitext(name)[1].lower() for name in names or [""] * len(sizes)]  # noqa: PTH122
        self._kinds = [known.setdefault(suffix, suffix) for suffix in suffixes]
        self._left: defaultdict[str, float] = defaultdict(float)
        for kind, weight in zip(self._kinds, self._weights, strict=True):
            self._left[kind] += weight
        self._done_bytes: defaultdict[str, float] = defaultdict(float)
        self._done_seconds: defaultdict[str, float] = defaultdict(float)
        self._total = sum(self._weights)
        self._worked = 0.0
        self._audio_seconds = 0.0
        self._started = time.monotonic()
        self._samples: deque[tuple[float, float]] = deque()
        self._current: dict[int, _Current] = {}
        self.files_done = 0

    def take(self, event: Event) -> None:
        """Account for an event."""
        match event:
            case FileStarted(index=index, input=name):
                self._current[index] = _Current(name)
            case FileProgressed(index=index, input=name, stage=stage, seconds=seconds, total_seconds=total):
                current = self._current.setdefault(index, _Current(name))
                share = min(seconds / total, 1.0) if total else 0.0
                current.total = total or 0.0
                if stage == "restore":
                    current.fraction, current.seconds = _SURVEY_SHARE + (1.0 - _SURVEY_SHARE) * share, seconds
                    self._sample()
                else:
                    current.fraction = _SURVEY_SHARE * share
            case FileFinished(index=index, result=result):
                self._finish(index, result.seconds or 0.0, free=result.status in ("skipped", "failed"))
                if result.status in ("restored", "copied"):
                    self._audio_seconds += result.seconds or 0.0
                    self._sample()

    def _finish(self, index: int, seconds: float, *, free: bool) -> None:
        kind, weight = self._kinds[index], self._weights[index]
        self.files_done += 1
        self._current.pop(index, None)
        self._left[kind] -= weight
        if free:
            self._total -= weight
            return
        self._worked += weight
        self._done_bytes[kind] += weight
        self._done_seconds[kind] += seconds

    @property
    def current(self) -> str:
        """The name of the file that has been at work for longest, empty for none."""
        return next((current.name for current in self._current.values()), "")

    @property
    def more(self) -> int:
        """How many files are at work besides it."""
        return max(len(self._current) - 1, 0)

    @property
    def fraction(self) -> float:
        """Share of it that is done, 0 to 1."""
        return next((current.fraction for current in self._current.values()), 0.0)

    @property
    def whole(self) -> float:
        """Share of the whole run that is done, 0 to 1."""
        done = self._worked + sum(self._weights[i] * current.fraction for i, current in self._current.items())
        return min(done / self._total, 1.0) if self._total > 0 else 1.0

    @property
    def times_real_time(self) -> float:
        """Audio seconds per wall second since the run began."""
        wall = time.monotonic() - self._started
        return self._audio_done() / wall if wall > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Wall seconds to the end at the speed of the last minutes; None while nothing tells it."""
        speed = self._speed()
        whole = self.whole
        if speed is None:
            return (time.monotonic() - self._started) * (1.0 - whole) / whole if whole > 0 else None
        return max(self._audio_left() / speed, 0.0)

    def _audio_done(self) -> float:
        return self._audio_seconds + sum(current.seconds for current in self._current.values())

    def _audio_left(self) -> float:
        """Seconds of audio that the rest of the inputs holds, as those suggest whose length is known."""
        sizes, lengths, rest = self._done_bytes.copy(), self._done_seconds.copy(), self._left.copy()
        left = 0.0
        for index, current in self._current.items():
            kind, weight = self._kinds[index], self._weights[index]
            if current.total:
                sizes[kind] += weight
                lengths[kind] += current.total
                rest[kind] -= weight
                left += current.total - current.seconds
        every = sum(sizes.values()), sum(lengths.values())
        for kind, weight in rest.items():
            size, seconds = (sizes[kind], lengths[kind]) if sizes[kind] else every
            left += weight * (seconds / size if size else 0.0)
        return left

    def _sample(self) -> None:
        """Note when how much was done; a second apart is enough."""
        now = time.monotonic()
        if self._samples and now - self._samples[-1][0] < _SETTLED:
            return
        self._samples.append((now, self._audio_done()))
        while now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()

    def _speed(self) -> float | None:
        """Audio seconds per wall second over the last minutes; None while nothing tells it."""
        if not self._samples:
            return None
        start, done = self._samples[0]
        wall, audio = time.monotonic() - start, self._audio_done() - done
        return audio / wall if wall >= _SETTLED and audio > 0 else None
