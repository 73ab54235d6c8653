"""The standard streams of a process of ours: there in any case, and for our own words and sound only.

Decoders speak to whoever started them: libmpg123, libopus and FFmpeg write lines on descriptor 2, among the JSON of
`--json` and where `--quiet` is to be silent; libsndfile writes some on descriptor 1, where the sound of `-o -` goes.
What they have to say is found out by counting what they decode.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path
from typing import TextIO

_STDOUT, _STDERR = 1, 2
_stdout = _STDOUT


def fill_closed_streams() -> None:
    """Nothing opened later may get the number of a closed standard stream, and no message may go to the audio."""
    for number in (0, _STDOUT, _STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(number, True)
    if sys.stderr is None:  # print() would turn to standard output instead
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  as long as the process lives


def keep_streams() -> None:
    """From here on only Python code gets to standard output and standard error; once, at the very start.

    Descriptors 1 and 2, which libraries write to by themselves, lead nowhere, in programs that are started later, too.
    Warnings of libraries in Python are not shown, unless Python was told which to show.
    """
    global _stdout  # noqa: PLW0603  there is one standard output
    fill_closed_streams()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if (ours := _moved(sys.stderr, _STDERR)) is not None:
        sys.stderr = sys.__stderr__ = ours  # type: ignore[misc]  # it is final for those who only write to it
    if (ours := _moved(sys.stdout, _STDOUT)) is not None:
        sys.stdout = sys.__stdout__ = ours  # type: ignore[misc]
        _stdout = ours.fileno()


def stdout_descriptor() -> int:
    """The descriptor of standard output, for bytes."""
    return _stdout


def _moved(before: TextIO | None, number: int) -> io.TextIOWrapper | None:
    """The same stream on another descriptor, and nothing on its own; None: it was closed, or is somebody else's."""
    if not isinstance(before, io.TextIOWrapper) or before.fileno() != number:
        return None
    before.flush()
    ours = os.dup(number)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
    return io.TextIOWrapper(
        os.fdopen(ours, "wb", buffering=0 if before.write_through else -1),
        before.encoding,
        before.errors,
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )
