"""What a run leaves on the terminal: results as JSON while it goes on, the table of a dry run, and the summary."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from hifisr_cli.cli.render import json_line, plan_table, result_json, summary_fields, summary_text
from hifisr_cli.errors import UNEXPECTED, FileError
from hifisr_cli.results import FileResult, RunSummary
from hifisr_cli.system.files import reader_has_left


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
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (self._results and not reader_has_left(error)):
            self._sum_up()

    def take(self, result: FileResult) -> None:
        """Note a finished file."""
        whole = self._dry_run or result.status == "failed"
        self._results.append(result if whole else _slim(result))
        if self._as_json:
            print(result_json(result), flush=True)  # noqa: T201

    @property
    def exit_status(self) -> int:
        """The status of a run that came to its end: 0, 3 where some files failed, 1 where one of them met a bug."""
        codes = {result.error.code for result in self._results if result.error is not None}
        if UNEXPECTED in codes:
            return 1
        return FileError.exit_status if codes else 0

    def _sum_up(self) -> None:
        summary = RunSummary(tuple(self._results), time.monotonic() - self._started)
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


def _slim(result: FileResult) -> FileResult:
    """What the summary needs of a result: there may be a hundred thousand."""
    return FileResult("", None, result.status, seconds=result.seconds)


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
