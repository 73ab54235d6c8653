"""Files that appear under their name complete or not at all.

They are written under a temporary name, synced, and then given their own: `.hifisr-HOST-*.part`, locked while it is
written. `sweep` deletes those of the dead. The host is in the name because locks may not be seen across hosts, and a
server of files may do what it was asked for although its answer was lost (NFS asks again, and is refused then).
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import re
import secrets
import stat
import string
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from hifisr_cli.errors import OutputError, OutputExistsError, UnsupportedError, reason_of
from hifisr_cli.system.files import open_file, rename, try_lock, write_all
from hifisr_cli.system.machine import host_name

PART_PREFIX = ".hifisr-"
PART_SUFFIX = ".part"

_HINTS = {
    errno.ENOSPC: "free some space, or choose an output on another disk",
    errno.EDQUOT: "free some space, or choose an output on another disk",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}
_DAY = 86_400.0
_REFUSED = {errno.EINVAL, errno.ENOENT, errno.EILSEQ, errno.ENAMETOOLONG}
_PLAIN = frozenset(string.ascii_letters + string.digits + "._-~")
_MOST_UNUSUAL = 40  # a name has at most 255 bytes, a character up to 4
_LONGEST_HOST = 60
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def output_error(error: OSError, path: str | os.PathLike[str]) -> OutputError:
    """The operating system's error as ours."""
    return OutputError(f"cannot be written: {reason_of(error)}", path=path, hint=_HINTS.get(error.errno or 0))


def refused_name(error: OSError, path: Path) -> UnsupportedError | None:
    """The error of one output whose name the drive does not take (FAT, exFAT and NTFS know no colon, say); None where
    something else is wrong."""
    if error.errno not in _REFUSED or not any(map(os.path.isdir, path.parents)):
        return None
    return UnsupportedError(
        f"the drive does not take this name: {reason_of(error)}",
        path=path,
        hint="rename the input, or choose an output on another drive",
    )


Overwrite = bool | Literal["same"]
"""Whether a file that is there is replaced; "same": it stays, and has to have the very bytes that are written."""


@dataclass(frozen=True, slots=True)
class FileTarget:
    """A file that is to be written, and what happens to one that is there already."""

    path: Path
    overwrite: Overwrite


class StagedFile:
    """A temporary file beside its target; `commit` gives it the target's name, `discard` removes it.

    As a context manager it is committed where the block ends, and discarded where the block raises. What the operating
    system raises in the block, or afterwards, is an `OutputError` then.

    Args:
        target: missing folders on the way to it are made.
        overwrite: whether a file of that name is replaced; "same": it stays, and it is no failure that it is there if
            it has the very bytes that were written.

    Attributes:
        path: of the temporary file.
        fd: the temporary file, open to be read and written.

    Raises:
        OutputExistsError: the target is there and may not be replaced, or is a folder.
        UnsupportedError: the drive does not take the target's name.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, target: Path, *, overwrite: Overwrite) -> None:
        self.target, self._overwrite = target, overwrite
        if os.path.lexists(target) and (not overwrite or (target.is_dir() and not target.is_symlink())):
            raise _exists(target)
        unusual = "".join(sorted({*target.name} - _PLAIN)[:_MOST_UNUSUAL])
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.path, self.fd = _new_part(target.parent, unusual)
        except OSError as error:
            raise refused_name(error, target) or output_error(error, target) from error
        self._open, self._new = True, False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.commit()
        except OSError as failure:
            raise output_error(failure, self.target) from failure
        finally:
            self.discard()
        if isinstance(error, OSError):
            raise output_error(error, self.target) from error

    def write(self, data: bytes) -> None:
        """Write all of `data` where the file stands.

        Raises:
            OSError: disk full and the like.
        """
        write_all(self.fd, data)

    def commit(self) -> None:
        """Write everything to the disk, then show it under the target's name.

        Raises:
            OutputExistsError: the target has appeared meanwhile.
            UnsupportedError: the target cannot be replaced, or the drive does not take its name after all.
            OSError: the disk is full or failed.
        """
        os.fsync(self.fd)
        self._new = not os.path.lexists(self.target)
        try:
            self._show()
        except OSError as error:
            refused = refused_name(error, self.target)
            if refused is None or error.errno == errno.ENOENT:  # the folder is gone
                raise
            raise refused from error
        self._close()
        sync_folder(self.target.parent)

    def _show(self) -> None:
        if self._overwrite == "same" and os.path.lexists(self.target):
            if self.target.is_symlink() or not filecmp.cmp(self.path, self.target, shallow=False):
                raise _exists(self.target)
            self.discard()
        elif self._overwrite is True:
            self._replace()
        else:
            self._link()

    def withdraw(self) -> None:
        """Take back what `commit` has shown, unless it took the place of a file."""
        if self._new and not self._open:
            with contextlib.suppress(OSError):
                self.target.unlink()

    def discard(self) -> None:
        """Remove the temporary file, as far as it is there."""
        self._close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._open:
            self._open = False
            with contextlib.suppress(OSError):  # what was written is on the disk already, or has failed already
                os.close(self.fd)

    def _replace(self) -> None:
        try:
            self._rename()
        except PermissionError as error:
            if not os.path.lexists(self.target):
                raise
            raise UnsupportedError(
                "is there already and cannot be replaced", path=self.target, hint="close it where it is open or locked"
            ) from error

    def _link(self) -> None:
        """A link fails where the name exists; a rename would silently win the race."""
        try:
            os.link(self.path, self.target)
        except OSError as error:
            if not self._is_shown():
                if error.errno not in _NO_LINKS | {errno.EEXIST}:
                    raise
                if os.path.lexists(self.target):
                    raise _exists(self.target) from error
                self._rename()  # no hard links on this file system: the second best
        self.path.unlink(missing_ok=True)

    def _rename(self) -> None:
        try:
            rename(self.path, self.target)
        except FileNotFoundError:
            if not self._is_shown():
                raise

    def _is_shown(self) -> bool:
        """Whether the target is this very file: what failed had been done already, and the answer was lost."""
        try:
            return os.path.samestat(os.fstat(self.fd), self.target.lstat())
        except OSError:
            return False


def write_file(target: Path, pieces: Iterable[bytes], *, overwrite: bool) -> None:
    """Write a file, piece after piece; it appears complete or not at all.

    Raises:
        OutputExistsError, UnsupportedError, OutputError: as `StagedFile`.
    """
    with StagedFile(target, overwrite=overwrite) as file:
        for piece in pieces:
            file.write(piece)


def _new_part(folder: Path, unusual: str) -> tuple[Path, int]:
    """A new temporary file in `folder`, locked. One that a sweep took before it was locked is made again.

    What is unusual about the name that it will get is in its own, too: a drive that does not take that says so before
    the work, not after it.
    """
    while True:
        path = folder / f"{PART_PREFIX}{_host()}-{secrets.token_hex(6)}{unusual}{PART_SUFFIX}"
        fd = open_file(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try_lock(fd)
        if os.fstat(fd).st_nlink:
            return path, fd
        os.close(fd)


def _host() -> str:
    """The host in the names of temporary files."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", host_name())[:_LONGEST_HOST]


def sweep(folder: str | os.PathLike[str], *, below: bool = True) -> int:
    """Delete the temporary files that dead processes left in `folder` (and, with `below`, in the folders in it).

    Those that a live process writes are locked and stay. So do, for a day, those of other hosts, whose locks may not be
    seen here. Returns how many were deleted; what cannot be read or deleted is left as it is.
    """
    swept = 0
    pending = [os.fspath(folder)]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name.startswith(PART_PREFIX) and entry.name.endswith(PART_SUFFIX):
                    swept += _sweep_one(entry.path)
                elif below and entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
    return swept


def _sweep_one(path: str) -> bool:
    host = os.path.basename(path).removeprefix(PART_PREFIX).rpartition("-")[0]  # noqa: PTH119  a str from scandir
    try:
        fd = open_file(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        status = os.fstat(fd)
        free = try_lock(fd)
        if free is None or host not in ("", _host()):  # nobody's, if nobody wrote to it for a day
            free = free is not False and time.time() - status.st_mtime > _DAY
        if not free or not stat.S_ISREG(status.st_mode):
            return False
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(fd)


def make_folders(folder: Path) -> None:
    """Make a folder and those that it lies in, as far as they are missing; their names are on the disk then.

    Raises:
        OSError: it cannot be made.
    """
    missing = []
    place = folder
    while not place.is_dir():
        missing.append(place)
        if place == place.parent:
            break
        place = place.parent
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Write the names in a folder to the disk, as far as the file system can; the files themselves are safe."""
    with contextlib.suppress(OSError):  # Windows opens no folder: NTFS writes its names to a journal by itself
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _exists(target: Path) -> OutputExistsError:
    if target.is_dir():
        return OutputExistsError("a folder has that name already", path=target, hint="choose another output")
    return OutputExistsError("is there already", path=target, hint="--overwrite replaces it")
