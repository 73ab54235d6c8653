"""Name every output before any work is done, so that no output can land on another one or on an input."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hifisr_cli.audio.formats import AUDIO_SUFFIXES, kept_suffix
from hifisr_cli.batch.discover import Found
from hifisr_cli.errors import (
    FileError,
    OutputError,
    OutputExistsError,
    OutputIsInputError,
    UnsupportedError,
    UsageError,
)

STDOUT = "-"

Format = Literal["wav", "flac", "keep"]

_NOT_WRITTEN = frozenset(
    {".m4a", ".aac", ".mp4", ".mka", ".mkv", ".mov", ".webm", ".wma", ".ac3", ".amr", ".ape", ".wv"}
)
"""An output of such a name is certainly not meant as a folder."""

_LONGEST_NAME = 255
"""Bytes in a file name, on every file system in use."""


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and where its output goes.

    Attributes:
        source: None for standard input.
        target: None for standard output, and where there is an error.
        label: how the input is shown to the user.
        size: of the input in bytes, 0 where unknown: the weight of this job in the progress of the run.
        explicit: the output was named by the user; that it exists is then a failure, not a reason to skip.
        error: why the job fails without being tried.
    """

    source: Path | None
    target: Path | None
    label: str
    size: int = 0
    explicit: bool = False
    error: FileError | None = None


def names_file(output: str, inputs: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether `--output` names a file: it has an audio suffix and is neither a folder nor spelled like one.

    Raises:
        UsageError: it names a file although there are several inputs or a folder; or it is a file, but not audio.
    """
    path = Path(output)
    if output == "":
        raise UsageError("the output is an empty string", hint="name a folder, a file, or '-' with --output")
    if output.endswith(("/", os.sep)) or path.is_dir():
        return False
    if path.suffix.lower() in _NOT_WRITTEN:
        raise UsageError(f"{path.suffix} files are not written", path=output, hint="name it .wav, .flac, .ogg or .mp3")
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        if os.path.lexists(path):
            raise UsageError("the output is there and is neither a folder nor an audio file", path=output)
        return False
    if len(inputs) != 1 or os.path.isdir(inputs[0]):  # noqa: PTH112  inputs may be str
        raise UsageError("one output file fits one input file", path=output, hint="name a folder with --output instead")
    return True


def plan_outputs(found: Sequence[Found], output: str, *, requested: Format | None, to_file: bool) -> tuple[Job, ...]:
    """One job for each recording found, in the same order.

    Args:
        found: from `discover`.
        output: the output folder, or the output file where `to_file` is true, or "-" for standard output.
        requested: the format asked for, which decides the suffix; None is wav.
        to_file: from `names_file`.

    Two recordings that would get the same name keep their own suffix in it: `a.wav` and `a.flac` become `a.wav.wav`
    and `a.flac.wav`. What still collides is numbered in order: `a.wav`, `a~2.wav`. Names that differ only in case or
    in Unicode normalisation collide too, since some file systems cannot hold both.

    Raises:
        UsageError: several recordings for standard output; a format that contradicts the output file's suffix.
    """
    if output == STDOUT:
        if len(found) != 1:
            raise UsageError("standard output takes one recording only", hint="name a folder with --output instead")
        return (_job(found[0], None),)
    sources = {item.identity for item in found if item.identity is not None}
    if to_file:
        target = Path(output)
        _check_suffix(target, found[0], requested)
        return (replace(_checked(_job(found[0], target), found[0], sources), explicit=True),)
    names = _distinct([(item.relative, suffix_for(item.relative, requested)) for item in found])
    folder = Path(output)
    return tuple(_checked(_job(item, folder / name), item, sources) for item, name in zip(found, names, strict=True))


def suffix_for(name: Path, requested: Format | None) -> str:
    """The suffix of the output of the recording `name`; "keep" keeps it where it is an audio suffix."""
    if requested == "flac":
        return ".flac"
    if requested == "keep":
        return kept_suffix(name.suffix)
    return ".wav"


def _job(item: Found, target: Path | None) -> Job:
    return Job(item.source, None if item.error else target, item.label, item.size, error=item.error)


def _check_suffix(target: Path, item: Found, requested: Format | None) -> None:
    if requested is None or item.source is None:
        return
    expected = suffix_for(item.source, requested)
    if target.suffix.lower() != expected.lower():
        raise UsageError(
            f"--format {requested} writes a {expected} file", path=target, hint="drop --format, or change the name"
        )


def _distinct(wanted: Sequence[tuple[Path, str]]) -> list[Path]:
    """Output names without collisions from pairs of input name and output suffix."""
    plain = [name.with_suffix(suffix) for name, suffix in wanted]
    full = [name.with_name(name.name + suffix) for name, suffix in wanted]
    plain_keys = [_key(name) for name in plain]
    plain_counts = Counter(plain_keys)
    names = [
        short if plain_counts[key] == 1 else long for short, long, key in zip(plain, full, plain_keys, strict=True)
    ]
    keys = [_key(name) for name in names]
    counts = Counter(keys)
    taken = {key for key in keys if counts[key] == 1}
    for index, key in enumerate(keys):
        if counts[key] > 1:
            names[index] = _free(plain[index], taken)
            taken.add(_key(names[index]))
    return names


def _free(name: Path, taken: set[str]) -> Path:
    """`name`, or the first of `name~2`, `name~3`, ... that is not taken."""
    candidate, number = name, 1
    while _key(candidate) in taken:
        number += 1
        candidate = name.with_name(f"{name.stem}~{number}{name.suffix}")
    return candidate


def _key(name: Path) -> str:
    """Equal for names that some file system cannot tell apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(name)).casefold())


def _checked(job: Job, item: Found, sources: set[tuple[int, int]]) -> Job:
    """The job, failed where its output is an input (by device and inode), a folder, or cannot have that name."""
    if job.target is None:
        return job
    if len(os.fsencode(job.target.name)) > _LONGEST_NAME:
        problem: FileError = UnsupportedError(
            f"the name of its output is too long: {job.target.name}",
            path=job.label,
            hint="give the input a shorter name",
        )
        return replace(job, target=None, error=problem)
    try:
        status = job.target.stat()
    except (FileNotFoundError, NotADirectoryError):
        return job
    except OSError as error:
        raise OutputError((error.strerror or str(error)).lower(), path=job.target) from error
    identity = (status.st_dev, status.st_ino)
    if identity in sources:
        what = "itself" if identity == item.identity else "another input"
        problem = OutputIsInputError(
            f"its output would overwrite {what}: {job.target}", path=job.label, hint="name another folder with --output"
        )
        return replace(job, target=None, error=problem)
    if job.target.is_dir():
        problem = OutputExistsError(
            "a folder stands where the output should be", path=job.target, hint="name another folder with --output"
        )
        return replace(job, target=None, error=problem)
    return job
