"""A folder as a library call: iterate over the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.errors import UsageError
from hifisr_cli.results import Event, FileResult

if TYPE_CHECKING:
    from hifisr_cli.batch.run import Run
    from hifisr_cli.engines.protocol import Engine
    from hifisr_cli.restore.file import RestoreOptions


def restore_folder(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    model: Engine,
    options: RestoreOptions | None = None,
    layers: str | os.PathLike[str] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Iterator[FileResult]:
    """Restore every recording below `folder` into the same tree below `output`; yields each result when it is there.

    A recording that fails is a result with status "failed". The journal in the output folder knows what is done: the
    same call goes on where an earlier one ended, and what is done, or an output that is somebody else's, is "skipped";
    with `options.overwrite` everything is done again. Stop iterating to stop the run. The work is done in this process.

    Args:
        model: from `load_model`.
        options: the defaults where None.
        layers: a folder for the added layers, which then stand there in the same tree.
        on_event: called as the work goes on.

    Raises:
        NoAudioError, OutputError, UsageError: at once, before any work.
        RunError: while iterating, where nothing further can be done (disk full, out of memory on the device, another
            run on the same output folder).
    """
    from hifisr_cli.batch.request import RunRequest
    from hifisr_cli.batch.run import open_run
    from hifisr_cli.restore.file import RestoreOptions

    if (Path(output) / "bagit.txt").is_file():
        raise UsageError("is a BagIt bag, which `hifisr upsample` keeps valid", path=output, hint="name another folder")
    into = os.path.join(output, "")  # noqa: PTH118  a folder, whatever its name looks like
    apart = None if layers is None else os.fspath(layers)
    return _results(open_run(RunRequest([folder], into, options or RestoreOptions(), model, layer=apart)), on_event)


def _results(run: Run, on_event: Callable[[Event], None] | None) -> Iterator[FileResult]:
    with run:
        yield from run.results() if on_event is None else run.results(on_event)
