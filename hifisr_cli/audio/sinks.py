"""Where encoded samples go: WAV made here, everything else by libsndfile.

A sink takes integers or floats [C, T] in blocks of at most 65,536 frames (libsndfile crashes on long ones).
"""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.ogg import set_serial
from hifisr_cli.audio.wav import pack_samples, wav_header, wav_padding
from hifisr_cli.results import SAMPLE_RATE

Encodable = npt.NDArray[np.int32] | npt.NDArray[np.float32]

_OGG_SERIAL = 0x48694669
# 0 is the best and largest, 1 the worst. About 190 kbit/s for stereo Vorbis, 390 for Opus, 320 (constant) for MP3.
_COMPRESSION = {"VORBIS": 0.4, "OPUS": 0.25, "MPEG_LAYER_III": 0.0}


class Sink(Protocol):
    """Encodes samples to a descriptor that somebody else opened and closes."""

    def write(self, samples: Encodable) -> None: ...

    def finish(self) -> None:
        """Complete the file."""
        ...

    def abort(self) -> None:
        """Let go of everything; what was written is of no use."""
        ...


class WavSink:
    """A WAV or RF64 file, or a WAV stream where `seekable` is false."""

    def __init__(self, fd: int, chosen: OutputFormat, *, channels: int, frames: int, seekable: bool) -> None:
        self._fd = fd
        self._bits = chosen.bits or 32
        self._padding = wav_padding(frames, channels=channels, bits=self._bits)
        is_float = chosen.codec == "FLOAT"
        write_all(fd, wav_header(frames, channels=channels, bits=self._bits, is_float=is_float, seekable=seekable))

    def write(self, samples: Encodable) -> None:
        write_all(self._fd, pack_samples(samples, self._bits))

    def finish(self) -> None:
        write_all(self._fd, self._padding)

    def abort(self) -> None:
        pass


class CodecSink:
    """A file of libsndfile's. The descriptor must be that of an empty regular file.

    Raises:
        soundfile.LibsndfileError: where the disk is full, without saying so.
    """

    def __init__(self, fd: int, chosen: OutputFormat, *, channels: int) -> None:
        from hifisr_cli.audio.forward import ForwardFile

        self._fd, self._format = fd, chosen
        self._file = ForwardFile(
            fd,
            "w",
            SAMPLE_RATE,
            channels,
            chosen.codec,
            format=chosen.container.upper(),
            closefd=False,
            compression_level=_COMPRESSION.get(chosen.codec),
            bitrate_mode="CONSTANT" if chosen.container == "mp3" else None,
        )

    def write(self, samples: Encodable) -> None:
        if self._format.bits is not None:  # libsndfile takes the upper bits of an int32
            samples = np.left_shift(samples.astype(np.int32, copy=False), 32 - self._format.bits)
        self._file.write(np.ascontiguousarray(samples.T))

    def finish(self) -> None:
        self._file.close()
        if self._format.container == "ogg":
            set_serial(self._fd, _OGG_SERIAL)

    def abort(self) -> None:
        import soundfile

        try:
            self._file.close()
        except soundfile.LibsndfileError:
            return  # the file is thrown away anyway


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; the operating system may take them in portions."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
