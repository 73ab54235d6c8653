"""MPEG audio (MP3) through libsndfile, which is only given frames: their count is known before one is decoded."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from hifisr_cli.audio.completeness import Damage
from hifisr_cli.audio.containers.mpeg import MpegScan, MpegStart, scan_mpeg, start_mpeg
from hifisr_cli.audio.decoders.bytestream import ByteStream
from hifisr_cli.audio.decoders.libsndfile import NotOpenedError, SoundSource, open_piped, open_sound, reason
from hifisr_cli.audio.recording import Block, BrokenOffError, RecordingFile, Source


class MpegSource(Source):
    """MP3 without the samples that an encoder adds at both ends, where its header says how many.

    Args:
        inner: everything that is decoded.
        start: what the header says.
    """

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


def open_mpeg(file: RecordingFile, start: int, stack: ExitStack, *, step: int | None) -> tuple[Source, Damage | None]:
    """The MPEG audio of a file that begins at `start`, and what is known to be missing of it.

    Raises:
        NotOpenedError: there is none, or libsndfile makes nothing of it.
    """
    import soundfile

    from hifisr_cli.audio.decoders.no_seek import FedPipe, PipedSound, pieces_of

    scan = scan_mpeg(file.fd, start)
    if scan is None or scan.frames == scan.promised:
        return open_sound(file.fd, stack, step=step), None if scan is None else _find_missing_frames(scan)
    pipe, frames = FedPipe(pieces_of(file.fd, scan.start)), scan.frames * scan.samples
    stack.callback(pipe.close)
    try:
        sound = SoundSource(stack.enter_context(PipedSound(pipe)), frames, step=step)
    except soundfile.LibsndfileError as error:
        raise NotOpenedError(reason(error)) from error
    if step is not None and scan.promised is not None and scan.frames < scan.promised:
        # What was added at the end is lost with it.
        return MpegSource(sound, replace(scan.padding, skip_end=0)), _find_missing_frames(scan)
    return sound, _find_missing_frames(scan)


def stream_mpeg(stream: ByteStream) -> Source | None:
    """MPEG audio while it comes; None where there is none."""
    padding = start_mpeg(stream)
    return None if padding is None else MpegSource(open_piped(stream), padding)


def _find_missing_frames(scan: MpegScan) -> Damage | None:
    """Some encoders count the frame of the header as well, so one frame less is no loss."""
    if not scan.cut and (scan.promised is None or scan.frames >= scan.promised - 1):
        return None
    if scan.promised is None or scan.frames >= scan.promised - 1:
        return Damage("its last frame is cut")
    detail = "its last frame is cut" if scan.cut else f"{scan.frames} of {scan.promised} frames are there"
    return Damage(detail, scan.frames / scan.promised)
