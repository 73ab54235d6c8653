"""This module measures the band levels of a recording, sorted by what else sounds at the time, in constant memory.

The cutoff is read from these numbers. A cutoff is a fact of certain moments: an s reaches 10 kHz in one frame of
ten, and noise hides it in the mean. So every band's level is kept separately for the frames that are loud and the
frames that are quiet in each of a few reference bands. What rises together with speech is content, whatever rises
with nothing is hum or noise, of any colour.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.matmul_portions import matmul_in_portions

# The classifier was trained on levels that were made with these values: whoever changes one has to train it again
# (`benchmarks/train_cutoff_judge.py`). They were chosen by hand when the detector was made (commit dce8f71).
LOWEST_HZ = 250.0  # below there is hum and rumble, and no cutoff that anything could be restored from
HIGHEST_HZ = 24_000.0  # the Nyquist frequency of the output
BANDS_PER_OCTAVE = 12  # 6 %, finer than the 8 % within which a cutoff counts as found
NARROWEST_HZ = 200.0
"""As wide as voices are high, so that single harmonics do not show."""
COMPRESSION = 0.25
"""Levels are averaged as power ** 0.25: neither a click nor a codec's hole outweighs the rest."""

_REFERENCES_HZ = tuple(500.0 * 2 ** (i / 2) for i in range(11))  # half octaves from 500 Hz to 16 kHz
CLASS_DB = 2  # step of the histograms; quantiles are interpolated within a step
_CLASSES = 110  # from LOUDEST_DB down 220 dB, beyond the silence of 24 bits
LOUDEST_DB = 40  # density that nothing reaches: white noise of unit power has 0, a sine at full scale some 28
_SILENCE = 1e-17  # power density; -170 dB, far below the rounding noise of 24-bit samples
_FRAMES_AT_ONCE = 64  # memory against calls: 64 frames of 48 kHz are 1 MB as spectra; the result is the same


def band_edges(sample_rate: int) -> FloatArray:
    """Returns the edges in Hz of the bands up to Nyquist (at most 24 kHz): 1/12 octave, never narrower than 200 Hz.

    The edges are the same for every rate, except that the last band ends at Nyquist.
    """
    top = min(sample_rate / 2, HIGHEST_HZ)
    edges = [min(LOWEST_HZ, top / 4)]
    while edges[-1] < top:
        edges.append(max(edges[-1] * 2 ** (1 / BANDS_PER_OCTAVE), edges[-1] + min(NARROWEST_HZ, top / 10)))
    # A sliver below Nyquist is joined to its neighbour: one or two FFT bins measure nothing well.
    if top - edges[-2] < 0.5 * (edges[-1] - edges[-2]):
        edges.pop()
    edges[-1] = top
    return np.array(edges)


class BandLevels:
    """Accumulates compressed band levels by class of loudness in each reference band.

    Args:
        sample_rate: Hz.

    Attributes:
        edges_hz, centres_hz: [K + 1] edges of the bands, and [K] their geometric centres.
        cells: [K] independent spectral values that a band holds in one frame.
        references: [R, 2] first and last + 1 band of each reference.
        counts: [R, L] frames by loudness class (the loudest first, 2 dB each).
        sums: [R, L, K] summed `power ** 0.25` of these frames.
        histogram: [K, L] frames by each band's own level, in the same classes.
        total: [K] summed `power ** 0.25` of all frames.
        spectrum: [window // 2 + 1] the same of every bin, in any unit.
        products: [K, K] summed products of two bands' `power ** 0.25`: what rises together.
        samples: samples seen, without digital silence at the end (and with long silences shortened).
    """

    def __init__(self, sample_rate: int) -> None:
        if sample_rate < 1:
            raise ValueError(f"sample_rate must be positive, not {sample_rate}")
        self.sample_rate = sample_rate
        # Bins of 15 to 23 Hz: fine enough for a band of 200 Hz, short enough (about 50 ms) for a single consonant.
        self.window = max(32, 2 ** round(np.log2(sample_rate / 20)))
        self.hop = self.window // 2
        self.edges_hz = band_edges(sample_rate)
        self.centres_hz: FloatArray = np.sqrt(self.edges_hz[:-1] * self.edges_hz[1:])
        bands = len(self.edges_hz) - 1
        self.cells = np.maximum(np.diff(self.edges_hz) * self.window / sample_rate / 1.5, 1.0)
        self.references = _references(self.edges_hz)
        self.counts = np.zeros((len(self.references), _CLASSES))
        self.sums = np.zeros((len(self.references), _CLASSES, bands))
        self.histogram = np.zeros((bands, _CLASSES))
        self.total = np.zeros(bands)
        self.spectrum = np.zeros(self.window // 2 + 1)
        self.products = np.zeros((bands, bands))
        self.samples = 0
        self._held = 0
        self._taper = _hann(self.window)
        self._weights = _band_weights(self.window, sample_rate)
        self._tail: npt.NDArray[np.float32] | None = None
        self._channels: FloatArray = np.zeros((1, self.window // 2 + 1))

    @property
    def frames(self) -> float:
        """Returns how many frames are not silence."""
        return float(self.counts[0].sum())

    @property
    def channel_density(self) -> FloatArray:
        """Returns the summed power of each channel in each band, in any unit: [C, K]; [1, K] of zeros for one."""
        return np.asarray(self._channels @ self._weights)

    def means(self, frames: FloatArray, *, quietest: bool = False) -> FloatArray:
        """Returns the mean `power ** 0.25` over the loudest (or quietest) frames in each reference: [R, S, K].

        Args:
            frames: how many, [R, S]; a class may count in part.
        """
        backwards = slice(None, None, -1 if quietest else 1)
        counts, sums = self.counts[:, None, backwards], self.sums[:, backwards]
        before = np.cumsum(counts, axis=2) - counts
        share = np.clip((frames[:, :, None] - before) / np.maximum(counts, 1.0), 0.0, 1.0) * (counts > 0)
        return np.asarray(share @ sums / frames[:, :, None])

    def push(self, block: npt.NDArray[np.float32]) -> None:
        """Takes a block [C, T] of any length T. Samples that are not finite count as zero."""
        if block.ndim != 2:
            raise ValueError(f"block must be [channels, samples], not {block.shape}")
        data = self._without_trailing_zeros(np.nan_to_num(np.asarray(block, np.float32), posinf=0.0, neginf=0.0))
        self.samples += data.shape[1]
        if self._tail is not None:
            data = np.concatenate([self._tail, data], axis=1)
        frames = max(0, (data.shape[1] - self.window) // self.hop + 1)
        for first in range(0, frames, _FRAMES_AT_ONCE):
            count = min(_FRAMES_AT_ONCE, frames - first)
            begin = first * self.hop
            self._analyse(data[:, begin : begin + (count - 1) * self.hop + self.window])
        self._tail = data[:, frames * self.hop :].copy()

    def _without_trailing_zeros(self, data: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Holds digital silence back until a sound follows, so that silence after a recording is no part of it."""
        sounding = np.flatnonzero(data.any(axis=0))
        if not len(sounding):
            self._held += data.shape[1]
            return data[:, :0]
        # Frames of silence do not count: of a long one only its place on the grid of hops matters.
        lead = self._held if self._held < 3 * self.window else 2 * self.window + self._held % self.hop
        end = int(sounding[-1]) + 1
        self._held = data.shape[1] - end
        return np.pad(data[:, :end], ((0, 0), (lead, 0)))

    def finished(self) -> BandLevels:
        """Returns these levels; of a recording shorter than one window, those of its only, shorter frame."""
        if self.samples >= self.window or self._tail is None or self.samples < 16:
            return self
        padded = np.zeros((self._tail.shape[0], self.window), np.float32)
        padded[:, : self.samples] = self._tail * _hann(self.samples)
        short = BandLevels(self.sample_rate)
        power = np.mean(np.abs(np.fft.rfft(padded)) ** 2, axis=0)
        short.add((power * (self.window / self.samples) @ self._weights)[None])
        return short

    def _analyse(self, data: npt.NDArray[np.float32]) -> None:
        # [C, N, W] -> [N, K]: mean power density over the channels
        view = np.lib.stride_tricks.sliding_window_view(data, self.window, axis=1)[:, :: self.hop]
        spectrum = np.fft.rfft(view * self._taper)
        powers = np.square(spectrum.real) + np.square(spectrum.imag)
        if len(powers) > 1:
            self._channels = self._channels + powers.sum(axis=1)
        power = np.mean(powers, axis=0, dtype=np.float64)
        self.spectrum += np.sqrt(np.sqrt(power)).sum(axis=0)  # power ** COMPRESSION, by square roots, which are cheap
        self.add(matmul_in_portions(np.asarray(power), self._weights))

    def add(self, density: FloatArray) -> None:
        """Counts frames of these mean power densities [N, K]; silent ones are left out."""
        density = density[density.max(axis=1) > _SILENCE]
        if not len(density):
            return
        compressed = density**COMPRESSION
        self.total += compressed.sum(axis=0)
        self.products += matmul_in_portions(compressed.T, compressed)
        widths = np.diff(self.edges_hz)
        cells = _loudness_class(density) + np.arange(len(widths)) * _CLASSES
        self.histogram += np.bincount(cells.ravel(), minlength=self.histogram.size).reshape(self.histogram.shape)
        for row, (first, last) in enumerate(self.references):
            power = density[:, first:last] @ widths[first:last] / widths[first:last].sum()
            classes = _loudness_class(power)
            order = np.argsort(classes, kind="stable")
            kinds, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
            self.counts[row, kinds] += counts
            self.sums[row, kinds] += np.add.reduceat(compressed[order], starts)


def _loudness_class(density: FloatArray) -> npt.NDArray[np.intp]:
    quiet_by = (LOUDEST_DB - 10 * np.log10(density + 1e-30)) // CLASS_DB
    return np.asarray(np.clip(quiet_by, 0, _CLASSES - 1), np.intp)


def _references(edges_hz: FloatArray) -> npt.NDArray[np.intp]:
    bounds = np.unique(np.searchsorted(edges_hz, _REFERENCES_HZ))
    bounds = bounds[bounds < len(edges_hz)]
    if len(bounds) < 2:
        bounds = np.array([0, len(edges_hz) - 1])
    return np.stack([bounds[:-1], bounds[1:]], axis=1)


def _hann(length: int) -> npt.NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)


@lru_cache(maxsize=8)
def _band_weights(window: int, sample_rate: int) -> FloatArray:
    """[bins, K]: averages the bins' power over each band, bins split by overlap; unit for white noise of unit power."""
    edges_hz = band_edges(sample_rate)
    bins = np.arange(window // 2 + 1) * sample_rate / window
    half = sample_rate / window / 2
    low = np.maximum(bins[:, None] - half, edges_hz[None, :-1])
    high = np.minimum(bins[:, None] + half, edges_hz[None, 1:])
    overlap = np.maximum(high - low, 0.0)
    return np.asarray(overlap / overlap.sum(axis=0) / np.square(_hann(window)).sum())
