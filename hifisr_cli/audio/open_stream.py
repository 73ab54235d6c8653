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

from hifisr_cli.audio.containers.mpeg import start_mpeg
from hifisr_cli.audio.containers.riff import Chunks
from hifisr_cli.audio.containers.signatures import MPEG, FileIdentity, identify
from hifisr_cli.audio.containers.wav_stream import parse_wav
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.libsndfile import MpegSource, SoundSource
from hifisr_cli.audio.decoders.raw import RawFormat, RawSource
from hifisr_cli.audio.metadata.stream import tags_ahead
from hifisr_cli.audio.metadata.tags import Tags
from hifisr_cli.audio.open import check_headerless
from hifisr_cli.audio.recording import Recording, Source
from hifisr_cli.errors import EmptyAudioError, NotAudioError

_HEAD = 64
"""Bytes that are waited for to tell what a stream is: less than the first samples of any."""


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
    what = identify(lambda position, count: stream.at(position, min(count, _HEAD)))
    if not stream.at(0, 1):
        raise EmptyAudioError("the stream is empty", path=name, hint="look at the program that feeds it")
    source: Source | None
    tags, chunks, notes = Tags(), None, list[str]()
    if raw is not None:
        check_headerless(name, what)
        stream.commit()
        source = RawSource(stream.read, raw)
    else:
        tags = tags_ahead(stream, notes)
        source, chunks = _open_by_content(stream, what)
    if source is None:
        if not stream.can_rewind:
            raise NotAudioError("cannot be decoded from a stream", path=name, hint="save it to a file first")
        stream.rewind()
        return None
    open_elsewhere = ExitStack()  # a stream is closed by whoever opened it
    return Recording(
        name, source, open_elsewhere, salvage=salvage, notes=tuple(notes), what=what, chunks=chunks, tags=tags
    )


def _open_by_content(stream: ByteStream, what: FileIdentity) -> tuple[Source | None, Chunks | None]:
    """What can be decoded while it comes, and the chunks in front of its samples."""
    match what.name:
        case "WAV":
            start = parse_wav(stream)
            if start is None:
                return None, None
            stream.commit()
            return RawSource(stream.read, start.form, frames=start.frames, container=start.container), start.chunks
        case "FLAC":
            return _decoded(lambda: _open_flac(stream)), None
        case "OGG":
            return _decoded(lambda: _open_piped(stream)), None
    if what.kind is MPEG and (padding := start_mpeg(stream)) is not None:
        return _decoded(lambda: MpegSource(_open_piped(stream), padding)), None
    return None, None


def _decoded(opening: Callable[[], Source]) -> Source | None:
    """What libsndfile opens, None where it does not."""
    import soundfile

    with contextlib.suppress(soundfile.LibsndfileError):
        return opening()
    return None


def _open_flac(stream: ByteStream) -> SoundSource:
    from hifisr_cli.audio.decoders.no_seek import ForwardFile

    return SoundSource(ForwardFile(_Forward(stream)))


def _open_piped(stream: ByteStream) -> SoundSource:
    """libsndfile on a real pipe, of which it knows that it has no length."""
    from hifisr_cli.audio.decoders.no_seek import PIECE, FedPipe, PipedSound

    return SoundSource(PipedSound(FedPipe(iter(lambda: stream.read(PIECE), b""))))


class _Forward:
    """A stream as a file that libsndfile opens: as long as can be, and only its beginning can be read twice."""

    _LENGTH = 1 << 62

    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._position = stream, 0  # where libsndfile stands

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = (0, self._position, self._LENGTH)[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray) -> int:
        view = memoryview(buffer)
        count = 0
        try:
            while count < len(view):
                data = self._stream.read_at(self._position, len(view) - count)
                if not data:
                    break
                view[count : count + len(data)] = data
                count += len(data)
                self._position += len(data)
        except OSError:  # nothing may be raised through libsndfile; the stream ends here
            return count
        return count
