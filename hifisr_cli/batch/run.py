"""Work through the jobs: one result each, whatever happens to it, and one error where the whole run has to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from hifisr_cli.batch.history.output_folder import Session
from hifisr_cli.batch.history.single_output import SingleRecord, decide_alone
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.workers.in_process import Here, TimeUp
from hifisr_cli.batch.workers.messages import Hello, Progressed
from hifisr_cli.batch.workers.pool import Pool
from hifisr_cli.batch.workers.process import Reserve
from hifisr_cli.batch.workers.sharing import ModelRequest, RunSettings, Sharing
from hifisr_cli.batch.workers.work_item import UNEXPECTED, Manner, Outcome, Task, failed
from hifisr_cli.errors import RunError, TimeLimitError
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileResult, FileStarted, RunSummary

if TYPE_CHECKING:
    from hifisr_cli.engines.hifisr.engine import Model
    from hifisr_cli.restore.file import RestoreOptions

__all__ = ["UNEXPECTED", "Workers", "iterate", "run"]

_AHEAD = 8
"""Outputs that are announced at once for each worker: an announcement waits for the disk."""

_TOGETHER = 8
_SHORT_BYTES = 256 << 10
"""Recordings that are done together, and how large each of them may be: a few seconds, or half a minute of MP3."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Worker processes for a run: how many, how each of them gets its model, and one that may be there already."""

    sharing: Sharing
    request: ModelRequest
    verbose: bool = False
    reserve: Reserve | None = None


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
    settings: RunSettings | None = None,
    session: Session | SingleRecord | None = None,
    workers: Workers | None = None,
) -> Iterator[FileResult]:
    """One result for each job, as soon as it is there: in order in this process, in any order with workers.

    Args:
        jobs: from `plan_outputs`.
        load: gives the model; called once, before the first file that needs it. Not used with workers.
        options: for every file.
        dry_run: look at the files and write nothing; the model is not loaded.
        on_event: called in this thread with what happens; what it raises ends the run.
        stdin: where a job without a source is read from; this process's standard input if None.
        settings: what concerns the run as a whole.
        session: the output folder, or the record of a single output, entered; without it nothing is recorded.
        workers: None works in this process.

    Raises:
        RunError: nothing further can be done. The file that it struck has its (failed) FileFinished event before.
        BrokenPipeError: the reader of standard output is gone.
    """
    work = _Work(jobs, options, settings or RunSettings(), session, on_event if on_event is not None else _ignore)
    work.dry_run = dry_run
    manner = Manner(session is not None or work.settings.sidecars, work.settings.sidecars)
    crew: Here | Pool
    if workers is not None and workers.sharing.jobs > 0 and not dry_run:
        hello = Hello(workers.request, options, manner, workers.verbose)
        lock_fd = None if session is None else session.lock_fd
        crew = Pool(workers.sharing, hello, lock_fd=lock_fd, reserve=workers.reserve)
        crews = workers.sharing.jobs
    else:
        crews = 1
        crew = Here(
            load=None if dry_run else load,
            options=options,
            manner=manner,
            on_progress=work.progressed,
            deadline=work.deadline,
            stdin=stdin,
        )
    try:
        yield from work.through(crew, crews)
    except TimeUp:
        raise work.time_is_up() from None
    finally:
        for task, outcome in crew.close():  # finished while the run was ending
            if session is not None:
                session.finish(task.job, outcome)


class _Work:
    """One pass over the jobs."""

    def __init__(
        self,
        jobs: Sequence[Job],
        options: RestoreOptions,
        settings: RunSettings,
        session: Session | SingleRecord | None,
        emit: Callable[[Event], None],
    ) -> None:
        self.settings = settings
        self.dry_run = False
        limit = settings.time_limit
        self.deadline = None if limit is None else time.monotonic() + limit
        self._jobs, self._options, self._session, self._emit = jobs, options, session, emit

    def through(self, crew: Here | Pool, workers: int) -> Iterator[FileResult]:
        """The results of all jobs, by a crew of so many."""
        waiting: list[Task] = []
        for index, job in enumerate(self._jobs):
            decided = self._decide(index, job)
            if isinstance(decided, FileResult):
                yield self._settled(index, job, decided)
                continue
            waiting.append(decided)
            group = next(self._groups(waiting, workers))
            complete = len(group) < len(waiting) or len(group) == self._most(group, workers)
            if (complete and crew.free) or len(waiting) >= _AHEAD * workers:
                yield from self._start(crew, waiting, workers)
        yield from self._start(crew, waiting, workers)
        while crew.busy:
            yield from self._heard(crew)

    def progressed(self, word: Progressed) -> None:
        """Pass on how far a task has come."""
        label = self._jobs[word.index].label
        self._emit(FileProgressed(word.index, label, word.stage, word.seconds, word.total))

    def time_is_up(self) -> TimeLimitError:
        """The error that ends the run at its time limit."""
        return TimeLimitError("the time limit is reached", hint="the same command goes on from here")

    def _decide(self, index: int, job: Job) -> Task | FileResult:
        """What is to be done for a job; the result where there is nothing to do."""
        if job.error is not None:
            return failed(job, job.error)
        if self._session is not None:
            return self._session.decide(index, job)
        return decide_alone(index, job, overwrite=bool(self._options.overwrite))

    def _settled(self, index: int, job: Job, result: FileResult) -> FileResult:
        self._emit(FileStarted(index, len(self._jobs), job.label, None))
        if self._session is not None and result.status == "failed" and job.source is not None:
            self._session.finish(job, Outcome(result))
        self._emit(FileFinished(index, len(self._jobs), result))
        return result

    def _groups(self, waiting: Sequence[Task], workers: int) -> Iterator[list[Task]]:
        """The tasks that wait, in groups that are done together: neighbours that are short."""
        group: list[Task] = []
        for task in waiting:
            if group and (len(group) >= self._most(group, workers) or not _short(task)):
                yield group
                group = []
            group.append(task)
        if group:
            yield group

    def _most(self, group: Sequence[Task], workers: int) -> int:
        """How many may be in a group, so that at the end of the run all workers have something to do."""
        left = len(self._jobs) - group[0].index
        return max(1, min(_TOGETHER, left // (2 * workers))) if _short(group[0]) else 1

    def _start(self, crew: Here | Pool, waiting: list[Task], workers: int) -> Iterator[FileResult]:
        """Start the tasks that wait, as workers become free."""
        if self._session is not None and waiting:
            self._session.announce(waiting)
        for group in self._groups(waiting, workers):
            while not crew.free:
                yield from self._heard(crew)
            self._check_time()
            for task in group:
                self._emit(FileStarted(task.index, len(self._jobs), task.job.label, None))
            crew.start(group)
            if isinstance(crew, Here):
                yield from self._heard(crew)
        waiting.clear()

    def _heard(self, crew: Here | Pool) -> Iterator[FileResult]:
        """What the crew has to say."""
        left = None if self.deadline is None else max(self.deadline - time.monotonic(), 0.0)
        for word in crew.wait(left):
            if isinstance(word, Progressed):
                self.progressed(word)
                continue
            task, outcome = word
            end: RunError | None = outcome.end
            if self._session is not None:
                try:
                    self._session.finish(task.job, outcome)
                except RunError as error:
                    end = end or error
            self._emit(FileFinished(task.index, len(self._jobs), outcome.result))
            if end is not None:
                raise end
            yield outcome.result
        if not isinstance(crew, Here):
            self._check_time()

    def _check_time(self) -> None:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise self.time_is_up()


def _short(task: Task) -> bool:
    job = task.job
    return job.source is not None and job.target is not None and job.size <= _SHORT_BYTES


def _ignore(_event: Event) -> None:
    pass
