"""libsndfile read strictly forward. Imports soundfile, so it is imported only where a file is really opened."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Protocol

import soundfile

from hifisr_cli.system.files import read_at, write_all

_SYSTEM_ERROR = 2  # of libsndfile's: the operating system's


class ForwardFile(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]  # soundfile has no types before 0.14
    """A sound file that is never told to seek.

    soundfile asks for the position and seeks to it after every read. In MP3 that loses the decoder's bit reservoir and
    garbles samples to 0.86 of full scale; a file that says it cannot seek is left alone and read exactly.
    """

    def seekable(self) -> bool:
        return False


class Feed(Protocol):
    """A pipe that is being fed: `fd` is its end for reading, and it is `complete` when it has been given everything."""

    fd: int
    complete: bool


class PipedSound(ForwardFile):
    """A sound file that comes through a pipe.

    Windows takes the end of a pipe for an error, and libsndfile passes that on.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        super().__init__(feed.fd, closefd=False)

    @property
    def _errorcode(self) -> int:
        code = int(super()._errorcode)
        return 0 if code == _SYSTEM_ERROR and self._feed.complete else code


class StreamPipe:
    """The bytes that `pull` gives as a pipe; see `Feed`.

    The thread that feeds it may wait for a stream for ever; it dies with the process.
    """

    complete = False

    def __init__(self, pull: Callable[[int], bytes]) -> None:
        self.fd, self._write = os.pipe()
        self._pull = pull
        threading.Thread(target=self._feed, name="hifisr-stream-feed", daemon=True).start()

    def _feed(self) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := self._pull(1 << 16):
                    write_all(self._write, data)
                self.complete = True
        finally:
            os.close(self._write)


class PipedFile:
    """The bytes of a file from `start` on, after those of `head`, as a pipe; see `Feed`.

    libsndfile cannot guess a length of what comes through a pipe, and so reads it to its end.
    """

    complete = False

    def __init__(self, source: int, start: int, head: bytes = b"") -> None:
        self.fd, self._write = os.pipe()
        self._source, self._start, self._head = source, start, head
        self._thread = threading.Thread(target=self._feed, name="hifisr-mpeg-feed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self.fd)  # a feeder that still writes gets a broken pipe and ends
        self._thread.join()

    def _feed(self) -> None:
        position = self._start
        try:
            with contextlib.suppress(OSError):  # the other end was closed
                os.write(self._write, self._head)  # a header: far smaller than a pipe holds
                while data := read_at(self._source, 1 << 16, position):
                    position += os.write(self._write, data)
                self.complete = True
        finally:
            os.close(self._write)
