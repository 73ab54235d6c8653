"""A stream as a file: most containers cannot be read from a pipe, and every recording is read twice."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from hifisr_cli.errors import OutputError, reason_of

_BLOCK = 1 << 20


class Readable(Protocol):
    """What gives bytes, none at the end."""

    def read(self, size: int, /) -> bytes: ...


@contextlib.contextmanager
def spool(stream: Readable) -> Iterator[Path]:
    """Copy a stream to its end into a temporary file; gives its path and deletes it afterwards.

    Raises:
        OutputError: no room or no permission in the folder for temporary files.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="hifisr-")
    except OSError as error:
        raise _no_room(error, tempfile.gettempdir()) from error
    with folder:
        path = Path(folder.name) / "stdin"
        try:
            with path.open("wb") as file:
                while data := stream.read(_BLOCK):
                    file.write(data)
        except OSError as error:
            raise _no_room(error, folder.name) from error
        yield path


def _no_room(error: OSError, folder: str) -> OutputError:
    return OutputError(
        f"cannot keep the standard input for a while: {reason_of(error)}",
        path=folder,
        hint="free some space, or point TMPDIR to a folder that has it",
    )
