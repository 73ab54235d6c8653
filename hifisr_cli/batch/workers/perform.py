"""Do work items: restored, hashed, their sidecars written. The same in this process (`InProcess`) and in a worker."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hifisr_cli.batch.history.sidecar import write_sidecar
from hifisr_cli.batch.plan.backup import Backup
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.request import ModelRequest
from hifisr_cli.batch.workers.messages import Progressed
from hifisr_cli.batch.workers.stdin import take_stdin
from hifisr_cli.batch.workers.work_item import Fingerprint, Manner, WorkItem, WorkOutcome, failed, skipped
from hifisr_cli.engines.numerics import numerics
from hifisr_cli.errors import HifisrError, OutputError, OutputExistsError, RunError, reason_of
from hifisr_cli.results import FileResult
from hifisr_cli.system.hashing import Tally, file_sha256
from hifisr_cli.system.staged_file import FileTarget, Overwrite, output_error, refused_name

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.file import Progress, RestoreOptions
    from hifisr_cli.restore.scheduler import Steps

logger = logging.getLogger(__name__)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class TimeUp(BaseException):
    """The time limit came within a recording. Not an Exception: it is not the recording's failure."""


class InProcess:
    """A crew of one, which does what it is given at once.

    Args:
        model: loaded when there is work, if it is not yet; None for a dry run.
        on_progress: called with the progress of the item that is being done.
        deadline: on the monotonic clock; `start` raises `TimeUp` from there on.
    """

    size = 1
    free = True
    busy = False

    def __init__(
        self,
        *,
        model: ModelRequest | Engine | None,
        options: RestoreOptions,
        manner: Manner,
        on_progress: Callable[[Progressed], None],
        deadline: float | None,
    ) -> None:
        self._model, self._options, self._manner = model, options, manner
        self._on_progress, self._deadline = on_progress, deadline
        self._work: Generator[tuple[WorkItem, WorkOutcome]] | None = None

    def start(self, items: Sequence[WorkItem]) -> Iterator[tuple[WorkItem, WorkOutcome]]:
        """Do the items; gives the outcome of each when it is there."""
        if isinstance(self._model, ModelRequest):  # one that does not load is not this file's failure
            started = time.monotonic()
            self._model = self._model.load()
            seconds, known = time.monotonic() - started, self._model.identity
            about = known.name, self._model.device, known.precision, seconds
            logger.info("model %s on %s, %s, loaded in %.1f s", *about)
        self._work = self._outcomes(items, self._model)
        return self._work

    def wait(self, timeout: float | None) -> tuple[()]:  # noqa: ARG002  as other crews
        """Nothing: `start` gives all outcomes."""
        return ()

    def close(self) -> list[tuple[WorkItem, WorkOutcome]]:
        """End what is being worked on. Every outcome has been taken by then."""
        if self._work is not None:
            self._work.close()
        return []

    def _outcomes(self, items: Sequence[WorkItem], model: Engine | None) -> Generator[tuple[WorkItem, WorkOutcome]]:
        for item, outcome in perform(
            items, model=model, options=self._options, manner=self._manner, progress_of=self._progress_of
        ):
            if isinstance(outcome, BrokenPipeError):
                raise outcome
            yield item, outcome

    def _progress_of(self, item: WorkItem) -> Progress:
        def on_progress(stage: Literal["survey", "restore"], seconds: float, total: float | None) -> None:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                raise TimeUp
            self._on_progress(Progressed(item.index, stage, seconds, total))

        return on_progress


def perform(
    items: Sequence[WorkItem],
    *,
    model: Engine | None,
    options: RestoreOptions,
    manner: Manner,
    progress_of: Callable[[WorkItem], Progress],
    pool: Executor | None = None,
) -> Iterator[tuple[WorkItem, WorkOutcome | BrokenPipeError]]:
    """Do items together; the outcome of each as soon as it is there. Only what ends the process (Ctrl-C) is raised.

    Args:
        model: None looks at the recordings and writes nothing.
        progress_of: gives what is called with the progress of an item.
        pool: see `restore.scheduler.drive`.
    """
    from hifisr_cli.restore.scheduler import drive

    works = [_performing(item, model, options, manner, on_progress=progress_of(item)) for item in items]
    for index, outcome in drive(works, model, options.batch_size, pool=pool):
        if isinstance(outcome, Exception) and not isinstance(outcome, BrokenPipeError):
            raise outcome
        yield items[index], outcome


def _performing(
    item: WorkItem, model: Engine | None, options: RestoreOptions, manner: Manner, *, on_progress: Progress
) -> Steps[WorkOutcome]:
    """An item, step by step. Of what is an Exception it raises none but that of a closed pipe."""
    job, start = item.job, time.monotonic()
    try:
        with ExitStack() as stack:
            source = job.source
            if source is None:
                received, written = (Tally(), Tally()) if manner.hashes else (None, None)
                taken = take_stdin(
                    stack, label=job.label, to_stdout=job.target is None, model=model, options=options,
                    on_progress=on_progress, received=received, written=written,
                    layer=None if job.layer is None else FileTarget(job.layer, options.overwrite),
                )  # fmt: skip
                if isinstance(taken, FileResult):
                    layer = _fingerprint(job.layer, hashed=True) if job.layer is not None and manner.hashes else None
                    computed = None if model is None else numerics(model)
                    return WorkOutcome(taken, _passed(received), _passed(written), layer, computed=computed)
                source = taken
            try:
                return (yield from _restoring(item, source, model, options, manner, on_progress=on_progress))
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
    return WorkOutcome(result, end=end)


def _restoring(
    item: WorkItem,
    source: Path,
    model: Engine | None,
    options: RestoreOptions,
    manner: Manner,
    *,
    on_progress: Progress,
) -> Steps[WorkOutcome]:
    from hifisr_cli.restore import file as recording

    job = item.job
    if model is None:
        return WorkOutcome(
            recording.plan_file(source, job.target, options=options, label=job.label, on_progress=on_progress)
        )
    _make_folders(job)
    overwrite = _may_overwrite(item)
    if overwrite is None:
        return WorkOutcome(skipped(job, "the output was changed after it was made; --overwrite replaces it"))
    layer = None
    if job.layer is not None:
        replaced = _may_replace_layer(item, job.layer, options)
        if replaced is None:
            return WorkOutcome(skipped(job, f"its layer is another file already: {job.layer}; --overwrite replaces it"))
        layer = FileTarget(job.layer, replaced)
    with ExitStack() as stack:
        backup = None
        if job.backup is not None:
            backup = stack.enter_context(Backup(source, job.backup, resumed=item.stray or item.mode == "replace"))
            source, overwrite = backup.source, overwrite if backup.replaced else True
        before = _fingerprint(source, hashed=False) if manner.hashes else None
        tally = Tally() if job.target is None and before is not None else None
        result = yield from recording.restoring(
            source,
            job.target,
            model=model,
            options=options,
            overwrite=overwrite,
            layer=layer,
            on_progress=on_progress,
            label=job.label,
            tally=tally,
        )
        if backup is not None:
            backup.keep()
    if before is None:
        return WorkOutcome(result)
    before, result = _identified(source, before, result)
    after, made_layer = _passed(tally), None
    if job.target is not None:
        after, result = _finished(job.target, result, manner)
    if job.layer is not None:
        made_layer, result = _finished(job.layer, result, manner)
    return WorkOutcome(result, before, after, made_layer, computed=numerics(model))


def _may_overwrite(item: WorkItem) -> Overwrite | None:
    """What may happen to an output that is there already; None where it stays and there is nothing to do."""
    if item.mode == "overwrite" or (item.mode == "replace" and _is_ours(item.job.target, item.expected)):
        return True
    if item.stray:
        return "same"
    return None if item.mode == "replace" else False


def _may_replace_layer(item: WorkItem, layer: Path, options: RestoreOptions) -> Overwrite | None:
    """The same of the file of the layer."""
    there = os.path.lexists(layer)
    if options.overwrite or (there and _is_ours(layer, item.expected_layer)):
        return True
    if item.stray:
        return "same"
    return None if there else False


def _is_ours(path: Path | None, expected: str | None) -> bool:
    """Whether the file that is there still is the one that the journal speaks of."""
    try:
        return path is None or file_sha256(path) == expected
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _fingerprint(path: Path, *, hashed: bool) -> Fingerprint:
    """The fingerprint of the file at `path`."""
    status = path.stat()
    return Fingerprint(status.st_size, status.st_mtime_ns, file_sha256(path) if hashed else None)


def _identified(source: Path, before: Fingerprint, result: FileResult) -> tuple[Fingerprint, FileResult]:
    """The input with its hash; without it, and with a warning, where it is not any more what was read."""
    with contextlib.suppress(OSError):
        read = _fingerprint(source, hashed=True)
        if (read.size, read.mtime_ns) == (before.size, before.mtime_ns):
            return read, result
    note = "the recording was changed while it was read; restore it again"  # a run that resumes does
    return before, replace(result, warnings=(*result.warnings, note))


def _passed(tally: Tally | None) -> Fingerprint | None:
    """The fingerprint of what went through a pipe."""
    return None if tally is None else Fingerprint(tally.size, 0, tally.sha256)


def _finished(path: Path, result: FileResult, manner: Manner) -> tuple[Fingerprint, FileResult]:
    """A file is in its place: its hash, its sidecar."""
    try:
        made = _fingerprint(path, hashed=True)
    except OSError as error:
        raise output_error(error, path) from error
    if manner.sidecars and made.sha256 is not None and (note := write_sidecar(path, made.sha256)) is not None:
        result = replace(result, warnings=(*result.warnings, note))
    return made, result


def _make_folders(job: Job) -> None:
    """The folders of output and layer, before a file is read for nothing."""
    for path in (job.target, job.layer):
        if path is None:
            continue
        folder = path.parent
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
