"""Name every output before any work is done, so that no output can land on another one or on an input."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hifisr_cli.audio.formats import RAW_SUFFIX, kept_suffix
from hifisr_cli.audio.suffixes import AUDIO_SUFFIXES, FOREIGN_SUFFIXES
from hifisr_cli.batch.plan.discover import Found
from hifisr_cli.errors import (
    FileError,
    OutputError,
    OutputExistsError,
    OutputIsInputError,
    UnsupportedError,
    UsageError,
    reason_of,
)
from hifisr_cli.system.staged_file import refused_name

STDOUT = "-"

Format = Literal["wav", "flac", "raw", "keep"]

_NOT_WRITTEN = FOREIGN_SUFFIXES
"""An output of such a name is certainly not meant as a folder."""

LONGEST_NAME = 255
"""Bytes in a file name, on every file system in use."""

_BYTES = 4
"""The most that a character of a name takes."""


@dataclass(frozen=True, slots=True)
class Job:
    """One recording and where its output goes.

    Attributes:
        reads, writes: `source` and `target`, as text for speed.
        label: how the input is shown to the user.
        size: of the input in bytes, 0 where unknown: the weight of this job in the progress of the run.
        explicit: the output was named by the user; that it exists is then a failure, not a reason to skip.
        error: why the job fails without being tried.
        relative: of the input, below the folder that was given.
        backup: where the original is kept that the output replaces.
        adds: `layer`, as text for speed.
    """

    reads: str | Path | None
    writes: str | Path | None
    label: str
    size: int = 0
    explicit: bool = False
    error: FileError | None = None
    relative: str = ""
    backup: Path | None = None
    adds: str | Path | None = None

    @property
    def source(self) -> Path | None:
        """The input; None for standard input."""
        return None if self.reads is None else Path(self.reads)

    @property
    def target(self) -> Path | None:
        """The output; None for standard output, and where there is an error."""
        return None if self.writes is None else Path(self.writes)

    @property
    def layer(self) -> Path | None:
        """The file of the added layer; None where nobody wants it."""
        return None if self.adds is None else Path(self.adds)


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
    if path.suffix.lower() not in AUDIO_SUFFIXES | {RAW_SUFFIX}:
        if os.path.lexists(path):
            raise UsageError("the output is there and is neither a folder nor an audio file", path=output)
        return False
    if len(inputs) != 1 or os.path.isdir(inputs[0]):  # noqa: PTH112  inputs may be str
        raise UsageError("one output file fits one input file", path=output, hint="name a folder with --output instead")
    return True


def plan_outputs(
    found: Sequence[Found], output: str, *, requested: Format | None, to_file: bool, name_suffix: str = ""
) -> tuple[Job, ...]:
    """One job for each recording found, in the same order.

    Args:
        found: from `discover`.
        output: the output folder, or the output file where `to_file` is true, or "-" for standard output.
        requested: the format asked for, which decides the suffix; None is wav.
        to_file: from `names_file`.
        name_suffix: stands between the name and the suffix of an output in a folder: "_48k" makes `a_48k.wav`.

    Two recordings that would get the same name keep their own suffix in it: `a.wav` and `a.flac` become `a.wav.wav`
    and `a.flac.wav`. What still collides is numbered in order: `a.wav`, `a~2.wav`. Names that differ only in case or
    in Unicode normalisation collide too, since some file systems cannot hold both.

    Raises:
        UsageError: several recordings for standard output; a format that contradicts the output file's suffix; a
            name suffix that is no part of a name.
    """
    if any(character in name_suffix for character in ("/", os.sep, "\0")):
        raise UsageError(f"--suffix {name_suffix!r} is no part of a file name", hint="say --suffix _48k")
    if output == STDOUT:
        if len(found) != 1:
            raise UsageError("standard output takes one recording only", hint="name a folder with --output instead")
        return (_job(found[0], None),)
    sources = {item.identity for item in found if item.identity is not None}
    if to_file:
        target = Path(output)
        _check_suffix(target, found[0], requested)
        return (replace(_checked(_job(found[0], target), found[0], sources), explicit=True),)
    names = _distinct([(item.relative, name_suffix, suffix_for(item.relative, requested)) for item in found])
    fresh = not os.path.lexists(output)  # nothing can stand in the way there
    check = _check_name if fresh else _checked
    folder = os.path.join(os.fspath(Path(output)), "")  # noqa: PTH118
    return tuple(check(_job(item, folder + name), item, sources) for item, name in zip(found, names, strict=True))


def suffix_for(name: str | os.PathLike[str], requested: Format | None) -> str:
    """The suffix of the output of the recording `name`; "keep" keeps it where it is an audio suffix."""
    if requested in ("flac", "raw"):
        return f".{requested}"
    if requested == "keep":
        return kept_suffix(Path(name).suffix)
    return ".wav"


def _job(item: Found, target: str | Path | None) -> Job:
    target = None if item.error else target
    return Job(item.place, target, item.label, item.size, error=item.error, relative=item.relative)


def _check_suffix(target: Path, item: Found, requested: Format | None) -> None:
    if requested is None or item.place is None:
        return
    expected = suffix_for(item.place, requested)
    if target.suffix.lower() != expected.lower():
        raise UsageError(
            f"--format {requested} writes a {expected} file", path=target, hint="drop --format, or change the name"
        )


def _distinct(wanted: Sequence[tuple[str, str, str]]) -> list[str]:
    """Output names without collisions from triples of input name, name suffix and output suffix.

    Works on text: a Path for each step would take seconds where there are a hundred thousand.
    """
    plain = [_stem(name) + extra + suffix for name, extra, suffix in wanted]
    plain_keys = [name_key(name) for name in plain]
    if len(set(plain_keys)) == len(plain):
        return plain
    full = [name + extra + suffix for name, extra, suffix in wanted]
    plain_counts = Counter(plain_keys)
    names = [
        short if plain_counts[key] == 1 else long for short, long, key in zip(plain, full, plain_keys, strict=True)
    ]
    keys = [name_key(name) for name in names]
    counts = Counter(keys)
    taken = {key for key in keys if counts[key] == 1}
    for index, key in enumerate(keys):
        if counts[key] > 1:
            names[index] = _free(plain[index], taken)
            taken.add(name_key(names[index]))
    return names


def _stem(name: str) -> str:
    """A path without its last suffix; a dot in front or at the end of a name starts none."""
    start = name.rfind(os.sep) + 1
    dot = name.rfind(".", start)
    return name[:dot] if start < dot < len(name) - 1 else name


def _free(name: str, taken: set[str]) -> str:
    """`name`, or the first of `name~2`, `name~3`, ... that is not taken."""
    candidate, number, stem = name, 1, _stem(name)
    while name_key(candidate) in taken:
        number += 1
        candidate = f"{stem}~{number}{name[len(stem) :]}"
    return candidate


def name_key(name: str) -> str:
    """Equal for names that some file system cannot tell apart."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _check_name(job: Job, _item: Found, _sources: set[tuple[int, int]]) -> Job:
    """The job, failed where its output cannot have that name."""
    if job.writes is None:
        return job
    path = os.fspath(job.writes)
    name = path[path.rfind(os.sep) + 1 :]
    if len(name) * _BYTES <= LONGEST_NAME or len(os.fsencode(name)) <= LONGEST_NAME:
        return job
    problem = UnsupportedError(
        f"the name of its output is too long: {name}",
        path=job.label,
        hint="give the input a shorter name",
    )
    return replace(job, writes=None, error=problem)


def _checked(job: Job, item: Found, sources: set[tuple[int, int]]) -> Job:
    """The job, failed where its output is an input (by device and inode), a folder, or cannot have that name."""
    job = _check_name(job, item, sources)
    if job.writes is None:
        return job
    problem: FileError
    try:
        status = os.stat(job.writes)  # noqa: PTH116  once for each of a hundred thousand
    except (FileNotFoundError, NotADirectoryError):
        return job
    except OSError as error:
        refused = refused_name(error, Path(job.writes))
        if refused is None:
            raise OutputError(reason_of(error), path=job.writes) from error
        return replace(job, writes=None, error=refused)
    identity = (status.st_dev, status.st_ino)
    if identity in sources:
        what = "itself" if identity == item.identity else "another input"
        problem = OutputIsInputError(
            f"its output would overwrite {what}: {job.writes}", path=job.label, hint="name another folder with --output"
        )
        return replace(job, writes=None, error=problem)
    if stat.S_ISDIR(status.st_mode):
        problem = OutputExistsError(
            "a folder stands where the output should be", path=job.writes, hint="name another folder with --output"
        )
        return replace(job, writes=None, error=problem)
    return job
