"""WAV, RF64 and plain samples, written directly: exact header, the same bytes every time, the system's own errors.

(libsndfile writes a time stamp into floating-point files, unreadable files over 4 GB, and corrupt ones into pipes.)
Layout: Microsoft RIFF WAVE; RF64 after EBU Tech 3306.
"""

from __future__ import annotations

import os
import struct
from itertools import chain

import numpy as np

from hifisr_cli.audio.containers.riff import Chunk
from hifisr_cli.audio.formats import OutputFormat
from hifisr_cli.audio.metadata.carried import NOTHING, Carried
from hifisr_cli.audio.output.encoder import Encodable
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.system.files import write_all
from hifisr_cli.system.hashing import Tally

DATA_HEADER = 8
"""Bytes of name and length in front of the samples."""

_MAX_SIZE = 0xFFFF_FFFF
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of the GUIDs whose first field is a format tag
_ENDLESS = 1 << 40  # samples: more than a WAV header can state, so that it states none


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


class WavSink(RawSink):
    """A WAV or RF64 file, or a WAV stream where `seekable` is false, with the chunks that it is given.

    A file of which nobody knows how long it will be (`frames` is None) says so when it is finished; one of over 4 GB
    then states no length, as streams do.
    """

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
        super().__init__(fd, chosen, tally)
        self._channels, self._is_float = channels, chosen.codec == "FLOAT"
        self._written, self._late = 0, frames is None and seekable
        self._endless = frames is None and not seekable
        before, self._after = carried.before, carried.after
        if not seekable:  # a reader of a stream may never get to its end
            before, self._after = before + self._after, ()
        expected = _ENDLESS if self._endless else frames or 0
        self._header = self._header_for(expected, before, seekable=seekable)
        if self._header.startswith(b"RF64"):  # where libsndfile does not find samples behind chunks of an odd length
            self._after += tuple(chunk for chunk in before if chunk.size % 2)
            before = tuple(chunk for chunk in before if not chunk.size % 2)
            self._header = self._header_for(expected, before, seekable=seekable)
        self._before = before
        self._put(self._header[:-DATA_HEADER], before)
        self._put(self._header[-DATA_HEADER:])

    def write(self, samples: Encodable) -> None:
        super().write(samples)
        self._written += samples.shape[1]

    def finish(self) -> None:
        odd = self._written * self._channels * self._bits // 8 % 2  # chunks have an even length
        self._put(bytes(0 if self._endless else odd), self._after)
        if self._late:
            self._state_length()

    def _state_length(self) -> None:
        """Go back to the header."""
        header = self._header_for(self._written, self._before, seekable=True)
        if len(header) != len(self._header):  # there is no room for that of an RF64 file
            header = self._header_for(_ENDLESS, self._before, seekable=False)
        before = sum(chunk.length for chunk in self._before)
        for part, place in ((header[:-DATA_HEADER], 0), (header[-DATA_HEADER:], len(header) - DATA_HEADER + before)):
            os.lseek(self._fd, place, os.SEEK_SET)
            write_all(self._fd, part)

    def _header_for(self, frames: int, before: tuple[Chunk, ...], *, seekable: bool) -> bytes:
        return wav_header(
            frames,
            channels=self._channels,
            bits=self._bits,
            is_float=self._is_float,
            seekable=seekable,
            before=sum(chunk.length for chunk in before),
            after=sum(chunk.length for chunk in self._after),
        )

    def _put(self, data: bytes, chunks: tuple[Chunk, ...] = ()) -> None:
        for part in chain((data,), *(chunk.parts() for chunk in chunks)):
            write_all(self._fd, part, self._tally)


def wav_header(
    frames: int, *, channels: int, bits: int, is_float: bool, seekable: bool = True, before: int = 0, after: int = 0
) -> bytes:
    """Header of a file of `frames` samples a channel, up to where the samples begin.

    Over 4 GB it is that of an RF64 file; for a stream that cannot be one (`seekable` false) the sizes are 0xFFFFFFFF
    then, which readers take for "until the end".

    `before` and `after` are the lengths of other chunks on either side of the samples. Those before belong in front of
    the last DATA_HEADER bytes of what this returns.
    """
    size = frames * channels * bits // 8
    fmt = _format_chunk(channels, bits, is_float)
    fact = struct.pack("<4sII", b"fact", 4, min(frames, _MAX_SIZE)) if is_float else b""
    riff = 4 + len(fmt) + len(fact) + before + DATA_HEADER + size + size % 2 + after
    if riff <= _MAX_SIZE:
        return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + fmt + fact + struct.pack("<4sI", b"data", size)
    data = struct.pack("<4sI", b"data", _MAX_SIZE)
    if not seekable:
        return struct.pack("<4sI4s", b"RIFF", _MAX_SIZE, b"WAVE") + fmt + fact + data  # nothing can follow
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, riff + 36, size, frames, 0)
    return struct.pack("<4sI4s", b"RF64", _MAX_SIZE, b"WAVE") + ds64 + fmt + fact + data


def pack_samples(samples: Encodable, bits: int) -> bytes:
    """Interleaved little-endian bytes of samples [C, T]: float32, or integers of 16, 24 or 32 bits."""
    interleaved = np.ascontiguousarray(samples.T)
    if interleaved.dtype == np.float32:
        return interleaved.astype("<f4").tobytes()
    if bits == 24:
        return interleaved.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return interleaved.astype(f"<i{bits // 8}").tobytes()


def _format_chunk(channels: int, bits: int, is_float: bool) -> bytes:
    tag = _FLOAT if is_float else _PCM
    frame = channels * bits // 8
    body = struct.pack("<HIIHH", channels, SAMPLE_RATE, SAMPLE_RATE * frame, frame, bits)
    if channels > 2:  # which speaker each channel belongs to is not known: mask 0
        body = struct.pack("<H", _EXTENSIBLE) + body + struct.pack("<HHIH", 22, bits, 0, tag) + _SUBFORMAT_TAIL
    else:
        body = struct.pack("<H", tag) + body + (struct.pack("<H", 0) if is_float else b"")
    return struct.pack("<4sI", b"fmt ", len(body)) + body
