"""A recording is cut into frames here, and the power of each is measured by channel, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hifisr_cli.arrays import FloatArray
from hifisr_cli.dsp.bandwidth.images import Mirror
from hifisr_cli.dsp.matmul_portions import matmul_in_portions

# The classifier was trained on levels that were made with these values: whoever changes one has to train it again
# (`benchmarks/train_cutoff_judge.py`). They were chosen by hand when the detector was made (commit dce8f71).
LOWEST_HZ = 250.0  # below there is hum and rumble, and no cutoff that anything could be restored from
HIGHEST_HZ = 24_000.0  # the Nyquist frequency of the output
BANDS_PER_OCTAVE = 12  # 6 %, finer than the 8 % within which a cutoff counts as found
NARROWEST_HZ = 200.0
"""As wide as voices are high, so that single harmonics do not show."""

SILENCE = 1e-17  # power density; -170 dB, far below the rounding noise of 24-bit samples
_FRAMES_AT_ONCE = 64  # memory against calls: 64 frames of 48 kHz are 1 MB as spectra; the result is the same
_LEAST_SAMPLES = 16  # that a frame is made of


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


@dataclass(frozen=True, slots=True)
class Frames:
    """Some neighbouring frames of a recording.

    Attributes:
        starts: [N] first sample of each.
        powers: [C, N, window // 2 + 1] power of each bin.
        density: [C, N, K] mean power of each band, 1 for white noise of unit power.
        mirrored: [C, N, M, SUMS] what stands above each of some cutoffs against what stands below, for `image_in`.
    """

    starts: npt.NDArray[np.int64]
    powers: npt.NDArray[np.float32]
    density: FloatArray
    mirrored: FloatArray

    def __len__(self) -> int:
        """Returns how many there are."""
        return len(self.starts)

    def __getitem__(self, places: slice) -> Frames:
        """Returns some of the frames."""
        return Frames(self.starts[places], self.powers[:, places], self.density[:, places], self.mirrored[:, places])

    def of(self, channels: npt.NDArray[np.bool_]) -> Frames:
        """Returns them of some channels."""
        return Frames(self.starts, self.powers[channels], self.density[channels], self.mirrored[channels])


class Framing:
    """Cuts blocks into frames that overlap by half. Frames of digital silence are left out.

    Args:
        sample_rate: Hz.

    Attributes:
        window, hop: samples of a frame, and from one to the next.
        samples: samples seen, without digital silence at the end (and with long silences shortened).
    """

    def __init__(self, sample_rate: int) -> None:
        if sample_rate < 1:
            raise ValueError(f"sample_rate must be positive, not {sample_rate}")
        # Bins of 15 to 23 Hz: fine enough for a band of 200 Hz, short enough (about 50 ms) for a single consonant.
        self.window = max(32, 2 ** round(np.log2(sample_rate / 20)))
        self.hop = self.window // 2
        self.samples = 0
        self._held = 0
        self._start = 0  # of the next frame, in the recording
        self._taper = _hann(self.window)
        self._weights = _band_weights(self.window, sample_rate)
        self._tail: npt.NDArray[np.float32] | None = None
        self._mirror = Mirror(sample_rate, self.window)

    def push(self, block: npt.NDArray[np.float32]) -> Iterator[Frames]:
        """Takes a block [C, T] of any length T and yields its frames, if any; what is not finite counts as zero."""
        if block.ndim != 2:
            raise ValueError(f"block must be [channels, samples], not {block.shape}")
        data = np.nan_to_num(np.asarray(block, np.float32), posinf=0.0, neginf=0.0)
        data, left_out, after = self._without_long_silence(data)
        self.samples += data.shape[1]
        if self._tail is not None:
            data = np.concatenate([self._tail, data], axis=1)
            after += self._tail.shape[1]
        count = max(0, (data.shape[1] - self.window) // self.hop + 1)
        places = np.arange(count) * self.hop
        starts = self._start + places + left_out * (places >= after)
        self._start += count * self.hop + left_out
        self._tail = data[:, count * self.hop :].copy()
        for first in range(0, count, _FRAMES_AT_ONCE):
            last = min(first + _FRAMES_AT_ONCE, count)
            part = data[:, first * self.hop : (last - 1) * self.hop + self.window]
            spectra = self._spectra(part)
            powers = np.square(spectra.real) + np.square(spectra.imag)
            flat = powers.reshape(-1, powers.shape[2]).astype(np.float64)
            density = matmul_in_portions(flat, self._weights).reshape(*powers.shape[:2], -1)
            sounds = density.max(axis=(0, 2)) > SILENCE
            mirrored = self._mirror.compare(spectra, powers, starts[first:last])
            if sounds.any():
                yield Frames(starts[first:last][sounds], powers[:, sounds], density[:, sounds], mirrored[:, sounds])

    def short(self) -> FloatArray | None:
        """Returns the density [1, K] of the only, shorter frame of a recording shorter than one window, else None."""
        if self.samples >= self.window or self._tail is None or self.samples < _LEAST_SAMPLES:
            return None
        padded = np.zeros((self._tail.shape[0], self.window), np.float32)
        padded[:, : self.samples] = self._tail * _hann(self.samples)
        power = np.mean(np.abs(np.fft.rfft(padded)) ** 2, axis=0)
        return np.asarray((power * (self.window / self.samples) @ self._weights)[None])

    def _without_long_silence(self, data: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], int, int]:
        """Holds digital silence back until a sound follows; also returns how much of it is left out, before which."""
        sounding = np.flatnonzero(data.any(axis=0))
        if not len(sounding):
            self._held += data.shape[1]
            return data[:, :0], 0, 0
        # Frames of silence do not count: of a long one only its place on the grid of hops matters.
        lead = self._held if self._held < 3 * self.window else 2 * self.window + self._held % self.hop
        left_out, end = self._held - lead, int(sounding[-1]) + 1
        self._held = data.shape[1] - end
        return np.pad(data[:, :end], ((0, 0), (lead, 0))), left_out, self.hop if left_out else 0

    def _spectra(self, data: npt.NDArray[np.float32]) -> npt.NDArray[np.complex64]:
        view = np.lib.stride_tricks.sliding_window_view(data, self.window, axis=1)[:, :: self.hop]
        return np.asarray(np.fft.rfft(view * self._taper))


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
