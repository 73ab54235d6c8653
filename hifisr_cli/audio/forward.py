"""libsndfile read strictly forward. Imports soundfile, so it is imported only where a file is really opened."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

import soundfile


class ForwardFile(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]  # soundfile has no types before 0.14
    """A sound file that is never told to seek.

    soundfile asks for the position and seeks to it after every read. In MP3 that loses the decoder's bit reservoir and
    garbles samples to 0.86 of full scale; a file that says it cannot seek is left alone and read exactly.
    """

    def seekable(self) -> bool:
        return False


class StreamPipe:
    """The bytes that `pull` gives as a pipe: `fd` is its end for reading.

    The thread that feeds it may wait for a stream for ever; it dies with the process.
    """

    def __init__(self, pull: Callable[[int], bytes]) -> None:
        self.fd, self._write = os.pipe()
        self._pull = pull
        threading.Thread(target=self._feed, name="hifisr-stream-feed", daemon=True).start()

    def _feed(self) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := self._pull(1 << 16):
                    view = memoryview(data)
                    while view:
                        view = view[os.write(self._write, view) :]
        finally:
            os.close(self._write)


class PipedFile:
    """The bytes of a file from `start` on, after those of `head`, as a pipe: `fd` is its end for reading.

    libsndfile cannot guess a length of what comes through a pipe, and so reads it to its end.
    """

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
            with contextlib.suppress(BrokenPipeError):
                os.write(self._write, self._head)  # a header: far smaller than a pipe holds
                while data := os.pread(self._source, 1 << 16, position):
                    position += os.write(self._write, data)
        finally:
            os.close(self._write)
