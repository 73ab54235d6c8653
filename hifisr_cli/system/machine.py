"""The machine and its processes, the same on every system."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path

if sys.platform == "win32":
    from hifisr_cli.system import windows as native
else:
    from hifisr_cli.system import posix as native

_PROCESSORS = Path("/proc/cpuinfo")
_BOOT = Path("/proc/sys/kernel/random/boot_id")

is_alive, free_memory, peak_memory = native.is_alive, native.free_memory, native.peak_memory


def cores() -> int:
    """How many cores of the processor this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def host_name() -> str:
    """The name of this machine, by which others that share a file system with it know it."""
    return platform.node() or "unknown"


@cache
def boot_id() -> str | None:
    """What tells this start of this machine from every other start of any; None where the system has no such thing."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return None


def data_folder() -> Path:
    """Where programs keep what they have downloaded for a user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, as far as Linux says so for x86; unknown is no."""
    return "avx512_bf16" in _said_of_processor("flags").split()  # those with matrix units (amx_bf16) have it, too


def processor_vendor() -> str:
    """Who made the processor as far as Linux says so, else its architecture: "AuthenticAMD", "arm64"."""
    return _said_of_processor("vendor_id") or platform.machine()


def _said_of_processor(name: str) -> str:
    """The value that Linux gives for its first core, empty elsewhere."""
    try:
        with _PROCESSORS.open(encoding="ascii", errors="replace") as lines:
            return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
    except OSError:
        return ""


def may_have_gpu() -> bool:
    """Whether there is a driver of NVIDIA's."""
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / "System32" / "nvcuda.dll").exists()
    return Path("/dev/nvidiactl").exists() or Path("/dev/dxg").exists()


def on_gpu(device: str) -> bool:
    """Whether a network on `device` ("auto", "cpu", ...) is going to run on a GPU, as far as can be told without
    PyTorch."""
    return may_have_gpu() if device == "auto" else device != "cpu"
