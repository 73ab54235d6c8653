"""FLAC through libsndfile: to its last frame whatever its header counts, and several streams in one file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np

from hifisr_cli.audio.completeness import Promise
from hifisr_cli.audio.containers.flac import stream_header
from hifisr_cli.audio.containers.flac_stream import FlacBytes, FlacPart, FlacTail, find_streams, frame_ends
from hifisr_cli.audio.containers.signatures import TAGS
from hifisr_cli.audio.decoders.bytestream import ByteStream, PiecedBytes
from hifisr_cli.audio.decoders.chained import ChainedSource, OpenPart, widest
from hifisr_cli.audio.decoders.flac_salvage import open_damaged_flac
from hifisr_cli.audio.decoders.libsndfile import ForwardBytes, NotOpenedError, SoundSource, reason
from hifisr_cli.audio.recording import Block, BrokenOffError, RecordingFile, Source

_PIECE = 1 << 16


def open_flac(file: RecordingFile, start: int, stack: ExitStack, *, step: int | None) -> Source:
    """The FLAC stream of a file that begins at `start`; damaged ones as far as they go where `step` is given.

    Raises:
        NotOpenedError: libsndfile makes nothing of it.
    """
    places = find_streams(file.at, start)
    ends = [*places[1:], file.size]
    openers = [partial(_open_place, file, place, end, step) for place, end in zip(places, ends, strict=True)]
    if len(openers) == 1:
        return openers[0](stack)
    infos = []
    for opener in openers:
        with ExitStack() as beside:
            try:
                infos.append(opener(beside).info)
            except NotOpenedError:  # told where it is read
                continue
    source = ChainedSource(openers, widest(infos) if infos else None, tolerant=step is not None)
    stack.callback(source.close)
    return source


def stream_flac(stream: ByteStream, *, tolerant: bool) -> Source:
    """A FLAC stream while it comes, or several one after the other.

    Args:
        stream: its bytes.
        tolerant: where one breaks off, go on with the next, and tell of it afterwards.

    Raises:
        NotOpenedError: it is none.
    """
    parts = FlacBytes(iter(lambda: stream.read(_PIECE), b""))
    return ChainedSource(_come(parts), tolerant=tolerant)


def _come(parts: FlacBytes) -> Iterator[OpenPart]:
    for part in iter(parts.next_part, None):
        yield partial(open_part, part)


def _open_place(file: RecordingFile, start: int, end: int, step: int | None, stack: ExitStack) -> Source:
    """A stream of a file. Raises NotOpenedError."""
    try:
        part = FlacPart(FlacBytes(_pieces(file, start, end)), alone=True)
        sound = open_part(part, stack, step=step)
    except NotOpenedError:
        if step is not None and (frames := open_damaged_flac(file.fd, start, end, None)) is not None:
            return frames
        raise
    return sound if step is None else open_damaged_flac(file.fd, start, end, sound) or sound


def open_part(part: FlacPart, stack: ExitStack, *, step: int | None = None) -> FlacSource:
    """A stream of which the bytes come. Raises NotOpenedError."""
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import ForwardFile

    try:
        file = stack.enter_context(ForwardFile(ForwardBytes(PiecedBytes(part.pieces))))
    except soundfile.LibsndfileError as error:
        raise NotOpenedError(reason(error)) from error
    return FlacSource(SoundSource(file, step=step), part)


def _pieces(file: RecordingFile, start: int, end: int) -> Iterator[bytes]:
    while start < end and (piece := file.at(start, min(_PIECE, end - start))):
        yield piece
        start += len(piece)


class FlacSource(Source):
    """A FLAC stream to its last frame: what its header counts is not asked for, and what stands behind is no damage.

    Args:
        sound: as libsndfile decodes it.
        part: its bytes, which are read by that.
    """

    def __init__(self, sound: SoundSource, part: FlacPart) -> None:
        self._sound, self._part = sound, part
        self.info = replace(sound.info, frames=part.promised)
        self._done = 0
        self._over = False

    def read(self, frames: int) -> Block:
        if self._over:
            return np.zeros((self.info.channels, 0), np.float32)
        try:
            block = self._sound.read(frames)
        except BrokenOffError:
            late = self._sound.late
            rest = None if late is None else _find_rest(self._part, self._done, self._done + late.shape[1])
            if late is None or rest is None:
                raise
            block, self._over, self.notes = late, True, rest
        self._done += block.shape[1]
        if not block.shape[1]:
            self._allow_miscount()
        counted = self._done < (self._part.promised or 0)  # then it is known how much is missing
        if not block.shape[1] and not self._over and not counted and self._part.goes_on(self._done):
            raise BrokenOffError("its last frame is cut")
        return block

    def _allow_miscount(self) -> None:
        """At the end of the frames: less than one that is missing is none that is missing."""
        lacking = (self._part.promised or 0) - self._done
        last = self._part.frames[-1] if self._part.frames else None
        if last is not None and 0 < lacking < last.samples and not self._part.goes_on(self._done):
            self.promise = Promise(self._done + lacking, lacking)
            count = "1 sample" if lacking == 1 else f"{lacking} samples"
            self.notes = (f"its header counts {count} more than there are",)


def _find_rest(part: FlacPart, first: int, end: int) -> tuple[str, ...] | None:
    """A word about what stands behind the last frame, if it is more than tags and zeros.

    Args:
        first, end: the samples that were decoded at once with an error.

    Returns:
        None where they are not the last ones, or the frames that hold them are damaged.
    """
    while part.is_over(end) and next(part.pieces, None):  # frames may stand behind what was read
        continue
    if not part.is_over(end) or (tail := part.last_frames(min(first, end - 1), end)) is None:
        return None
    size = next((size for size in frame_ends(tail.data, tail.last) if _are_whole(tail, size)), None)
    if size is None:
        return None
    rest = tail.data[size:].lstrip(b"\0")
    if not rest or rest.startswith(TAGS):
        return ()
    return (f"{tail.length - size} bytes behind its last frame are no sound and were left out",)


def _are_whole(tail: FlacTail, size: int) -> bool:
    """Whether so many bytes are frames that are decoded without an error."""
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import ForwardFile

    try:
        with ForwardFile(io.BytesIO(stream_header(tail.form, tail.samples) + tail.data[:size])) as file:
            return len(file.read(tail.samples)) == tail.samples
    except soundfile.LibsndfileError:
        return False
