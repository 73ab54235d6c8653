"""Progress for people: two bars drawn by rich on a terminal, now and then a line of tqdm's in a log."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Self, TextIO, cast

from rich.console import Console, ConsoleDimensions
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from tqdm import tqdm

from hifisr_cli.cli.meter import Meter
from hifisr_cli.cli.render import duration, one_line, result_text
from hifisr_cli.cli.terminal import Display, Lines
from hifisr_cli.results import Event, FileFinished, FileStarted

_LOG_INTERVAL = 10.0
"""Seconds between two lines in a log."""

_NAME_WIDTH = 40


class Terminal(Display):
    """Two bars: the whole run and the current file. They leave nothing behind but the lines of finished files."""

    def __init__(self, sizes: Sequence[int], names: Sequence[str] | None = None, *, lines: Lines) -> None:
        self._meter, self._lines, self._count = Meter(sizes, names), lines, len(sizes)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[about]}", markup=False),
            console=_OnStderr(file=sys.stderr),
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,  # results and audio may go there
        )
        self._run = self._bars.add_task(f"0 of {self._count} files", total=1.0, about="")
        self._file = self._bars.add_task("", total=1.0, about="")

    def __enter__(self) -> Self:
        try:
            self._bars.start()
        except BaseException:  # Ctrl-C at this very moment: the cursor must come back
            self._bars.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        self._meter.take(event)
        if isinstance(event, FileFinished) and _deserves_line(event, self._lines):
            self._bars.console.print(result_text(event.result), markup=False, highlight=False, soft_wrap=True)
        if isinstance(event, FileStarted) or self._meter.current:
            name, more = _shortened(one_line(self._meter.current)), self._meter.more
            about = f"and {more} more" if more else ""
            self._bars.update(self._file, description=name, completed=self._meter.fraction, about=about)
        files = f"{self._meter.files_done} of {self._count} files"
        self._bars.update(self._run, description=files, completed=self._meter.whole, about=_about(self._meter))


class _OnStderr(Console):
    """As wide as the terminal that standard error is: rich asks descriptor 2, which is not it (`system.streams`)."""

    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        size = super().size
        if os.environ.get("COLUMNS"):
            return size
        with contextlib.suppress(OSError, ValueError):
            width, height = os.get_terminal_size(self.file.fileno())
            size = ConsoleDimensions(width - self.legacy_windows if width else size.width, height or size.height)
        return size


class Log(Display):
    """Where standard error is a file or a pipe: whole lines, one every ten seconds while there is something to say."""

    def __init__(self, sizes: Sequence[int], names: Sequence[str] | None = None, *, lines: Lines) -> None:
        self._meter, self._lines, self._count = Meter(sizes, names), lines, len(sizes)
        self._bar = _Bar(
            total=1.0,
            file=cast(TextIO, _WholeLines()),
            mininterval=_LOG_INTERVAL,
            miniters=0,
            delay=_LOG_INTERVAL,
            ascii=True,
            leave=False,
            bar_format="{percentage:3.0f}% |{bar:20}| {desc}",
        )

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, event: Event) -> None:
        self._meter.take(event)
        if isinstance(event, FileFinished) and _deserves_line(event, self._lines):
            print(result_text(event.result), file=sys.stderr, flush=True)  # noqa: T201
        parts = [f"{self._meter.files_done} of {self._count} files", _about(self._meter)]
        self._bar.set_description_str(", ".join(filter(None, parts)), refresh=False)
        self._bar.update(max(self._meter.whole - self._bar.n, 0.0))


class _Bar(tqdm):  # type: ignore[type-arg]  # the stubs make it generic, the class is not
    monitor_interval = 0  # no thread that redraws: a log gets a line when something happens


class _WholeLines:
    """A file for tqdm that turns its redrawing of one line into lines."""

    encoding = "ascii"

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            print(line, file=sys.stderr, flush=True)  # noqa: T201

    def flush(self) -> None:
        """Nothing is held back."""


def _deserves_line(event: FileFinished, lines: Lines) -> bool:
    return lines == "all" or (lines == "failures" and event.result.status == "failed")


def _about(meter: Meter) -> str:
    """Such as "23.4x real time, 1:05 left"."""
    parts = [f"{meter.times_real_time:.1f}x real time"] if meter.times_real_time > 0 else []
    if meter.seconds_left is not None and meter.whole < 1:
        parts.append(f"{duration(meter.seconds_left)} left")
    return ", ".join(parts)


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_WIDTH else "..." + name[3 - _NAME_WIDTH :]
