"""Decoding through PyAV. Imports av, so it is imported only where it is there and a file needs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

import av
import numpy as np

from hifisr_cli.audio.containers.ogg_links import opus_samples
from hifisr_cli.audio.decoders.track import (
    CUT_EDGES,
    CannotOpenError,
    ForeignFile,
    Gathered,
    describe,
    first_of,
    plain_words,
)
from hifisr_cli.audio.metadata.told import Told, attached_picture
from hifisr_cli.audio.recording import Block, BrokenOffError, Source, check_limits

_AV_ERRORS = (av.FFmpegError, ValueError, OSError)
# Tags in another encoding than UTF-8 are no reason to refuse the sound. From this version on PyAV needs no telling.
_TOLERANT_OF_TAGS = 19
_OPEN_OPTIONS: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= _TOLERANT_OF_TAGS else {"metadata_errors": "replace"}
)


def open_av(foreign: ForeignFile, stack: ExitStack, *, tolerant: bool) -> AvSource:
    """The first sound track of a file. Raises CannotOpenError, UnsupportedError."""
    calm = _Calm(stack.enter_context(foreign.file.reader(foreign.start, foreign.end)))
    try:
        opened = stack.enter_context(av.open(calm, "r", format=foreign.demuxer, **_OPEN_OPTIONS))
    except _AV_ERRORS as error:
        raise CannotOpenError(_words(error)) from error
    if not opened.streams.audio:
        raise CannotOpenError("it has no sound track")
    return AvSource(foreign, opened, tolerant=tolerant)


class _Calm:
    """A file for FFmpeg, which may ask for places that there are not: no exception can go through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError:
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1

    def tell(self) -> int:
        return self._file.tell()


class AvSource(Source):
    """The first sound track of an open container."""

    def __init__(self, foreign: ForeignFile, opened: Any, *, tolerant: bool) -> None:
        self._container, self._tolerant, self._errors = opened, tolerant, 0
        self._is_excerpt, self._opus_samples = foreign.is_excerpt, 0
        self._stream = stream = opened.streams.audio[0]
        context = stream.codec_context
        if context is None:
            raise CannotOpenError("its sound track is of an unknown kind")
        self._is_opus = context.codec.canonical_name == "opus"
        # The header may differ from what the decoder gives (the upper band of HE-AAC): the first frame tells.
        self._covers: list[tuple[Any, bytes]] = []
        self._frames = self._decoded()
        self._pending: BrokenOffError | None = None
        first = None
        try:  # the errors of a first frame are those of the whole
            first = next(self._frames, None)
        except BrokenOffError as error:
            raise CannotOpenError(str(error)) from error
        rate, layout = (first.sample_rate, first.layout) if first is not None else (context.sample_rate, context.layout)
        check_limits(foreign.path, sample_rate=rate, channels=layout.nb_channels)
        sample_bits = 8 * (context.format.bytes if context.format is not None else 4)
        self.info = describe(
            foreign.container,
            codec=context.codec.canonical_name,  # not that of the decoder
            sample_rate=rate,
            channels=layout.nb_channels,
            stored_bits=_stored_bits(context.codec.canonical_name, bytes(context.extradata or b""), sample_bits),
            sample_bits=sample_bits,
        )
        self.notes += first_of(len(opened.streams.audio))
        self._converter = av.AudioResampler(format="flt", layout=layout, rate=rate)
        self._gathered = Gathered(layout.nb_channels)
        if first is not None:
            try:
                self._put(first)
                if self._is_opus:
                    self._skip_the_rest(first.samples, bytes(context.extradata or b""))
            except BrokenOffError as error:
                raise CannotOpenError(str(error)) from error

    def _skip_the_rest(self, given: int, header: bytes) -> None:
        """Leaves out what Opus's own header has to be skipped, where FFmpeg 8 takes a container's wrong word for it.

        Args:
            given: samples of the first frame that came, after what was skipped already.
        """
        if header.startswith(b"OpusHead") and len(header) >= 12:
            self._gathered.take(max(0, int.from_bytes(header[10:12], "little") - (self._opus_samples - given)))

    def told(self) -> Told:
        left_out = [of.metadata.get("filename", "") for of in self._container.streams if of.type == "attachment"]
        chapters: list[Any] = []
        if hasattr(self._container, "chapters"):
            chapters = self._container.chapters()
        else:
            left_out.append("chapters, if there are any (PyAV tells of them from version 16 on)")
        return Told(
            self._container.metadata,
            self._stream.metadata,
            tuple((float(each["start"] * each["time_base"]), each["metadata"].get("title", "")) for each in chapters),
            tuple(attached_picture(of.codec_context.name, of.metadata, data) for of, data in self._covers),
            left_out=tuple(left_out),
        )

    def read(self, frames: int) -> Block:
        while self._gathered.frames < frames and self._pending is None:
            try:
                frame = next(self._frames, None)
                if frame is None:
                    break
                self._put(frame)
            except BrokenOffError as error:
                self._pending = error
        if self._gathered.frames == 0 and self._pending is not None:
            raise self._pending
        return self._gathered.take(frames)

    def _put(self, frame: Any) -> None:
        try:
            converted = self._converter.resample(frame)
        except _AV_ERRORS as error:
            raise BrokenOffError(f"the sound cannot be decoded to its end: {_words(error)}") from error
        for part in converted:
            if part.layout.nb_channels != self.info.channels:
                raise BrokenOffError("the sound cannot be decoded to its end: its channels change")
            # Interleaved, from the bytes of the one plane: PyAV has crashed on the planes of strange layouts.
            size = part.samples * self.info.channels
            samples = np.frombuffer(bytes(part.planes[0]), np.float32, size)
            self._gathered.put(np.ascontiguousarray(samples.reshape(part.samples, self.info.channels).T))

    def _decoded(self) -> Iterator[Any]:
        """Frames; what cannot be decoded ends them, or is skipped and counted. An excerpt's edges may be cut."""
        # Attached pictures come before all sound.
        packets = self._container.demux([self._stream, *filter(_is_cover, self._container.streams.video)])
        begun, edge = False, list[Exception]()
        while True:
            decoded: list[Any] = []
            error: Exception | None = None
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                if packet.stream is not self._stream:
                    self._covers += [(packet.stream, bytes(packet))] if packet.size else []
                    continue
                if not begun and self._is_opus:
                    self._opus_samples += opus_samples(bytes(packet))
                decoded, error = _decode(packet)
            except (EOFError, StopIteration):
                break
            except _AV_ERRORS as told:
                error = told
            if error is not None and self._is_excerpt and len(edge) < _EDGE:
                edge.append(error)
            elif error is not None:
                self._skip(error)
            elif decoded and edge:
                if begun:
                    self._skip(edge[0])  # it was no edge
                else:
                    self.notes += (CUT_EDGES,)
                edge.clear()
            begun = begun or bool(decoded)
            yield from decoded
        if edge:
            self.notes += (CUT_EDGES,)

    def _skip(self, error: Exception) -> None:
        self._errors += 1
        self.lost = f"{self._errors} damaged pieces were skipped"
        if not self._tolerant or self._errors > _MOST_ERRORS:
            raise BrokenOffError(f"the sound cannot be decoded to its end: {_words(error)}") from error


_MOST_ERRORS = 10_000
_EDGE = 16
"""Packets that are damaged where one of a broadcast is cut, which holds several: 7 of AAC, and more to be safe."""


def _decode(packet: Any) -> tuple[list[Any], Exception | None]:
    """The frames of a packet, and what is wrong with them though a decoder takes them."""
    decoded = list(packet.decode())
    damaged = packet.is_corrupt or any(frame.is_corrupt for frame in decoded)
    return decoded, ValueError("a piece of it is damaged") if damaged else None


def _is_cover(stream: Any) -> bool:
    """A picture that the container has as a track of video."""
    return stream.codec_context is not None and bool(stream.disposition & av.stream.Disposition.attached_pic)


def _stored_bits(codec: str, header: bytes, sample_bits: int) -> int:
    """Bits a sample by the header of a codec, as PyAV does not tell them; 0 where it has none.

    FLAC: STREAMINFO (RFC 9639, 8.2). ALAC: the magic cookie, behind the header of its box. MLP has at most 24.
    """
    match codec:
        case "flac":
            packed = int.from_bytes(header.removeprefix(b"fLaC\x80\0\0\x22")[10:18], "big")
            return (packed >> 36 & 31) + 1 if packed else 0
        case "alac" if header[4:8] == b"alac" and len(header) > 17:
            return header[17]
        case "mlp" | "truehd":
            return min(sample_bits, 24)
    return 0


def _words(error: Exception) -> str:
    return plain_words(getattr(error, "strerror", None) or str(error))
