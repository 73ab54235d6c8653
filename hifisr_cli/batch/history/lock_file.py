"""A file that one process holds at a time, on this host and on the others that share the file system.

On one host the lock is the operating system's: it ends with the processes that hold it, however they end. Other hosts
may not see it (NFS mounted with `nolock` or `local_lock`, Lustre without `flock`). So the holder writes down where it
runs, and touches the file as long as it lives: one whose last holder was elsewhere is free when nobody has touched it
for a while by the clock of the disk.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hifisr_cli.system.files import open_file, try_lock
from hifisr_cli.system.machine import boot_id, host_name, is_alive
from hifisr_cli.system.staged_file import StagedFile

_POLL, _POLL_ELSEWHERE = 0.05, 1.0
_ORPHANS_GONE = 30.0
"""Seconds that workers of a dead run have to notice and end."""

_BEAT, _LIFELESS = 15.0, 60.0
"""Seconds between two touches of the holder, and without one until it is dead: a client of NFS may believe for up to a
minute what it has heard of a file."""


class HeldError(Exception):
    """Somebody else holds the file.

    Attributes:
        host: where, if it is not here.
    """

    def __init__(self, host: str | None) -> None:
        super().__init__(host)
        self.host = host


class LockFile:
    """The file at `path`, made and held from here to `release`.

    Attributes:
        fd: for other processes to hold, too.
        found: what was written in it before.

    Raises:
        HeldError: somebody holds it.
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.fd = _await(path, os.O_CREAT)
        try:
            self.found = list(_lines(self.fd))
            os.write(self.fd, b"\n")  # after a line that was torn
            self.write({"pid": os.getpid(), **_here()})
        except OSError:
            os.close(self.fd)
            raise
        self._released = threading.Event()
        threading.Thread(target=self._beat, name="hifisr-lock", daemon=True).start()

    def write(self, fields: Mapping[str, object]) -> None:
        """Add a line.

        Raises:
            OSError: disk full and the like.
        """
        data = json.dumps(fields).encode("ascii") + b"\n"
        if os.write(self.fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def release(self, left: list[Mapping[str, object]]) -> None:
        """Let go of it, with these lines in it; without any, the file goes, too. Never raises."""
        if self.fd < 0:
            return
        self._released.set()
        with contextlib.suppress(OSError):
            if left:
                os.ftruncate(self.fd, 0)
                for line in left:
                    self.write(line)
                os.fsync(self.fd)
            else:
                self._path.unlink()  # before it is free: who waits for it looks whether it is still there
        with contextlib.suppress(OSError):
            os.close(self.fd)
        self.fd = -1

    def _beat(self) -> None:
        while not self._released.wait(_BEAT):
            with contextlib.suppress(OSError):
                os.utime(self._path)


def lines_of_the_dead(path: Path) -> list[dict[str, Any]]:
    """What a lock file says that nobody holds; nothing where there is none.

    Raises:
        HeldError: somebody holds it.
        OSError: it cannot be read.
    """
    try:
        fd = _await(path, 0)
    except FileNotFoundError:
        return []
    try:
        return list(_lines(fd))
    finally:
        os.close(fd)


def _await(path: Path, create: int) -> int:
    """The open file, locked: for this process alone where it may be created, else together with others that look at it.

    Raises:
        HeldError, OSError.
    """
    give_up = time.monotonic() + _ORPHANS_GONE
    touched: int | None = None
    while True:
        fd = open_file(path, os.O_RDWR | os.O_APPEND | create)
        # None: no locks on this file system. Nothing is gained by refusing to work there.
        free = try_lock(fd, shared=not create) is not False
        holder: dict[str, Any] = next((line for line in reversed(list(_lines(fd))) if "pid" in line), {})
        elsewhere = holder.get("host") if _is_elsewhere(holder) else None
        refused = not free and time.monotonic() > give_up
        if elsewhere is not None:
            before, touched = touched, os.fstat(fd).st_mtime_ns
            refused = refused or before not in (None, touched)
            free = free and not refused and _disk_time(path.parent) - touched / 1e9 > _LIFELESS
        elif not free:
            refused = refused or _lives(holder)
        if free and _is_at(fd, path):
            return fd
        os.close(fd)
        if refused:
            raise HeldError(elsewhere)
        time.sleep(_POLL if elsewhere is None else _POLL_ELSEWHERE)


def _here() -> dict[str, object]:
    return {"host": host_name(), "boot": boot_id()}


def _is_elsewhere(holder: Mapping[str, Any]) -> bool:
    """Whether the holder is, or was, on another host, or on this one before it was started again."""
    return "host" in holder and {"host": holder["host"], "boot": holder.get("boot")} != _here()


def _lives(holder: Mapping[str, Any]) -> bool:
    """Whether the run lives that wrote its number; if not, its workers are about to end.

    A file that is locked without a number is just being looked at, or about to get one.
    """
    try:
        return bool(holder) and is_alive(int(holder["pid"]))
    except (TypeError, ValueError):
        return True


def _disk_time(folder: Path) -> float:
    """The time by the clock that dates files there, which may be a server's."""
    file = StagedFile(folder / "now", overwrite=True)
    try:
        return os.fstat(file.fd).st_mtime
    finally:
        file.discard()


def _is_at(fd: int, path: Path) -> bool:
    """Whether `path` still is the file behind `fd`: the holder before may have deleted it."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _lines(fd: int) -> Iterator[dict[str, Any]]:
    os.lseek(fd, 0, os.SEEK_SET)
    data = b""
    while part := os.read(fd, 1 << 20):
        data += part
    for line in data.splitlines():
        with contextlib.suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                yield value
