"""Outputs that libsndfile encodes: files of every kind, and FLAC that is heard while it is made.

libsndfile goes back to the header of a FLAC file when it knows its length. In a pipe that ends up as stray bytes after
the sound, so it writes into memory there, and what it writes a second time is left out: the header then says that the
checksum is not known, nor the length where it is not, as the format provides for streams.

Blocks have at most 65,536 frames: libsndfile crashes on long ones.
"""

from __future__ import annotations

import os

import numpy as np

from hifisr_cli.audio.containers.ogg import set_serial
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import NOTHING, Carried
from hifisr_cli.audio.metadata.stream import with_tags
from hifisr_cli.audio.output.encoder import Encodable
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.system.files import write_all
from hifisr_cli.system.hashing import Tally

_OGG_SERIAL = 0x48694669
# 0 is the best and largest, 1 the worst. About 190 kbit/s for stereo Vorbis, 390 for Opus, 320 (constant) for MP3.
_COMPRESSION = {"VORBIS": 0.4, "OPUS": 0.25, "MPEG_LAYER_III": 0.0}


class CodecSink:
    """A file of libsndfile's. The descriptor must be that of an empty regular file.

    Attributes:
        problems: tags that could not be written, one line each.

    Raises:
        soundfile.LibsndfileError: where the disk is full, without saying so.
    """

    def __init__(self, fd: int, chosen: OutputFormat, *, channels: int, carried: Carried = NOTHING) -> None:
        from hifisr_cli.audio.decoders.no_seek import ForwardFile

        self._fd, self._format, self._carried = fd, chosen, carried
        self.problems: list[str] = []
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
        if carried.tags or carried.comment is not None:
            from hifisr_cli.audio.metadata.write import plain_texts

            for name, text in plain_texts(chosen.container, carried.tags, carried.comment).items():
                setattr(self._file, name, text)

    def write(self, samples: Encodable) -> None:
        if self._format.bits is not None:  # libsndfile takes the upper bits of an int32
            samples = np.left_shift(samples.astype(np.int32, copy=False), 32 - self._format.bits)
        self._file.write(np.ascontiguousarray(samples.T))

    def finish(self) -> None:
        self._file.close()
        if self._carried.tags or self._carried.comment is not None:
            from hifisr_cli.audio.metadata.write import finish_tags

            finish_tags(self._fd, self._format, self._carried.tags, self._carried.comment, self.problems)
        if self._format.container == "ogg":
            set_serial(self._fd, _OGG_SERIAL)

    def abort(self) -> None:
        import soundfile

        try:
            self._file.close()
        except soundfile.LibsndfileError:
            return  # the file is thrown away anyway


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
