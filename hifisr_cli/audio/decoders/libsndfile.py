"""What libsndfile decodes: WAV, RF64, Wave64, AIFF, AU, CAF, FLAC, Ogg Vorbis, Opus, MP3."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hifisr_cli.audio.containers.mpeg import MpegScan, MpegStart
from hifisr_cli.audio.decoders.mp3_padding import MpegSource
from hifisr_cli.audio.recording import Block, BrokenOffError
from hifisr_cli.results import AudioInfo

if TYPE_CHECKING:
    from hifisr_cli.audio.decoders.no_seek import ForwardFile

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
        step: samples a channel that are decoded at once: an error costs all of them.
    """

    lost: str | None = None

    def __init__(
        self, file: ForwardFile, frames: int | None = None, *, owner: object = None, step: int | None = None
    ) -> None:
        self._file, self._owner, self._step = file, owner, step
        self._broken: BrokenOffError | None = None
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

        if self._broken is not None:
            raise self._broken
        block = np.empty((frames, self.info.channels), np.float32)
        filled = 0
        try:
            while filled < frames:
                end = frames if self._step is None else filled + self._step
                count = len(self._file.read(out=block[filled:end]))
                if count == 0:
                    break
                filled += count
        except soundfile.LibsndfileError as error:
            # libsndfile tells of an error once and of an end after that
            self._broken = BrokenOffError(f"the sound cannot be decoded to its end: {reason(error)}")
            if filled == 0:  # else what came before the break is good: the next call meets it
                raise self._broken from error
        return np.ascontiguousarray(block[:filled].T)


def open_sound(
    fd: int,
    stack: ExitStack,
    *,
    scan: MpegScan | None = None,
    mended: tuple[bytes, int] | None = None,
    step: int | None = None,
) -> SoundSource | MpegSource:
    """The sound behind the descriptor of a file; closed with `stack`.

    Args:
        scan: of its MPEG frames, if it has any.
        mended: the header that replaces one of a WAV file without a length (`find_open_header`).
        step: see `SoundSource`.

    Raises:
        NotOpenedError: libsndfile cannot make anything of it.
    """
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import ForwardFile, PipedFile, PipedSound

    cut: MpegStart | None = None
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        if mended is not None:
            header, frames = mended
            pipe = PipedFile(fd, len(header), header)
        elif scan is not None and scan.frames != scan.promised:
            pipe, frames = PipedFile(fd, scan.start), scan.frames * scan.samples
            if step is not None and scan.promised is not None and scan.frames < scan.promised:
                cut = replace(scan.padding, skip_end=0)  # what was added at the end is lost with it
        else:
            return SoundSource(stack.enter_context(ForwardFile(fd, closefd=False)), step=step)
        stack.callback(pipe.close)
        sound = SoundSource(stack.enter_context(PipedSound(pipe)), frames, step=step)
        return sound if cut is None else MpegSource(sound, cut)
    except soundfile.LibsndfileError as error:
        raise NotOpenedError(reason(error)) from error


def reason(error: Exception) -> str:
    """libsndfile's own words, without its prefix, as part of a sentence."""
    text = str(getattr(error, "error_string", error)).strip().rstrip(".")
    return text[:1].lower() + text[1:]
