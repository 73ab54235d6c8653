"""Mains hum is lines at 50 or 60 Hz and their multiples that stand still for seconds, as voices and music do not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import FloatArray, Wave
from hifisr_cli.dsp.matmul_portions import matmul_in_portions

# The figures below were chosen by hand when hum was first looked for (commit d7c2dc8), so that noise, tones beside the
# mains and speech show none (tests/dsp/inspection/test_hum.py holds them to that; no benchmark measures them).
MAINS_HZ = (50.0, 60.0)  # of the power grids of the world
HARMONICS = 4
"""Up to 200 and 240 Hz; at 300 Hz the two mains meet."""
_TOLERANCE = 0.01  # of the frequency: tape and turntables run fast or slow
_LOW_RATE = 1000  # Hz, about; what is left of the recording for this
_WINDOW_SECONDS = 4.0  # lines of 0.5 Hz: voices and music hold no pitch so still for so long
_SHORTEST_SECONDS = 1.0  # in less a line is as wide as the distance of the two mains can bear
_COMPRESSION = 0.25  # powers are averaged as power ** 0.25: a line is there all the time, a word is not
_LINE_DB = 8.0  # above its neighbourhood, in the mean of many windows
_SINGLE_DB = 6.0  # and more where there are few: chance alone makes peaks
_ALONE_DB = 4.0  # and more for a single line without any harmonics


@dataclass(frozen=True, slots=True)
class Hum:
    """Describes the hum that was looked for.

    Attributes:
        present: whether there is any.
        frequency_hz: 50 or 60, the stronger one; None where there is none.
        level_db: of the fundamental and its harmonics together in dBFS (root mean square); None where there is none.
    """

    present: bool
    frequency_hz: float | None
    level_db: float | None


class HumMeter:
    """Looks for hum in a recording that passes by in blocks, in constant memory.

    The recording is brought down to about 1 kHz and cut into windows of 4 s. A line counts where it rises well above
    the spectrum beside it. The channels' powers are averaged, so hum in opposite phase does not cancel.

    Args:
        sample_rate: Hz, at least 1000.
    """

    def __init__(self, sample_rate: int) -> None:
        self._step = max(1, sample_rate // _LOW_RATE)
        self._low_rate = sample_rate / self._step
        self._window = round(_WINDOW_SECONDS * self._low_rate)
        self._taper = _hann(self._window)
        self._filter = _decimator(self._step)
        self._pending: Wave | None = None
        self._low: FloatArray | None = None
        self._sum = np.zeros(self._window // 2 + 1)
        self._windows = 0

    def push(self, block: Wave) -> None:
        """Takes the next block [C, T]."""
        joined = block if self._pending is None else np.concatenate([self._pending, block], axis=1)
        taps, step = self._filter.shape[1], self._step
        rows = joined.shape[1] // step
        count = rows - taps + 1
        if count < 1:
            self._pending = joined.copy()
            return
        # row r of the product holds what the samples r*step ... add to outputs r, r - 1, ..., r - taps + 1
        portions = matmul_in_portions(joined[:, : rows * step].reshape(-1, step), self._filter).reshape(-1, rows, taps)
        low = sum((portions[:, k : k + count, k] for k in range(taps)), np.zeros((len(joined), count)))
        self._pending = joined[:, count * step :].copy()
        self._low = low if self._low is None else np.concatenate([self._low, low], axis=1)
        while self._low.shape[1] >= self._window:
            self._add(self._low[:, : self._window])
            self._low = self._low[:, self._window // 2 :]

    def _add(self, samples: FloatArray) -> None:
        power = np.mean(np.square(np.abs(np.fft.rfft(samples * self._taper, axis=1))), axis=0)
        if power.any():
            self._sum += power**_COMPRESSION
            self._windows += 1

    def result(self) -> Hum | None:
        """Returns the hum; None where the recording is too short (1 s) or too low in rate to tell, or silent."""
        power, seconds, windows = self._spectrum()
        if power is None:
            return None
        bin_hz = self._low_rate / self._window
        combs = [_comb(power, bin_hz, mains, seconds, windows) for mains in MAINS_HZ]
        strongest = max(combs, key=lambda hum: -math.inf if hum.level_db is None else hum.level_db)
        return strongest if strongest.present else Hum(present=False, frequency_hz=None, level_db=None)

    def _spectrum(self) -> tuple[FloatArray | None, float, int]:
        """Power of a line by bin, the length of the windows in s, and their number."""
        if self._windows:
            power = (self._sum / self._windows) ** (1 / _COMPRESSION)
            return self._line_power(power, self._taper), self._window / self._low_rate, self._windows
        low = self._low
        if low is None or low.shape[1] < _SHORTEST_SECONDS * self._low_rate or not low.any():
            return None, 0.0, 0
        taper = _hann(low.shape[1])
        spectrum = np.fft.rfft(low * taper, self._window, axis=1)  # padded: the same grid of frequencies
        power = np.mean(np.square(np.abs(spectrum)), axis=0)
        return self._line_power(power, taper), low.shape[1] / self._low_rate, 1

    def _line_power(self, power: FloatArray, taper: FloatArray) -> FloatArray:
        """Squared spectrum to power by bin, whose sum over a line is the line's; the low-pass undone."""
        response = np.abs(np.fft.rfft(self._filter.T.ravel(), self._window * self._step)[: len(power)])
        return np.asarray(power * 2.0 / (self._window * np.square(taper).sum()) / np.maximum(response, 0.1) ** 2)


def _comb(power: FloatArray, bin_hz: float, mains_hz: float, seconds: float, windows: int) -> Hum:
    """The lines at the multiples of the one frequency near `mains_hz` that fits best."""
    needed = _LINE_DB + _SINGLE_DB / math.sqrt(windows)
    best: list[tuple[float, float]] = []
    for shift in np.linspace(-_TOLERANCE, _TOLERANCE, 21):
        centres = [multiple * mains_hz * (1 + shift) for multiple in range(1, HARMONICS + 1)]
        lines = [_line(power, centre / bin_hz, 2.0 / seconds / bin_hz, 5.0 / bin_hz) for centre in centres]
        if not best or _score(lines) > _score(best):
            best = lines
    heard = [(excess, level) for excess, level in best if excess > needed]
    if len(heard) < 2 and best[0][0] < needed + _ALONE_DB:
        return Hum(present=False, frequency_hz=None, level_db=None)
    return Hum(present=True, frequency_hz=mains_hz, level_db=10 * math.log10(sum(level for _, level in heard)))


def _score(lines: list[tuple[float, float]]) -> float:
    return sum(max(excess, 0.0) for excess, _ in lines)


def _line(power: FloatArray, place: float, foot: float, beside: float) -> tuple[float, float]:
    """By how many dB the bin at `place` exceeds those on both sides, and the power of the line there.

    `foot` is half the width of a line and `beside` the width of each side, in bins.
    """
    centre, near = round(place), math.ceil(1.25 * foot)
    far = near + round(beside)
    sides = np.concatenate([power[centre - far : centre - near], power[centre + near + 1 : centre + far + 1]])
    floor = float(np.median(sides)) + 1e-30
    lobe = power[centre - near : centre + near + 1]
    return 10 * math.log10((float(power[centre]) + 1e-30) / floor), max(float(lobe.sum()) - len(lobe) * floor, 1e-30)


def _hann(length: int) -> FloatArray:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length))


def _decimator(step: int) -> NDArray[np.float32]:
    """[step, 8] polyphase low-pass that keeps 1/step of the samples: flat to a quarter of the new rate."""
    taps = 8 if step > 1 else 1
    place = np.arange(step * taps) - (step * taps - 1) / 2
    kernel = np.sinc(0.75 * place / step) * np.hanning(step * taps + 2)[1:-1] if step > 1 else np.ones(1)
    return np.asarray((kernel / kernel.sum()).reshape(taps, step).T, np.float32)
