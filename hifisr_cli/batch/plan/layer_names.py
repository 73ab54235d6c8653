"""Name the file of every added layer: as its output is named, in a folder of its own, or as the user says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hifisr_cli.audio.formats import RAW_SUFFIX, check_layer_name
from hifisr_cli.audio.suffixes import AUDIO_SUFFIXES
from hifisr_cli.batch.plan.discover import STDIN, Found
from hifisr_cli.batch.plan.output_names import STDOUT, Format, Job, name_key, suffix_for
from hifisr_cli.errors import OutputExistsError, UsageError

_ANOTHER = "name another place with --layer"


def check_layer_folder(
    layers: str, *, inputs: Sequence[str | os.PathLike[str]], output: Path, payload: str, backups: Path | None
) -> Path:
    """The folder for the layers of outputs in a folder.

    Args:
        payload: where below the output folder its content has to lie; "" for anywhere.

    Raises:
        UsageError: it is no folder, or one of those that the run reads from or writes to, or no place in a bag.
    """
    folder = Path(layers)
    named_as_file = folder.suffix.lower() in AUDIO_SUFFIXES | {RAW_SUFFIX} and not layers.endswith(("/", os.sep))
    if layers in ("", STDOUT) or (os.path.lexists(folder) and not folder.is_dir()):
        raise UsageError("the layers of outputs in a folder need a folder", path=layers, hint=_ANOTHER)
    if named_as_file and not folder.is_dir():
        raise UsageError("outputs in a folder have their layers in a folder", path=layers, hint="name a folder")
    taken = [(output, "output"), (backups, "backup")]
    taken += [(Path(given), "input") for given in inputs if given != STDIN]
    for place, what in taken:
        if place is not None and os.path.realpath(place) == os.path.realpath(folder):
            raise UsageError(f"the folder for the layers is the {what} folder", path=layers, hint="name another one")
    real, top = Path(os.path.realpath(folder)), Path(os.path.realpath(output))
    if payload and real.is_relative_to(top) and not real.is_relative_to(top / payload):
        hint = f"name a folder below {payload}/ there, or one outside of the bag"
        raise UsageError(f"the content of a bag lies below {payload}/", path=layers, hint=hint)
    return folder


def with_layers(jobs: Sequence[Job], found: Sequence[Found], layers: Path, *, outputs: Path | None) -> tuple[Job, ...]:
    """The jobs of a run into a folder, each with the file of its layer: named as its output is, in the same tree.

    Args:
        found: what the jobs are of.
        outputs: the folder that the outputs are named in; None where they take the places of their inputs.

    Raises:
        UsageError: a layer would take the place of an output, an input or a backup.
    """
    start = 0 if outputs is None else len(os.path.join(outputs, ""))  # noqa: PTH118  text: for a hundred thousand files
    names = [job.relative if outputs is None else os.fspath(job.writes or "")[start:] for job in jobs]
    folder = os.path.join(layers, "")  # noqa: PTH118
    named = tuple(
        job if job.writes is None else replace(job, adds=folder + name) for job, name in zip(jobs, names, strict=True)
    )
    _check_places(named, found)
    return named


def with_layer(job: Job, layer: str, found: Found, *, requested: Format | None, overwrite: bool) -> Job:
    """The job of a single output with the file of its layer; failed where that is there already.

    Raises:
        UsageError: it is no file, is not named as its format is, or is the place of the output or the input.
    """
    path = Path(layer)
    if layer in ("", STDOUT) or layer.endswith(("/", os.sep)) or path.is_dir():
        raise UsageError("the layer of a single output goes into a file", path=layer or None, hint="name a file")
    if job.target is not None:
        check_layer_name(path, job.target.suffix)
    elif requested != "keep":  # of which nobody knows yet
        check_layer_name(path, suffix_for(STDIN, requested))
    named = replace(job, adds=path)
    _check_places([named], [found])
    if job.error is None and os.path.lexists(path) and not overwrite:
        there = OutputExistsError("the layer exists already", path=path, hint="use --overwrite to replace it")
        return replace(named, error=there)
    return named


def _check_places(jobs: Sequence[Job], found: Iterable[Found]) -> None:
    """Raises UsageError: a layer has the name of an output or a backup, or is an input by device and inode."""
    folders: dict[str, str] = {}

    def key(path: str | os.PathLike[str]) -> str:
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        return name_key(os.path.join(folders[folder], name))  # noqa: PTH118

    written = {key(path): "an output" for job in jobs if (path := job.writes) is not None}
    written |= {key(path): "a backup" for job in jobs if (path := job.backup) is not None}
    inputs = {item.identity for item in found if item.identity is not None}
    for job in jobs:
        if job.adds is None:
            continue
        what = written.get(key(job.adds))
        try:
            status = os.stat(job.adds)  # noqa: PTH116  once for each of a hundred thousand
        except OSError:
            status = None
        if status is not None and (status.st_dev, status.st_ino) in inputs:
            what = "an input"
        if what is not None:
            raise UsageError(f"a layer would take the place of {what}", path=job.adds, hint=_ANOTHER)
