"""Open files, the same on every system: read at a place, and locked, renamed and deleted while they are open.

On Windows Python opens files so that nobody can rename or delete them before they are closed, and has neither locks
that end with the process nor a way to read at a place. Names are those of Microsoft's documentation.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl
    import select

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

else:
    import ctypes
    import msvcrt
    import threading
    import time
    from ctypes import wintypes

    _GENERIC_READ, _GENERIC_WRITE = 0x8000_0000, 0x4000_0000
    _FILE_SHARE_ALL = 0x7  # with those who read it, write it, and delete or rename it
    _CREATE_NEW, _OPEN_EXISTING, _OPEN_ALWAYS = 1, 3, 4
    _FILE_ATTRIBUTE_NORMAL = 0x80
    _LOCKFILE_FAIL_IMMEDIATELY, _LOCKFILE_EXCLUSIVE_LOCK = 0x1, 0x2
    _ERROR_LOCK_VIOLATION = 33
    _POLL, _PATIENCE = 0.002, 2.0

    class _Overlapped(ctypes.Structure):
        _fields_ = (
            ("internal", ctypes.c_void_p),
            ("internal_high", ctypes.c_void_p),
            ("offset", wintypes.DWORD),
            ("offset_high", wintypes.DWORD),
            ("event", wintypes.HANDLE),
        )

    _HANDLE, _DWORD, _POINTER = wintypes.HANDLE, wintypes.DWORD, ctypes.c_void_p
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel.CreateFileW.restype = _HANDLE
    _kernel.CreateFileW.argtypes = (wintypes.LPCWSTR, _DWORD, _DWORD, _POINTER, _DWORD, _DWORD, _HANDLE)
    _kernel.LockFileEx.argtypes = (_HANDLE, _DWORD, _DWORD, _DWORD, _DWORD, _POINTER)
    _kernel.PeekNamedPipe.argtypes = (_HANDLE, _POINTER, _DWORD, _POINTER, _POINTER, _POINTER)
    _NO_HANDLE = _HANDLE(-1).value
    _moving = threading.Lock()

    def open_file(path: str | os.PathLike[str], flags: int) -> int:
        """As elsewhere."""
        access = _GENERIC_READ | (_GENERIC_WRITE if flags & os.O_RDWR else 0)
        how = _OPEN_EXISTING if not flags & os.O_CREAT else _CREATE_NEW if flags & os.O_EXCL else _OPEN_ALWAYS
        handle = _kernel.CreateFileW(os.fspath(path), access, _FILE_SHARE_ALL, None, how, _FILE_ATTRIBUTE_NORMAL, None)
        if handle == _NO_HANDLE:
            error = OSError(0, "", os.fspath(path), ctypes.get_last_error())
            error.strerror = os.strerror(error.errno or 0)  # in the words that all systems have in common
            raise error
        return msvcrt.open_osfhandle(handle, flags & os.O_APPEND | os.O_NOINHERIT)

    def read_at(fd: int, count: int, position: int) -> bytes:
        """As elsewhere."""
        with _standing_at(fd, position):
            return os.read(fd, count)

    def write_at(fd: int, data: bytes, position: int) -> int:
        """As elsewhere."""
        with _standing_at(fd, position):
            return os.write(fd, data)

    @contextlib.contextmanager
    def _standing_at(fd: int, position: int) -> Iterator[None]:
        with _moving:
            before = os.lseek(fd, 0, os.SEEK_CUR)
            try:
                os.lseek(fd, position, os.SEEK_SET)
                yield
            finally:
                os.lseek(fd, before, os.SEEK_SET)

    def portable_path(path: str) -> str:
        """As elsewhere."""
        return path.replace("\\", "/")

    def relative_path(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> str:
        """As elsewhere."""
        try:
            return portable_path(os.path.relpath(path, folder))
        except ValueError:
            return portable_path(str(Path(path).absolute()))

    def status_of(entry: os.DirEntry[str]) -> os.stat_result:
        """As elsewhere."""
        return os.stat(entry.path)  # noqa: PTH116  the entry itself knows no inode

    def rename(source: Path, target: Path) -> None:
        """As elsewhere."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                source.replace(target)
            except PermissionError:  # virus scanners and indexers hold a file for a moment
                if time.monotonic() > until:
                    raise
                time.sleep(_POLL)
            else:
                return

    def try_lock(fd: int) -> bool | None:
        """As elsewhere."""
        # One byte far behind the end of any file, since nobody else can read what is locked.
        place = _Overlapped(offset=0xFFFF_FFFE, offset_high=0x7FFF_FFFF)
        flags = _LOCKFILE_EXCLUSIVE_LOCK | _LOCKFILE_FAIL_IMMEDIATELY
        if _kernel.LockFileEx(msvcrt.get_osfhandle(fd), flags, 0, 1, 0, ctypes.byref(place)):
            return True
        return False if ctypes.get_last_error() == _ERROR_LOCK_VIOLATION else None

    def sync_folder(folder: str | os.PathLike[str]) -> None:
        """Nothing: NTFS writes its names to a journal by itself, and no folder can be told to."""

    def reader_has_left(error: BaseException) -> bool:
        """As elsewhere."""
        invalid = isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None
        return invalid or isinstance(error, BrokenPipeError)

    def readable_within(fd: int, seconds: float) -> bool:
        """As elsewhere."""
        until = time.monotonic() + seconds
        available = _DWORD()
        while _kernel.PeekNamedPipe(msvcrt.get_osfhandle(fd), None, 0, None, ctypes.byref(available), None):
            if available.value:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(_POLL)
        return True  # its end

    def widen_pipe(fd: int, size: int) -> None:
        """Nothing: a pipe has the size that it was made with."""
