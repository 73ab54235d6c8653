"""Recordings from a pipe, decoded while they come: WAV, samples without a header, FLAC, MP3, Ogg.

Nothing here needs the end of the stream or goes back in it, so an endless one is read in constant memory. What cannot
be read like this (AIFF, CAF, MP4, ...) is left to those who can have a file: `open_stream` then gives None, and
`ByteStream.read` the stream from its beginning.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hifisr_cli.audio.containers.frames_in_step import SEARCHED
from hifisr_cli.audio.containers.riff import Chunks
from hifisr_cli.audio.containers.signatures import MPEG, FileIdentity, identify
from hifisr_cli.audio.containers.wav_stream import parse_wav
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.flac import stream_flac
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError
from hifisr_cli.audio.decoders.mpeg import stream_mpeg
from hifisr_cli.audio.decoders.ogg import stream_ogg
from hifisr_cli.audio.decoders.raw import RawFormat
from hifisr_cli.audio.decoders.raw_coded import open_raw
from hifisr_cli.audio.decoders.wav import WavStreamSource
from hifisr_cli.audio.metadata.stream import tags_ahead
from hifisr_cli.audio.metadata.tags import Tags
from hifisr_cli.audio.open import check_headerless
from hifisr_cli.audio.recording import Recording, Source
from hifisr_cli.errors import EmptyAudioError, NotAudioError

_HEAD = 64
"""Bytes that are waited for to tell what a stream is: less than the first samples of any."""


_WINDOWS = (1 << 14, SEARCHED)
"""Bytes that are waited for where that does not tell: a second of a live stream that begins within a frame, or all."""


def open_stream(
    stream: ByteStream, name: Path, *, salvage: bool = False, raw: RawFormat | None = None
) -> Recording | None:
    """A recording that is decoded while it comes, or None where that cannot be done (nothing is lost then).

    Args:
        stream: its bytes, from the first one.
        name: what errors call it.
        salvage, raw: see `open.open_recording`.

    Raises:
        FileError: as `open.open_recording`.
    """
    what = _identify(stream, _HEAD)
    if not stream.at(0, 1):
        raise EmptyAudioError("the stream is empty", path=name, hint="look at the program that feeds it")
    source: Source | None
    tags, chunks, notes = Tags(), None, list[str]()
    if raw is not None:
        check_headerless(name, what)
        source = open_raw(stream.read, raw)
        if source is not None:
            stream.commit()
    else:
        tags = tags_ahead(stream, notes)
        for window in _WINDOWS:
            if what.kind is None:  # something may stand in front of it
                what = _identify(stream, window)
        source, chunks = _open_by_content(stream, what, salvage=salvage)
    if source is None:
        if not stream.can_rewind:
            raise NotAudioError("cannot be decoded from a stream", path=name, hint="save it to a file first")
        stream.rewind()
        return None
    open_elsewhere = ExitStack()  # a stream is closed by whoever opened it
    return Recording(
        name, source, open_elsewhere, salvage=salvage, notes=tuple(notes), what=what, chunks=chunks, tags=tags
    )


def _identify(stream: ByteStream, window: int) -> FileIdentity:
    """What a stream is by so many bytes of it, at each place that is looked at."""
    return identify(lambda position, count: stream.at(position, min(count, window)))


def _open_by_content(stream: ByteStream, what: FileIdentity, *, salvage: bool) -> tuple[Source | None, Chunks | None]:
    """What can be decoded while it comes, and the chunks in front of its samples."""
    match what.name:
        case "WAV":
            start = parse_wav(stream)
            if start is None:
                return None, None
            stream.commit()
            return WavStreamSource(stream, start), start.chunks
        case "FLAC":
            return _decoded(lambda: stream_flac(stream, tolerant=salvage)), None
        case "OGG":
            return _decoded(lambda: stream_ogg(stream, tolerant=salvage)), None
    if what.kind is MPEG:
        return stream_mpeg(stream, tolerant=salvage), None
    return None, None


def _decoded(opening: Callable[[], Source | None]) -> Source | None:
    """What libsndfile opens, None where it does not."""
    import soundfile

    with contextlib.suppress(soundfile.LibsndfileError, NotOpenedError):
        return opening()
    return None
