"""The one door into a run: a request goes in; results come out, one for each recording, whatever happens to it.

    with open_run(request) as run:
        for result in run.results(on_event):
            ...

What happens in between, such as progress within a recording, is told to `on_event` at that moment. One error ends the
whole run: a `RunError`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from hifisr_cli.batch.history.lock import LOCK_NAME
from hifisr_cli.batch.history.output_folder import OutputFolder
from hifisr_cli.batch.history.single_output import NoRecord, SingleRecord
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.plan.run_plan import RunPlan, plan_run
from hifisr_cli.batch.request import ModelRequest, RunRequest
from hifisr_cli.batch.workers.cluster import Cluster
from hifisr_cli.batch.workers.crew import Crew, News
from hifisr_cli.batch.workers.dask_client import connect
from hifisr_cli.batch.workers.messages import Hello, Progressed
from hifisr_cli.batch.workers.node import SharedFile
from hifisr_cli.batch.workers.perform import InProcess, TimeUp
from hifisr_cli.batch.workers.pool import Launched, Pool
from hifisr_cli.batch.workers.sharing import Sharing, add_to_groups, most_together, share
from hifisr_cli.batch.workers.work_item import Manner, WorkItem, WorkOutcome, failed
from hifisr_cli.errors import RunError, TimeLimitError
from hifisr_cli.results import Event, FileFinished, FileProgressed, FileResult, FileStarted

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Identity

logger = logging.getLogger("hifisr_cli")

_AHEAD = 8
"""Outputs that are announced at once for each worker: an announcement waits for the disk."""


def open_run(request: RunRequest) -> Run:
    """Plans a run: finds the recordings, names the outputs, looks at the model's header. Nothing is written yet.

    Raises:
        ModelError: there is no such model, or it is damaged.
        UsageError: what was asked for does not fit together.
        NoAudioError: there is not one recording.
        OutputError: the output cannot be looked at.
    """
    model, early = request.model, list[Launched]()
    if isinstance(model, ModelRequest):
        model, identity = model.identified()  # a model that is not there is noticed before any work
        if request.shard is not None and model.threads is None:
            # Their number may have a say in the last bit of an output: it is that of any machine, and of any shard.
            model = replace(model, threads=1)
        request = replace(request, model=model)
    else:
        identity = model.identity
    elsewhere = request.settings.jobs == 0 or request.settings.cluster is not None
    works_here = request.dry_run or elsewhere or not isinstance(model, ModelRequest)
    plan = plan_run(request, on_many=None if works_here else lambda: early.append(Launched()))
    if request.settings.cluster is not None:  # the longest first: what comes last then ends nearly everywhere at once
        plan = replace(plan, jobs=tuple(sorted(plan.jobs, key=lambda job: -job.size)))
    return Run(request, plan, identity, early)


class Run:
    """A run that is planned. Its `with` statement holds the output folder.

    Attributes:
        plan: its jobs, and where its journal or record is kept.
        limits: what the model cannot do, one line each.

    Entering raises:
        LockedError: another run is at work on the output folder.
        JournalError: its journal cannot be read.
        OutputError: the folder cannot be made or written to.
    """

    def __init__(self, request: RunRequest, plan: RunPlan, identity: Identity, early: list[Launched]) -> None:
        self.plan, self.limits = plan, identity.limits
        self._request, self._identity, self._early = request, identity, early
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self._history = self._open_history()
        self._held.enter_context(self._history)
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def results(self, on_event: Callable[[Event], None] = lambda _event: None) -> Iterator[FileResult]:
        """One result for each job, as soon as it is there: in order in this process, in any order with workers.

        Args:
            on_event: called in this thread with what happens; what it raises ends the run.

        Raises:
            RunError: nothing further can be done. The result of the recording that it struck has come before.
            BrokenPipeError: the reader of standard output is gone.
        """
        results = self._results(on_event)
        self._held.callback(results.close)  # whoever stops iterating stops the run
        return results

    def expected_seconds(self, planned: Sequence[FileResult]) -> float | None:
        """Wall seconds that a run like this dry one would take; see `ModelRequest.expected_seconds`."""
        model = self._request.model
        return model.expected_seconds(planned) if isinstance(model, ModelRequest) else None

    def _results(self, on_event: Callable[[Event], None]) -> Generator[FileResult]:
        limit = self._request.settings.time_limit
        self._deadline = None if limit is None else time.monotonic() + limit
        self._emit = on_event
        crew = self._hire()
        try:
            yield from self._through(crew)
        except TimeUp:
            raise self._time_is_up() from None
        finally:
            for item, outcome in crew.close():  # finished while the run was ending
                self._history.finish(item.job, outcome)

    def _open_history(self) -> NoRecord | OutputFolder:
        request, plan, model = self._request, self.plan, self._identity
        to_be_done = any(job.error is None and (plan.folder is None or job.target is not None) for job in plan.jobs)
        if (to_be_done or request.shard is not None) and not request.dry_run:
            if plan.folder is not None:
                return OutputFolder(
                    plan.folder,
                    options=request.options,
                    settings=request.settings,
                    model=model,
                    layers=plan.layers,
                    shard=request.shard,
                )
            if plan.record is not None:
                return SingleRecord(plan.record, plan.jobs[0], options=request.options, model=model)
        return NoRecord(overwrite=request.options.overwrite)

    def _hire(self) -> Crew:
        """Worker processes for the jobs, or this process."""
        request, settings, model = self._request, self._request.settings, self._request.model
        manner = Manner(self._history.keeps_hashes or settings.sidecars, settings.sidecars)
        if isinstance(model, ModelRequest) and not request.dry_run:
            verbose = logger.isEnabledFor(logging.DEBUG)
            if settings.cluster is not None:
                return Cluster(
                    partial(connect, settings.cluster),
                    Hello(model.elsewhere(), request.options, manner, verbose),
                    shared=self._shared(),
                    model=self._identity,
                    mixed=settings.mixed,
                )
            sharing = self._share(model)
            if sharing.jobs > 0:
                hello = Hello(replace(model, threads=sharing.threads), request.options, manner, verbose)
                return Pool(sharing, hello, lock_fd=self._history.lock_fd, early=self._early)
        return InProcess(
            model=None if request.dry_run else model,
            options=request.options,
            manner=manner,
            on_progress=self._progressed,
            deadline=self._deadline,
        )

    def _shared(self) -> list[SharedFile]:
        """What a node of a cluster has to see: the output folder, by the lock in it, and a recording."""
        job = next((job for job in self.plan.jobs if job.error is None), self.plan.jobs[0])
        folder = self.plan.folder
        place = folder / LOCK_NAME if folder is not None else None if job.target is None else job.target.parent
        files = (place, None), (job.source, job.size)
        return [SharedFile(path.absolute(), size) for path, size in files if path is not None]

    def _share(self, model: ModelRequest) -> Sharing:
        jobs = [job for job in self.plan.jobs if job.error is None]
        return share(
            len(jobs),
            sum(job.size for job in jobs),
            jobs=self._request.settings.jobs,
            threads=model.threads,
            device=model.device,
            streams=any(job.reads is None or job.writes is None for job in jobs),
            weights=model.weight_bytes,
        )

    def _through(self, crew: Crew) -> Iterator[FileResult]:
        """The results of all jobs."""
        count = len(self.plan.jobs)
        waiting: list[list[WorkItem]] = []
        for index, job in enumerate(self.plan.jobs):
            decided = failed(job, job.error) if job.error is not None else self._history.decide(index, job)
            if isinstance(decided, FileResult):
                yield self._settled(index, job, decided)
                continue
            add_to_groups(waiting, decided, jobs=count, crew=crew.size)
            first = waiting[0]
            complete = len(waiting) > 1 or len(first) == most_together(first[0], jobs=count, crew=crew.size)
            if (complete and crew.free) or sum(map(len, waiting)) >= _AHEAD * crew.size:
                yield from self._start(crew, waiting)
        yield from self._start(crew, waiting)
        while crew.busy:
            yield from self._wait(crew)

    def _settled(self, index: int, job: Job, result: FileResult) -> FileResult:
        self._emit(FileStarted(index, len(self.plan.jobs), job.label, None))
        if result.status == "failed" and job.source is not None:
            self._history.finish(job, WorkOutcome(result))
        self._emit(FileFinished(index, len(self.plan.jobs), result))
        return result

    def _start(self, crew: Crew, waiting: list[list[WorkItem]]) -> Iterator[FileResult]:
        """Start the groups that wait, as the crew becomes free."""
        if waiting:
            self._history.announce([item for group in waiting for item in group])
        for group in waiting:
            while not crew.free:
                yield from self._wait(crew)
            self._check_time()
            for item in group:
                self._emit(FileStarted(item.index, len(self.plan.jobs), item.job.label, None))
            yield from self._take(crew.start(group))
        waiting.clear()

    def _wait(self, crew: Crew) -> Iterator[FileResult]:
        left = None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)
        yield from self._take(crew.wait(left))
        self._check_time()

    def _take(self, news: Iterable[News]) -> Iterator[FileResult]:
        """Pass on the progress and record the outcomes that the crew reports."""
        for word in news:
            if isinstance(word, Progressed):
                self._progressed(word)
                continue
            item, outcome = word
            end: RunError | None = outcome.end
            try:
                self._history.finish(item.job, outcome)
            except RunError as error:
                end = end or error
            self._emit(FileFinished(item.index, len(self.plan.jobs), outcome.result))
            yield outcome.result
            if end is not None:
                raise end

    def _progressed(self, word: Progressed) -> None:
        label = self.plan.jobs[word.index].label
        self._emit(FileProgressed(word.index, label, word.stage, word.seconds, word.total))

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise self._time_is_up()

    def _time_is_up(self) -> TimeLimitError:
        overwrite = self._request.options.overwrite
        what = "--overwrite starts over" if overwrite else "the same command goes on from here"
        return TimeLimitError("the time limit is reached", hint=what)
