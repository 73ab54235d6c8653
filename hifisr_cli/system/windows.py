"""What Windows does about open files and processes; `posix` says what each function promises.

Python opens files there so that nobody can rename or delete them before they are closed, and has neither locks that end
with the process nor a way to read at a place. Names are those of Microsoft's documentation.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

assert sys.platform == "win32"  # a type checker for other systems reads no further

import ctypes
import msvcrt
import threading
from ctypes import wintypes

_GENERIC_READ, _GENERIC_WRITE = 0x8000_0000, 0x4000_0000
_FILE_SHARE_ALL = 0x7  # with those who read it, write it, and delete or rename it
_CREATE_NEW, _OPEN_EXISTING, _OPEN_ALWAYS = 1, 3, 4
_FILE_ATTRIBUTE_NORMAL = 0x80
_LOCKFILE_FAIL_IMMEDIATELY, _LOCKFILE_EXCLUSIVE_LOCK = 0x1, 0x2
_PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
_ERROR_ACCESS_DENIED, _ERROR_LOCK_VIOLATION, _STILL_ACTIVE = 5, 33, 259
_POLL, _PATIENCE = 0.002, 2.0  # seconds


class _Overlapped(ctypes.Structure):
    _fields_ = (
        ("internal", ctypes.c_void_p),
        ("internal_high", ctypes.c_void_p),
        ("offset", wintypes.DWORD),
        ("offset_high", wintypes.DWORD),
        ("event", wintypes.HANDLE),
    )


class _MemoryStatus(ctypes.Structure):
    _fields_ = (
        ("length", wintypes.DWORD),
        ("load", wintypes.DWORD),
        *((name, ctypes.c_uint64) for name in ("all", "free", "page_all", "page_free", "virtual_all")),
        ("virtual_free", ctypes.c_uint64),
        ("extended", ctypes.c_uint64),
    )


class _MemoryCounters(ctypes.Structure):
    _fields_ = (
        ("size", wintypes.DWORD),
        ("faults", wintypes.DWORD),
        ("peak", ctypes.c_size_t),
        *((f"other_{i}", ctypes.c_size_t) for i in range(7)),
    )


_HANDLE, _DWORD, _POINTER = wintypes.HANDLE, wintypes.DWORD, ctypes.c_void_p
_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.CreateFileW.restype = _HANDLE
_kernel.CreateFileW.argtypes = (wintypes.LPCWSTR, _DWORD, _DWORD, _POINTER, _DWORD, _DWORD, _HANDLE)
_kernel.LockFileEx.argtypes = (_HANDLE, _DWORD, _DWORD, _DWORD, _DWORD, _POINTER)
_kernel.PeekNamedPipe.argtypes = (_HANDLE, _POINTER, _DWORD, _POINTER, _POINTER, _POINTER)
_kernel.OpenProcess.restype = _HANDLE
_kernel.OpenProcess.argtypes = (_DWORD, wintypes.BOOL, _DWORD)
_kernel.GetExitCodeProcess.argtypes = (_HANDLE, _POINTER)
_kernel.CloseHandle.argtypes = (_HANDLE,)
_kernel.GlobalMemoryStatusEx.argtypes = (_POINTER,)
_kernel.GetCurrentProcess.restype = _HANDLE
_kernel.K32GetProcessMemoryInfo.argtypes = (_HANDLE, _POINTER, _DWORD)
_NO_HANDLE = _HANDLE(-1).value
_moving = threading.Lock()


def open_file(path: str | os.PathLike[str], flags: int) -> int:
    access = _GENERIC_READ | (_GENERIC_WRITE if flags & os.O_RDWR else 0)
    how = _OPEN_EXISTING if not flags & os.O_CREAT else _CREATE_NEW if flags & os.O_EXCL else _OPEN_ALWAYS
    handle = _kernel.CreateFileW(os.fspath(path), access, _FILE_SHARE_ALL, None, how, _FILE_ATTRIBUTE_NORMAL, None)
    if handle == _NO_HANDLE:
        error = OSError(0, "", os.fspath(path), ctypes.get_last_error())
        error.strerror = os.strerror(error.errno or 0)  # in the words that all systems have in common
        raise error
    return msvcrt.open_osfhandle(handle, flags & os.O_APPEND | os.O_NOINHERIT)


def read_at(fd: int, count: int, position: int) -> bytes:
    with _standing_at(fd, position):
        return os.read(fd, count)


def write_at(fd: int, data: bytes, position: int) -> int:
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


def rename(source: Path, target: Path) -> None:
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


def try_lock(fd: int, *, shared: bool = False) -> bool | None:
    # One byte far behind the end of any file, since nobody else can read what is locked.
    place = _Overlapped(offset=0xFFFF_FFFE, offset_high=0x7FFF_FFFF)
    flags = _LOCKFILE_FAIL_IMMEDIATELY | (0 if shared else _LOCKFILE_EXCLUSIVE_LOCK)
    if _kernel.LockFileEx(msvcrt.get_osfhandle(fd), flags, 0, 1, 0, ctypes.byref(place)):
        return True
    return False if ctypes.get_last_error() == _ERROR_LOCK_VIOLATION else None


def reader_has_left(error: BaseException) -> bool:
    invalid = isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None
    return invalid or isinstance(error, BrokenPipeError)


def readable_within(fd: int, seconds: float) -> bool:
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
    """Does nothing: a pipe has the size that it was made with."""


def is_alive(pid: int) -> bool:
    process = _kernel.OpenProcess(_PROCESS_QUERY_LIMITED_INFORMATION, False, pid)
    if not process:  # there is none, or it is somebody else's
        return bool(ctypes.get_last_error() == _ERROR_ACCESS_DENIED)
    status = _DWORD()
    known = _kernel.GetExitCodeProcess(process, ctypes.byref(status))
    _kernel.CloseHandle(process)
    return not known or status.value == _STILL_ACTIVE


def free_memory() -> int | None:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    return int(status.free) if _kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def peak_memory() -> int:
    counters = _MemoryCounters(size=ctypes.sizeof(_MemoryCounters))
    _kernel.K32GetProcessMemoryInfo(_kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size)
    return int(counters.peak)
