"""Every error that hifisr raises on purpose: a stable code, what happened, to which file, what to do.

Two kinds matter to a batch. A `FileError` spoils one recording and the run goes on; a `RunError` ends the run.
`EXIT_STATUSES` is the whole table of exit statuses; the README prints it.
"""

from __future__ import annotations

import os
from typing import ClassVar

EXIT_STATUSES: dict[int, str] = {
    0: "done: every file was restored, copied through or skipped on purpose",
    1: "an unexpected error (a bug: please report it, with --verbose)",
    2: "usage: an option or argument does not fit",
    3: "finished, but some files failed; the summary names them",
    4: "no audio found in the inputs",
    5: "the model is unknown, damaged, of a newer format, or cannot be downloaded",
    6: "the device or the cluster is not there, or ran out of memory",
    7: "the output or its record cannot be written (disk full, read-only, folder vanished)",
    8: "another run is at work on the output folder",
    9: "the time limit is reached; the same command goes on from there",
    10: "verify: outputs are missing or changed",
    11: "verify: every output is as it was, but there are recordings that no journal or record knows",
    130: "interrupted (Ctrl-C)",
    141: "the reader of standard output closed the pipe (quiet)",
    143: "terminated (SIGTERM)",
}

UNEXPECTED = "unexpected"
"""The code of an error that nobody foresaw: a bug. The other codes are those of the classes below."""


class HifisrError(Exception):
    """Base of the family. `str(error)` is one line: file, what happened, what to do.

    Args:
        message: what happened, lower case, no full stop.
        path: the file it speaks of.
        hint: what the user can do about it.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        path: str | bytes | os.PathLike[str] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = None if path is None else os.fsdecode(path)
        self.hint = hint

    def __str__(self) -> str:
        where = "" if self.path is None else f"{self.path}: "
        cure = "" if self.hint is None else f" ({self.hint})"
        return f"{where}{self.message}{cure}"


class FileError(HifisrError):
    """One recording cannot be done; the others go on."""

    exit_status = 3


class UnreadableError(FileError):
    """The file is missing, a folder, or may not be opened."""

    code = "unreadable"


class NotAudioError(FileError):
    """The bytes are not a recording that hifisr can decode."""

    code = "not-audio"


class EmptyAudioError(FileError):
    """A recording without a single sample."""

    code = "empty"


class TruncatedError(FileError):
    """The recording ends before its header says so, or breaks off in the middle."""

    code = "truncated"


class NonFiniteError(FileError):
    """The recording contains NaN or infinite samples."""

    code = "non-finite"


class UnsupportedError(FileError):
    """A recording that is valid, but outside what hifisr handles (too many channels, say)."""

    code = "unsupported"


class OutputExistsError(FileError):
    """The output is there already and overwriting was not asked for."""

    code = "output-exists"


class OutputIsInputError(FileError):
    """The output is the input itself, by device and inode."""

    code = "output-is-input"


class CrashedError(FileError):
    """The process that worked on the recording died: a crash inside a codec, or the system took its memory."""

    code = "crashed"


class RunError(HifisrError):
    """The whole run ends."""


class UsageError(RunError):
    """Options or arguments that do not fit together."""

    code = "usage"
    exit_status = 2


class NoAudioError(RunError):
    """Nothing to do: the inputs hold no recording."""

    code = "no-audio"
    exit_status = 4


class ModelError(RunError):
    """The model is unknown, damaged, or of a format that this version does not read."""

    code = "model"
    exit_status = 5


class DownloadError(ModelError):
    """A model cannot be downloaded: no network, nothing to download with, or not there."""

    code = "download"


class DeviceError(RunError):
    """The device is not there, or has too little memory."""

    code = "device"
    exit_status = 6


class ClusterError(RunError):
    """The cluster is not there, or is gone, or none of its workers can take part."""

    code = "cluster"
    exit_status = 6


class OutputError(RunError):
    """Nothing can be written to the output: disk full, read-only, vanished."""

    code = "output"
    exit_status = 7


class JournalError(RunError):
    """The journal of an output folder cannot be read, or there is none where one is needed."""

    code = "journal"
    exit_status = 7


class RecordError(RunError):
    """The record of an output cannot be written; the output itself is complete."""

    code = "record"
    exit_status = 7


class LockedError(RunError):
    """Another run is at work on the same output folder."""

    code = "locked"
    exit_status = 8


class TimeLimitError(RunError):
    """The time that was given to the run is up."""

    code = "time-limit"
    exit_status = 9


def reason_of(error: OSError) -> str:
    """What the operating system says went wrong, lower case as all of our messages are."""
    return (error.strerror or str(error) or type(error).__name__).lower()
