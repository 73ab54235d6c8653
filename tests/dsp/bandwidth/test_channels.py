"""Legs of a call over different lines are told apart; what is only played differently is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hifisr_cli.dsp.bandwidth.bands import BandLevels
from hifisr_cli.dsp.bandwidth.channels import channel_edges

RATE = 16_000
Wave = NDArray[np.float32]
Speech = Callable[..., Wave]


def edges(*channels: Wave, cutoff_hz: float = 7_880.0) -> tuple[float, ...] | None:
    levels = BandLevels(RATE)
    whole = np.stack(channels).astype(np.float32)
    for part in np.split(whole, [1_000, 30_000], axis=1):
        levels.push(part)
    return channel_edges(levels, cutoff_hz)


def filtered(wave: Wave, gain: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Wave:
    spectrum = np.fft.rfft(wave)
    places = np.fft.rfftfreq(len(wave), 1 / RATE)
    return np.fft.irfft(spectrum * gain(places), len(wave)).astype(np.float32)


def telephone(wave: Wave, edge_hz: float = 3_400.0) -> Wave:
    return filtered(wave, lambda hz: 1.0 / (1.0 + np.maximum(hz / edge_hz, 1e-3) ** 60) + 1e-5)


@pytest.fixture
def talkers(rng: np.random.Generator) -> tuple[Wave, Wave]:
    """Two noises that fall by 6 dB an octave, each with pauses of its own."""
    both = []
    for shift in (0.0, 1.0):
        noise = filtered(rng.standard_normal(5 * RATE).astype(np.float32), lambda hz: 1 / np.maximum(hz / 500, 1))
        both.append((0.1 * noise * np.abs(np.sin(np.arange(5 * RATE) / RATE * 2 + shift)) ** 2).astype(np.float32))
    return both[0], both[1]


@pytest.mark.parametrize("edge_hz", [1_500.0, 3_400.0, 5_000.0])
@pytest.mark.parametrize("gain", [1.0, 0.05])
def test_a_narrow_leg_is_found(talkers: tuple[Wave, Wave], edge_hz: float, gain: float) -> None:
    wide, other = talkers
    found = edges(wide, np.float32(gain) * telephone(other, edge_hz))
    assert found is not None
    assert found[0] == 7_880.0
    assert found[1] == pytest.approx(edge_hz, rel=0.1)
    swapped = edges(np.float32(gain) * telephone(other, edge_hz), wide)
    assert swapped == found[::-1]


def test_equal_channels_are(talkers: tuple[Wave, Wave]) -> None:
    wide, other = talkers
    assert edges(wide) is None
    assert edges(wide, wide) is None
    assert edges(wide, other) is None
    assert edges(wide, 0.01 * other) is None
    assert edges(telephone(wide), telephone(other)) is None
    assert edges(telephone(wide), telephone(other), cutoff_hz=3_400.0) is None


def test_silence_and_crosstalk_are_no_narrow_channels(talkers: tuple[Wave, Wave]) -> None:
    wide, other = talkers
    assert edges(wide, np.zeros_like(wide)) is None
    assert edges(wide, 1e-4 * telephone(other)) is None
    assert edges(np.zeros_like(wide), np.zeros_like(wide)) is None


def test_a_dull_channel_is_not_a_filtered_one(talkers: tuple[Wave, Wave]) -> None:
    """A slope of 24 dB an octave is a microphone or a bass."""
    wide, other = talkers
    assert edges(wide, filtered(other, lambda hz: 1 / (1 + (hz / 2_000) ** 4))) is None


def test_short_recordings_tell_nothing(talkers: tuple[Wave, Wave]) -> None:
    wide, other = talkers
    assert edges(wide[:300], telephone(other)[:300]) is None
