from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.background import background_power, ringing_hz
from hifisr_cli.dsp.bandwidth.bands import BandLevels

PLACES = np.array([1_000.0, 2_000.0, 3_500.0])


def measured(sound: np.ndarray, rate: int) -> np.ndarray:
    levels = BandLevels(rate)
    levels.push(sound[None].astype(np.float32))
    return 10 * np.log10(background_power(levels.finished(), PLACES))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 96_000])
def test_white_noise_is_as_dense_as_it_is(rate: int, rng: np.random.Generator) -> None:
    """Noise of unit power at a lower rate is denser: all of it lies below the lower Nyquist frequency."""
    found = measured(rng.standard_normal(10 * rate) * 0.01, rate)
    expected = -40.0 + 10 * np.log10(48_000 / rate)
    assert np.abs(found - expected).max() < 3.5  # a fifth of the frames lie below, and the lowest band above counts


def test_what_sounds_now_and_then_is_none(rng: np.random.Generator) -> None:
    rate = 16_000
    hiss = rng.standard_normal(20 * rate) * 1e-3
    loud = np.repeat(rng.random(200) < 0.6, rate // 10) * rng.standard_normal(20 * rate)
    alone, with_sound = measured(hiss, rate), measured(hiss + loud, rate)
    assert np.abs(with_sound - alone).max() < 4.0


def test_nothing_above_nyquist_is_content() -> None:
    levels = BandLevels(8_000)
    levels.push(np.random.default_rng(0).standard_normal((1, 80_000)).astype(np.float32))
    inside, outside = background_power(levels.finished(), np.array([3_900.0, 4_100.0]))
    assert outside > 1e4 * inside


def test_a_background_that_falls_with_the_content_is_none_of_what_was_added_later(rng: np.random.Generator) -> None:
    """A room's hiss went through the filter, a line's hiss did not."""
    rate = 16_000
    room, line = rng.standard_normal(20 * rate) * 1e-2, rng.standard_normal(20 * rate) * 1e-4
    spectrum = np.fft.rfft(room)
    spectrum[np.fft.rfftfreq(len(room), 1 / rate) > 5_000.0] = 0.0
    found = measured(np.fft.irfft(spectrum, len(room)) + line, rate)
    alone = measured(line, rate)
    assert np.abs(found - alone).max() < 3.0


def test_where_a_steep_filter_rings_nothing_is_content(rng: np.random.Generator) -> None:
    levels = BandLevels(48_000)
    levels.push(rng.standard_normal((1, 480_000)).astype(np.float32) * 1e-3)
    places = np.array([7_000.0, 8_000.0, 8_150.0, 9_000.0])
    found = background_power(levels.finished(), places, empty_hz=ringing_hz(8_000.0))
    assert (found[1:3] > 1e6 * found[0]).all()
    assert found[3] < 10 * found[0]


def test_silence_has_none() -> None:
    levels = BandLevels(8_000)
    levels.push(np.zeros((1, 80_000), np.float32))
    assert not background_power(levels.finished(), PLACES).any()
