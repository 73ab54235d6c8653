"""The header of a WAV, RF64 or BW64 stream, read forward up to its samples."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hifisr_cli.audio.containers.riff import LAYOUTS, OPEN_LENGTH, Chunk, Chunks, walk_chunks
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.raw import RawFormat

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_UNKNOWN = 1 << 62
"""Lengths of 64 bits from here on are what programs write that do not know theirs."""


@dataclass(frozen=True, slots=True)
class WavStart:
    """What the header says.

    Attributes:
        form: of the samples that come now.
        header: bytes up to them.
        length: bytes of them that it promises, None where it does not know.
        container: "WAV", "WAVEX" or "RF64".
        chunks: all that stand before the samples.
    """

    form: RawFormat
    header: int
    length: int | None
    container: str
    chunks: Chunks

    @property
    def frames(self) -> int | None:
        """Samples a channel that it promises."""
        return None if self.length is None else self.length // self.form.frame_bytes


def parse_wav(stream: ByteStream) -> WavStart | None:
    """Reads a header up to the first sample; None where it is damaged, longer than 1 MB, or of another codec.

    The stream stands at its first byte; where there is a header, at its first sample afterwards.
    """
    head = stream.at(0, 12)
    riff = int.from_bytes(head[4:8], "little")
    form, container = None, "WAV"
    chunks: list[Chunk] = []
    for place in walk_chunks(stream.at, LAYOUTS["WAV"]):
        if place.name == b"data":
            if form is None or (place.length == 0 and head[:4] == b"RIFF" and place.start < riff + 8 < OPEN_LENGTH):
                return None  # other chunks follow an empty one: is there sound in it? Only the whole file tells.
            stream.skip(place.start)
            unknown = place.open or not 0 < place.length < _UNKNOWN
            length = None if unknown else place.length
            return WavStart(form, place.start, length, container if head[:4] == b"RIFF" else "RF64", Chunks(chunks))
        body = stream.at(place.start, place.length)
        if len(body) < place.length:
            return None
        chunks.append(Chunk(place.name, body))
        if place.name == b"fmt ":
            form = _form(body)
            if form is None:
                return None
            container = "WAVEX" if body[:2] == b"\xfe\xff" else "WAV"
    return None


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
