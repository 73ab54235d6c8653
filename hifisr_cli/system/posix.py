"""What Linux and macOS do about open files and processes; `windows` has functions of the same names that promise the
same. To be had from `files` and `machine`."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

assert sys.platform != "win32"  # a type checker for Windows reads no further

import fcntl
import resource
import select

_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


def open_file(path: str | os.PathLike[str], flags: int) -> int:
    """A descriptor of a file, which others may still read, rename and delete.

    Args:
        flags: those of `os.open`; the file is one of bytes in any case.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, flags, 0o666)  # less the umask, as for any other new file


def read_at(fd: int, count: int, position: int) -> bytes:
    """Up to `count` bytes from `position` on; where the file stands does not change."""
    return os.pread(fd, count, position)


def write_at(fd: int, data: bytes, position: int) -> int:
    """Write at `position`, and return how many bytes were written; where the file stands does not change."""
    return os.pwrite(fd, data, position)


def rename(source: Path, target: Path) -> None:
    """Give a file, open or not, another name; what had that name is replaced.

    Raises:
        OSError: it cannot be done.
    """
    os.replace(source, target)  # noqa: PTH105 - one name for all of them in tests that break the disk


def try_lock(fd: int, *, shared: bool = False) -> bool | None:
    """Lock an open file for this process and those that inherit it, until the last of them ends or closes it.

    Args:
        shared: others may lock it in this way at the same time.

    Returns False where somebody else has it locked, and None where the file system has no such locks.
    """
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _BUSY else None
    return True


def reader_has_left(error: BaseException) -> bool:
    """Whether `error`, raised by writing into a pipe, says that nobody reads from it any more."""
    return isinstance(error, BrokenPipeError)


def readable_within(fd: int, seconds: float) -> bool:
    """Wait until there is something to read from a pipe, or its end; False where the seconds are over first."""
    return bool(select.select([fd], [], [], seconds)[0])


def widen_pipe(fd: int, size: int) -> None:
    """Give a pipe room for `size` bytes, where that can be done."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number; True where that cannot be told."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def free_memory() -> int | None:
    """How much memory is free, in bytes; None where that cannot be told."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def peak_memory() -> int:
    """The most memory that this process has used at once, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
