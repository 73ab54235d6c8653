"""From the arguments of a run to its jobs, its output folder and its workers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hifisr_cli.batch.history.output_folder import Session
from hifisr_cli.batch.history.record import ModelUsed
from hifisr_cli.batch.history.single_output import SingleRecord, checked_for_record, record_for
from hifisr_cli.batch.plan.discover import discover, no_collection
from hifisr_cli.batch.plan.in_place import place_folder, plan_in_place
from hifisr_cli.batch.plan.output_names import STDOUT, Format, Job, plan_outputs
from hifisr_cli.batch.run import Workers
from hifisr_cli.batch.workers.process import Reserve
from hifisr_cli.batch.workers.sharing import ModelRequest, RunSettings, share
from hifisr_cli.errors import UsageError
from hifisr_cli.system.machine import cores

if TYPE_CHECKING:
    from hifisr_cli.restore.file import RestoreOptions


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of a run.

    Attributes:
        folder: the one that its journal is kept in, None where there is no journal.
        record: of the only job, where it goes, None where there is none.
    """

    jobs: tuple[Job, ...]
    folder: Path | None
    record: Path | None = None


def plan_run(
    inputs: Sequence[str | os.PathLike[str]],
    output: str,
    *,
    requested: Format | None,
    to_file: bool,
    name_suffix: str = "",
    payload: str = "",
    reserve: Reserve | None = None,
) -> Plan:
    """The jobs of a run into a folder, a file or standard output. Arguments and errors: see `plan_outputs`.

    Args:
        payload: where in the output folder the outputs go; the journal stays at its top.
        reserve: what is started as soon as it is known that there is much to do.
    """
    folder = None if to_file or output == STDOUT else Path(output)
    if name_suffix and folder is None:
        raise UsageError("--suffix is for outputs in a folder", hint="say the whole name with --output")
    found = discover(inputs, exclude=folder, on_many=None if reserve is None else reserve.start)
    into = output if folder is None else os.path.join(output, payload) if payload else output  # noqa: PTH118
    with no_collection():
        jobs = plan_outputs(found, into, requested=requested, to_file=to_file, name_suffix=name_suffix)
    return Plan(jobs, folder)


def plan_run_in_place(
    inputs: Sequence[str | os.PathLike[str]], *, backups: Path | None, reserve: Reserve | None = None
) -> Plan:
    """The jobs of a run whose outputs take the places of their inputs.

    Args:
        reserve: as for `plan_run`.

    Raises:
        UsageError: more than one input, or the folder for the backups is the one to be searched.
        NoAudioError: there is not one recording.
    """
    folder = place_folder(inputs)
    if backups is not None and os.path.realpath(backups) == os.path.realpath(folder):
        raise UsageError("the folder for the backups is the input's own", path=backups, hint="name another one")
    found = discover(inputs, exclude=backups, on_many=None if reserve is None else reserve.start)
    with no_collection():
        return Plan(plan_in_place(found, backups), folder)


def with_record(plan: Plan, asked: Path | None, *, wanted: bool, overwrite: bool) -> Plan:
    """The plan of a run that makes one file, or fills one stream, with a place for its record.

    Args:
        asked: where the user wants it; None is beside the output.
        wanted: whether there is to be one.
        overwrite: an older record of the same output is replaced.

    Raises:
        UsageError: the outputs go to a folder, which has a journal instead; or the place is the output's own.
    """
    if plan.folder is not None:
        if asked is not None or not wanted:
            what = "--record" if asked is not None else "--no-record"
            raise UsageError(
                f"{what} is for a single output file and standard output",
                hint="an output folder has its journal, by which runs resume",
            )
        return plan
    (job,) = plan.jobs
    place = record_for(job, asked, wanted=wanted)
    return replace(plan, jobs=(checked_for_record(job, place, overwrite=overwrite),), record=place)


def open_session(
    plan: Plan, *, options: RestoreOptions, settings: RunSettings, request: ModelRequest, dry_run: bool = False
) -> AbstractContextManager[Session | SingleRecord | None]:
    """The hold on the output folder or the single record, to be entered; none where there is nothing to be done.

    Raises:
        ModelError: there is no such model.
    """
    if dry_run or (plan.folder is None and plan.record is None) or not _to_be_done(plan):
        return nullcontext()
    name, parameter_hash = request.parameter_hash()
    precision = "float32" if request.precision == "auto" else request.precision
    model = ModelUsed(name, parameter_hash, precision)
    if plan.folder is not None:
        return Session(plan.folder, options=options, settings=settings, model=model)
    assert plan.record is not None
    return SingleRecord(plan.record, plan.jobs[0], options=options, model=model)


def _to_be_done(plan: Plan) -> bool:
    """Whether there is a job that may leave an output."""
    if plan.folder is None:
        return plan.jobs[0].error is None
    return any(job.target is not None for job in plan.jobs)


def choose_workers(
    plan: Plan,
    *,
    settings: RunSettings,
    request: ModelRequest,
    verbose: bool = False,
    reserve: Reserve | None = None,
) -> Workers:
    """Worker processes for the jobs; none of them where this process does the work."""
    jobs = [job for job in plan.jobs if job.error is None]
    streams = any(job.reads is None or job.writes is None for job in jobs)
    sharing = share(
        len(jobs),
        sum(job.size for job in jobs),
        jobs=settings.jobs,
        threads=request.threads,
        device=request.device,
        cores=cores(),
        streams=streams,
    )
    return Workers(sharing, replace(request, threads=sharing.threads), verbose, reserve)
