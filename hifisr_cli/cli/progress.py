"""Progress as people and programs want to see it: bars on a terminal, sparse lines in a log, JSON, or nothing.

A display is a context manager and takes the events of a run. Everything goes to standard error.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

from hifisr_cli.cli.meter import Meter
from hifisr_cli.cli.render import json_line
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileStarted

Lines = Literal["all", "failures", "none"]
"""Which finished files get a line while the run goes on."""

_JSON_INTERVAL = 0.5
"""Seconds between two JSON objects about the progress within a file."""


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

    def __init__(self, sizes: Sequence[int], names: Sequence[str] | None = None) -> None:
        self._meter, self._count, self._last = Meter(sizes, names), len(sizes), float("-inf")

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


def display(
    sizes: Sequence[int], *, names: Sequence[str] | None = None, quiet: bool, as_json: bool, lines: Lines
) -> Display:
    """The display that fits where standard error goes.

    Args:
        sizes: of the inputs in bytes.
        names: of the inputs.
        quiet: none at all.
        as_json: for a program.
        lines: which finished files get a line of their own.
    """
    if quiet or sys.stderr is None:
        return Display()
    if as_json:
        return Json(sizes, names)
    from hifisr_cli.cli.bars import Log, Terminal

    kind = Terminal if sys.stderr.isatty() else Log
    return kind(sizes, names, lines=lines)
