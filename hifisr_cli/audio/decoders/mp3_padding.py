"""MP3 as its encoder meant it: without the samples that coding adds at both ends."""

from __future__ import annotations

import numpy as np

from hifisr_cli.audio.containers.mpeg import MpegStart
from hifisr_cli.audio.recording import Block, BrokenOffError, Source
from hifisr_cli.results import AudioInfo


class MpegSource:
    """MP3 without the samples that an encoder adds at both ends, where its header says how many.

    Args:
        inner: everything that is decoded.
        start: what the header says.
    """

    lost: str | None = None

    def __init__(self, inner: Source, start: MpegStart) -> None:
        self._inner, self._start = inner, start
        told = inner.info
        self.info = AudioInfo(
            told.container, told.codec, told.sample_rate, told.channels, start.length, None, is_float=False, lossy=True
        )
        self._skip = start.skip_begin
        self._done = 0
        self._broken: BrokenOffError | None = None
        self._late = np.zeros((told.channels, 0), np.float32)

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
