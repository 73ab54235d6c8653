"""The journal of an output folder: one record a line, appended when an output stands under its final name.

The shards of a run write a part of it each, `hifisr-journal.3-of-16.jsonl`: a file has one writer, since no file system
of a network appends whole lines for several. The journal is all parts together; a run without shards makes them one.

The order is what makes it trustworthy: an output is written to the disk, then renamed, then recorded. So a record never
speaks of an output that was not complete; an output without its record is what `lock.py` announces beforehand.
A line that a dying process left unfinished is ignored, and cut off before the next one is appended.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from hifisr_cli.batch.history.record import Record
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.errors import JournalError, reason_of
from hifisr_cli.system.files import open_file
from hifisr_cli.system.staged_file import output_error, sync_folder

JOURNAL_NAME = "hifisr-journal.jsonl"

_SYNC_SECONDS = 1.0
"""The longest that a record waits for the disk; what a power cut takes is found by its announcement."""

_TAIL = 1 << 16

Line = tuple[Shard | None, int, bytes]
"""A line of the journal with its end: whose part it stands in, where in that, and the line."""


def journal_path(folder: str | os.PathLike[str], shard: Shard | None = None) -> Path:
    """Where the journal of an output folder lies, or a shard's part of it: at its top."""
    name = Path(JOURNAL_NAME)
    return Path(folder) / (name if shard is None else f"{name.stem}.{shard.part}{name.suffix}")


def journal_shards(folder: str | os.PathLike[str]) -> list[Shard]:
    """The shards that have a part of the journal, in order."""
    start, end = (Path(JOURNAL_NAME).stem + ".", Path(JOURNAL_NAME).suffix)
    names = (path.name for path in Path(folder).glob(f"{start}*{end}"))
    shards = (Shard.of_part(name.removeprefix(start).removesuffix(end)) for name in names)
    return sorted(shard for shard in shards if shard is not None)


def has_journal(folder: str | os.PathLike[str]) -> bool:
    """Whether a run has written down anything there."""
    return journal_path(folder).is_file() or bool(journal_shards(folder))


def silent_shards(folder: str | os.PathLike[str]) -> dict[int, list[int]]:
    """By the number of shards that a run was shared among: those of them that have written nothing down, not even that
    they had nothing to do."""
    there = journal_shards(folder)
    counts = sorted({shard.count for shard in there})
    return {count: [i for i in range(1, count + 1) if Shard(count, i) not in there] for count in counts}


def journal_size(folder: str | os.PathLike[str], shard: Shard | None = None) -> int:
    """How long the journal is, or a shard's part of it, in bytes; 0 where there is none."""
    try:
        return journal_path(folder, shard).stat().st_size
    except OSError:
        return 0


def iter_lines(folder: str | os.PathLike[str]) -> Iterator[Line]:
    """The lines of the journal in the order in which they were written; a torn last line of a part is left out.

    What stands in no shard's part was written before the parts, or stands in one as well.

    Raises:
        JournalError: the journal cannot be read.
    """
    yield from _lines_of(folder, None)
    yield from heapq.merge(*(_lines_of(folder, shard) for shard in journal_shards(folder)), key=_time_of)


def _lines_of(folder: str | os.PathLike[str], shard: Shard | None) -> Iterator[Line]:
    path, offset = journal_path(folder, shard), 0
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield shard, offset, line
                offset += len(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise JournalError(
            f"the journal cannot be read: {reason_of(error)}", path=path, hint="check its rights"
        ) from error


def _time_of(line: Line) -> bytes:
    """The record's, as text that sorts by it."""
    return line[2].partition(b'"time": "')[2][:24]


def iter_journal(folder: str | os.PathLike[str]) -> Iterator[Record]:
    """All records in the order in which they were written; lines that are no records (a power cut) are left out.

    Raises:
        JournalError: the journal cannot be read.
    """
    for _, _, line in iter_lines(folder):
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


def mend_journal(folder: Path, shard: Shard | None = None) -> None:
    """Cut off from a part what a dying run or a power cut left unfinished, so that what follows stands where it says.

    Raises:
        OutputError: it cannot be written to.
    """
    try:
        with journal_path(folder, shard).open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return
            file.seek(-1, os.SEEK_END)
            whole = file.read(1) == b"\n"
    except OSError:  # there is none, or whoever reads it will say why not
        return
    if not whole:
        Journal(folder, shard).close()


class Journal:
    """The journal of `folder`, or a shard's part of it, open for appending; to be used under the lock of that.

    Raises:
        OutputError: it cannot be written to.
    """

    def __init__(self, folder: Path, shard: Shard | None = None) -> None:
        self._path = journal_path(folder, shard)
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
        self.append_line(record.to_line().encode("ascii") + b"\n")

    def append_line(self, data: bytes) -> None:
        """Write a record that is a line already, with its end. As `append`."""
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
