"""The noise floor is what is left of a recording in its pauses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave

FRAME_SECONDS = 0.05  # fits between two words; chosen by hand, not measured
QUIETEST = 0.1  # of the frames: speech has more pauses than that; chosen by hand, not measured
_STEP_DB = 0.1  # of the histogram: the figure is shown in such steps
_LOWEST_DB = -200.0  # below the rounding noise of every format of samples: quieter is digital silence
_CLASSES = round((20.0 - _LOWEST_DB) / _STEP_DB)  # up to 20 dB above full scale, which floating point allows


class NoiseFloorMeter:
    """Measures the level that the quietest tenth of the 50 ms frames stays below, without DC or digital silence.

    In a recording without pauses that is its quiet passages. The noisiest channel is the one reported. Levels are kept
    as a histogram of 0.1 dB steps: memory is constant.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._frame = max(round(sample_rate * FRAME_SECONDS), 2)
        self._rest: Wave | None = None
        self._counts: NDArray[np.int64] | None = None

    def push(self, block: Wave) -> None:
        """Takes the next block [C, T]."""
        if not block.shape[1]:
            return
        joined = block if self._rest is None else np.concatenate((self._rest, block), axis=1)
        whole = joined.shape[1] // self._frame * self._frame
        self._rest = joined[:, whole:].copy()
        if self._counts is None:
            self._counts = np.zeros((block.shape[0], _CLASSES), np.int64)
        if whole:
            self._add(self._counts, joined[:, :whole])

    def _add(self, counts: NDArray[np.int64], samples: Wave) -> None:
        frames = samples.reshape(samples.shape[0], -1, self._frame).astype(np.float64)
        mean = frames.mean(axis=2)
        power = np.einsum("cft,cft->cf", frames, frames) / self._frame - np.square(mean)
        sounding = power > 10 ** (_LOWEST_DB / 10)
        levels = 10 * np.log10(np.where(sounding, power, 1.0))
        classes = np.clip((levels - _LOWEST_DB) / _STEP_DB, 0, _CLASSES - 1).astype(np.intp)
        for channel, (place, counted) in enumerate(zip(classes, sounding, strict=True)):
            counts[channel] += np.bincount(place[counted], minlength=_CLASSES)

    def level_db(self) -> float | None:
        """Returns the floor in dBFS (root mean square; a sine at full scale has -3); None where all is silent."""
        if self._counts is None:
            return None
        floors = [_percentile(counts) for counts in self._counts if counts.any()]
        return max(floors, default=None)


def _percentile(counts: NDArray[np.int64]) -> float:
    below = np.cumsum(counts)
    place = int(np.searchsorted(below, math.ceil(QUIETEST * below[-1])))
    return round(_LOWEST_DB + (place + 0.5) * _STEP_DB, 2)
