"""The true peak is how high the waveform rises between its samples (BS.1770-4, annex 2); measured as a stream."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from hifisr_cli.arrays import Samples, Wave

_REACH = 16  # samples a side; with half as many 0.45 of the sample rate falls by 2.6 dB, twice as many cost twice
_KAISER_BETA = 5.0  # of its window: twice as much costs 1.0 dB at 0.45 of the rate, half of it ripples by 0.2 dB
_ROW = 32  # samples that one row of the product covers
_UNIT = 1024  # samples that are passed over at once where they cannot hold a new peak; the result is the same
_PORTION = 1 << 15  # samples; what is worked on stays in the processor's cache
_MARGIN = 1e-5  # of the level: the bound below is exact, the arithmetic is not


def oversampling(sample_rate: int) -> int:
    """Returns how much finer than the samples the waveform is looked at: to 192 kHz, or four times."""
    return 4 if sample_rate < 96_000 else 2 if sample_rate < 192_000 else 1


@lru_cache(maxsize=4)
def _interpolator(factor: int) -> tuple[Wave, float]:
    """[_ROW + 2 _REACH - 1, _ROW * (factor - 1)]: samples to the points between them; and its largest possible gain."""
    offsets = np.arange(1, factor) / factor
    taps = np.arange(-_REACH + 1, _REACH + 1)
    distance = taps[None] - offsets[:, None]
    window = np.i0(_KAISER_BETA * np.sqrt(1 - (distance / _REACH) ** 2)) / np.i0(_KAISER_BETA)
    kernels = np.sinc(distance) * window
    kernels /= kernels.sum(axis=1, keepdims=True)  # a constant stays what it is
    matrix = np.zeros((_ROW + 2 * _REACH - 1, _ROW, factor - 1), np.float32)
    for place in range(_ROW):
        matrix[place : place + 2 * _REACH, place] = kernels.T
    return matrix.reshape(len(matrix), -1), float(np.abs(kernels).sum(axis=1).max())


class TruePeakMeter:
    """Measures the peak and true peak of a stream over all channels. Push blocks of any size, ask at any time.

    At 48 kHz the waveform is looked at in four points a sample (the samples and three between them), through a
    windowed sinc of 32 samples, flat to 0.03 dB up to 0.45 of the sample rate (the example filter of the standard: to
    0.2 dB up to 0.4). Stretches that cannot hold a new peak, because even the worst waveform through their samples
    stays below the one found, are passed over.

    Args:
        sample_rate: Hz.

    Attributes:
        peak: largest absolute sample so far.
    """

    def __init__(self, sample_rate: int) -> None:
        self.peak = 0.0
        self._factor = oversampling(sample_rate)
        self._between = 0.0
        self._pending: Wave | None = None

    def push(self, block: Samples) -> None:
        """Takes the next block [C, T] of finite samples; full scale is 1."""
        for start in range(0, block.shape[1], _PORTION):
            self._take(np.asarray(block[:, start : start + _PORTION], np.float32))

    def _take(self, data: Wave) -> None:
        self.peak = max(self.peak, float(data.max()), -float(data.min()))
        if self._factor == 1:
            return
        # silence before the start; then always the samples that the next points reach back to
        before = np.zeros((data.shape[0], _REACH - 1), np.float32) if self._pending is None else self._pending
        joined = np.concatenate([before, data], axis=1)
        units = max(0, (joined.shape[1] - (2 * _REACH - 1)) // _UNIT)
        self._look(joined, units)
        self._pending = joined[:, units * _UNIT :].copy()

    @property
    def true_peak(self) -> float:
        """Returns the largest absolute value of the waveform so far, at least the largest sample."""
        if self._pending is not None:
            kept = self._between
            units = -(-(self._pending.shape[1] - (_REACH - 1)) // _UNIT)
            missing = units * _UNIT + 2 * _REACH - 1 - self._pending.shape[1]
            self._look(np.pad(self._pending, ((0, 0), (0, missing))), units)
            self._between, found = kept, self._between
            return max(self.peak, found)
        return max(self.peak, self._between)

    def _look(self, samples: Wave, units: int) -> None:
        """Looks between the samples [C, at least units * _UNIT + 2 _REACH - 1] of so many units."""
        if not units:
            return
        matrix, most = _interpolator(self._factor)
        starts = np.arange(units) * _UNIT
        # of each unit and what lies up to the next but one, which is more than its points reach
        highest = np.maximum.reduceat(np.maximum(samples, -samples), starts, axis=1) * (most * (1 + _MARGIN))
        highest[:, :-1] = np.maximum(highest[:, :-1], highest[:, 1:])
        for channel, unit in np.argwhere(highest > max(self._between, self.peak)):
            if highest[channel, unit] <= max(self._between, self.peak):
                continue
            stretch = samples[channel, starts[unit] : starts[unit] + _UNIT + 2 * _REACH - 1]
            rows = np.lib.stride_tricks.sliding_window_view(stretch, len(matrix))[::_ROW]
            points = np.ascontiguousarray(rows) @ matrix
            self._between = max(self._between, float(points.max()), -float(points.min()))


def decibels(amplitude: float) -> float | None:
    """Returns an amplitude relative to full scale in dB; None for silence."""
    return 20.0 * math.log10(amplitude) if amplitude > 0.0 else None
