"""Outputs that are heard while they are made: samples without a header, and FLAC into a pipe.

libsndfile goes back to the header of a FLAC file when it knows its length. In a pipe that ends up as stray bytes after
the sound, so it writes into memory here, and what it writes a second time is left out: the header then says that the
checksum is not known, nor the length where it is not, as the format provides for streams.
"""

from __future__ import annotations

import os
import stat

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.containers.wav_header import pack_samples
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import NOTHING, Carried
from hifisr_cli.audio.metadata.stream import with_tags
from hifisr_cli.results import SAMPLE_RATE, Container
from hifisr_cli.system.files import write_all
from hifisr_cli.system.hashing import Tally

Encodable = npt.NDArray[np.int32] | npt.NDArray[np.float32]

STREAMING: frozenset[Container] = frozenset({"wav", "flac", "raw"})
"""Containers that can be written into a pipe while they are made; the others follow when they are complete."""


def is_pipe(fd: int) -> bool:
    """Whether a descriptor is anything but a regular file, where a complete header is worth more than no delay."""
    try:
        return not stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False


class RawSink:
    """Interleaved little-endian samples and nothing else."""

    def __init__(self, fd: int, chosen: OutputFormat, tally: Tally | None = None) -> None:
        self._fd, self._bits, self._tally = fd, chosen.bits or 32, tally

    def write(self, samples: Encodable) -> None:
        write_all(self._fd, pack_samples(samples, self._bits), self._tally)

    def finish(self) -> None:
        pass

    def abort(self) -> None:
        pass


class FlacStreamSink:
    """A FLAC stream, frame by frame."""

    def __init__(
        self,
        fd: int,
        chosen: OutputFormat,
        *,
        channels: int,
        frames: int | None,
        carried: Carried = NOTHING,
        tally: Tally | None = None,
    ) -> None:
        from hifisr_cli.audio.decoders.no_seek import ForwardFile

        self._fd, self._bits, self._frames, self._tally = fd, chosen.bits or 24, frames, tally
        self._memory = AppendOnly()
        self._file = ForwardFile(self._memory, "w", SAMPLE_RATE, channels, chosen.codec, format="FLAC")
        self._carried: Carried | None = carried

    def write(self, samples: Encodable) -> None:
        upper = np.left_shift(samples.astype(np.int32, copy=False), 32 - self._bits)  # of an int32, as it wants them
        self._file.write(np.ascontiguousarray(upper.T))
        self._pass_on()

    def finish(self) -> None:
        self._file.close()
        self._pass_on()

    def abort(self) -> None:
        self._file.close()

    def _pass_on(self) -> None:
        data = self._memory.take()
        if data and self._carried is not None:  # what comes first is the header
            data = with_tags(_with_length(data, self._frames), self._carried.tags, self._carried.comment)
            self._carried = None
        write_all(self._fd, data, self._tally)


def _with_length(data: bytes, frames: int | None) -> bytes:
    """The beginning of a FLAC stream with its number of samples: 36 bits, which libsndfile leaves zero."""
    if frames is None or frames >> 36 or data[:4] != b"fLaC" or len(data) < 26:
        return data
    return data[:21] + bytes([data[21] | frames >> 32]) + (frames & 0xFFFF_FFFF).to_bytes(4, "big") + data[26:]


class AppendOnly:
    """A file in memory for libsndfile: what is appended can be taken away, what is written over is forgotten."""

    def __init__(self) -> None:
        self._position = self._end = 0
        self._pending = bytearray()

    def take(self) -> bytes:
        """What was appended since the last time."""
        data, self._pending = bytes(self._pending), bytearray()
        return data

    def write(self, data: bytes) -> int:
        new = data[max(0, self._end - self._position) :]
        self._pending += new
        self._position += len(data)
        self._end += len(new)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence, self._end)
        self._position = max(0, min(base + offset, self._end))
        return self._position

    def tell(self) -> int:
        return self._position
