"""The standard streams of a process of ours: there in any case, and standard error for our own words only.

Decoders speak to whoever started them: libmpg123, libopus and FFmpeg write lines on descriptor 2, among the JSON of
`--json` and where `--quiet` is to be silent. What they have to say is found out by counting what they decode.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from pathlib import Path

_STDERR = 2


def fill_closed_streams() -> None:
    """Nothing opened later may get the number of a closed standard stream, and no message may go to the audio."""
    for number in (0, 1, _STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(number, True)
    if sys.stderr is None:  # print() would turn to standard output instead
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  as long as the process lives


def keep_stderr() -> None:
    """From here on only what Python code writes to `sys.stderr` gets to standard error; once, at the very start.

    Descriptor 2, which libraries write to by themselves, leads nowhere, in programs that are started later, too. Their
    warnings in Python are not shown, unless Python was told which to show.
    """
    fill_closed_streams()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    before = sys.stderr
    if not isinstance(before, io.TextIOWrapper) or before.fileno() != _STDERR:  # it was closed, or is somebody else's
        return
    before.flush()
    ours = os.dup(_STDERR)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDERR)
    os.close(null)
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(  # type: ignore[misc]  # it is final for those who only write to it
        os.fdopen(ours, "wb", buffering=0 if before.write_through else -1),
        before.encoding,
        before.errors,
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )
