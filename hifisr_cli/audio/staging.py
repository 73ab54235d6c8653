"""Files that appear under their name complete or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from hifisr_cli.errors import OutputError, OutputExistsError

PART_PREFIX = ".hifisr-"
PART_SUFFIX = ".part"
"""Temporary files are named .hifisr-*.part; what a killed process leaves behind may be deleted."""

_HINTS = {
    errno.ENOSPC: "free some space, or choose an output on another disk",
    errno.EDQUOT: "free some space, or choose an output on another disk",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def output_error(error: OSError, path: str | os.PathLike[str]) -> OutputError:
    """The operating system's error as ours."""
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"cannot be written: {reason}", path=path, hint=_HINTS.get(error.errno or 0))


class StagedFile:
    """A temporary file beside its target; `commit` gives it the target's name, `discard` removes it.

    Args:
        target: missing folders on the way to it are made.
        overwrite: whether a file of that name is replaced.

    Raises:
        OutputExistsError: the target is there and may not be replaced, or is a folder.
        OutputError: the folder cannot be written to.
    """

    def __init__(self, target: Path, *, overwrite: bool) -> None:
        self.target, self._overwrite = target, overwrite
        if os.path.lexists(target) and (not overwrite or (target.is_dir() and not target.is_symlink())):
            raise _exists(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self.path = target.parent / f"{PART_PREFIX}{secrets.token_hex(6)}{PART_SUFFIX}"
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self.fd = os.open(self.path, flags, 0o666)  # less the umask, as for any other new file
        except OSError as error:
            raise output_error(error, target) from error
        self._open = True

    def commit(self) -> None:
        """Write everything to the disk, then show it under the target's name.

        Raises:
            OutputExistsError: the target has appeared meanwhile.
            OSError: the disk is full or failed.
        """
        os.fsync(self.fd)
        self._close()
        if self._overwrite:
            os.replace(self.path, self.target)  # noqa: PTH105 - one name for all of them in tests that break the disk
        else:
            self._link()
        self._sync_folder()

    def discard(self) -> None:
        """Remove the temporary file, as far as it is there."""
        self._close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._open:
            self._open = False
            os.close(self.fd)

    def _link(self) -> None:
        """A link fails where the name exists; a rename would silently win the race."""
        try:
            os.link(self.path, self.target)
        except FileExistsError as error:
            raise _exists(self.target) from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(self.target):  # no hard links on this file system: the second best
                raise _exists(self.target) from error
            os.replace(self.path, self.target)  # noqa: PTH105 - as above
        else:
            self.path.unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        with contextlib.suppress(OSError):  # some file systems cannot; the file itself is safe
            folder = os.open(self.target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _exists(target: Path) -> OutputExistsError:
    if target.is_dir():
        return OutputExistsError("a folder has that name already", path=target, hint="choose another output")
    return OutputExistsError("is there already", path=target, hint="--overwrite replaces it")
