"""Where encoded samples go: WAV made here, everything else by libsndfile.

A sink takes integers or floats [C, T] in blocks of at most 65,536 frames (libsndfile crashes on long ones).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hifisr_cli.audio.containers.ogg import set_serial
from hifisr_cli.audio.containers.riff import Chunk
from hifisr_cli.audio.containers.wav_header import DATA_HEADER, pack_samples, wav_header, wav_padding
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import NOTHING, Carried
from hifisr_cli.audio.output.stream_sinks import Encodable
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.system.files import write_all
from hifisr_cli.system.hashing import Tally

_OGG_SERIAL = 0x48694669
_ENDLESS = 1 << 40  # samples: more than a WAV header can state, so that it states none
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
    """A WAV or RF64 file, or a WAV stream where `seekable` is false, with the chunks that it is given."""

    def __init__(
        self,
        fd: int,
        chosen: OutputFormat,
        *,
        channels: int,
        frames: int | None,
        seekable: bool,
        carried: Carried = NOTHING,
        tally: Tally | None = None,
    ) -> None:
        self._fd, self._tally = fd, tally
        self._bits = chosen.bits or 32
        self._padding = b"" if frames is None else wav_padding(frames, channels=channels, bits=self._bits)
        before, self._after = carried.before, carried.after
        if not seekable:  # a reader of a stream may never get to its end
            before, self._after = before + self._after, ()

        def header_for(before: tuple[Chunk, ...], after: tuple[Chunk, ...]) -> bytes:
            return wav_header(
                frames if frames is not None else _ENDLESS,
                channels=channels,
                bits=self._bits,
                is_float=chosen.codec == "FLOAT",
                seekable=seekable,
                before=sum(chunk.length for chunk in before),
                after=sum(chunk.length for chunk in after),
            )

        header = header_for(before, self._after)
        if header.startswith(b"RF64"):  # where libsndfile does not find the samples behind chunks of an odd length
            self._after += tuple(chunk for chunk in before if chunk.size % 2)
            before = tuple(chunk for chunk in before if not chunk.size % 2)
            header = header_for(before, self._after)
        self._put(header[:-DATA_HEADER])
        self._write_chunks(before)
        self._put(header[-DATA_HEADER:])

    def write(self, samples: Encodable) -> None:
        self._put(pack_samples(samples, self._bits))

    def finish(self) -> None:
        self._put(self._padding)
        self._write_chunks(self._after)

    def abort(self) -> None:
        pass

    def _write_chunks(self, chunks: tuple[Chunk, ...]) -> None:
        for chunk in chunks:
            for part in chunk.parts():
                self._put(part)

    def _put(self, data: bytes) -> None:
        write_all(self._fd, data, self._tally)


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
