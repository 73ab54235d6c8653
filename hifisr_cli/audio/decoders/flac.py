"""FLAC through libsndfile."""

from __future__ import annotations

from contextlib import ExitStack

from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.flac_salvage import open_damaged_flac
from hifisr_cli.audio.decoders.libsndfile import ForwardBytes, NotOpenedError, SoundSource, open_sound
from hifisr_cli.audio.recording import RecordingFile, Source


def open_flac(file: RecordingFile, start: int, stack: ExitStack, *, step: int | None) -> Source:
    """The FLAC stream of a file that begins at `start`; damaged ones as far as they go where `step` is given.

    Raises:
        NotOpenedError: libsndfile makes nothing of it.
    """
    try:
        sound = open_sound(file.fd, stack, step=step)
    except NotOpenedError:
        if step is not None and (frames := open_damaged_flac(file.fd, start, None)) is not None:
            return frames
        raise
    return sound if step is None else open_damaged_flac(file.fd, start, sound) or sound


def stream_flac(stream: ByteStream) -> Source:
    """A FLAC stream while it comes. Raises soundfile.LibsndfileError where it is none."""
    from hifisr_cli.audio.decoders.no_seek import ForwardFile

    return SoundSource(ForwardFile(ForwardBytes(stream)))
