"""Outputs in the place of their inputs, each original kept as a backup."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hifisr_cli.audio.formats import WRITABLE_SUFFIXES
from hifisr_cli.batch.plan.backup import BACKUP_SUFFIX
from hifisr_cli.batch.plan.discover import STDIN, Found
from hifisr_cli.batch.plan.output_names import LONGEST_NAME, Job
from hifisr_cli.errors import FileError, UnsupportedError, UsageError


def place_folder(inputs: Sequence[str | os.PathLike[str]]) -> Path:
    """The folder whose recordings are replaced, where the journal is kept: the input, or the folder of the input.

    Raises:
        UsageError: more than one input, or standard input.
    """
    if len(inputs) != 1 or inputs[0] == STDIN:
        raise UsageError("--in-place takes one folder or one file", hint="run it once for each")
    given = Path(inputs[0])
    return given if given.is_dir() else given.parent


def plan_in_place(found: Sequence[Found], backups: Path | None) -> tuple[Job, ...]:
    """One job for each recording found, whose output takes its place.

    Args:
        backups: the folder for the originals, which keep their tree and names there; None keeps each beside its output
            as `NAME.orig`.
    """
    return tuple(_job(item, backups) for item in found)


def _job(item: Found, backups: Path | None) -> Job:
    job = Job(item.place, item.place, item.label, item.size, error=item.error, relative=item.relative)
    source = item.source
    if source is None or item.error is not None:
        return replace(job, writes=None)
    problem: FileError | None = None
    if source.suffix.lower() not in WRITABLE_SUFFIXES:
        problem = UnsupportedError(
            f"{source.suffix or 'such'} files are not written", path=item.label, hint="leave out --in-place"
        )
    elif source.is_symlink():
        problem = UnsupportedError("is a link", path=item.label, hint="give the folder that holds the file itself")
    backup = source.with_name(source.name + BACKUP_SUFFIX) if backups is None else backups / item.relative
    if problem is None and len(os.fsencode(backup.name)) > LONGEST_NAME:
        problem = UnsupportedError(
            "the name of its backup is too long", path=item.label, hint="keep the backups elsewhere with --backup-dir"
        )
    if problem is not None:
        return replace(job, writes=None, error=problem)
    return replace(job, backup=backup)
