"""Keeping the original of a recording whose output takes its place.

At every moment the original's bytes stand under one of two names, or both: its own and the backup's. The backup is made
first, as a second name of the same file where the file system can do that, else as a copy that is on the disk before it
gets its name. An existing backup is never written to.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import Self

from hifisr_cli.errors import OutputExistsError
from hifisr_cli.system.hashing import file_sha256
from hifisr_cli.system.staged_file import StagedFile, make_folders, output_error, sync_folder

BACKUP_SUFFIX = ".orig"

_NO_LINK = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
_COPY = 1 << 20


class Backup:
    """The backup of `original` at `path`; to be used around the work on it. Without `keep` the backup goes again.

    Args:
        resumed: an earlier run may have replaced the original already: the backup then is what the work starts from.

    Attributes:
        path: the backup.
        source: what to read: the backup, which is the original.
        replaced: what stands under the original's name is not the original any more.

    Entering raises:
        OutputExistsError: a backup of something else stands there.
        OutputError: the backup cannot be made.
    """

    def __init__(self, original: Path, path: Path, *, resumed: bool) -> None:
        self.path = self.source = path
        self.replaced = False
        self._original, self._resumed = original, resumed
        self._made = self._kept = False

    def __enter__(self) -> Self:
        if os.path.lexists(self.path):
            if not self._is_twin():
                if not self._resumed:
                    raise OutputExistsError(
                        f"a backup of another recording is there already: {self.path}",
                        path=self._original,
                        hint="move that backup away",
                    )
                self.replaced = True
            return self
        try:
            make_folders(self.path.parent)
            self._make()
        except OSError as error:
            raise output_error(error, self.path) from error
        self._made = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._made and not self._kept:
            with contextlib.suppress(OSError):
                if self._is_twin():  # else the original is gone, and this is the last one
                    self.path.unlink()

    def keep(self) -> None:
        """The output has taken the original's place."""
        self._kept = True

    def _make(self) -> None:
        try:
            os.link(self._original, self.path, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            self._copy()
        else:
            sync_folder(self.path.parent)

    def _copy(self) -> None:
        with self._original.open("rb") as file, StagedFile(self.path, overwrite=False) as copy:
            shutil.copyfileobj(file, copy, _COPY)
            shutil.copystat(self._original, copy.path)

    def _is_twin(self) -> bool:
        """Whether original and backup are one file, or have the same bytes."""
        try:
            first, second = self._original.stat(), self.path.stat()
            if os.path.samestat(first, second):
                return True
            return first.st_size == second.st_size and file_sha256(self._original) == file_sha256(self.path)
        except OSError:
            return False
