"""MPEG audio (MP3) through libsndfile, which is only given frames: their count is known before one is decoded."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np

from hifisr_cli.audio.completeness import Damage, Promise
from hifisr_cli.audio.containers.frames_in_step import SEARCHED
from hifisr_cli.audio.containers.mpeg import MpegPart, MpegScan, MpegWalk, scan_mpeg
from hifisr_cli.audio.containers.mpeg_frames import parse_frame
from hifisr_cli.audio.containers.riff import ChunkPlace
from hifisr_cli.audio.containers.signatures import ReadAt
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.chained import ChainedSource, OpenPart, widest
from hifisr_cli.audio.decoders.libsndfile import NoSoundError, NotOpenedError, SoundSource, open_sound, reason
from hifisr_cli.audio.recording import Block, BrokenOffError, RecordingFile, Source
from hifisr_cli.results import AudioInfo

_ID3_HEAD = 10
_FILLED = 0.5
"""Where nothing in front says MPEG, this share of a file has to be frames: they stand in other things, too."""

_MPEG_TAGS = (b"\x50\0", b"\x55\0")
_EXTENSIBLE = b"\xfe\xff"
"""Formats of WAV files."""


class MpegSource(Source):
    """MP3 without the samples that an encoder adds at both ends, where its header says how many.

    Args:
        inner: everything that is decoded.
        part: the recording. It is walked over before it is decoded to its end.
        info: what is to be said of it.
    """

    def __init__(self, inner: Source, part: MpegPart, info: AudioInfo) -> None:
        self._inner, self._part, self.info = inner, part, info
        self.promise = _promise(part)
        self._skip = part.start.skip_begin
        self._decoded = 0
        self._over = False
        self._broken: BrokenOffError | None = None
        self._late = np.zeros((info.channels, 0), np.float32)

    def read(self, frames: int) -> Block:
        start = self._part.start
        while self._late.shape[1] < frames + start.skip_end and not self._over:
            try:
                block = self._inner.read(frames)
            except BrokenOffError as error:  # told when what came before it is used up
                self._broken, self._over = error, True
                break
            self._over = not block.shape[1]
            self._decoded += block.shape[1]
            dropped = min(self._skip, block.shape[1])
            self._skip -= dropped
            self._late = np.concatenate((self._late, block[:, dropped:]), axis=1)
            if self._over:
                added = max(0, self._decoded - start.skip_begin) - start.left_of(self._decoded)
                self._late = self._late[:, : self._late.shape[1] - added]
        ready = self._late.shape[1] - (0 if self._over else start.skip_end)
        block, self._late = self._late[:, : min(frames, ready)], self._late[:, min(frames, ready) :]
        if self._broken is not None and not block.shape[1]:
            raise self._broken
        return np.ascontiguousarray(block)


def open_mpeg(
    file: RecordingFile, start: int, stack: ExitStack, *, step: int | None, end: int | None = None
) -> tuple[Source, Damage | None]:
    """The MPEG audio of a file between two places, and what is known to be missing of it.

    Args:
        end: None: that of the file.

    Raises:
        NoSoundError: there is nothing but tags. NotOpenedError: there is no MPEG audio.
        BrokenOffError: it ends before the first sample.
    """
    end = file.size if end is None else end
    start = start if start <= end else min(_ID3_HEAD, end)  # behind a tag that says it is longer than the file
    scan = scan_mpeg(file.at, start, end)
    late = start == 0 and parse_frame(file.at(0, 4)) is None
    if not scan.parts or (late and scan.size < _FILLED * end):
        return _without_frames(file, start, end, scan, stack, step=step), None
    if not scan.size:
        raise BrokenOffError("of its sound only the header is there")
    infos = [_describe(part, part.start.left_of(part.decoded)) for part in scan.parts]
    openers: list[OpenPart] = [
        partial(_open_part, part, info, partial(_pieces, file, runs), step=step)
        for part, info, runs in zip(scan.parts, infos, scan.runs, strict=True)
    ]
    if len(openers) == 1:
        source = openers[0](stack)
    else:
        source = ChainedSource(openers, widest(infos), tolerant=step is not None)
        stack.callback(source.close)
    source.notes = scan.notes
    return source, _find_damage(scan)


def mpeg_in(places: Sequence[ChunkPlace], read: ReadAt) -> ChunkPlace | None:
    """The samples of a file of chunks, where its format says that they are MPEG audio; None in others."""
    sound = next((place for place in places if place.name == b"data"), None)
    form = next((read(place.start, min(26, place.length)) for place in places if place.name == b"fmt "), b"")
    tag = form[24:26] if form[:2] == _EXTENSIBLE else form[:2]
    if sound is None or sound.length <= 0:
        return None
    in_rmp3 = not form and parse_frame(read(sound.start, 4)) is not None
    return sound if tag in _MPEG_TAGS or in_rmp3 else None


def stream_mpeg(stream: ByteStream, *, tolerant: bool) -> Source | None:
    """MPEG audio while it comes; None where there is none.

    Args:
        tolerant: see `ChainedSource`.
    """
    from hifisr_cli.audio.decoders.no_seek import PIECE

    walk = MpegWalk(lambda: stream.read(PIECE), within=SEARCHED)
    first = walk.next_part()
    if first is None:
        return None
    try:
        return ChainedSource(_stream_parts(walk, first), tolerant=tolerant)
    except NotOpenedError:
        return None


def _stream_parts(walk: MpegWalk, part: MpegPart | None) -> Iterator[OpenPart]:
    """Openers of the recordings in a stream. The next one is asked for when the one before it has ended."""
    opened: list[Source] = []
    while part is not None:
        feeding = ExitStack()
        yield partial(_open_fed, walk, part, feeding, opened)
        feeding.close()
        for _ in walk.runs(part):  # behind the place that the decoder has stopped at
            pass
        part = walk.next_part()
    if opened:
        opened[-1].notes = walk.word_of_stream()


def _open_fed(walk: MpegWalk, part: MpegPart, feeding: ExitStack, opened: list[Source], _: ExitStack) -> Source:
    """A recording in a stream. What feeds it is not closed with its decoder: it may wait for the stream for ever."""
    pieces = (data for _, data in walk.runs(part))
    try:
        opened.append(_open_part(part, _describe(part, part.start.length), lambda: pieces, feeding, step=None))
    except NotOpenedError:
        feeding.close()
        raise
    return opened[-1]


def _open_part(
    part: MpegPart, info: AudioInfo, pieces: Callable[[], Iterable[bytes]], stack: ExitStack, *, step: int | None
) -> Source:
    """A recording whose frames come in pieces. Raises NotOpenedError."""
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import FedPipe, PipedSound

    pipe = FedPipe(pieces())
    stack.callback(pipe.close)
    try:
        sound = stack.enter_context(PipedSound(pipe))
    except soundfile.LibsndfileError as error:
        raise NotOpenedError(reason(error)) from error
    return MpegSource(SoundSource(sound, info.frames, step=step), part, info)


def _pieces(file: RecordingFile, runs: array[int]) -> Iterator[bytes]:
    """The bytes of a file's frames."""
    from hifisr_cli.audio.decoders.no_seek import PIECE

    for begin, end in zip(runs[::2], runs[1::2], strict=True):
        for place in range(begin, end, PIECE):
            yield file.at(place, min(PIECE, end - place))


def _describe(part: MpegPart, frames: int | None) -> AudioInfo:
    kind = part.kind
    codec = f"MPEG_LAYER_{'I' * kind.layer}"
    return AudioInfo("MP3", codec, kind.rate, kind.channels, frames, None, is_float=False, lossy=True)


def _promise(part: MpegPart) -> Promise | None:
    """What its header says. Some encoders count the frame of the header as well, so one frame less is no loss."""
    return None if part.start.length is None else Promise(part.start.length, part.samples)


def _find_damage(scan: MpegScan) -> Damage | None:
    detail, have, promised = None, 0.0, 0.0
    for number, part in enumerate(scan.parts, 1):
        promise, rate = _promise(part), part.kind.rate
        there = part.start.left_of(part.decoded)
        have, promised = have + there / rate, promised + max(there, part.start.length or 0) / rate
        if promise is not None and there < promise.frames - promise.slack and detail is None:
            which = "it" if len(scan.parts) == 1 else f"its part {number}"
            detail = f"{which} breaks off after {there / rate:.3f} of {promise.frames / rate:.3f} s"
    return None if detail is None else Damage(detail, have / promised)


def _without_frames(
    file: RecordingFile, start: int, end: int, scan: MpegScan, stack: ExitStack, *, step: int | None
) -> Source:
    """What has no frames in step: nothing at all, or MPEG audio of the free format, whose frames state no length."""
    head = parse_frame(file.at(start, 4))
    if head is not None and start + head.length > end:
        raise BrokenOffError("it ends within its first frame")
    if not scan.solid:
        raise NoSoundError("there are only tags in it")
    whole = start == 0 and end == file.size
    try:
        return open_sound(file.fd if whole else file.reader(start, end), stack, step=step)
    except NotOpenedError as error:
        raise NotOpenedError("no frames of MPEG audio were found in it") from error
