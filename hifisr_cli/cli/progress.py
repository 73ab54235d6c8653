"""Progress as people and programs want to see it: bars on a terminal, sparse lines in a log, JSON, or nothing.

A display is a context manager and takes the events of a run. Everything goes to standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

from hifisr_cli.cli.render import json_line
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileStarted

Lines = Literal["all", "failures", "none"]
"""Which finished files get a line while the run goes on."""

_SURVEY_SHARE = 0.1
"""How much of a file's work the first pass is thought to be."""

_JSON_INTERVAL = 0.5
"""Seconds between two JSON objects about the progress within a file."""


class Meter:
    """How far a whole run has come, at which speed, and how long it will still take.

    Files count by their size in bytes, which is known before any of them is opened. What is skipped or fails costs no
    time and says nothing about the speed: it leaves the total instead of adding to what is done.

    Args:
        sizes: of the inputs in bytes, 0 where unknown.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._weights = [float(max(size, 1)) for size in sizes]
        self._total = sum(self._weights)
        self._worked = 0.0
        self._audio_seconds = 0.0
        self._current_seconds = 0.0
        self._current_weight = 0.0
        self._started = time.monotonic()
        self.files_done = 0
        self.fraction = 0.0
        """Share of the current file that is done, 0 to 1."""

    def take(self, event: Event) -> None:
        """Account for an event."""
        match event:
            case FileStarted(index=index):
                self.fraction, self._current_seconds = 0.0, 0.0
                self._current_weight = self._weights[index]
            case FileProgressed(stage="restore", seconds=seconds, total_seconds=total):
                self.fraction = _SURVEY_SHARE + (1.0 - _SURVEY_SHARE) * _share(seconds, total)
                self._current_seconds = seconds
            case FileProgressed(seconds=seconds, total_seconds=total):
                self.fraction = _SURVEY_SHARE * _share(seconds, total)
            case FileFinished(index=index, result=result):
                self.files_done += 1
                self.fraction, self._current_seconds, self._current_weight = 0.0, 0.0, 0.0
                if result.status in ("skipped", "failed"):
                    self._total -= self._weights[index]
                    return
                self._worked += self._weights[index]
                if result.status in ("restored", "copied"):
                    self._audio_seconds += result.seconds or 0.0

    @property
    def whole(self) -> float:
        """Share of the whole run that is done, 0 to 1."""
        done = self._worked + self._current_weight * self.fraction
        return min(done / self._total, 1.0) if self._total > 0 else 1.0

    @property
    def times_real_time(self) -> float:
        """Audio seconds per wall second since the run began."""
        wall = time.monotonic() - self._started
        return (self._audio_seconds + self._current_seconds) / wall if wall > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Wall seconds to the end at the speed so far; None while there is none."""
        whole = self.whole
        return (time.monotonic() - self._started) * (1.0 - whole) / whole if whole > 0 else None


def _share(seconds: float, total: float | None) -> float:
    return min(seconds / total, 1.0) if total else 0.0


class Display:
    """Shows nothing: the base of those that do."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Takes an event."""


class Json(Display):
    """One JSON object a line; progress within a file at most twice a second."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._meter, self._count, self._last = Meter(sizes), len(sizes), float("-inf")

    def __call__(self, event: Event) -> None:
        self._meter.take(event)
        place: dict[str, object] = {"index": event.index, "files": self._count}
        match event:
            case FileStarted(input=name):
                self._say({"event": "started", **place, "input": name})
            case FileProgressed(input=name, stage=stage, seconds=seconds, total_seconds=total):
                now = time.monotonic()
                if now - self._last >= _JSON_INTERVAL:
                    self._last = now
                    fields = {"input": name, "stage": stage, "seconds": seconds, "total_seconds": total}
                    self._say({"event": "progress", **place, **fields, **self._state()})
            case FileFinished(result=result):
                fields = {"input": result.input, "status": result.status}
                self._say({"event": "finished", **place, **fields, **self._state()})

    def _state(self) -> dict[str, object]:
        meter = self._meter
        return {
            "share_of_run": meter.whole,
            "times_real_time": meter.times_real_time,
            "seconds_left": meter.seconds_left,
        }

    def _say(self, fields: dict[str, object]) -> None:
        print(json_line(fields), file=sys.stderr, flush=True)  # noqa: T201


def display(sizes: Sequence[int], *, quiet: bool, as_json: bool, lines: Lines) -> Display:
    """The display that fits where standard error goes.

    Args:
        sizes: of the inputs in bytes.
        quiet: none at all.
        as_json: for a program.
        lines: which finished files get a line of their own.
    """
    if quiet or sys.stderr is None:
        return Display()
    if as_json:
        return Json(sizes)
    from hifisr_cli.cli.bars import Log, Terminal

    return Terminal(sizes, lines=lines) if sys.stderr.isatty() else Log(sizes, lines=lines)
