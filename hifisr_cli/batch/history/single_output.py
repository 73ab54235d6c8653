"""A run that makes one file, or fills one stream: there is no folder of its own and no journal, but one record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from hifisr_cli.batch.history.record import (
    STREAM_NAME,
    Record,
    make_record,
    options_data,
    read_record,
    record_path,
)
from hifisr_cli.batch.plan.output_names import LONGEST_NAME, Job
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome, failed, skipped
from hifisr_cli.errors import (
    FileError,
    HifisrError,
    JournalError,
    OutputExistsError,
    RecordError,
    UnsupportedError,
    UsageError,
)
from hifisr_cli.results import FileResult
from hifisr_cli.system.files import relative_path
from hifisr_cli.system.staged_file import StagedFile, sweep

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Identity
    from hifisr_cli.restore.file import RestoreOptions

_ELSEWHERE = "name another place with --record, or say --no-record"


class NoRecord:
    """A run of which nothing is noted. To be used in a `with` statement, as what notes something.

    Attributes:
        keeps_hashes: whether it wants the hashes of inputs and outputs.
        lock_fd: what holds the lock of the output folder; None, because no folder is locked.
    """

    keeps_hashes = False
    lock_fd: int | None = None

    def __init__(self, *, overwrite: bool) -> None:
        self._overwrite = overwrite

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def decide(self, index: int, job: Job) -> WorkItem | FileResult:
        """What is to be done for a job without an error: a work item, or the result where there is nothing to do."""
        if job.target is None or job.backup is not None or not os.path.lexists(job.target):
            return WorkItem(index, job)
        if self._overwrite:
            return WorkItem(index, job, "overwrite")
        return failed(job, _output_exists(job.target)) if job.explicit else skipped(job)

    def announce(self, items: Iterable[WorkItem]) -> None:
        """Nothing: an output without its record is no trap where nobody resumes."""

    def finish(self, job: Job, outcome: WorkOutcome) -> None:
        """Note what became of a job."""


def with_record(job: Job, asked: Path | Literal["beside"] | None, *, overwrite: bool) -> tuple[Job, Path | None]:
    """The job, failed where its record cannot be written or an older one would become untrue; and the record's place.

    That is where the user wants it, or beside the output. Standard output has nothing beside it.

    Raises:
        UsageError: it is the place of the output itself, or of its layer.
    """
    if not isinstance(asked, Path):
        place = None if asked is None or job.target is None else record_path(job.target)
    elif job.target is not None and _same_place(asked, job.target):
        raise UsageError("the record would take the place of the output", path=asked, hint="give it another name")
    elif job.layer is not None and _same_place(asked, job.layer):
        raise UsageError("the record would take the place of the layer", path=asked, hint="give it another name")
    else:
        place = asked
    if job.error is not None:
        return job, place
    if job.target is not None and os.path.lexists(job.target) and not overwrite:
        return replace(job, error=_output_exists(job.target)), place
    problem = None if place is None else _obstacle(job, place, overwrite=overwrite)
    if problem is None and job.target is not None:
        problem = _stale(job.target, place)
    return (job if problem is None else replace(job, error=problem)), place


def _obstacle(job: Job, place: Path, *, overwrite: bool) -> FileError | None:
    """Why a record may not be written there."""
    if len(os.fsencode(place.name)) > LONGEST_NAME:
        return UnsupportedError("the name of its record is too long", path=place, hint=_ELSEWHERE)
    if not os.path.lexists(place):
        return None
    if job.source is not None and _same_place(place, job.source):
        return OutputExistsError("is the input", path=place, hint="name another place with --record")
    made, hint = _read(place), _ELSEWHERE
    if made is None:
        what = "a folder has that name" if place.is_dir() else "is there already, and is no record of hifisr's"
    elif made.output is None or made.output.path != (STREAM_NAME if job.target is None else _name(job.target, place)):
        what = "is the record of another output"
    elif not overwrite:
        what, hint = "is the record of an earlier output", "--overwrite replaces it"
    else:
        return None
    return OutputExistsError(what, path=place, hint=hint)


def _stale(target: Path, place: Path | None) -> FileError | None:
    """A record that stays beside the output although it speaks of other bytes."""
    beside = record_path(target)
    if (place is not None and _same_place(place, beside)) or _read(beside) is None:
        return None
    return OutputExistsError(
        "the record of an earlier output would become untrue", path=beside, hint="move it away, or let it be replaced"
    )


class SingleRecord(NoRecord):
    """The record of the one job of a run; to be used in a `with` statement.

    It is written when the output is complete, and appears complete or not at all. There is none of a failure.

    Args:
        place: where it goes.
        job: from `with_record`.
        model: what the network is, if it runs.

    Entering raises:
        OutputError: the record's folder cannot be written to. (Where it is the output's, that says so itself.)
    """

    keeps_hashes = True

    def __init__(self, place: Path, job: Job, *, options: RestoreOptions, model: Identity) -> None:
        super().__init__(overwrite=options.overwrite)
        self._place, self._model = place, model
        self._options = options_data(options)
        self._beside = job.target is not None and _same_folder(place.parent, job.target.parent)
        self._layers = None if job.layer is None else job.layer.parent
        self._staged: StagedFile | None = None

    def __enter__(self) -> Self:
        for folder in (self._place.parent, self._layers):
            if folder is not None and folder.is_dir():
                sweep(folder, below=False)
        if not self._beside:  # before hours of work
            self._staged = StagedFile(self._place, overwrite=self._overwrite)
        return self

    def __exit__(self, *_: object) -> None:
        if self._staged is not None:
            self._staged.discard()

    def finish(self, job: Job, outcome: WorkOutcome) -> None:
        """Write the record of an output that is complete.

        Raises:
            RecordError: it cannot be written.
        """
        if outcome.end is not None or outcome.output is None:
            return
        name = partial(_name, place=self._place)
        record = make_record(job, outcome, name=name, options=self._options, model=self._model)
        text = record.to_text().encode("ascii")
        try:
            with self._staged or StagedFile(self._place, overwrite=self._overwrite) as file:
                file.write(text)
        except HifisrError as error:
            reason = error.message.removeprefix("cannot be written: ")
            raise RecordError(
                f"the record cannot be written: {reason}",
                path=self._place,
                hint="the output itself is complete" + ("" if error.hint is None else f"; {error.hint}"),
            ) from error


def _name(file: Path, place: Path) -> str:
    """A file as the record at `place` calls it: relative to the record's folder."""
    folder, parent = os.path.realpath(place.parent), os.path.realpath(file.parent)
    return relative_path(os.path.join(parent, file.name), folder)  # noqa: PTH118


def _same_place(one: Path, other: Path) -> bool:
    return one.name == other.name and _same_folder(one.parent, other.parent)


def _same_folder(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _read(path: Path) -> Record | None:
    """The record there, if it is one."""
    with contextlib.suppress(JournalError):
        return read_record(path)
    return None


def _output_exists(target: Path) -> OutputExistsError:
    return OutputExistsError("the output exists already", path=target, hint="use --overwrite to replace it")
