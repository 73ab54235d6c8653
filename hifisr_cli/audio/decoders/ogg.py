"""Ogg Vorbis, Opus and FLAC in Ogg through libsndfile."""

from __future__ import annotations

from contextlib import ExitStack

from hifisr_cli.audio.completeness import Damage
from hifisr_cli.audio.containers.ogg import ends_properly
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.libsndfile import open_piped, open_sound
from hifisr_cli.audio.recording import RecordingFile, Source


def open_ogg(file: RecordingFile, start: int, stack: ExitStack, *, step: int | None) -> tuple[Source, Damage | None]:
    """The sound of an Ogg file that begins at `start`, and what is known to be missing of it.

    Raises:
        NotOpenedError: libsndfile makes nothing of it.
    """
    damage = None if ends_properly(file.at, file.size) else Damage("it ends in the middle")
    return open_sound(file.fd if start == 0 else file.reader(start), stack, step=step), damage


def stream_ogg(stream: ByteStream) -> Source:
    """The sound of an Ogg stream while it comes. Raises soundfile.LibsndfileError where libsndfile does not know it."""
    return open_piped(stream)
