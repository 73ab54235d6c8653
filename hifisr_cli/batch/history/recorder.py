"""From what became of a job to its record: the same for the journal of a folder and beside a single output."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hifisr_cli.batch.history.record import (
    OUTPUT_REVISION,
    InputFile,
    ModelUsed,
    OutputFile,
    Record,
    result_data,
    utc_now,
)
from hifisr_cli.batch.plan.output_names import Job
from hifisr_cli.batch.workers.work_item import Outcome
from hifisr_cli.system.files import portable_path


def make_record(
    job: Job,
    outcome: Outcome,
    *,
    name: str | None,
    options: Mapping[str, Any],
    model: ModelUsed | None,
    backup: str | None = None,
) -> Record:
    """The record of a job that has been worked on, at this moment.

    Args:
        name: of the output, relative to where the record is kept; "-" for standard output.
        options: from `options_data`.
        model: the one that was loaded; it is left out where no network ran.
        backup: where the original is kept that was replaced.
    """
    source, output, result = outcome.input, outcome.output, outcome.result
    if source is None:
        size, mtime_ns = _identity(job)
        sha256 = None
    else:
        size, mtime_ns, sha256 = source.size, source.mtime_ns, source.sha256
    return Record(
        time=utc_now(),
        software=software(),
        input=InputFile(
            path=job.label,
            relative=portable_path(job.relative),
            size=size,
            mtime_ns=0 if job.source is None else mtime_ns,
            sha256=sha256,
            absolute=None if job.source is None else os.path.abspath(job.source),  # noqa: PTH100
            backup=None if output is None else backup,
        ),
        output=_output(job, outcome, name),
        model=model if result.status == "restored" else None,
        options=options,
        result=result_data(result),
    )


def _output(job: Job, outcome: Outcome, name: str | None) -> OutputFile | None:
    """None where there is none."""
    made, result = outcome.output, outcome.result
    if made is None or made.sha256 is None or name is None:
        return None
    width = result.bandwidth if result.status == "restored" else None
    return OutputFile(
        name,
        made.size,
        made.sha256,
        mtime_ns=None if job.target is None else made.mtime_ns,
        synthetic_above_hz=None if width is None else width.cutoff_hz,
    )


def _identity(job: Job) -> tuple[int, int]:
    """Size and mtime of the input of a failed job, as far as they are known."""
    try:
        status = None if job.source is None else job.source.stat()
    except (OSError, ValueError):
        status = None
    return (job.size, 0) if status is None else (status.st_size, status.st_mtime_ns)


@cache
def software() -> dict[str, str]:
    """What had a say in the bytes of an output, by name and version."""
    from hifisr_cli import __version__
    from hifisr_cli.audio.resample import RESAMPLER_ID

    found = {"hifisr": __version__, "outputs": OUTPUT_REVISION, "resampler": RESAMPLER_ID}
    for package in ("torch", "numpy", "soundfile"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
