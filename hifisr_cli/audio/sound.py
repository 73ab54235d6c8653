"""What libsndfile decodes: WAV, RF64, Wave64, AIFF, AU, CAF, FLAC, Ogg Vorbis, Opus, MP3."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from hifisr_cli.audio.integrity import find_open_header
from hifisr_cli.audio.mpeg import MpegScan
from hifisr_cli.audio.source import Block, BrokenOffError
from hifisr_cli.results import AudioInfo

if TYPE_CHECKING:
    from hifisr_cli.audio.forward import ForwardFile

_UNKNOWN_FRAMES = 1 << 40  # libsndfile says 2**63 - 1 where a header leaves the length open
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
_BITS |= {f"ALAC_{bits}": bits for bits in (16, 20, 24, 32)}
_COMPANDED = ("ULAW", "ALAW")


class NotOpenedError(Exception):
    """libsndfile cannot open it; the message says why, as the end of a sentence."""


class SoundSource:
    """A sound file of libsndfile's.

    Args:
        file: open for reading.
        frames: its length where it is known better than libsndfile knows it.
        owner: what has to live as long.
    """

    lost: str | None = None

    def __init__(self, file: ForwardFile, frames: int | None = None, *, owner: object = None) -> None:
        self._file, self._owner = file, owner
        codec = str(file.subtype)
        known = frames if frames is not None else int(file.frames)
        self.info = AudioInfo(
            container=str(file.format),
            codec=codec,
            sample_rate=int(file.samplerate),
            channels=int(file.channels),
            frames=known if known < _UNKNOWN_FRAMES else None,
            bits=_BITS.get(codec),
            is_float=codec in ("FLOAT", "DOUBLE"),
            lossy=codec not in _BITS and codec not in _COMPANDED,
        )

    def read(self, frames: int) -> Block:
        import soundfile

        block = np.empty((frames, self.info.channels), np.float32)
        filled = 0
        try:
            while filled < frames:
                count = len(self._file.read(out=block[filled:]))
                if count == 0:
                    break
                filled += count
        except soundfile.LibsndfileError as error:
            if filled == 0:
                raise BrokenOffError(f"the sound cannot be decoded to its end: {reason(error)}") from error
            # what came before the break is good: the next call meets the break again
        return np.ascontiguousarray(block[:filled].T)


def open_sound(fd: int, size: int, scan: MpegScan | None, stack: ExitStack) -> SoundSource:
    """The sound behind the descriptor of a file of `size` bytes; closed with `stack`.

    Args:
        scan: of its MPEG frames, if it has any.

    Raises:
        NotOpenedError: libsndfile cannot make anything of it.
    """
    import soundfile

    from hifisr_cli.audio.forward import ForwardFile, PipedFile

    unfinished = find_open_header(fd, size)
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        if unfinished is not None:
            header, frames = unfinished
            pipe = PipedFile(fd, len(header), header)
        elif scan is not None and scan.frames != scan.promised:
            pipe, frames = PipedFile(fd, scan.start), scan.frames * scan.samples
        else:
            return SoundSource(stack.enter_context(ForwardFile(fd, closefd=False)))
        stack.callback(pipe.close)
        return SoundSource(stack.enter_context(ForwardFile(pipe.fd, closefd=False)), frames)
    except soundfile.LibsndfileError as error:
        raise NotOpenedError(reason(error)) from error


def reason(error: Exception) -> str:
    """libsndfile's own words, without its prefix, as part of a sentence."""
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return text[:1].lower() + text[1:]
