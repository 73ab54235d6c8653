"""How a run that cannot go on ends: one line on standard error and an exit status of `errors.EXIT_STATUSES`."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from dataclasses import dataclass

import typer
from typer.exceptions import TyperException

from hifisr_cli.cli.render import json_line, one_line
from hifisr_cli.errors import UNEXPECTED, DeviceError, HifisrError, OutputError, UsageError
from hifisr_cli.system.files import reader_has_left

CLOSED_PIPE = 141
"""What a shell reports for a program that SIGPIPE ended, as it does the others in the same pipeline."""


class Terminated(BaseException):
    """SIGTERM came. Not an Exception, so that nothing on the way takes it for a file's failure."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception as the user is told of it.

    Attributes:
        line: what to print, empty for nothing.
        status: the exit status.
        code: stable name for programs.
    """

    line: str
    status: int
    code: str


def explain(error: BaseException) -> Failure:  # noqa: PLR0911  one place for every kind of end, one return each
    """What the user is told of an exception that ends the run, and the exit status."""
    if isinstance(error, HifisrError):
        return Failure(str(error), error.exit_status, error.code)
    if isinstance(error, TyperException):
        return Failure(_usage(error), error.exit_code, UsageError.code)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Failure("interrupted", 130, "interrupted")
    if isinstance(error, Terminated):
        return Failure("terminated", 143, "terminated")
    if reader_has_left(error):
        return Failure("", CLOSED_PIPE, "closed-pipe")
    if isinstance(error, MemoryError):
        line = "not enough memory (try a smaller --chunk-seconds or --batch-size)"
        return Failure(line, DeviceError.exit_status, "memory")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return Failure(where + os.strerror(error.errno).lower(), OutputError.exit_status, OutputError.code)
    line = f"unexpected error: {type(error).__name__}: {error} (this is a bug; run with --verbose for a traceback)"
    return Failure(line, 1, UNEXPECTED)


def report(error: BaseException, *, verbose: bool = False, as_json: bool = False) -> int:
    """Tell the user on standard error; returns the exit status. Never raises for a standard stream that is gone."""
    failure = explain(error)
    try:
        trace = "".join(traceback.format_exception(error)) if verbose and isinstance(error, Exception) else ""
        if as_json and failure.line:
            fields = {"event": "error", "code": failure.code, "message": failure.line, "exit_status": failure.status}
            print(json_line(fields | {"traceback": trace or None}), file=sys.stderr, flush=True)  # noqa: T201
        elif failure.line:
            print(trace, end="", file=sys.stderr)  # noqa: T201
            print(f"hifisr: {one_line(failure.line)}", file=sys.stderr, flush=True)  # noqa: T201
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):  # ValueError: the stream is closed
        pass
    if reader_has_left(error):
        _silence_streams()
    return failure.status


def _usage(error: TyperException) -> str:
    """A usage error of typer's as one line that says where help is."""
    message = error.format_message().replace("Value error, ", "").replace(": Input should", ": should").strip()
    message = message[:1].lower() + message[1:].removesuffix(".")
    command = getattr(getattr(error, "ctx", None), "command_path", None) or "hifisr"
    return f"{message} (see: {command} --help)"


def _silence_streams() -> None:
    """Point the standard streams that a reader has left at the null device.

    Python flushes them once more at exit and would complain there, where nobody can catch it.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            try:
                number = stream.fileno()
            except (OSError, ValueError, AttributeError):
                continue
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
