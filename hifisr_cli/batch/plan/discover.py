"""Find the recordings behind the arguments: files, folders and standard input.

Rules, so that a list of arguments always means the same list of recordings:

- a file that is named explicitly is taken whatever its suffix; what is no file at all is a failure of that argument;
- a folder is searched recursively in sorted order for files with a known audio suffix (those of one format where the
  recordings have no header), and what is left aside is counted. Links to files are followed,
  links to folders inside it are not (a loop would never end), and `._*` files, which macOS writes beside recordings on
  foreign disks, are not recordings. A link that leads nowhere, or a pipe of such a name, is a failure of its own;
- the folders of outputs and layers are never searched, and a recording that is reached twice is taken once.
"""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hifisr_cli.audio.suffixes import AUDIO_SUFFIXES
from hifisr_cli.batch.plan.left_aside import LeftAside
from hifisr_cli.errors import FileError, NoAudioError, UnreadableError, UsageError
from hifisr_cli.system.files import status_of

STDIN = "-"
"""The argument that stands for standard input (a file of that name is written `./-`)."""

_MANY = 2_000

_MEND_LINK = "mend or remove the link"


@dataclass(frozen=True, slots=True)
class Found:
    """One recording to be worked on, or an argument that led to none.

    Attributes:
        place: of the file, as text for speed: a Path takes as long to make as the file takes to find; None for standard
            input.
        relative: where it goes below the output folder (still with the input's suffix); text, for speed.
        label: how it is shown to the user.
        size: in bytes, 0 where unknown.
        identity: device and inode, None where there is no file.
        error: why it cannot be worked on.
    """

    place: str | Path | None
    relative: str
    label: str
    size: int = 0
    identity: tuple[int, int] | None = None
    error: FileError | None = None

    @property
    def source(self) -> Path | None:
        """The file."""
        return None if self.place is None else Path(self.place)


def discover(
    inputs: Sequence[str | os.PathLike[str]],
    *,
    suffixes: frozenset[str] = AUDIO_SUFFIXES,
    exclude: Sequence[Path | None] = (),
    aside: LeftAside | None = None,
    on_many: Callable[[], None] | None = None,
) -> tuple[Found, ...]:
    """All recordings behind `inputs`, in the order of the arguments, each once.

    Args:
        inputs: files, folders, "-" for standard input. The content of a folder that is the only input lands directly
            in the output folder; of several inputs, each folder keeps its name there.
        suffixes: of the files that are taken from folders.
        exclude: folders that are not searched (that of the outputs first).
        aside: is told of the files in folders that were not taken.
        on_many: called once, on the way, when there are so many that the rest will take a while.

    Raises:
        UsageError: no input, an empty one, or the folder to exclude is itself an input.
        NoAudioError: there is not one recording.
    """
    with no_collection():
        return _discover(inputs, suffixes, exclude, aside or LeftAside(), on_many)


@contextmanager
def no_collection() -> Iterator[None]:
    """Nothing of what is found is garbage, and looking for some takes longer than finding a hundred thousand files."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _discover(
    inputs: Sequence[str | os.PathLike[str]],
    suffixes: frozenset[str],
    exclude: Sequence[Path | None],
    aside: LeftAside,
    on_many: Callable[[], None] | None,
) -> tuple[Found, ...]:
    if not inputs:
        raise UsageError("no input given", hint="name files, folders, or '-' for standard input")
    excluded = {identity for folder in exclude if folder is not None and (identity := _identity(folder)) is not None}
    found: list[Found] = []
    for given in inputs:
        argument = os.fspath(given)
        if argument == STDIN:
            found.append(Found(place=None, relative="stdin", label=STDIN))
        elif argument == "":
            raise UsageError("an input is an empty string", hint="check the shell variable that it came from")
        elif os.path.isdir(argument):  # noqa: PTH112  a str keeps the argument's own spelling for the label
            if excluded and _identity(Path(argument)) in excluded:
                raise UsageError(
                    "the output folder is the input folder", path=argument, hint="name another folder with --output"
                )
            for recording in _in_folder(argument, suffixes, excluded, aside, keep_name=len(inputs) > 1):
                found.append(recording)
                if len(found) == _MANY and on_many is not None:
                    on_many()
        else:
            found.append(_named(argument))
    unique = tuple(_once(found) if len(inputs) > 1 else found)  # a folder gives nothing twice
    if not unique:
        where = os.fspath(inputs[0]) if len(inputs) == 1 else None
        hint = aside.line or f"folders are searched for {' '.join(sorted(suffixes))}"
        raise NoAudioError("no audio file found", path=where, hint=hint)
    return unique


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _named(argument: str) -> Found:
    """A file that was named on the command line."""
    path = Path(argument)
    relative = path.name
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        dangling = path.is_symlink()
        reason = "the link leads nowhere" if dangling else _reason(error)
        problem = UnreadableError(reason, path=argument, hint=_MEND_LINK if dangling else "check the name")
        return Found(path, relative, argument, error=problem)
    if not stat.S_ISREG(status.st_mode):
        problem = UnreadableError(
            "is not a regular file", path=argument, hint="a stream can be piped into: hifisr upsample - ..."
        )
        return Found(path, relative, argument, error=problem)
    return Found(path, relative, argument, status.st_size, (status.st_dev, status.st_ino))


def _in_folder(
    folder: str, suffixes: frozenset[str], excluded: set[tuple[int, int]], aside: LeftAside, *, keep_name: bool
) -> Iterator[Found]:
    """The recordings below a folder, depth first, sorted by name."""
    prefix = os.path.join(Path(folder).resolve().name, "") if keep_name else ""  # noqa: PTH118
    pending = [(folder, prefix)]
    while pending:
        directory, below = pending.pop()
        try:
            with os.scandir(directory) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            problem = UnreadableError(_reason(error), path=directory, hint="its recordings were left out")
            yield Found(Path(directory), below.rstrip(os.sep), directory, error=problem)
            continue
        subfolders: list[tuple[str, str]] = []
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                if not excluded or _identity(Path(entry.path)) not in excluded:
                    subfolders.append((entry.path, below + entry.name + os.sep))
            elif (suffix := _suffix(entry.name)) not in suffixes:
                if entry.is_file():
                    aside.note(entry.name, suffix)
            elif not entry.name.startswith("._"):
                recording = _listed(entry, below)
                if recording is not None:
                    yield recording
        pending.extend(reversed(subfolders))


def _listed(entry: os.DirEntry[str], below: str) -> Found | None:
    """A directory entry as a recording; None for a link to a folder."""
    path, relative = entry.path, below + entry.name
    try:
        status = status_of(entry)
    except OSError as error:
        if entry.is_symlink():
            problem = UnreadableError("the link leads nowhere", path=entry.path, hint=_MEND_LINK)
        else:
            problem = UnreadableError(_reason(error), path=entry.path, hint="check the name and its rights")
        return Found(path, relative, entry.path, error=problem)
    if stat.S_ISDIR(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):  # never opened: a pipe would wait for its other end
        problem = UnreadableError("is not a regular file", path=entry.path, hint="rename it, or move it elsewhere")
        return Found(path, relative, entry.path, error=problem)
    return Found(path, relative, entry.path, status.st_size, (status.st_dev, status.st_ino))


def _once(found: Iterable[Found]) -> Iterator[Found]:
    """Drop what is reached a second time under the same absolute name (hard links stay: they are named apart)."""
    seen: set[str] = set()
    folders: dict[str, str] = {}
    for item in found:
        if item.place is None:
            key = STDIN
        else:
            parent, name = os.path.split(item.place)
            if parent not in folders:
                folders[parent] = os.path.realpath(parent)
            key = os.path.join(folders[parent], name)  # noqa: PTH118  one string of a hundred thousand
        if key not in seen:
            seen.add(key)
            yield item


def _suffix(name: str) -> str:
    dot = name.rfind(".")  # splitext and Path take several times as long for each of a hundred thousand names
    return name[dot:].lower() if dot > 0 and (name[0] != "." or name[:dot].strip(".")) else ""


def _reason(error: OSError | ValueError) -> str:
    """The operating system's own words, in our style: "no such file or directory"."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]
