"""Media: where the band ends, how loud the noise is and how far up it goes."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.degrade.band_limit import BandLimit
from hifisr_cli.degrade.media import MEDIA, Medium, clicks, coloured_noise

STEEP = BandLimit("resample", 6_000.0)
RATE = 48_000


def white(seconds: float = 3.0) -> np.ndarray:
    return (0.05 * np.random.default_rng(1).standard_normal(int(seconds * RATE))).astype(np.float32)


def level_db(wave: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Power density in a band, 0 for white noise of unit power."""
    power = np.abs(np.fft.rfft(wave)) ** 2 / wave.size
    frequency = np.fft.rfftfreq(wave.size, 1 / RATE)
    return float(10 * np.log10(power[(frequency > low_hz) & (frequency < high_hz)].mean() + 1e-20))


@pytest.mark.parametrize("name", MEDIA)
@pytest.mark.parametrize("seed", range(4))
def test_the_original_has_more_above_the_cutoff_and_the_same_below(name: str, seed: int) -> None:
    medium = MEDIA[name](np.random.default_rng(seed))
    carried = medium(white(), np.random.default_rng(seed))
    assert carried.cutoff_hz == medium.limit.cutoff_hz
    middle = 0.5 * carried.cutoff_hz
    assert level_db(carried.original, 0.3 * middle, 0.5 * middle) == pytest.approx(
        level_db(carried.wave, 0.3 * middle, 0.5 * middle), abs=1.5
    )
    top = min(1.9 * carried.cutoff_hz, 23_000.0)
    assert level_db(carried.original, 0.95 * top, top) > level_db(carried.wave, 0.95 * top, top) + 3


@pytest.mark.parametrize("name", MEDIA)
def test_the_same_seed_is_the_same_sound(name: str) -> None:
    one, two = (MEDIA[name](np.random.default_rng(7))(white(1.0), np.random.default_rng(8)) for _ in range(2))
    assert np.array_equal(one.wave, two.wave)
    assert np.array_equal(one.original, two.original)


@pytest.mark.parametrize("slope_db", [-3.0, 0.0, 6.0])
def test_noise_is_as_loud_and_as_coloured_as_said(slope_db: float) -> None:
    noise = coloured_noise(5 * RATE, slope_db, np.random.default_rng(2))
    assert 10 * np.log10(np.mean(noise**2)) == pytest.approx(0.0, abs=0.3)
    rise = level_db(noise, 11_000, 13_000) - level_db(noise, 5_500, 6_500)
    assert rise == pytest.approx(slope_db, abs=0.3)


@pytest.mark.parametrize("limits_noise", [False, True])
def test_surface_noise_goes_on_upwards_and_that_of_a_receiver_does_not(limits_noise: bool) -> None:
    medium = Medium(STEEP, noise_db=-30.0, limits_noise=limits_noise)
    carried = medium(white(), np.random.default_rng(3))
    expected = 20 * np.log10(0.05) - 30.0
    above = level_db(carried.wave, 10_000, 20_000)
    assert (above < expected - 60) if limits_noise else (above == pytest.approx(expected, abs=0.5))
    silence = Medium(STEEP, noise_db=-30.0)(white() * 0, np.random.default_rng(3))
    assert not silence.wave.any(), "relative to the recording"


def test_the_lower_edge() -> None:
    carried = Medium(STEEP, low_hz=200.0)(white(), np.random.default_rng(4))
    full = level_db(carried.wave, 1_000, 3_000)
    assert level_db(carried.wave, 190, 210) == pytest.approx(full - 3, abs=1)
    assert level_db(carried.wave, 48, 52) == pytest.approx(full - 24, abs=3)


def test_clicks_are_as_many_and_as_high_as_said() -> None:
    train = clicks(100 * RATE, 20.0, np.random.default_rng(5))
    peaks = np.abs(train[1:] - train[:-1] * np.exp(-1 / 2.4))  # what undoes their fall leaves one sample each
    hit = peaks > 1e-3
    assert np.count_nonzero(hit) == pytest.approx(2_000, rel=0.1)
    assert peaks[hit].mean() == pytest.approx(1.0, rel=0.1)
