"""Recordings suffer more than their band limit: hum, codecs and noise gates."""

from __future__ import annotations

import numpy as np

from hifisr_cli.arrays import Wave
from hifisr_cli.degrade.codecs import G711, GSM, Codec, mp3, opus
from hifisr_cli.degrade.stretch import stretched
from hifisr_cli.results import SAMPLE_RATE

HUM_SHARE = 0.06  # of the crops; chosen by hand (commit 5e852d0) and never varied
CODEC_SHARE = 0.1  # the same; the model was trained with it from part 4 on (model card of compact-6)
_GATE_FRAME = SAMPLE_RATE // 100  # a gate looks at 10 ms; chosen by hand, not measured
_GATE_HOLD = 3  # frames that it stays open before and after a sound; chosen by hand, not measured
_RATES = (8_000, 16_000, 24_000)  # those that two or more of the codecs know, in Hz


def disturb(wave: Wave, cutoff_hz: float, rng: np.random.Generator) -> Wave:
    """Returns a band-limited waveform [T] at 48 kHz, now and then with hum or through a codec."""
    if rng.random() < HUM_SHARE:
        wave = wave + hum(wave.size, rng)
    if rng.random() < CODEC_SHARE:
        rates = [rate for rate in _RATES if rate / 2 >= cutoff_hz]
        if rates:
            rate = int(rng.choice(rates))
            wave = stretched(codec_for(rate, rng)(stretched(wave, wave.size * rate // SAMPLE_RATE), rate), wave.size)
    return wave


def gated(wave: Wave, rng: np.random.Generator) -> Wave:
    """Puts a waveform [T] through a noise gate, as editors use: pauses become quieter, often digitally silent."""
    frames = -(-wave.size // _GATE_FRAME)
    padded = np.pad(wave, (0, frames * _GATE_FRAME - wave.size)).reshape(frames, _GATE_FRAME)
    power = np.square(padded).mean(axis=1)
    loud = power > power.max() * 10.0 ** (rng.uniform(-45.0, -25.0) / 10.0)
    loud = np.convolve(loud, np.ones(2 * _GATE_HOLD + 1), "same") > 0
    closed = 0.0 if rng.random() < 0.3 else 10.0 ** (rng.uniform(-70.0, -10.0) / 20.0)
    gains = np.where(loud, 1.0, closed)
    centres = (np.arange(frames) + 0.5) * _GATE_FRAME
    return (wave * np.interp(np.arange(wave.size), centres, gains)).astype(np.float32)


def hum(samples: int, rng: np.random.Generator) -> Wave:
    """Makes mains hum with falling harmonics, -60 to -36 dBFS: [T]."""
    time = np.arange(samples) / SAMPLE_RATE
    base, level = rng.choice([50.0, 60.0]), 10.0 ** (rng.uniform(-60.0, -36.0) / 20.0)
    total = np.zeros(samples)
    for harmonic in range(1, int(rng.integers(2, 10))):
        total += level * np.sin(2.0 * np.pi * (harmonic * base * time + rng.random()))
        level *= rng.uniform(0.2, 0.9)
    return total.astype(np.float32)


def codec_for(rate: int, rng: np.random.Generator) -> Codec:
    """Chooses one of the codecs that know this sample rate, at a random bit rate."""
    choices = [mp3(rng.uniform(24.0, 96.0)), opus(rng.uniform(8.0, 48.0)), G711, GSM]
    able = [codec for codec in choices if not codec.rates or rate in codec.rates]
    return able[int(rng.integers(len(able)))]
