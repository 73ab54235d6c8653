"""Sound with a cutoff that is known, and what the meter says of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.meter import bandwidth_of
from hifisr_cli.results import Bandwidth

Audio = npt.NDArray[np.float32]
RATE = 48_000


def measure(audio: npt.NDArray[np.floating], rate: int = RATE, blocks: int = 65_536) -> Bandwidth:
    levels = BandLevels(rate)
    data = np.atleast_2d(audio).astype(np.float32)
    for start in range(0, data.shape[1], blocks):
        levels.push(data[:, start : start + blocks])
    return bandwidth_of(levels.finished())


def babble(seconds: float = 5.0, rate: int = RATE, seed: int = 0) -> npt.NDArray[np.float64]:
    """Speech-like sound: noise that falls by 6 dB an octave, in syllables, with a weak hiss beneath it."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / rate)
    spectrum /= 1 + frequency / 800
    knots = np.arange(0, seconds + 0.1, 0.1)
    levels = rng.choice([-60.0, -40.0, -20.0, -6.0, 0.0], len(knots))
    envelope = 10 ** (np.interp(np.arange(count) / rate, knots, levels) / 20)
    sound = np.fft.irfft(spectrum, count) * envelope
    return 0.1 * sound / sound.std() + 1e-4 * rng.standard_normal(count)


def brick_wall(audio: npt.NDArray[np.float64], cutoff: float, rate: int = RATE) -> npt.NDArray[np.float64]:
    spectrum = np.fft.rfft(audio)
    spectrum[np.fft.rfftfreq(len(audio), 1 / rate) > cutoff] = 0
    return np.fft.irfft(spectrum, len(audio))


def near(found: Bandwidth, cutoff: float) -> bool:
    return abs(found.cutoff_hz - cutoff) <= max(0.08 * cutoff, 300.0)
