"""The output folder of a run: locked, swept of temporary files, its journal read and written.

A shard of a run holds and writes its own part, and reads all. A run without shards makes one journal of all parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from hifisr_cli.batch.history.journal import Journal, journal_shards, journal_size, mend_journal
from hifisr_cli.batch.history.lock import FolderLock
from hifisr_cli.batch.history.merge import merge_parts
from hifisr_cli.batch.history.record import ModelUsed, make_record, options_data
from hifisr_cli.batch.history.sidecar import sidecar_path, write_sidecar
from hifisr_cli.batch.history.what_is_done import Ledger, Made
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.batch.request import RunSettings
from hifisr_cli.batch.workers.work_item import WorkItem, WorkOutcome, skipped
from hifisr_cli.results import FileResult
from hifisr_cli.system.staged_file import output_error, sweep

if TYPE_CHECKING:
    from hifisr_cli.engines.protocol import Identity
    from hifisr_cli.restore.file import RestoreOptions

DONE_BEFORE = "done before"


class OutputFolder:
    """The output folder `folder`, held by this run; to be used in a `with` statement.

    Args:
        model: what the network is, if it runs.
        layers: the folder of the added layers.
        shard: the run is one of several that share the folder.

    Attributes:
        lock_fd: for worker processes to hold, too; None before it is entered.

    Entering raises:
        LockedError: another run is at work on the folder.
        JournalError: its journal cannot be read.
        OutputError: the folder cannot be made or written to.
    """

    keeps_hashes = True

    def __init__(
        self,
        folder: Path,
        *,
        options: RestoreOptions,
        settings: RunSettings,
        model: Identity,
        layers: Path | None = None,
        shard: Shard | None = None,
    ) -> None:
        self.folder, self._settings, self._model, self._layers = folder, settings, model, layers
        self._shard = shard
        self._overwrite, self._keep_mtime = options.overwrite, options.keep_mtime
        self._options = options_data(options)
        self._lock: FolderLock | None = None
        self._journal: Journal | None = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(error, self.folder) from error
        self._lock = FolderLock(self.folder, self._shard)
        try:
            sweep(self.folder)
            if self._layers is not None:
                sweep(self._layers)
            for part in [self._shard] if self._shard else [None, *journal_shards(self.folder)]:
                mend_journal(self.folder, part)
            self._ledger = Ledger(
                self.folder,
                options=self._options,
                model=ModelUsed.of(self._model),
                by_content=self._settings.checksum,
                announced=self._lock.announced,
            )
            self._lock.announced = self._ledger.strays
            if self._shard is None:
                merge_parts(self.folder, self._lock)
            else:  # that it has begun is seen from there on
                self._journal = Journal(self.folder, self._shard)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._journal is not None:
            self._journal.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def lock_fd(self) -> int | None:
        return None if self._lock is None else self._lock.fd

    def decide(self, index: int, job: Job) -> WorkItem | FileResult:
        """What is to be done for a job without an error: a work item, or the result where there is nothing to do.

        Raises:
            OutputError: the sidecar of an output that was done before cannot be written.
        """
        if job.source is None or job.target is None:
            return WorkItem(index, job)
        stray = not self._ledger.stray_names.isdisjoint(self._names(job))
        layer = self._ledger.layer_sha256(job)
        if self._overwrite and job.backup is None:
            mode: Literal["new", "overwrite"] = "overwrite" if os.path.lexists(job.target) else "new"
            return WorkItem(index, job, mode, expected_layer=layer, stray=stray)
        standing = self._ledger.judge(job)
        made = standing.made
        trusted = not stray or (job.backup is not None and job.layer is None)
        done = standing.kind == "done" and not self._overwrite and trusted
        if done and made is not None:
            self._complete(job, made)
            return skipped(job, DONE_BEFORE)
        if job.backup is None and not os.path.lexists(job.target):
            return WorkItem(index, job, expected_layer=layer, stray=stray)
        if standing.kind != "unknown":
            expected = None if made is None else made.output_sha256
            return WorkItem(index, job, "replace", expected, layer, stray)
        new = WorkItem(index, job, expected_layer=layer, stray=stray)
        return new if stray or job.backup is not None else skipped(job)

    def announce(self, items: Iterable[WorkItem]) -> None:
        """Write down which outputs are about to be made.

        Raises:
            OutputError: it cannot be written down.
        """
        assert self._lock is not None
        self._lock.announce(
            [name for item in items for name in self._names(item.job)], journal_size(self.folder, self._shard)
        )

    def finish(self, job: Job, outcome: WorkOutcome) -> None:
        """Record what became of a job.

        Raises:
            OutputError: the journal cannot be written to.
        """
        if outcome.end is not None:
            return
        if outcome.result.status != "skipped":
            if self._journal is None:
                self._journal = Journal(self.folder)
            self._journal.append(
                make_record(job, outcome, name=self._ledger.name, options=self._options, model=self._model)
            )
        if self._lock is not None:
            for name in self._names(job):
                self._lock.settle(name)

    def _names(self, job: Job) -> list[str]:
        """The files that a job makes, as the journal calls them."""
        return [self._ledger.name(path) for path in (job.target, job.layer) if path is not None]

    def _complete(self, job: Job, made: Made) -> None:
        """The sidecars and the mtime that an earlier run was not asked for."""
        assert job.target is not None
        if self._keep_mtime and job.backup is None and job.target.stat().st_mtime_ns != made.mtime_ns:
            os.utime(job.target, ns=(made.mtime_ns, made.mtime_ns))
        for path, sha256 in ((job.target, made.output_sha256), (job.layer, self._ledger.layer_sha256(job))):
            if self._settings.sidecars and path is not None and not os.path.lexists(sidecar_path(path)):
                write_sidecar(path, sha256 or "")
