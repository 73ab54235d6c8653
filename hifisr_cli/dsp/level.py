"""The active level is how loud a recording is where something happens: pauses and appended silence do not count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave

# The network was trained at the level that these define.
FRAME_SECONDS = 0.02  # short enough for a syllable, long enough for a period of the lowest voice
NOMINAL_RMS = 10.0 ** (-26.0 / 20.0)  # -26 dBFS, the nominal active level of speech (ITU-T G.191)
GATE_DB = 30.0  # frames this far below the loudest one do not count


class LevelMeter:
    """Measures the active level of a stream. Push blocks of any size, then ask.

    The level is the root mean square over the 20 ms frames within 30 dB of the loudest frame of the loudest channel;
    a shorter last frame counts as if zeros followed. It scales exactly with the signal, and appended silence does not
    change it. Memory: 4 bytes a frame and channel (0.7 MB an hour of mono).
    """

    def __init__(self, sample_rate: int) -> None:
        self._frame = max(round(sample_rate * FRAME_SECONDS), 1)
        self._rest: Wave | None = None
        self._powers: list[NDArray[np.float32]] = []
        self.peak = 0.0

    def push(self, block: Wave) -> None:
        """Takes the next block [C, T]."""
        if not block.shape[1]:
            return
        self.peak = max(self.peak, float(np.abs(block).max()))
        joined = block if self._rest is None else np.concatenate((self._rest, block), axis=1)
        whole = joined.shape[1] // self._frame * self._frame
        self._rest = joined[:, whole:].copy()
        self._add(joined[:, :whole])

    def _add(self, samples: Wave) -> None:
        if samples.shape[1]:
            frames = samples.reshape(samples.shape[0], -1, self._frame).astype(np.float64)
            self._powers.append(np.square(frames).mean(axis=2).astype(np.float32))

    def rms(self) -> float:
        """Returns the active root mean square, 0 for silence. Call it once, at the end."""
        if self._rest is not None and self._rest.shape[1]:
            self._add(np.pad(self._rest, ((0, 0), (0, self._frame - self._rest.shape[1]))))
            self._rest = None
        if not self._powers:
            return 0.0
        powers = np.concatenate(self._powers, axis=1).astype(np.float64)
        loudest = powers[int(powers.max(axis=1).argmax())]
        top = loudest.max()
        if top == 0.0:
            return 0.0
        return float(np.sqrt(loudest[loudest > top * 10.0 ** (-GATE_DB / 10.0)].mean()))


def active_rms(wave: Wave, sample_rate: int) -> float:
    """Returns the active root mean square of a whole recording [T]."""
    meter = LevelMeter(sample_rate)
    meter.push(wave[None])
    return meter.rms()
