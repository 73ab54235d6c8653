"""What a run shows on the terminal: its progress, its log and results while it goes on, and the summary.

Results as JSON and the table of a dry run go to standard output, everything else to standard error.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Self

from hifisr_cli.cli.meter import Meter
from hifisr_cli.cli.render import json_line, plan_table, result_json, summary_fields, summary_text
from hifisr_cli.errors import UNEXPECTED, FileError
from hifisr_cli.results import ErrorInfo, Event, FileFinished, FileProgressed, FileResult, FileStarted, RunSummary
from hifisr_cli.system.files import reader_has_left

Lines = Literal["all", "failures", "none"]
"""Which finished files get a line while the run goes on."""

_JSON_INTERVAL = 0.5
"""Seconds between two JSON objects about the progress within a file."""


class Display:
    """Takes the events of a run in a `with` statement, and shows nothing: the base of those that do."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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


class Conclusion:
    """Collects the results of a run and sums them up at its end, also where an error or Ctrl-C ends it.

    Args:
        quiet: say nothing but what failed.
        as_json: results on standard output, one object a line; the summary as JSON on standard error.
        dry_run: the results are plans; print their table.
        failures_shown: the failures have been read by then, each on its line.
    """

    def __init__(self, *, quiet: bool, as_json: bool, dry_run: bool, failures_shown: bool) -> None:
        self._quiet, self._as_json, self._dry_run = quiet, as_json, dry_run
        self._failures_shown = failures_shown and not dry_run
        self._results: list[FileResult] = []
        self._expected: float | None = None
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or (self._results and not reader_has_left(error)):
            self._sum_up()

    def take(self, result: FileResult) -> None:
        """Note a finished file."""
        whole = self._dry_run or result.status == "failed"
        self._results.append(result if whole else _slim(result))
        if self._as_json:
            print(result_json(result), flush=True)  # noqa: T201

    def expect(self, seconds_of: Callable[[Sequence[FileResult]], float | None]) -> None:
        """Ask how long a run over what was planned would take."""
        self._expected = seconds_of(self._results)

    @property
    def exit_status(self) -> int:
        """The status of a run that came to its end."""
        return exit_status(result.error for result in self._results)

    def _sum_up(self) -> None:
        summary = RunSummary(tuple(self._results), time.monotonic() - self._started, self._expected)
        lines = summary_text(summary, name_failures=not self._failures_shown)
        if self._as_json:
            lines = [] if self._quiet else [json_line(summary_fields(summary))]
        elif self._dry_run:
            print("\n".join(plan_table(summary.results)), flush=True)  # noqa: T201
            lines = lines[:1]  # the table has the reasons
        if self._quiet:
            lines = lines[1:]
        for line in lines:
            print(line, file=sys.stderr)  # noqa: T201


def exit_status(errors: Iterable[ErrorInfo | None]) -> int:
    """Of a command that came to its end: 0, 3 where recordings failed, 1 where one of them met a bug."""
    codes = {error.code for error in errors if error is not None}
    return 1 if UNEXPECTED in codes else FileError.exit_status if codes else 0


def _slim(result: FileResult) -> FileResult:
    """What the summary needs of a result: there may be a hundred thousand."""
    return FileResult("", None, result.status, seconds=result.seconds)


@contextmanager
def counting_bar(**look: Any) -> Iterator[Callable[[int, int], None]]:
    """A bar of tqdm's, and what moves it: called with how many are done of how many."""
    from tqdm import tqdm

    with tqdm(**look) as bar:

        def move(done: int, count: int) -> None:
            bar.total = count
            bar.update(done - bar.n)

        yield move


class _Stderr(logging.Handler):
    """To standard error as it is at that moment: a progress bar puts itself in its place."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(logging.DEBUG)
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if self._as_json:
            text = json_line({"event": "log", "level": record.levelname.lower(), "message": text})
        print(text, file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def logging_to_stderr(*, verbose: bool, as_json: bool, quiet: bool = False) -> Iterator[logging.Logger]:
    """The library's logger: its warnings are to be seen unless `quiet`, with `verbose` everything, tracebacks too."""
    logger = logging.getLogger("hifisr_cli")
    handler, level = _Stderr(as_json=as_json), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
