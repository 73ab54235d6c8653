"""Recordings of a run: restored, hashed, their sidecars written. The same in this process and in a worker."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from hifisr_cli.batch.history.sidecar import write_sidecar
from hifisr_cli.batch.plan.backup import Backup
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.workers.stdin import take_stdin
from hifisr_cli.errors import HifisrError, OutputError, OutputExistsError, RunError, UnreadableError, reason_of
from hifisr_cli.results import ErrorInfo, FileResult
from hifisr_cli.system.hashing import Tally, file_sha256
from hifisr_cli.system.staged_file import output_error, refused_name

if TYPE_CHECKING:
    from hifisr_cli.engines.hifisr.engine import Model
    from hifisr_cli.restore.file import Progress, RestoreOptions
    from hifisr_cli.restore.scheduler import Steps

logger = logging.getLogger(__name__)

UNEXPECTED = "unexpected"
"""The code of an error that nobody foresaw: a bug. The other codes are those of the classes in `errors`."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})

Mode = Literal["new", "replace", "same", "overwrite"]


@dataclass(frozen=True, slots=True)
class Task:
    """A job that is to be done.

    Attributes:
        index: of the job in the run.
        mode: what may happen to an output that is there already: "new" nothing; "replace" it is replaced if it has
            the SHA-256 `expected`; "same" it is adopted if it is what would be written; "overwrite" it is replaced.
        stray: it may be the work of a run that died before it could record it; "replace" then turns into "same" where
            the output has another SHA-256.
    """

    index: int
    job: Job
    mode: Mode = "new"
    expected: str | None = None
    stray: bool = False


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A file's size and mtime, and the SHA-256 of its bytes where it could be read."""

    size: int
    mtime_ns: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    Attributes:
        input, output: fingerprints for the record, None where there is none.
        end: what ends the run.
    """

    result: FileResult
    input: Fingerprint | None = None
    output: Fingerprint | None = None
    end: RunError | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """What `perform` does besides restoring.

    Attributes:
        hashes: for the record.
        sidecars: see `RunSettings`.
    """

    hashes: bool = False
    sidecars: bool = False


def perform(
    tasks: Sequence[Task],
    *,
    model: Model | None,
    options: RestoreOptions,
    manner: Manner,
    progress_of: Callable[[Task], Progress],
    stdin: BinaryIO | None = None,
    pool: Executor | None = None,
) -> Iterator[tuple[Task, Outcome | BrokenPipeError]]:
    """Do tasks together; the outcome of each as soon as it is there. Only what ends the process (Ctrl-C) is raised.

    Args:
        model: None looks at the recordings and writes nothing.
        progress_of: what hears of the progress of a task.
        stdin: where a task without a source is read from.
        pool: see `together.drive`.
    """
    from hifisr_cli.restore.scheduler import drive

    works = [_performing(task, model, options, manner, on_progress=progress_of(task), stdin=stdin) for task in tasks]
    for index, outcome in drive(works, model, options.batch_size, pool=pool):
        if isinstance(outcome, Exception) and not isinstance(outcome, BrokenPipeError):
            raise outcome
        yield tasks[index], outcome


def _performing(
    task: Task,
    model: Model | None,
    options: RestoreOptions,
    manner: Manner,
    *,
    on_progress: Progress,
    stdin: BinaryIO | None,
) -> Steps[Outcome]:
    """A task, step by step. Of what is an Exception it raises none but that of a closed pipe."""
    job, start = task.job, time.monotonic()
    try:
        with ExitStack() as stack:
            source = job.source
            if source is None:
                received, written = (Tally(), Tally()) if manner.hashes else (None, None)
                taken = take_stdin(
                    stdin, stack, label=job.label, to_stdout=job.target is None, model=model, options=options,
                    on_progress=on_progress, received=received, written=written,
                )  # fmt: skip
                if isinstance(taken, FileResult):
                    return Outcome(taken, _passed(received), _passed(written))
                source = taken
            try:
                return (yield from _restoring(task, source, model, options, manner, on_progress=on_progress))
            except HifisrError as error:
                if error.path == str(source):
                    error.path = job.label  # the user does not know the temporary name of standard input
                raise
    except BrokenPipeError:
        raise
    except OutputExistsError as error:  # where it appeared after the run looked, it is skipped like the others
        appeared = not job.explicit and job.target is not None and job.target.is_file() and job.backup is None
        result, end = (skipped(job) if appeared else failed(job, error)), None
    except Exception as error:
        end = _run_error(error)
        result = failed(job, end if end is not None else error)
        logger.debug("%s: failed", job.label, exc_info=True)
    if result.status == "failed":
        result = replace(result, wall_seconds=time.monotonic() - start)
    return Outcome(result, end=end)


def _restoring(
    task: Task, source: Path, model: Model | None, options: RestoreOptions, manner: Manner, *, on_progress: Progress
) -> Steps[Outcome]:
    from hifisr_cli.restore import file as recording

    job = task.job
    if model is None:
        return Outcome(
            recording.plan_file(source, job.target, options=options, label=job.label, on_progress=on_progress)
        )
    _make_folder(job)
    mode = task.mode
    if mode == "replace" and not _ours(task):
        if not task.stray:
            return Outcome(skipped(job, "the output was changed after it was made; --overwrite replaces it"))
        mode = "same"
    overwrite: bool | Literal["same"] = "same" if mode == "same" else mode != "new"
    with ExitStack() as stack:
        backup = None
        if job.backup is not None:
            backup = stack.enter_context(Backup(source, job.backup, mode))
            source, overwrite = backup.source, backup.overwrite
        before = fingerprint(source, hashed=False) if manner.hashes else None
        tally = Tally() if job.target is None and before is not None else None
        chosen = replace(options, overwrite=overwrite)
        result = yield from recording.restoring(
            source, job.target, model=model, options=chosen, on_progress=on_progress, label=job.label, tally=tally
        )
        if backup is not None:
            backup.keep()
    if before is None:
        return Outcome(result)
    before, result = _identified(source, before, result)
    if job.target is None:
        return Outcome(result, before, _passed(tally))
    return _finished(job.target, before, result, manner)


def _identified(source: Path, before: Fingerprint, result: FileResult) -> tuple[Fingerprint, FileResult]:
    """The input with its hash; without it, and with a warning, where it is not any more what was read."""
    with contextlib.suppress(OSError):
        read = fingerprint(source, hashed=True)
        if (read.size, read.mtime_ns) == (before.size, before.mtime_ns):
            return read, result
    note = "the recording was changed while it was read; restore it again"  # a run that resumes does
    return before, replace(result, warnings=(*result.warnings, note))


def _passed(tally: Tally | None) -> Fingerprint | None:
    """Of what went through a pipe."""
    return None if tally is None else Fingerprint(tally.size, 0, tally.sha256)


def _finished(target: Path, before: Fingerprint, result: FileResult, manner: Manner) -> Outcome:
    """The output is in its place: its hash, its sidecar."""
    try:
        after = fingerprint(target, hashed=True)
    except OSError as error:
        raise output_error(error, target) from error
    if manner.sidecars and after.sha256 is not None and (note := write_sidecar(target, after.sha256)) is not None:
        result = replace(result, warnings=(*result.warnings, note))
    return Outcome(result, before, after)


def fingerprint(path: Path, *, hashed: bool) -> Fingerprint:
    """Of the file at `path`."""
    status = path.stat()
    return Fingerprint(status.st_size, status.st_mtime_ns, file_sha256(path) if hashed else None)


def _ours(task: Task) -> bool:
    """Whether the output that is there still is the one that the journal speaks of."""
    target = task.job.target
    try:
        return target is None or file_sha256(target) == task.expected
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _make_folder(job: Job) -> None:
    """The folder of the output, before a file is read for nothing."""
    if job.target is None:
        return
    folder = job.target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputExistsError("a file stands where the output's folder should be", path=folder) from error
    except OSError as error:
        problem = OutputError(f"the folder cannot be made: {reason_of(error)}", path=folder)
        raise refused_name(error, folder) or problem from error


def _run_error(error: Exception) -> RunError | None:
    """What ends the run, where `error` does."""
    if isinstance(error, RunError):
        return error
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return OutputError(reason_of(error), path=error.filename)
    return None


def skipped(job: Job, note: str = "the output exists already; use --overwrite to replace it") -> FileResult:
    """The result of a job whose output is there."""
    return FileResult(job.label, _shown(job.target), "skipped", warnings=(note,))


def failed(job: Job, error: Exception) -> FileResult:
    """The result of a job that cannot be done."""
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
        return ErrorInfo(UnreadableError.code, where + reason_of(error))
    name = type(error).__name__
    hint = "this is a bug: please report it with what --verbose prints"
    return ErrorInfo(UNEXPECTED, f"unexpected error: {name}: {error}", hint)
