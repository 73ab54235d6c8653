"""One run at a time on an output folder, or the shards of one; and which outputs runs that died were making.

A run holds `.hifisr-lock`, a shard `.hifisr-lock.3-of-16`. Whoever has taken its own looks at those that exclude it:
a run and a shard exclude each other, so do shards of another number. Of two that start at the same moment, at least one
sees the other. The worker processes are given the lock, so that a folder is not free before the last of them is gone.

The file also holds the names of the outputs that are about to be made. They are on the disk before the outputs are.
An output that is there without a record in the journal, although its name was announced, is the work of a run that died
between the two; any other output without a record is somebody else's.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hifisr_cli.batch.history.lock_file import HeldError, LockFile, lines_of_the_dead
from hifisr_cli.batch.plan.shard import Shard
from hifisr_cli.errors import LockedError
from hifisr_cli.system.staged_file import output_error, sync_folder

LOCK_NAME = ".hifisr-lock"

Announced = dict[tuple[Shard | None, str], int]
"""Outputs by the part of the journal that would have their record and their paths below the folder; and how long that
part was when they were announced."""


class FolderLock:
    """The lock of `folder`, or of a shard in it, held from here to `release`.

    Attributes:
        fd: for worker processes to hold, too.
        announced: outputs that dead runs announced: this one's, and those that it excludes.

    Raises:
        LockedError: another run holds it, or one that excludes it.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, shard: Shard | None = None) -> None:
        self._folder, self._shard = folder, shard
        self._path = folder / _lock_name(shard)
        self._named = False
        self._open: dict[str, int] = {}
        try:
            self._file = LockFile(self._path)
        except HeldError as held:
            raise _refused(folder, "another run" if shard is None else f"another run of shard {shard}", held) from None
        except OSError as error:
            raise output_error(error, self._path) from error
        self.announced = _announced(shard, self._file.found)
        try:
            for other in self._excluded():
                self.announced |= _announced(other, lines_of_the_dead(folder / _lock_name(other)))
        except HeldError as held:
            self.release()
            raise _refused(folder, "a run without --shard" if other is None else f"shard {other}", held) from None
        except OSError as error:
            self.release()
            raise output_error(error, self._path) from error

    @property
    def fd(self) -> int:
        return self._file.fd

    def announce(self, outputs: Iterable[str], journal_size: int) -> None:
        """Outputs below the folder that are about to be made; on the disk when this returns.

        Raises:
            OutputError: it cannot be written down.
        """
        names = list(outputs)
        self._open.update(dict.fromkeys(names, journal_size))
        try:
            self._file.write({"outputs": names, "journal": journal_size})
            os.fsync(self.fd)
            if not self._named:  # the file is on the disk, but is its name?
                sync_folder(self._folder)
                self._named = True
        except OSError as error:
            raise output_error(error, self._path) from error

    def settle(self, output: str) -> None:
        """The output's record is written, or it failed and is not there."""
        self._open.pop(output, None)
        self.announced.pop((self._shard, output), None)

    def take_over(self, journal_size: int) -> None:
        """What dead runs announced is this one's now, and their locks go.

        To be called by a run without a shard when all records are in its own part of the journal.

        Args:
            journal_size: of that part.

        Raises:
            OutputError: it cannot be written down.
        """
        others = self._excluded()
        if not others:
            return
        announced, self.announced = self.announced, {}
        self.announce(sorted({name for _, name in announced}), journal_size)
        for other in others:
            with contextlib.suppress(OSError):
                (self._folder / _lock_name(other)).unlink()

    def release(self) -> None:
        """Let go; the file goes, too, unless an output stands without its record."""
        own = {name: size for (part, name), size in self.announced.items() if part == self._shard}
        left = {name: size for name, size in (own | self._open).items() if os.path.lexists(self._folder / name)}
        self._file.release([{"outputs": [name], "journal": size} for name, size in left.items()])

    def _excluded(self) -> list[Shard | None]:
        """Whose locks there are that may not be held at the same time."""
        others = (other for other in locked(self._folder) if other != self._shard)
        return [o for o in others if self._shard is None or o is None or o.count != self._shard.count]


def locked(folder: Path) -> list[Shard | None]:
    """Who has a lock file in a folder, held or not."""
    shards = (Shard.of_part(path.name.removeprefix(f"{LOCK_NAME}.")) for path in folder.glob(f"{LOCK_NAME}.*"))
    whole = [None] if (folder / LOCK_NAME).exists() else []
    return [*whole, *(shard for shard in shards if shard is not None)]


def _lock_name(shard: Shard | None) -> str:
    return LOCK_NAME if shard is None else f"{LOCK_NAME}.{shard.part}"


def _announced(shard: Shard | None, lines: Iterable[dict[str, Any]]) -> Announced:
    return {(shard, name): int(line["journal"]) for line in lines for name in line.get("outputs", ())}


def _refused(folder: Path, who: str, held: HeldError) -> LockedError:
    where = "" if held.host is None else f", on host {held.host}"
    hint = "wait for its end, or name another folder with --output"
    return LockedError(f"{who} is at work on this output folder{where}", path=folder, hint=hint)
