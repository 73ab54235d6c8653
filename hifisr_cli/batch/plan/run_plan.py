"""The plan of a run: its jobs, and where it is noted what became of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.batch.history.single_output import checked_for_record, record_for
from hifisr_cli.batch.plan.discover import discover, no_collection
from hifisr_cli.batch.plan.in_place import place_folder, plan_in_place
from hifisr_cli.batch.plan.output_names import STDOUT, Job, names_file, plan_outputs
from hifisr_cli.batch.request import RunRequest
from hifisr_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The plan of a run.

    Attributes:
        jobs: one for each recording.
        folder: the one that the journal is kept in, None where a single output is made.
        record: where the record of the single output goes, None where there is none.
    """

    jobs: tuple[Job, ...]
    folder: Path | None
    record: Path | None = None


def plan_run(request: RunRequest, *, on_many: Callable[[], None] | None = None) -> RunPlan:
    """Finds the recordings and names their outputs; nothing is written.

    Args:
        on_many: called once, on the way, when there are so many recordings that finding the rest will take a while.

    Raises:
        UsageError: inputs, output and options do not fit together.
        NoAudioError: there is not one recording.
        OutputError: the output cannot be looked at.
    """
    folder: Path | None
    if request.output is None:
        folder, excluded = place_folder(request.inputs), request.backups
        if excluded is not None and os.path.realpath(excluded) == os.path.realpath(folder):
            raise UsageError("the folder for the backups is the input's own", path=excluded, hint="name another one")
        found = discover(request.inputs, exclude=excluded, on_many=on_many)
        with no_collection():
            jobs = plan_in_place(found, request.backups)
    else:
        to_file = request.output != STDOUT and names_file(request.output, request.inputs)
        folder = None if to_file or request.output == STDOUT else Path(request.output)
        if request.name_suffix and folder is None:
            raise UsageError("--suffix is for outputs in a folder", hint="say the whole name with --output")
        found = discover(request.inputs, exclude=folder, on_many=on_many)
        with no_collection():
            jobs = plan_outputs(
                found,
                request.output if folder is None else os.fspath(folder / request.payload),
                requested=request.options.format,
                to_file=to_file,
                name_suffix=request.name_suffix,
            )
    if folder is None:
        return _single(request, jobs)
    if request.record != "beside":
        what = "--no-record" if request.record is None else "--record"
        raise UsageError(
            f"{what} is for a single output file and standard output",
            hint="an output folder has its journal, by which runs resume",
        )
    return RunPlan(jobs, folder)


def _single(request: RunRequest, jobs: tuple[Job, ...]) -> RunPlan:
    """With a place for the record; the job fails where that cannot be written."""
    (job,) = jobs
    asked = request.record if isinstance(request.record, Path) else None
    place = record_for(job, asked, wanted=request.record is not None)
    checked = checked_for_record(job, place, overwrite=request.options.overwrite)
    return RunPlan((checked,), None, place)
