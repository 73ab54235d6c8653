from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.dsp.bandwidth.background import background_power
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
    assert np.abs(found - expected).max() < 2.5  # a fifth of the frames lie below, by what chance does to them


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


def test_silence_has_none() -> None:
    levels = BandLevels(8_000)
    levels.push(np.zeros((1, 80_000), np.float32))
    assert not background_power(levels.finished(), PLACES).any()
