"""The plan of a run: its jobs, and where it is noted what became of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hifisr_cli.audio.formats import WRITABLE_SUFFIXES
from hifisr_cli.audio.suffixes import AUDIO_SUFFIXES, raw_suffixes
from hifisr_cli.batch.history.single_output import with_record
from hifisr_cli.batch.plan.backup import BACKUP_SUFFIX
from hifisr_cli.batch.plan.discover import STDIN, Found, discover, no_collection
from hifisr_cli.batch.plan.layer_names import check_layer_folder, with_layer, with_layers
from hifisr_cli.batch.plan.left_aside import LeftAside
from hifisr_cli.batch.plan.output_names import LONGEST_NAME, STDOUT, Job, names_file, plan_outputs
from hifisr_cli.batch.request import RunRequest
from hifisr_cli.errors import FileError, UnsupportedError, UsageError


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The plan of a run.

    Attributes:
        jobs: one for each recording, or for each of the shard's.
        folder: the one that the journal is kept in, None where a single output is made.
        record: where the record of the single output goes, None where there is none.
        layers: the folder of the added layers, None where none are written.
        left_aside: what was not looked at in the folders among the inputs, in one line; None where there was nothing.
    """

    jobs: tuple[Job, ...]
    folder: Path | None
    record: Path | None = None
    layers: Path | None = None
    left_aside: str | None = None


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
    raw, search = request.options.raw, AUDIO_SUFFIXES
    if request.shard is not None and request.output is None:  # a recording is another size when it is done
        raise UsageError("--shard and --in-place do not fit together", hint="name a folder with --output")
    if raw is not None:
        search = raw_suffixes(raw.encoding, raw.sample_rate)
    aside = LeftAside(raw=raw is not None)
    if request.output is None:
        folder, backups = _place_folder(request.inputs), request.backups
        if backups is not None and os.path.realpath(backups) == os.path.realpath(folder):
            raise UsageError("the folder for the backups is the input's own", path=backups, hint="name another one")
        layers = _layer_folder(request, folder)
        found = discover(request.inputs, suffixes=search, exclude=(backups, layers), aside=aside, on_many=on_many)
        with no_collection():
            jobs = tuple(_in_place(item, backups) for item in found)
            if layers is not None:
                jobs = with_layers(jobs, found, layers, outputs=None)
    else:
        to_file = request.output != STDOUT and names_file(request.output, request.inputs)
        folder = None if to_file or request.output == STDOUT else Path(request.output)
        if request.name_suffix and folder is None:
            raise UsageError("--suffix is for outputs in a folder", hint="say the whole name with --output")
        if request.shard is not None and folder is None:
            raise UsageError("--shard is for outputs in a folder", hint="name a folder with --output")
        layers = None if folder is None else _layer_folder(request, folder)
        found = discover(request.inputs, suffixes=search, exclude=(folder, layers), aside=aside, on_many=on_many)
        below = None if folder is None else folder / request.payload
        with no_collection():
            jobs = plan_outputs(
                found,
                request.output if below is None else os.fspath(below),
                requested=request.options.format,
                to_file=to_file,
                name_suffix=request.name_suffix,
            )
            if layers is not None:
                jobs = with_layers(jobs, found, layers, outputs=below)
    if folder is None:
        return _single(request, jobs[0], found[0], aside)
    if request.record != "beside":
        what = "--no-record" if request.record is None else "--record"
        raise UsageError(
            f"{what} is for a single output file and standard output",
            hint="an output folder has its journal, by which runs resume",
        )
    if request.shard is not None:
        jobs = request.shard.own(jobs)
    return RunPlan(jobs, folder, layers=layers, left_aside=aside.line)


def _single(request: RunRequest, job: Job, found: Found, aside: LeftAside) -> RunPlan:
    """The plan of a run that makes one file, or fills one stream."""
    overwrite, layers = request.options.overwrite, None
    if request.layer is not None:
        job = with_layer(job, request.layer, found, requested=request.options.format, overwrite=overwrite)
        layers = Path(request.layer).parent
    job, place = with_record(job, request.record, overwrite=overwrite)
    return RunPlan((job,), None, place, layers, aside.line)


def _layer_folder(request: RunRequest, output: Path) -> Path | None:
    """The folder for the layers of outputs in a folder. Raises UsageError: it does not fit."""
    if request.layer is None:
        return None
    inputs = () if request.output is None else request.inputs  # whose folder is that of the outputs, in place
    return check_layer_folder(
        request.layer, inputs=inputs, output=output, payload=request.payload, backups=request.backups
    )


def _place_folder(inputs: Sequence[str | os.PathLike[str]]) -> Path:
    """The folder whose recordings are replaced, where the journal is kept: the input, or the folder of the input.

    Raises:
        UsageError: more than one input, or standard input.
    """
    if len(inputs) != 1 or inputs[0] == STDIN:
        raise UsageError("--in-place takes one folder or one file", hint="run it once for each")
    given = Path(inputs[0])
    return given if given.is_dir() else given.parent


def _in_place(item: Found, backups: Path | None) -> Job:
    """A job whose output takes the place of its input.

    Args:
        backups: the folder for the originals, which keep their tree and names there; None keeps each beside its output
            as `NAME.orig`.
    """
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
