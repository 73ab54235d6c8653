"""Applause: many hands, each in its own rhythm and with its own sound. All ranges were chosen by hand."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.degrade.band_limit import apply
from hifisr_cli.results import SAMPLE_RATE

_SOUNDS = 8  # different claps, which the hands share
_CLAP_SECONDS = 0.1  # until the longest clap is gone


def applause(seconds: float, rng: np.random.Generator) -> Wave:
    """Applause of 3 to 300 people: [T], its loudest sample 1."""
    samples = round(seconds * SAMPLE_RATE)
    trains = np.zeros((_SOUNDS, samples))
    for _ in range(int(np.exp(rng.uniform(np.log(3.0), np.log(300.0))))):
        period, distance = rng.uniform(0.18, 0.45), rng.uniform(1.0, 10.0)
        times = np.arange(rng.uniform(0.0, period), seconds, period)
        times += rng.normal(0.0, 0.05 * period, times.size)
        places = np.clip((times * SAMPLE_RATE).astype(int), 0, samples - 1)
        trains[int(rng.integers(_SOUNDS)), places] += rng.uniform(0.5, 1.0, times.size) / distance
    wave = np.zeros(samples, np.float32)
    for train in trains:
        clap = np.zeros(samples, np.float32)
        one = _clap(rng)
        clap[: one.size] = one[:samples]
        wave += apply(train.astype(np.float32), np.fft.rfft(clap))
    return wave / np.float32(max(float(np.abs(wave).max()), 1e-6))


def _clap(rng: np.random.Generator) -> Wave:
    """A burst of noise that dies within milliseconds, loudest at the resonance of the hollow of the hands: [T]."""
    time = np.arange(int(_CLAP_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    burst = rng.standard_normal(time.size) * np.exp(-time / rng.uniform(0.002, 0.012))
    ratio = np.fft.rfftfreq(time.size, 1.0 / SAMPLE_RATE) / np.exp(rng.uniform(np.log(600.0), np.log(2_500.0)))
    gain = np.sqrt(ratio) / (1.0 + ratio ** rng.uniform(1.2, 2.0))
    return apply(burst.astype(np.float32), np.asarray(gain, np.complex128))
