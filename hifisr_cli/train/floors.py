"""Noise floors: what a recording's own is, and those of microphones and converters.

The metric counts silent frames like any other, and above the cutoff nearly all frames of speech are floor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.dsp.bandlimit import apply
from hifisr_cli.results import SAMPLE_RATE

Wave = NDArray[np.float32]
Density = NDArray[np.float32]

_FRAME = 512
_QUIETEST = 0.1
_QUIET_STUDIO = 0.25
_BELOW_THE_RISE_HZ = (12_000.0, 14_500.0)


def own_floor(wave: Wave) -> Density:
    """Power density of the noise in a recording's quietest tenth of frames: [257] from 0 to 24 kHz, 1 for white noise
    of variance 1. Digital silence does not count."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (0, max(_FRAME - wave.size, 0))), _FRAME)
    window = np.hanning(_FRAME)
    power = np.abs(np.fft.rfft(frames[:: _FRAME // 2] * window)) ** 2 / np.square(window).sum()
    power = power[power.sum(axis=1) > 0.0]
    if not power.size:
        return np.zeros(_FRAME // 2 + 1, np.float32)
    loudness = np.log(power + 1e-20).sum(axis=1)  # every bin alike: pauses, not hisses that are weak in the low bins
    quietest = np.argsort(loudness)[: max(int(_QUIETEST * len(power)), 1)]
    return np.asarray(np.median(power[quietest], axis=0) / np.log(2.0), dtype=np.float32)  # noise is exponential


def microphone_noise(samples: int, rng: np.random.Generator) -> Wave:
    """The noise of a microphone and its amplifier: falling towards the middle, often rising again above 10 kHz.

    Its level at 8 kHz is that of white noise of -92 to -70 dBFS, sometimes much less: good studios have hardly any.
    """
    level_db = rng.uniform(-115.0, -92.0) if rng.random() < _QUIET_STUDIO else rng.uniform(-92.0, -70.0)
    frequency = np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE)
    octaves = np.log2(np.clip(frequency, 60.0, None) / 8_000.0)
    start = rng.uniform(8_000.0, 13_000.0)
    rise_db = np.clip(rng.normal(7.0, 5.0), -4.0, 18.0) * _smooth_step(
        frequency, start, start + rng.uniform(2_000.0, 6_000.0)
    )
    shape_db = level_db + rng.uniform(-4.0, 1.0) * np.minimum(octaves, 0.0) + rise_db
    return apply(rng.standard_normal(samples).astype(np.float32), 10.0 ** (shape_db / 20.0) + 0j)


def converter_noise(floor: Density, samples: int, rng: np.random.Generator) -> Wave:
    """What a noise-shaping converter adds to a recording with this floor: [T].

    It pushes its quantisation noise above 15 kHz, where it stands 5 to 18 dB above the rest of the floor. Many of the
    recordings made at 48 kHz since the 1990s have it, the later speakers of VCTK for example.
    """
    at = np.linspace(0.0, SAMPLE_RATE / 2, floor.size)
    low, high = _BELOW_THE_RISE_HZ
    level = np.sqrt(np.median(floor[(at > low) & (at < high)]))
    frequency = np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE)
    rise = _smooth_step(frequency, rng.uniform(14_500.0, 16_000.0), rng.uniform(19_000.0, 21_000.0))
    shape = np.where(rise > 0.0, level * 10.0 ** (rng.uniform(5.0, 18.0) * rise / 20.0), 0.0)
    return apply(rng.standard_normal(samples).astype(np.float32), shape + 0j)


def _smooth_step(frequency: NDArray[np.floating], start_hz: float, end_hz: float) -> NDArray[np.float64]:
    """0 below `start_hz`, 1 above `end_hz`, without corners between."""
    climb = np.clip((frequency - start_hz) / (end_hz - start_hz), 0.0, 1.0)
    return np.asarray(3.0 * climb**2 - 2.0 * climb**3)
