"""Wow and flutter: how far the speed strays, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.degrade.speed import Wobble, unsteady

TONE_HZ = 3_000.0


def tone(seconds: float = 4.0) -> np.ndarray:
    return np.sin(2 * np.pi * TONE_HZ * np.arange(int(seconds * 48_000)) / 48_000).astype(np.float32)


def speed(wave: np.ndarray) -> np.ndarray:
    """The momentary frequency of a tone relative to what it was, away from the ends: [T]."""
    spectrum = np.fft.fft(wave.astype(np.float64))
    spectrum[wave.size // 2 :] = 0
    return np.diff(np.unwrap(np.angle(np.fft.ifft(spectrum))))[20_000:-20_000] * 48_000 / (2 * np.pi * TONE_HZ)


@pytest.mark.parametrize(("rate_hz", "depth"), [(1.3, 0.004), (0.6, 0.0015), (10.0, 0.001)])
def test_the_speed_strays_as_far_and_as_often_as_said(rate_hz: float, depth: float) -> None:
    strayed = speed(unsteady(tone(), [Wobble(rate_hz, depth, 0.2)])) - 1
    assert strayed.max() == pytest.approx(depth, rel=0.05)
    assert strayed.min() == pytest.approx(-depth, rel=0.05)
    time = np.arange(strayed.size) / 48_000
    around = [abs(np.mean(strayed * np.exp(-2j * np.pi * factor * rate_hz * time))) for factor in (0.5, 1.0, 2.0)]
    assert np.argmax(around) == 1


def test_a_tone_stays_a_tone() -> None:
    """Interpolation adds nothing: all power stays around the tone."""
    power = (
        np.abs(np.fft.rfft(unsteady(tone(), [Wobble(10.0, 0.001)])[4_800:-4_800] * np.hanning(192_000 - 9_600))) ** 2
    )
    frequency = np.fft.rfftfreq(192_000 - 9_600, 1 / 48_000)
    away = np.abs(frequency - TONE_HZ) > 200
    assert power[away].sum() < 1e-8 * power.sum()


def test_a_steady_speed_is_the_recording() -> None:
    wave = tone()
    assert unsteady(wave, []) is wave
    assert np.abs(unsteady(wave, [Wobble(1.0, 0.0)]) - wave)[100:-100].max() < 1e-6
