"""The machine and its processes, the same on every system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

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

else:
    import ctypes
    from ctypes import wintypes

    _PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
    _ERROR_ACCESS_DENIED, _STILL_ACTIVE = 5, 259

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
    _kernel.OpenProcess.restype = _HANDLE
    _kernel.OpenProcess.argtypes = (_DWORD, wintypes.BOOL, _DWORD)
    _kernel.GetExitCodeProcess.argtypes = (_HANDLE, _POINTER)
    _kernel.CloseHandle.argtypes = (_HANDLE,)
    _kernel.GlobalMemoryStatusEx.argtypes = (_POINTER,)
    _kernel.GetCurrentProcess.restype = _HANDLE
    _kernel.K32GetProcessMemoryInfo.argtypes = (_HANDLE, _POINTER, _DWORD)

    def is_alive(pid: int) -> bool:
        """As elsewhere."""
        process = _kernel.OpenProcess(_PROCESS_QUERY_LIMITED_INFORMATION, False, pid)
        if not process:  # there is none, or it is somebody else's
            return bool(ctypes.get_last_error() == _ERROR_ACCESS_DENIED)
        status = _DWORD()
        known = _kernel.GetExitCodeProcess(process, ctypes.byref(status))
        _kernel.CloseHandle(process)
        return not known or status.value == _STILL_ACTIVE

    def cores() -> int:
        """As elsewhere."""
        return os.cpu_count() or 1

    def data_folder() -> Path:
        """As elsewhere."""
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")

    def free_memory() -> int | None:
        """As elsewhere."""
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        return int(status.free) if _kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None

    def peak_memory() -> int:
        """As elsewhere."""
        counters = _MemoryCounters(size=ctypes.sizeof(_MemoryCounters))
        _kernel.K32GetProcessMemoryInfo(_kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size)
        return int(counters.peak)

    def may_have_gpu() -> bool:
        """As elsewhere."""
        return (Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / "System32" / "nvcuda.dll").exists()
