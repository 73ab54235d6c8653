"""The profile of a recording: decibels that mean what they say, at any rate and gain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from hifisr_cli.dsp.bandwidth_bands import BandLevels
from hifisr_cli.dsp.profile import BAND_EDGES_HZ, BANDS, SHARES, profile, profile_of

RNG = np.random.default_rng(8)


def levels_of(wave: np.ndarray, rate: int) -> BandLevels:
    levels = BandLevels(rate)
    levels.push(wave[None].astype(np.float32))
    return levels.finished()


def test_white_noise_of_unit_variance_has_zero_decibels() -> None:
    found = profile_of(RNG.standard_normal(480_000).astype(np.float32))
    assert found.shape == (len(SHARES), BANDS)
    assert np.abs(found[1]).max() < 1.0
    assert (np.diff(found, axis=0) < 0).all(), "the louder moments first"


def test_a_gain_adds_its_decibels() -> None:
    wave = RNG.standard_normal(100_000)
    plain = profile(levels_of(wave, 48_000), 1.0)
    assert profile(levels_of(wave, 48_000), 0.01) == pytest.approx(plain - 40, abs=1e-3)
    assert profile(levels_of(0.1 * wave, 48_000), 10.0) == pytest.approx(plain, abs=0.1)


def test_speech_shows_in_the_loud_moments_and_the_floor_in_the_quiet_ones() -> None:
    wave = 0.001 * RNG.standard_normal(480_000)
    wave[:240_000] += RNG.standard_normal(240_000)
    found = profile_of(wave.astype(np.float32))
    assert found[0] == pytest.approx(np.zeros(BANDS), abs=2)
    assert found[-1] == pytest.approx(np.full(BANDS, -60.0), abs=2)


def test_the_sample_rate_does_not_matter_below_nyquist() -> None:
    wave = RNG.standard_normal(480_000) * np.repeat(RNG.choice([0.01, 1.0], 60), 8_000)
    wide, narrow = profile_of(wave.astype(np.float32)), profile(levels_of(signal.resample_poly(wave, 1, 6), 8_000), 1.0)
    below = BAND_EDGES_HZ[1:] < 3_600
    assert narrow[:2, below] == pytest.approx(wide[:2, below], abs=1.0)
    assert np.isnan(narrow[:, BAND_EDGES_HZ[1:] > 4_000]).all()


def test_digital_silence_says_nothing() -> None:
    wave = RNG.standard_normal(96_000).astype(np.float32)
    assert np.array_equal(profile_of(wave), profile_of(np.pad(wave, (0, 480_000))))
    assert np.isnan(profile_of(np.zeros(96_000, np.float32))).all()
