"""Simulated band limits against scipy's analogue prototypes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from hifisr_cli.degrade.band_limit import BandLimit, apply
from hifisr_cli.dsp.bandwidth import templates

SAMPLES = 9600


@pytest.mark.parametrize("order", [2, 5, 8])
def test_butterworth_and_chebyshev_match_scipy(order: int) -> None:
    frequency = np.fft.rfftfreq(SAMPLES, 1 / 48_000)
    for family, design in (
        ("butterworth", scipy.signal.butter(order, 1.0, analog=True)),
        ("chebyshev", scipy.signal.cheby1(order, 0.5, 1.0, analog=True)),
    ):
        ours = BandLimit(family, 4000.0, order=order, ripple_db=0.5).response(SAMPLES)  # type: ignore[arg-type]
        theirs = scipy.signal.freqs(*design, worN=frequency / 4000.0)[1]
        # An even Chebyshev filter starts at the bottom of its ripple in scipy, at unit gain here.
        assert np.allclose(np.abs(ours) / np.abs(ours[0]), np.abs(theirs) / np.abs(theirs[0]), atol=1e-6)


@pytest.mark.parametrize("order", [4, 8])
def test_the_powers_are_those_that_cutoffs_are_found_with(order: int) -> None:
    ratio = np.fft.rfftfreq(SAMPLES, 1 / 48_000) / 4000.0
    for family, power in (
        ("butterworth", templates.butterworth(order)),
        ("chebyshev", templates.chebyshev(order, 0.5)),
        ("brickwall", templates.brick_wall),
    ):
        response = BandLimit(family, 4000.0, order=order, ripple_db=0.5).response(SAMPLES)  # type: ignore[arg-type]
        expected = power(ratio)
        np.testing.assert_allclose(np.square(np.abs(response / response[0])), expected / expected[0], rtol=1e-9)


@pytest.mark.parametrize("family", ["resample", "brickwall"])
def test_a_tone_below_survives_and_one_above_dies(family: str) -> None:
    t = np.arange(48_000) / 48_000
    response = BandLimit(family, 4000.0, softness=0.1).response(48_000)  # type: ignore[arg-type]
    low, high = (np.sin(2 * np.pi * hz * t).astype(np.float32) for hz in (3500, 4100))
    assert np.abs(apply(low, response) - low).max() < 1e-5
    assert np.abs(apply(high, response)).max() < 1e-5


def test_gaussian_is_3_db_down_at_its_cutoff() -> None:
    response = BandLimit("gaussian", 6000.0).response(48_000)
    assert 20 * np.log10(abs(response[6000])) == pytest.approx(-3.01, abs=0.01)
