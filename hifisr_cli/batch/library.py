"""A batch as a library call: iterate over the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.errors import UsageError
from hifisr_cli.results import Event, FileResult

if TYPE_CHECKING:
    from hifisr_cli.batch.plan.output_names import Job
    from hifisr_cli.engines.hifisr.engine import Model
    from hifisr_cli.restore.file import RestoreOptions


def restore_folder(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    model: Model,
    options: RestoreOptions | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Iterator[FileResult]:
    """Restore every recording below `folder` into the same tree below `output`; yields each result when it is there.

    A recording that fails is a result with status "failed"; an output that exists already is "skipped", unless
    `options.overwrite` is set. Stop iterating to stop the run. The journal in the output folder knows what is done: the
    same call goes on where an earlier one ended. The work is done in this process.

    Args:
        model: from `load_model`.
        options: the defaults where None.
        on_event: called as the work goes on.

    Raises:
        NoAudioError, OutputError, UsageError: at once, before any work.
        RunError: while iterating, where nothing further can be done (disk full, out of memory on the device, another
            run on the same output folder).
    """
    from hifisr_cli.batch.start import plan_run
    from hifisr_cli.restore.file import RestoreOptions

    if (Path(output) / "bagit.txt").is_file():
        raise UsageError("is a BagIt bag, which `hifisr upsample` keeps valid", path=output, hint="name another folder")
    chosen = options if options is not None else RestoreOptions()
    plan = plan_run([folder], os.fspath(output), requested=chosen.format, to_file=False)
    return _results(plan.jobs, Path(output), model, chosen, on_event)


def _results(
    jobs: Sequence[Job], output: Path, model: Model, options: RestoreOptions, on_event: Callable[[Event], None] | None
) -> Iterator[FileResult]:
    from hifisr_cli.batch.history.output_folder import Session
    from hifisr_cli.batch.history.record import ModelUsed
    from hifisr_cli.batch.run import iterate
    from hifisr_cli.batch.workers.sharing import RunSettings

    used = ModelUsed(model.name, model.parameter_hash, model.precision)
    with Session(output, options=options, settings=RunSettings(), model=used) as session:
        yield from iterate(jobs, load=lambda: model, options=options, on_event=on_event, session=session)
