"""Work through the jobs: one result each, whatever happens to it, and one error where the whole run has to end."""

from __future__ import annotations

import errno
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from hifisr_cli.batch.plan import Job
from hifisr_cli.errors import HifisrError, OutputError, OutputExistsError, RunError, UnreadableError
from hifisr_cli.results import ErrorInfo, Event, FileFinished, FileProgressed, FileResult, FileStarted, RunSummary

if TYPE_CHECKING:
    from hifisr_cli.restore.model import Model
    from hifisr_cli.restore.recording import Progress, RestoreOptions

logger = logging.getLogger(__name__)

UNEXPECTED = "unexpected"
"""The code of an error that nobody foresaw: a bug. The other codes are those of the classes in `errors`."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def run(
    jobs: Sequence[Job],
    *,
    load: Callable[[], Model],
    options: RestoreOptions,
    dry_run: bool = False,
    on_event: Callable[[Event], None] | None = None,
    stdin: BinaryIO | None = None,
) -> RunSummary:
    """All results of `iterate`, with the time they took."""
    start = time.monotonic()
    results = tuple(iterate(jobs, load=load, options=options, dry_run=dry_run, on_event=on_event, stdin=stdin))
    return RunSummary(results, time.monotonic() - start)


def iterate(
    jobs: Sequence[Job],
    *,
    load: Callable[[], Model],
    options: RestoreOptions,
    dry_run: bool = False,
    on_event: Callable[[Event], None] | None = None,
    stdin: BinaryIO | None = None,
) -> Iterator[FileResult]:
    """One result for each job, in order, as soon as it is there.

    Args:
        jobs: from `plan_outputs`.
        load: gives the model; called once, before the first file that needs it.
        options: for every file.
        dry_run: look at the files and write nothing; the model is not loaded.
        on_event: called in this thread with what happens; what it raises ends the run.
        stdin: where a job without a source is read from; this process's standard input if None.

    Raises:
        RunError: nothing further can be done. The file that it struck has its (failed) FileFinished event before.
        BrokenPipeError: the reader of standard output is gone.
    """
    emit = on_event if on_event is not None else _ignore
    model: Model | None = None
    for index, job in enumerate(jobs):
        emit(FileStarted(index, len(jobs), job.label, None))
        start = time.monotonic()
        end: BaseException | None = None
        if model is None and not dry_run and _settled(job, options) is None:
            model = load()  # outside of what follows: a model that does not load is not this file's failure
        try:
            result = _settled(job, options)
            if result is None:
                if not dry_run:
                    _make_folder(job)
                result = _work(job, model, options, stdin, on_progress=_progress(index, job.label, emit))
        except BrokenPipeError:
            raise
        except OutputExistsError as error:  # where it appeared after `_settled` looked, it is skipped like the others
            appeared = not job.explicit and job.target is not None and job.target.is_file()
            result = _skipped(job) if appeared else _failed(job, error)
        except Exception as error:
            end = _run_error(error)
            result = _failed(job, end if isinstance(end, Exception) else error)
            logger.debug("%s: failed", job.label, exc_info=True)
        if result.status == "failed" and result.wall_seconds is None:
            result = replace(result, wall_seconds=time.monotonic() - start)
        emit(FileFinished(index, len(jobs), result))
        if end is not None:
            raise end
        yield result


def _progress(index: int, label: str, emit: Callable[[Event], None]) -> Progress:
    def on_progress(stage: Literal["survey", "restore"], seconds: float, total: float | None) -> None:
        emit(FileProgressed(index, label, stage, seconds, total))

    return on_progress


def _ignore(_event: Event) -> None:
    pass


def _settled(job: Job, options: RestoreOptions) -> FileResult | None:
    """The result of a job that needs no work; None for the others."""
    if job.error is not None:
        return _failed(job, job.error)
    if job.target is None or options.overwrite or not os.path.lexists(job.target):
        return None
    if job.explicit:
        problem = OutputExistsError("the output exists already", path=job.target, hint="use --overwrite to replace it")
        return _failed(job, problem)
    return _skipped(job)


def _make_folder(job: Job) -> None:
    """The folder of the output, before a model is loaded or a file is read for nothing."""
    if job.target is None:
        return
    folder = job.target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputExistsError("a file stands where the output's folder should be", path=folder) from error
    except OSError as error:
        raise OutputError(f"the folder cannot be made: {_words(error)}", path=folder) from error


def _work(
    job: Job,
    model: Model | None,
    options: RestoreOptions,
    stdin: BinaryIO | None,
    *,
    on_progress: Progress,
) -> FileResult:
    from hifisr_cli.restore import recording

    with ExitStack() as stack:
        source = job.source if job.source is not None else _spooled(stack, stdin)
        try:
            if model is None:
                return recording.plan_file(
                    source, job.target, options=options, label=job.label, on_progress=on_progress
                )
            return recording.restore_file(
                source, job.target, model=model, options=options, on_progress=on_progress, label=job.label
            )
        except HifisrError as error:
            if error.path == str(source):
                error.path = job.label  # the user does not know the temporary name of standard input
            raise


def _spooled(stack: ExitStack, stdin: BinaryIO | None) -> Path:
    """Standard input as a file: its length is not known, and some decoders have to seek."""
    from hifisr_cli.audio.spool import spool

    return stack.enter_context(spool(stdin if stdin is not None else sys.stdin.buffer))


def _run_error(error: Exception) -> RunError | None:
    """What ends the run, where `error` does."""
    if isinstance(error, RunError):
        return error
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return OutputError(_words(error), path=error.filename)
    return None


def _words(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def _skipped(job: Job) -> FileResult:
    warning = "the output exists already; use --overwrite to replace it"
    return FileResult(job.label, _shown(job.target), "skipped", warnings=(warning,))


def _failed(job: Job, error: Exception) -> FileResult:
    output = None if job.target is None and job.error is not None else _shown(job.target)
    return FileResult(job.label, output, "failed", error=error_info(error, job.label))


def _shown(target: Path | None) -> str:
    return "-" if target is None else str(target)


def error_info(error: Exception, label: str) -> ErrorInfo:
    """An exception as data. The path is left out of the message where it is the input's own (it is in the result)."""
    if isinstance(error, HifisrError):
        where = "" if error.path in (None, label) else f"{error.path}: "
        return ErrorInfo(error.code, where + error.message, error.hint)
    if isinstance(error, MemoryError):
        return ErrorInfo("memory", "not enough memory", "try a smaller --chunk-seconds or --batch-size")
    if isinstance(error, OSError):
        where = "" if error.filename in (None, label) else f"{os.fsdecode(error.filename)}: "
        return ErrorInfo(UnreadableError.code, where + _words(error))
    name = type(error).__name__
    hint = "this is a bug: please report it with what --verbose prints"
    return ErrorInfo(UNEXPECTED, f"unexpected error: {name}: {error}", hint)
