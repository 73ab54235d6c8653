"""A spectrogram shows power over time and frequency; it is made in constant memory for any length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WINDOW_SECONDS = 1024 / 48_000
"""Length of the analysis window. The same at every sample rate, so that pictures of two rates can be compared."""

_FIRST_HOPS = 8  # of a window: the finest grid, for recordings of seconds
_LAST_HOPS = 2  # of a window: coarser would skip samples
_TINY = 1e-14  # -140 dBFS

Power = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """Power of a recording over time and frequency, averaged over its channels.

    Attributes:
        power: [K, F], 1 for a sine at full scale; row k is the frequency k * bin_hz, column f is the mean over the
            f-th stretch of column_seconds.
        bin_hz: distance of two rows in Hz; the last row is the Nyquist frequency.
        column_seconds: time that a column covers.
        seconds: duration of the recording.
    """

    power: Power
    bin_hz: float
    column_seconds: float
    seconds: float

    @property
    def nyquist(self) -> float:
        return float(self.bin_hz * (self.power.shape[0] - 1))

    def image(self, width: int, height: int, *, top_hz: float, seconds: float) -> Power:
        """Decibels [height, width] relative to a sine at full scale, the highest frequency first.

        Every pixel is the mean power of its area. What lies above the Nyquist frequency or after the end is -inf.

        Args:
            top_hz: frequency of the upper edge; the lower is 0 Hz.
            seconds: time of the right edge; the left is 0 s.
        """
        rows = (np.arange(height + 1) * top_hz / height) / self.bin_hz + 0.5
        columns = np.arange(width + 1) * seconds / width / self.column_seconds
        pixels = _area_mean(_area_mean(self.power, rows).T, columns).T
        with np.errstate(divide="ignore"):
            decibels = 10 * np.log10(np.maximum(pixels, _TINY))
        decibels[rows[:-1] >= self.power.shape[0] - 0.5, :] = -np.inf  # half of the last row lies above Nyquist
        decibels[:, columns[:-1] * self.column_seconds >= max(self.seconds, self.column_seconds)] = -np.inf
        return np.ascontiguousarray(decibels[::-1], np.float32)

    def mean_db(self, points: int, *, top_hz: float) -> npt.NDArray[np.float64]:
        """The average spectrum in dB at `points` bands of equal width up to `top_hz`; NaN above Nyquist."""
        mean = self.power.mean(axis=1, dtype=np.float64)[:, None] if self.power.shape[1] else np.zeros((2, 1))
        edges = (np.arange(points + 1) * top_hz / points) / self.bin_hz + 0.5
        bands = 10 * np.log10(np.maximum(_area_mean(mean.astype(np.float32), edges)[:, 0], _TINY))
        return np.where(edges[:-1] >= self.power.shape[0] - 0.5, np.nan, bands).astype(np.float64)


class SpectrogramMeter:
    """Makes the spectrogram of a recording that passes by in blocks.

    Its columns begin fine and are merged in pairs whenever there are more than `2 * columns`, so that its memory is
    constant and the length need not be known. The result does not depend on the blocks.

    Args:
        sample_rate: Hz.
        columns: at least so many columns are kept, once the recording is long enough.
    """

    def __init__(self, sample_rate: int, columns: int = 1_024) -> None:
        self.sample_rate, self._most = sample_rate, 2 * columns
        self._size = max(2 * round(WINDOW_SECONDS * sample_rate / 2), 16)
        window = np.hanning(self._size + 1)[:-1]
        self._window = (window * 2 / window.sum()).astype(np.float32)
        self._hop = max(self._size // _FIRST_HOPS, 1)
        self._span = 1  # frames in a column
        self._waiting: list[Power] = []  # frames of the column that is not full yet, each [K, n]
        self._done: list[Power] = []  # finished columns, each [K, n]
        self._count = 0
        self._rest: npt.NDArray[np.float32] | None = None
        self._frames = 0

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Takes a block [C, T]."""
        if self._rest is None:  # frames are centred on their time: the first window begins half of itself early
            self._rest = np.zeros((block.shape[0], self._size // 2), np.float32)
        self._frames += block.shape[1]
        self._take(np.concatenate([self._rest, block], axis=1))

    def result(self) -> Spectrogram:
        """Returns the spectrogram of what has passed, and ends the measurement."""
        rows = self._size // 2 + 1
        if self._rest is not None:
            self._take(np.pad(self._rest, ((0, 0), (0, self._size // 2))))
        if self._waiting:
            self._done.append(np.concatenate(self._waiting, axis=1).mean(axis=1, keepdims=True))
        power = np.concatenate(self._done, axis=1) if self._done else np.zeros((rows, 0), np.float32)
        column = self._span * self._hop / self.sample_rate
        return Spectrogram(power, self.sample_rate / self._size, column, self._frames / self.sample_rate)

    def _take(self, wave: npt.NDArray[np.float32]) -> None:
        """Turns samples [C, T] into frames as far as they reach and keeps the rest."""
        start = 0
        while wave.shape[1] - start >= self._size:
            room = (self._most - self._count) * self._span - sum(part.shape[1] for part in self._waiting)
            frames = min(room, (wave.shape[1] - start - self._size) // self._hop + 1, 4_096)
            stretch = wave[:, start : start + self._size + (frames - 1) * self._hop]
            self._add(self._spectra(stretch))
            start += frames * self._hop
            if self._count >= self._most:
                self._halve()
        self._rest = wave[:, start:].copy()

    def _spectra(self, wave: npt.NDArray[np.float32]) -> Power:
        """[C, T] -> [K, F]: the mean power of the channels in every frame."""
        views = np.lib.stride_tricks.sliding_window_view(wave, self._size, axis=1)[:, :: self._hop]
        power = np.zeros((views.shape[1], self._size // 2 + 1), np.float32)
        for channel in views:
            spectrum = np.fft.rfft(channel * self._window, axis=1)
            power += (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        return np.asarray(power.T / np.float32(len(views)), np.float32)

    def _add(self, frames: Power) -> None:
        """Frames [K, n] become columns as soon as there are `_span` of them."""
        gathered = np.concatenate([*self._waiting, frames], axis=1)
        full = gathered.shape[1] // self._span
        if full:
            whole = gathered[:, : full * self._span]
            self._done.append(whole.reshape(whole.shape[0], full, self._span).mean(axis=2))
            self._count += full
        rest = gathered[:, full * self._span :]
        self._waiting = [rest] if rest.shape[1] else []

    def _halve(self) -> None:
        """Two columns become one; the frames to come lie further apart, as long as they still overlap."""
        whole = np.concatenate(self._done, axis=1)
        self._done = [whole.reshape(whole.shape[0], -1, 2).mean(axis=2)]
        self._count //= 2
        if self._hop * 2 * _LAST_HOPS <= self._size:
            self._hop *= 2
        else:
            self._span *= 2


def _area_mean(values: Power, edges: npt.NDArray[np.float64]) -> Power:
    """Means of `values` [N, ...] between neighbouring `edges` [M + 1], in units of rows -> [M, ...].

    Row n covers n to n + 1. Parts of rows count as such; beyond the ends there is nothing (zero).
    """
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0, dtype=np.float64)])
    inside = np.clip(edges, 0, values.shape[0])
    below = np.minimum(inside.astype(np.int64), max(values.shape[0] - 1, 0))
    weight = (inside - below).reshape(-1, *[1] * (values.ndim - 1))
    at = total[below] * (1 - weight) + total[np.minimum(below + 1, values.shape[0])] * weight
    spans = np.maximum(np.diff(inside), 1e-12).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(np.diff(at, axis=0) / spans, np.float32)
