"""What libsndfile decodes: WAV, RF64, Wave64, AIFF, AU, CAF, FLAC, Ogg Vorbis, Opus, MP3."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hifisr_cli.audio.containers.mpeg import MpegScan, MpegStart
from hifisr_cli.audio.recording import Block, BrokenOffError, Source
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
        step: samples a channel that are decoded at once: an error costs all of them.
    """

    lost: str | None = None

    def __init__(self, file: ForwardFile, frames: int | None = None, *, step: int | None = None) -> None:
        self._file, self._step = file, step
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


class MpegSource:
    """MP3 without the samples that an encoder adds at both ends, where its header says how many.

    Args:
        inner: everything that is decoded.
        start: what the header says.
    """

    lost: str | None = None

    def __init__(self, inner: Source, start: MpegStart) -> None:
        self._inner, self._start = inner, start
        self.info = replace(inner.info, frames=start.length, bits=None, is_float=False, lossy=True)
        self._skip = start.skip_begin
        self._done = 0
        self._broken: BrokenOffError | None = None
        self._late = np.zeros((self.info.channels, 0), np.float32)

    def read(self, frames: int) -> Block:
        while self._late.shape[1] < frames + self._start.skip_end and self._broken is None:
            try:
                block = self._inner.read(frames)
            except BrokenOffError as error:  # told when what came before it is used up
                self._broken = error
                break
            if not block.shape[1]:
                break
            dropped = min(self._skip, block.shape[1])
            self._skip -= dropped
            self._late = np.concatenate((self._late, block[:, dropped:]), axis=1)
        ready = min(frames, max(0, self._late.shape[1] - self._start.skip_end))
        ready = ready if self.info.frames is None else min(ready, max(0, self.info.frames - self._done))
        block, self._late = self._late[:, :ready], self._late[:, ready:]
        self._done += ready
        if ready == 0 and self._broken is not None:
            raise self._broken
        return np.ascontiguousarray(block)


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

    from hifisr_cli.audio.decoders.no_seek import FedPipe, ForwardFile, PipedSound, pieces_of

    cut: MpegStart | None = None
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        if mended is not None:
            header, frames = mended
            pipe = FedPipe(pieces_of(fd, len(header), header))
        elif scan is not None and scan.frames != scan.promised:
            pipe, frames = FedPipe(pieces_of(fd, scan.start)), scan.frames * scan.samples
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
