"""The header of a WAV, RF64 or BW64 stream, read forward up to its samples."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hifisr_cli.audio.decoders.bytestream import KEPT, ByteStream
from hifisr_cli.audio.decoders.raw import RawFormat

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_UNKNOWN = 0x7FFF_0000
"""Lengths from here on promise nothing: they are what programs write that do not know theirs."""


@dataclass(frozen=True, slots=True)
class WavStart:
    """What the header says.

    Attributes:
        form: of the samples that come now.
        frames: how many it promises, None where it does not know.
        container: "WAV", "WAVEX" or "RF64".
        chunks: names and bodies of all chunks before the samples.
    """

    form: RawFormat
    frames: int | None
    container: str
    chunks: tuple[tuple[bytes, bytes], ...] = ()


def parse_wav(stream: ByteStream) -> WavStart | None:
    """Reads a header up to the first sample; None where it is damaged, longer than 1 MB, or of another codec."""
    head = stream.exactly(12)
    riff = int.from_bytes(head[4:8], "little")
    long_length, form, container, position = None, None, "WAV", 12
    chunks: list[tuple[bytes, bytes]] = []
    while position < KEPT - 8:
        chunk = stream.exactly(8)
        if len(chunk) < 8:
            return None
        name, length = chunk[:4], int.from_bytes(chunk[4:], "little")
        position += 8
        if name == b"data":
            if form is None or (length == 0 and head[:4] == b"RIFF" and position < riff + 8 < _UNKNOWN):
                return None  # other chunks follow an empty one: is there sound in it? Only the whole file tells.
            if head[:4] != b"RIFF":
                container = "RF64"
                length = long_length if length == 0xFFFF_FFFF and long_length is not None else length
            return WavStart(form, _promised(length, form, wide=head[:4] != b"RIFF"), container, tuple(chunks))
        if position + length > KEPT:
            return None
        body = stream.exactly(length + length % 2)
        position += length + length % 2
        chunks.append((name, body[:length]))
        if name == b"ds64":
            long_length = int.from_bytes(body[8:16], "little")
        if name == b"fmt ":
            form = _form(body)
            if form is None:
                return None
            container = "WAVEX" if body[:2] == b"\xfe\xff" else "WAV"
    return None


def _promised(length: int, form: RawFormat, *, wide: bool) -> int | None:
    """Frames in a chunk of that many bytes, None where the length is one of those that mean "unknown"."""
    unknown = length in (0, 0xFFFF_FFFF) or length >= (1 << 62 if wide else _UNKNOWN)
    return None if unknown else length // form.frame_bytes


def _form(body: bytes) -> RawFormat | None:
    if len(body) < 16:
        return None
    tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE:
        if len(body) < 26:
            return None
        tag = int.from_bytes(body[24:26], "little")
    if channels == 0 or frame % channels:
        return None
    size = frame // channels
    encoding = {
        (_PCM, 1, 8): "u8",
        (_PCM, 2, 16): "s16le",
        (_PCM, 3, 24): "s24le",
        (_PCM, 4, 32): "s32le",
        (_FLOAT, 4, 32): "f32le",
        (_FLOAT, 8, 64): "f64le",
        (_MULAW, 1, 8): "mulaw",
        (_ALAW, 1, 8): "alaw",
    }.get((tag, size, bits))
    return None if encoding is None else RawFormat(rate, channels, encoding)
