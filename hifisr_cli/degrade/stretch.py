"""Whole crops at another rate: simple and ideal, for what is short and held in memory."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import Wave


def stretched(wave: Wave, length: int) -> Wave:
    """Resamples a whole crop to `length` samples in the frequency domain (ideal band limit): [T] -> [length]."""
    spectrum = np.fft.rfft(wave)
    bins = length // 2 + 1
    resized = np.zeros(bins, dtype=spectrum.dtype)
    count = min(bins, spectrum.size)
    resized[:count] = spectrum[:count]
    return (np.fft.irfft(resized, length) * (length / wave.size)).astype(np.float32)
