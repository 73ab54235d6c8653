"""Linux and macOS."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
from pathlib import Path

assert sys.platform != "win32"  # type checkers skip the rest there

import fcntl
import resource

_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


def open_file(path: str | os.PathLike[str], flags: int) -> int:
    """A descriptor of a file.

    Args:
        flags: of `os.open`; it is a file of bytes in any case.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, flags, 0o666)  # less the umask, as for any other new file


def read_at(fd: int, count: int, position: int) -> bytes:
    """Up to `count` bytes from `position` on; where the file stands does not change."""
    return os.pread(fd, count, position)


def write_at(fd: int, data: bytes, position: int) -> int:
    """Write at `position`; where the file stands does not change."""
    return os.pwrite(fd, data, position)


def portable_path(path: str) -> str:
    """A path as records and manifests have it, which may be read on another system: with "/" between its parts."""
    return path


def relative_path(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> str:
    """The `portable_path` from a folder to a path; all of the path where there is none, on another drive."""
    return os.path.relpath(path, folder)


def status_of(entry: os.DirEntry[str]) -> os.stat_result:
    """Of what a directory entry leads to, with its inode.

    Raises:
        OSError: it cannot be told.
    """
    return entry.stat()


def rename(source: Path, target: Path) -> None:
    """Give a file, open or not, another name; what had that name is replaced.

    Raises:
        OSError: it cannot be done.
    """
    os.replace(source, target)  # noqa: PTH105 - one name for all of them in tests that break the disk


def try_lock(fd: int) -> bool | None:
    """Lock an open file for this process and those that inherit it; False where somebody else has it.

    None where the file system has no such locks.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _BUSY else None
    return True


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Write the names in a folder to the disk, as far as the file system can; the files themselves are safe."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def reader_has_left(error: BaseException) -> bool:
    """Whether nobody reads any more what was to be written into a pipe."""
    return isinstance(error, BrokenPipeError)


def readable_within(fd: int, seconds: float) -> bool:
    """Whether there is something to read from a pipe, or its end, before so many seconds are over."""
    return bool(select.select([fd], [], [], seconds)[0])


def widen_pipe(fd: int, size: int) -> None:
    """Give a pipe room for `size` bytes, where that can be done."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number, as far as can be told."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def cores() -> int:
    """Of the processor, that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def data_folder() -> Path:
    """Where programs keep what they have downloaded for a user."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")


def free_memory() -> int | None:
    """Bytes; None where it cannot be told."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def peak_memory() -> int:
    """The most that this process has used, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def may_have_gpu() -> bool:
    """Whether there is a driver of NVIDIA's."""
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()
