"""Progress as people and programs want to see it: bars on a terminal, sparse lines in a log, JSON, or nothing.

A display is a context manager and takes the events of a run. Everything goes to standard error.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self

from hifisr_cli.cli.render import json_line, one_line, result_text
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileStarted

_SURVEY_SHARE = 0.1
"""How much of a file's work the first pass is thought to be."""

_JSON_INTERVAL = 0.5
_LOG_INTERVAL = 10.0


class Meter:
    """How far a whole run has come, in files, and at which speed.

    Args:
        sizes: of the inputs in bytes; where they are known, a file counts by its size.
    """

    def __init__(self, sizes: list[int]) -> None:
        total = sum(sizes)
        self.weights = [size / total if total else 1.0 / len(sizes) for size in sizes]
        self.done = 0.0
        self.fraction = 0.0
        self.audio_seconds = 0.0
        self._current_seconds = 0.0
        self._started = time.monotonic()

    def take(self, event: Event) -> None:
        """Account for an event."""
        match event:
            case FileStarted():
                self.fraction, self._current_seconds = 0.0, 0.0
            case FileProgressed(stage="restore", seconds=seconds, total_seconds=total):
                self.fraction = _SURVEY_SHARE + (1.0 - _SURVEY_SHARE) * (seconds / total if total else 0.0)
                self._current_seconds = seconds
            case FileProgressed(seconds=seconds, total_seconds=total):
                self.fraction = _SURVEY_SHARE * (seconds / total if total else 0.0)
            case FileFinished():
                self.done += self.weights[event.index]
                if event.result.status in ("restored", "copied"):
                    self.audio_seconds += event.result.seconds or 0.0
                self.fraction, self._current_seconds = 0.0, 0.0

    def whole(self, index: int) -> float:
        """Share of the whole run that is done, 0 to 1."""
        return min(self.done + self.weights[index] * self.fraction, 1.0)

    @property
    def speed(self) -> str:
        """Such as "23.4x real time"."""
        wall = time.monotonic() - self._started
        return f"{(self.audio_seconds + self._current_seconds) / wall:.1f}x real time" if wall > 0 else ""


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Takes an event."""


class Terminal(Silent):
    """Two bars, drawn by rich: the whole run and the current file. A line for each finished file if `lines`."""

    def __init__(self, sizes: list[int], *, lines: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._meter, self._lines, self._count = Meter(sizes), lines, len(sizes)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}", markup=False),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._run = self._bars.add_task(f"0 of {self._count} files", total=1.0, speed="")
        self._file = self._bars.add_task("", total=1.0, speed="")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._bars)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, event: Event) -> None:
        """Takes an event."""
        self._meter.take(event)
        match event:
            case FileStarted(input=name):
                self._bars.reset(self._file, description=_shortened(one_line(name)))
            case FileFinished(index=index, result=result):
                self._bars.update(self._run, description=f"{index + 1} of {self._count} files")
                if self._lines or result.status == "failed":
                    self._bars.console.print(result_text(result), markup=False, highlight=False, soft_wrap=True)
        self._bars.update(self._file, completed=self._meter.fraction)
        whole = self._meter.done if isinstance(event, FileFinished) else self._meter.whole(event.index)
        self._bars.update(self._run, completed=whole, speed=self._meter.speed)


class Log(Silent):
    """Where standard error is a file: a line of tqdm's every ten seconds, and a line for each finished file."""

    def __init__(self, sizes: list[int], *, lines: bool) -> None:
        from tqdm import tqdm

        self._meter, self._lines = Meter(sizes), lines
        self._bar = tqdm(
            total=100.0,
            file=sys.stderr,
            mininterval=_LOG_INTERVAL,
            ascii=True,
            bar_format="{percentage:3.0f}% |{bar:20}| {desc} [{elapsed}<{remaining}{postfix}]\n",
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def __call__(self, event: Event) -> None:
        """Takes an event."""
        self._meter.take(event)
        if isinstance(event, FileFinished):
            self._bar.set_description_str(f"{event.index + 1} of {event.count} files", refresh=False)
            if self._lines or event.result.status == "failed":
                print(result_text(event.result), file=sys.stderr)  # noqa: T201
        whole = self._meter.done if isinstance(event, FileFinished) else self._meter.whole(event.index)
        self._bar.set_postfix_str(self._meter.speed, refresh=False)
        self._bar.update(100.0 * min(whole, 1.0) - self._bar.n)


class Json(Silent):
    """One JSON object a line; progress within a file at most twice a second."""

    def __init__(self, sizes: list[int]) -> None:
        self._meter, self._count, self._last = Meter(sizes), len(sizes), 0.0

    def __call__(self, event: Event) -> None:
        """Takes an event."""
        self._meter.take(event)
        fields: dict[str, object] = {"index": event.index, "files": self._count}
        match event:
            case FileStarted(input=name):
                fields |= {"event": "started", "input": name}
            case FileProgressed(input=name, stage=stage, seconds=seconds, total_seconds=total):
                if time.monotonic() - self._last < _JSON_INTERVAL:
                    return
                self._last = time.monotonic()
                fields |= {
                    "event": "progress",
                    "input": name,
                    "stage": stage,
                    "seconds": seconds,
                    "total_seconds": total,
                    "share_of_run": self._meter.whole(event.index),
                }
            case FileFinished(result=result):
                fields |= {"event": "finished", "input": result.input, "status": result.status}
        print(json_line(fields), file=sys.stderr, flush=True)  # noqa: T201


Display = Silent


def display(sizes: list[int], *, quiet: bool, as_json: bool, lines: bool) -> AbstractContextManager[Display]:
    """The display that fits where standard error goes.

    Args:
        sizes: of the inputs in bytes.
        lines: show a line for each finished file.
    """
    if as_json:
        return Json(sizes)
    if quiet:
        return Silent()
    if sys.stderr is not None and sys.stderr.isatty():
        return Terminal(sizes, lines=lines)
    return Log(sizes, lines=lines)


def _shortened(name: str, width: int = 40) -> str:
    return name if len(name) <= width else "..." + name[3 - width :]
