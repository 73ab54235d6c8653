"""Noise floors are measured on recordings, and made as microphones and converters make them.

The metric counts silent frames like any other, and above the cutoff nearly all frames of speech are floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hifisr_cli.arrays import Wave
from hifisr_cli.degrade.band_limit import apply
from hifisr_cli.results import SAMPLE_RATE

Density = NDArray[np.float32]
Frequencies = NDArray[np.floating]

# The model card of compact-6 says what these shares and levels were in each part of its training, and what came of it.
_CONVERTER_SHARE = 0.85  # of the made-up microphones, as of VCTK's crops in part 11
_FRAME = 512  # 11 ms: fits into a pause; chosen by hand, not measured
_QUIETEST = 0.1  # of the frames, as of `dsp.inspection.noise_floor`; chosen by hand, not measured
_EDGE_HZ = 400.0  # below its edge a recording's floor begins to fall; chosen by hand, not measured
_BELOW_THE_RISE_HZ = (12_000.0, 14_500.0)  # a converter's noise rises from 14.5 kHz on: its level is told from below


@dataclass(frozen=True, slots=True)
class Floor:
    """The natural noise floor of a recording.

    Attributes:
        density: power density [257] from 0 to 24 kHz at the network's level, 1 for white noise of variance 1.
        converters: how often a converter's noise is added to it, from 0 to 1.
        source: what it is the floor of.
    """

    density: Density
    converters: float
    source: str = ""


def natural_floor(path: str, wave: Wave, bandwidth_hz: float, sources: Mapping[str, float]) -> Floor | None:
    """Returns the floor of a recording [T] at the network's level; None if its source went through a lossy codec.

    Args:
        sources: what the paths of uncompressed recordings contain, and how often they get a converter's noise.
    """
    for source, share in sources.items():
        if source in path:
            return Floor(own_floor(wave, bandwidth_hz), share, source)
    return None


def own_floor(wave: Wave, bandwidth_hz: float = SAMPLE_RATE / 2) -> Density:
    """Measures the power density of the noise in a recording's quietest tenth of frames: [257] from 0 to 24 kHz.

    White noise of variance 1 has 1. Digital silence does not count, and above its bandwidth it goes on as it was below.
    """
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (0, max(_FRAME - wave.size, 0))), _FRAME)
    window = np.hanning(_FRAME)
    power = np.abs(np.fft.rfft(frames[:: _FRAME // 2] * window)) ** 2 / np.square(window).sum()
    power = power[power.sum(axis=1) > 0.0]
    if not power.size:
        return np.zeros(_FRAME // 2 + 1, np.float32)
    loudness = np.log(power + 1e-20).sum(axis=1)  # every bin alike: pauses, not hisses that are weak in the low bins
    quietest = np.argsort(loudness)[: max(int(_QUIETEST * len(power)), 1)]
    floor = np.median(power[quietest], axis=0) / np.log(2.0)  # noise is exponential
    edge = max(int((bandwidth_hz - _EDGE_HZ) / (SAMPLE_RATE / _FRAME)), 1)
    floor[edge:] = np.median(floor[max(edge - 8, 0) : edge])
    return np.asarray(floor, dtype=np.float32)


def microphone_noise(samples: int, rng: np.random.Generator, *, studio: bool = False) -> Wave:
    """Makes the noise of a microphone, its amplifier and often a converter: [T].

    It falls towards the middle and often rises again above 10 kHz. Its level at 8 kHz is that of white noise of -92 to
    -70 dBFS; a good studio has hardly any.
    """
    level_db = rng.uniform(-115.0, -92.0) if studio else rng.uniform(-92.0, -70.0)
    frequency = np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE)
    octaves = np.log2(np.clip(frequency, 60.0, None) / 8_000.0)
    start = rng.uniform(8_000.0, 13_000.0)
    rise_db = np.clip(rng.normal(0.0 if studio else 7.0, 5.0), -4.0, 18.0) * smooth_step(
        frequency, start, start + rng.uniform(2_000.0, 6_000.0)
    )
    power = 10.0 ** ((level_db + rng.uniform(-4.0, 1.0) * np.minimum(octaves, 0.0) + rise_db) / 10.0)
    if not studio and rng.random() < _CONVERTER_SHARE:
        power += 10.0 ** (level_db / 10.0) * _converter(frequency, rng)
    return _shaped(power, samples, rng)


def floor_noise(floor: Density, samples: int, rng: np.random.Generator) -> Wave:
    """Makes noise with this floor's power density: [T]."""
    frequency = np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE)
    return _shaped(np.interp(frequency, _centres(floor), floor), samples, rng)


def converter_noise(floor: Density, samples: int, rng: np.random.Generator) -> Wave:
    """Makes noise [T] that rises above 15 kHz to 9 to 21 dB over the rest of this floor, as some converters do.

    The later speakers of VCTK have such floors. That a converter made them is a guess from their shape.
    """
    at = _centres(floor)
    low, high = _BELOW_THE_RISE_HZ
    level = float(np.median(floor[(at > low) & (at < high)]))
    return _shaped(level * _converter(np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE), rng), samples, rng)


def _converter(frequency: Frequencies, rng: np.random.Generator) -> Frequencies:
    """Power of a converter's noise in units of the floor below its rise: [K]."""
    rise = smooth_step(frequency, rng.uniform(14_500.0, 16_000.0), rng.uniform(18_000.0, 20_500.0))
    return np.where(rise > 0.0, 10.0 ** (rng.uniform(9.0, 21.0) * rise / 10.0), 0.0)


def _centres(floor: Density) -> Frequencies:
    """Frequencies of a density's bins in Hz."""
    return np.linspace(0.0, SAMPLE_RATE / 2, floor.size)


def _shaped(power: Frequencies, samples: int, rng: np.random.Generator) -> Wave:
    """Noise of this power density [K]: [T]."""
    return apply(rng.standard_normal(samples).astype(np.float32), np.sqrt(power) + 0j)


def smooth_step(frequency: Frequencies, start_hz: float, end_hz: float) -> Frequencies:
    """Returns 0 below `start_hz`, 1 above `end_hz`, without corners between."""
    climb = np.clip((frequency - start_hz) / (end_hz - start_hz), 0.0, 1.0)
    return np.asarray(3.0 * climb**2 - 2.0 * climb**3)
