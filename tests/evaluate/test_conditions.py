"""What the bench does to recordings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hifisr_cli.audio.resample import resample
from hifisr_cli.evaluate.conditions import Condition, input_rates, robustness
from hifisr_cli.evaluate.measures import measure, snr_db

Speech = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def names() -> dict[str, Condition]:
    return {condition.name: condition for condition in robustness()}


def in_band(wave: np.ndarray, reference: np.ndarray, edge_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Both below `edge_hz`, by brick wall."""
    parts = []
    for one in (wave, reference):
        spectrum = np.fft.rfft(one)
        spectrum[np.fft.rfftfreq(one.size, 1 / 48_000) > edge_hz] = 0
        parts.append(np.fft.irfft(spectrum, one.size))
    return parts[0], parts[1]


@pytest.mark.parametrize("condition", [*input_rates([4_000, 32_000]), *robustness()], ids=lambda c: c.name)
def test_the_reference_stays_aligned(condition: Condition, speech_like: Speech) -> None:
    """Well below the cutoff, what is to be restored is the reference and not a delayed copy of it."""
    degraded = condition.degrade(speech_like(2.0)[0])
    wide = resample(degraded.wave[None], degraded.rate, 48_000)[0]
    length = min(wide.size, degraded.reference.size)
    below = in_band(wide[:length], degraded.reference[:length], 0.5 * condition.cutoff_hz)
    assert snr_db(*below) > 3.0


def test_noise_is_as_loud_as_said(names: dict[str, Condition], speech_like: Speech) -> None:
    wave = speech_like(2.0)[0]
    clean = resample(wave[None], 48_000, 16_000)[0]
    for wanted in (30.0, 20.0):
        noisy = names[f"16000 Hz, noise at {wanted:.0f} dB SNR"].degrade(wave).wave
        assert snr_db(noisy, clean) == pytest.approx(wanted, abs=0.2)


def test_measures_of_an_equal_recording(speech_like: Speech) -> None:
    wave = speech_like(1.0)[0]
    same = measure(wave, wave, 4_000.0)
    assert (same.lsd, same.lsd_low, same.lsd_high) == (0.0, 0.0, 0.0)
    assert same.texture_ratio == pytest.approx(1.0)
    assert same.rhythm == pytest.approx(1.0)
    assert same.snr_db == np.inf
