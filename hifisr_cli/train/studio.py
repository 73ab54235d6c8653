"""Studios: dull microphones, hardly any noise, and often nothing above 20 to 22 kHz."""

from __future__ import annotations

import numpy as np

from hifisr_cli.dsp.bandlimit import apply
from hifisr_cli.results import SAMPLE_RATE
from hifisr_cli.train.clips import Wave
from hifisr_cli.train.floors import microphone_noise, smooth_step

_ENDING = 0.6
_ENDS_HZ = (19_500.0, 21_000.0)
_ENDING_DB = -70.0
_NYQUIST_HZ = SAMPLE_RATE / 2


def in_a_studio(wave: Wave, bandwidth_hz: float, rng: np.random.Generator) -> tuple[Wave, bool]:
    """A voice [T] as a studio would have recorded it, and whether that worked at 44.1 kHz: then all is known of what
    lies above its edge.

    Such an edge is not made where it would begin above `bandwidth_hz`, where nothing is known of the voice.
    """
    wave = _dull(wave, rng) + microphone_noise(wave.size, rng, studio=True)
    if rng.random() >= _ENDING:
        return wave, False
    start = rng.uniform(*_ENDS_HZ)
    if start > bandwidth_hz:
        return wave, False
    return _filtered(wave, _ENDING_DB, start, start + rng.uniform(1_000.0, 3_500.0)), True


def _dull(wave: Wave, rng: np.random.Generator) -> Wave:
    """The roll-off of a studio's large microphone and its de-esser: up to 15 dB at the top."""
    start = rng.uniform(5_000.0, 12_000.0)
    return _filtered(wave, rng.uniform(-15.0, 0.0), start, _NYQUIST_HZ)


def _filtered(wave: Wave, gain_db: float, start_hz: float, end_hz: float) -> Wave:
    """With this gain from `end_hz` on, and none up to `start_hz`."""
    step = smooth_step(np.fft.rfftfreq(wave.size, 1.0 / SAMPLE_RATE), start_hz, end_hz)
    return apply(wave, np.asarray(10.0 ** (gain_db * step / 20.0), np.complex128))
