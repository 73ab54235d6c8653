"""The journal of an output folder: one record a line, appended when an output stands under its final name.

The order is what makes it trustworthy: an output is written to the disk, then renamed, then recorded. So a record never
speaks of an output that was not complete; an output without its record is what `lock.py` announces beforehand.
A line that a dying process left unfinished is ignored, and cut off before the next one is appended.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from hifisr_cli.batch.history.record import Record
from hifisr_cli.errors import JournalError, reason_of
from hifisr_cli.system.files import open_file
from hifisr_cli.system.staged_file import output_error, sync_folder

JOURNAL_NAME = "hifisr-journal.jsonl"

_SYNC_SECONDS = 1.0
"""The longest that a record waits for the disk; what a power cut takes is found by its announcement."""

_TAIL = 1 << 16


def journal_path(folder: str | os.PathLike[str]) -> Path:
    """Where the journal of an output folder lies: at its top."""
    return Path(folder) / JOURNAL_NAME


def journal_size(folder: str | os.PathLike[str]) -> int:
    """How long the journal is, in bytes; 0 where there is none."""
    try:
        return journal_path(folder).stat().st_size
    except OSError:
        return 0


def iter_lines(folder: str | os.PathLike[str]) -> Iterator[bytes]:
    """The lines of the journal, none where there is no journal. A torn last line is left out.

    Raises:
        JournalError: the journal cannot be read.
    """
    path = journal_path(folder)
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise JournalError(
            f"the journal cannot be read: {reason_of(error)}", path=path, hint="check its rights"
        ) from error


def iter_journal(folder: str | os.PathLike[str]) -> Iterator[Record]:
    """All records in the order in which they were written; lines that are no records (a power cut) are left out.

    Raises:
        JournalError: the journal cannot be read.
    """
    for line in iter_lines(folder):
        with contextlib.suppress(JournalError):
            yield Record.from_line(line)


def read_journal(folder: str | os.PathLike[str]) -> list[Record]:
    """The last record of each input, in the order in which these were written.

    Raises:
        JournalError: the journal cannot be read.
    """
    latest: dict[str, Record] = {}
    for record in iter_journal(folder):
        key = record.input.absolute or record.input.path
        latest.pop(key, None)
        latest[key] = record
    return list(latest.values())


def mend_journal(folder: Path) -> None:
    """Cut off what a dying run or a power cut left unfinished, so that what follows stands where it says.

    Raises:
        OutputError: it cannot be written to.
    """
    try:
        with journal_path(folder).open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return
            file.seek(-1, os.SEEK_END)
            whole = file.read(1) == b"\n"
    except OSError:  # there is none, or whoever reads it will say why not
        return
    if not whole:
        Journal(folder).close()


class Journal:
    """The journal of `folder`, open for appending; to be used under the folder's lock.

    Raises:
        OutputError: it cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._path = journal_path(folder)
        try:
            fresh = not self._path.exists()
            self._fd = open_file(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            if fresh:
                sync_folder(folder)
        except OSError as error:
            raise output_error(error, self._path) from error
        self._unsynced = False
        self._synced = time.monotonic()
        try:
            self._mend()
        except OSError as error:
            os.close(self._fd)
            raise output_error(error, self._path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, record: Record) -> None:
        """Write a record. It is on the disk a second later, or when the journal is closed.

        Raises:
            OutputError: disk full and the like; the journal is then as it was before.
        """
        data = record.to_line().encode("ascii") + b"\n"
        try:
            self._write(data)
            self._unsynced = True
            if time.monotonic() - self._synced >= _SYNC_SECONDS:
                self.sync()
        except OSError as error:
            raise output_error(error, self._path) from error

    def _write(self, data: bytes) -> None:
        """All of `data` or nothing."""
        before = os.fstat(self._fd).st_size
        if os.write(self._fd, data) != len(data):  # the disk filled up in the middle of the line
            os.ftruncate(self._fd, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self) -> None:
        """See to it that everything appended is on the disk."""
        if self._unsynced:
            os.fsync(self._fd)
            self._unsynced = False
        self._synced = time.monotonic()

    def close(self) -> None:
        """Closes it; never raises, because what was appended is safe already where the disk lives."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                self.sync()
            with contextlib.suppress(OSError):
                os.close(self._fd)  # a drive that was unplugged fails here, too
            self._fd = -1

    def _mend(self) -> None:
        """Cut off a torn last line; complete one that lacks just its end."""
        size = os.fstat(self._fd).st_size
        end = size
        torn = b""
        while end > 0:
            start = max(0, end - _TAIL)
            os.lseek(self._fd, start, os.SEEK_SET)
            part = os.read(self._fd, end - start)
            newline = part.rfind(b"\n")
            torn = part[newline + 1 :] + torn
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if not torn:
            return
        try:
            Record.from_line(torn)
        except JournalError:
            os.ftruncate(self._fd, end)
        else:
            os.write(self._fd, b"\n")
        os.fsync(self._fd)
