"""libsndfile read strictly forward. Imports soundfile, so it is imported only where a file is really opened."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable

import soundfile

from hifisr_cli.system.files import write_all

PIECE = 1 << 16
"""Bytes that a pipe is given at once."""

_SYSTEM_ERROR = 2  # of libsndfile's: the operating system's


class ForwardFile(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]  # soundfile has no types before 0.14
    """A sound file that is never told to seek.

    soundfile asks for the position and seeks to it after every read. In MP3 that loses the decoder's bit reservoir and
    garbles samples to 0.86 of full scale; a file that says it cannot seek is left alone and read exactly.
    """

    def seekable(self) -> bool:
        return False


class FedPipe:
    """Pieces of bytes as a pipe, of which libsndfile cannot guess a length, and which it so reads to its end.

    The thread that feeds it may wait for a stream for ever; it dies with the process.

    Attributes:
        fd: the end for reading.
        complete: it has been given everything.
    """

    complete = False

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.fd, self._write = os.pipe()
        self._pieces = pieces
        self._thread = threading.Thread(target=self._feed, name="hifisr-feed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Only where the pieces cannot be waited for: those of a file."""
        os.close(self.fd)  # a feeder that still writes gets a broken pipe and ends
        self._thread.join()

    def _feed(self) -> None:
        try:
            with contextlib.suppress(OSError):  # the other end was closed
                for piece in self._pieces:
                    write_all(self._write, piece)
                self.complete = True
        finally:
            os.close(self._write)


class PipedSound(ForwardFile):
    """A sound file that comes through a pipe.

    Windows takes the end of a pipe for an error, and libsndfile passes that on.
    """

    def __init__(self, pipe: FedPipe) -> None:
        self._pipe = pipe
        super().__init__(pipe.fd, closefd=False)

    @property
    def _errorcode(self) -> int:
        code = int(super()._errorcode)
        return 0 if code == _SYSTEM_ERROR and self._pipe.complete else code
