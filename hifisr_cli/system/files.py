"""Open files, the same on every system: read at a place, and locked, renamed and deleted while they are open."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from hifisr_cli.system.hashing import Tally

if sys.platform == "win32":
    from hifisr_cli.system import windows as native
else:
    from hifisr_cli.system import posix as native

open_file, rename, try_lock = native.open_file, native.rename, native.try_lock
read_at, write_at = native.read_at, native.write_at
reader_has_left, readable_within, widen_pipe = native.reader_has_left, native.readable_within, native.widen_pipe


def write_all(fd: int, data: bytes, tally: Tally | None = None) -> None:
    """Write every byte, and count it in `tally`; the operating system may take them in portions.

    Raises:
        BrokenPipeError: the reader of a pipe has left. OSError: all else.
    """
    if tally is not None:
        tally.update(data)
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        if reader_has_left(error):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from error
        raise


def status_of(entry: os.DirEntry[str]) -> os.stat_result:
    """The status of what a directory entry leads to, with its inode.

    Raises:
        OSError: it cannot be told.
    """
    return os.stat(entry.path)  # noqa: PTH116  on Windows the entry itself knows no inode


def portable_path(path: str) -> str:
    """A path as records and manifests have it, which may be read on another system: with "/" between its parts."""
    return path.replace(os.sep, "/")


def relative_path(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> str:
    """The `portable_path` from a folder to a path; all of the path where there is none, on another drive."""
    try:
        return portable_path(os.path.relpath(path, folder))
    except ValueError:
        return portable_path(str(Path(path).absolute()))
