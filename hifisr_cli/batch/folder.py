"""A batch as a library call: iterate over the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.results import Event, FileResult

if TYPE_CHECKING:
    from hifisr_cli.restore.model import Model
    from hifisr_cli.restore.recording import RestoreOptions


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
    `options.overwrite` is set. Stop iterating to stop the run.

    Args:
        model: from `load_model`.
        options: the defaults where None.
        on_event: called as the work goes on.

    Raises:
        NoAudioError, OutputError, UsageError: at once, before any work.
        RunError: while iterating, where nothing further can be done (disk full, out of memory on the device).
    """
    from hifisr_cli.batch.discover import discover
    from hifisr_cli.batch.plan import plan_outputs
    from hifisr_cli.batch.runner import iterate
    from hifisr_cli.restore.recording import RestoreOptions

    chosen = options if options is not None else RestoreOptions()
    found = discover([folder], exclude=Path(output))
    jobs = plan_outputs(found, os.fspath(output), requested=chosen.format, to_file=False)
    return iterate(jobs, load=lambda: model, options=chosen, on_event=on_event)
