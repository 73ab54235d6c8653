"""Up to where a codec kept a recording."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import FloatArray, Wave

_BAND_HZ = 400.0  # wide enough for a level, narrow enough for a cutoff; chosen by hand
_LOSS_DB = -12.0  # that a band may lose and still count as kept; chosen by hand
_NOTHING = 1e-16  # power density that counts as none
_N_FFT = 2048  # samples


def kept_up_to(before: Wave, after: Wave, rate: int, top_hz: float) -> float:
    """The highest frequency in Hz below `top_hz` whose energy a codec kept: [T], [T] -> `top_hz` where it kept all."""
    count = min(before.size, after.size)
    lost = [_densities(wave[:count], rate, top_hz) for wave in (before, after)]
    kept = np.flatnonzero(10.0 * np.log10(lost[1] / lost[0]) > _LOSS_DB)
    top = _BAND_HZ * (kept[-1] + 1) if kept.size else top_hz
    return top_hz if top > top_hz - _BAND_HZ else float(top)


def _densities(wave: Wave, rate: int, top_hz: float) -> FloatArray:
    """Mean power densities in bands of 400 Hz up to `top_hz`, the last one wider."""
    padded = np.pad(wave, (0, max(_N_FFT - wave.size, 0))).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[:: _N_FFT // 2] * np.hanning(_N_FFT)
    density = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)
    frequency = np.fft.rfftfreq(_N_FFT, 1.0 / rate)
    inside = frequency < top_hz
    bands = np.minimum(frequency[inside] // _BAND_HZ, (top_hz - 1.0) // _BAND_HZ).astype(int)
    return np.asarray(np.bincount(bands, density[inside]) + _NOTHING, np.float64)
