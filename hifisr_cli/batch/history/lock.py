"""One run at a time on an output folder, and which outputs a run that died was making.

The lock is the operating system's, on the file `.hifisr-lock`: it ends with the processes that hold it, however they
end. The worker processes are given it, so that a folder is not free before the last of them is gone.

The file also holds the names of the outputs that are about to be made. They are on the disk before the outputs are.
An output that is there without a record in the journal, although its name was announced, is the work of a run that died
between the two; any other output without a record is somebody else's.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hifisr_cli.errors import LockedError
from hifisr_cli.system.files import open_file, try_lock
from hifisr_cli.system.machine import is_alive
from hifisr_cli.system.staged_file import output_error, sync_folder

LOCK_NAME = ".hifisr-lock"

_POLL = 0.05
_ORPHANS_GONE = 30.0
"""Seconds that workers of a dead run have to notice and end."""


class FolderLock:
    """The lock of `folder`, held from here to `release`.

    Attributes:
        fd: for worker processes to hold, too.
        announced: outputs that dead runs announced, by their paths below the folder, and how long the journal was then.

    Raises:
        LockedError: another run holds it.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LOCK_NAME
        self._named = False
        try:
            self.fd = self._acquire()
            self.announced = self._read()
            os.write(self.fd, b"\n")  # after a line that was torn
            _write(self.fd, {"pid": os.getpid()})
        except OSError as error:
            raise output_error(error, self._path) from error
        self._open: dict[str, int] = {}

    def announce(self, outputs: Iterable[str], journal_size: int) -> None:
        """Outputs below the folder that are about to be made; on the disk when this returns.

        Raises:
            OutputError: it cannot be written down.
        """
        names = list(outputs)
        self._open.update(dict.fromkeys(names, journal_size))
        try:
            _write(self.fd, {"outputs": names, "journal": journal_size})
            os.fsync(self.fd)
            if not self._named:  # the file is on the disk, but is its name?
                sync_folder(self._folder)
                self._named = True
        except OSError as error:
            raise output_error(error, self._path) from error

    def settle(self, output: str) -> None:
        """The output's record is written, or it failed and is not there."""
        self._open.pop(output, None)
        self.announced.pop(output, None)

    def release(self) -> None:
        """Let go; the file goes, too, unless an output stands without its record."""
        if self.fd < 0:
            return
        left = {n: size for n, size in (self.announced | self._open).items() if os.path.lexists(self._folder / n)}
        with contextlib.suppress(OSError):
            if left:
                os.ftruncate(self.fd, 0)
                for name, size in left.items():
                    _write(self.fd, {"outputs": [name], "journal": size})
                os.fsync(self.fd)
            else:
                self._path.unlink()  # before it is free: who waits for it looks whether it is still there
        with contextlib.suppress(OSError):
            os.close(self.fd)
        self.fd = -1

    def _acquire(self) -> int:
        give_up = time.monotonic() + _ORPHANS_GONE
        while True:
            fd = open_file(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            # None: no locks on this file system. Nothing is gained by refusing to work there.
            free = try_lock(fd) is not False
            if free and _same(fd, self._path):
                return fd
            refused = not free and (time.monotonic() > give_up or _alive(fd))
            os.close(fd)
            if refused:
                raise LockedError(
                    "another run is at work on this output folder",
                    path=self._folder,
                    hint="wait for its end, or name another folder with --output",
                )
            time.sleep(_POLL)

    def _read(self) -> dict[str, int]:
        return {name: int(line["journal"]) for line in _lines(self.fd) for name in line.get("outputs", ())}


def _same(fd: int, path: Path) -> bool:
    """Whether `path` still is the file behind `fd`: the holder before may have deleted it."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _alive(fd: int) -> bool:
    """Whether the run that wrote its number into the lock file lives; if not, its workers are about to end."""
    pids = [line["pid"] for line in _lines(fd) if "pid" in line]
    if not pids:
        return True
    try:
        return is_alive(int(pids[-1]))
    except (TypeError, ValueError):
        return True


def _lines(fd: int) -> list[dict[str, Any]]:
    os.lseek(fd, 0, os.SEEK_SET)
    data = b""
    while part := os.read(fd, 1 << 20):
        data += part
    found = []
    for line in data.splitlines():
        with contextlib.suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found


def _write(fd: int, fields: dict[str, object]) -> None:
    data = json.dumps(fields).encode("ascii") + b"\n"
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
