"""Wow and flutter: a disc or a tape that does not turn evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hifisr_cli.arrays import FloatArray, Wave
from hifisr_cli.results import SAMPLE_RATE

_REACH = 16  # samples to either side that a windowed sinc takes; chosen by hand


@dataclass(frozen=True, slots=True)
class Wobble:
    """A sinusoidal deviation of the speed.

    Attributes:
        rate_hz: how often it comes round; below about 4 Hz it is heard as wow, above as flutter.
        depth: its peak, as a share of the speed.
        phase: in turns.
    """

    rate_hz: float
    depth: float
    phase: float = 0.0

    def drift(self, samples: int) -> FloatArray:
        """By how many samples playback is ahead at each sample: the integral of the deviation, [T]."""
        turns = self.rate_hz * np.arange(samples) / SAMPLE_RATE + self.phase
        return self.depth * SAMPLE_RATE / (2 * np.pi * self.rate_hz) * np.sin(2 * np.pi * turns)


def unsteady(wave: Wave, wobbles: Sequence[Wobble]) -> Wave:
    """A recording [T] as it sounds at a speed that wobbles: [T]. Beyond its ends there is silence."""
    if not wobbles:
        return wave
    drift = sum((wobble.drift(wave.size) for wobble in wobbles), np.zeros(wave.size))
    around = _REACH + int(np.abs(drift).max()) + 1
    places = np.arange(wave.size) + drift
    base = np.floor(places).astype(np.int64)
    fraction = places - base
    padded = np.pad(wave.astype(np.float64), around)
    out = np.zeros(wave.size)
    for tap in range(1 - _REACH, _REACH + 1):
        distance = tap - fraction
        window = np.cos(0.5 * np.pi * distance / (_REACH + 1)) ** 2
        out += padded[base + tap + around] * np.sinc(distance) * window
    return out.astype(np.float32)
