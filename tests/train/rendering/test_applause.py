"""Applause: dense, with treble, and the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest

from hifisr_cli.train.rendering.applause import applause


@pytest.mark.parametrize("seed", range(6))
def test_it_has_treble_and_sounds_throughout(seed: int) -> None:
    wave = applause(3.0, np.random.default_rng(seed))
    assert (wave.size, float(np.abs(wave).max())) == (144_000, pytest.approx(1.0))
    assert np.array_equal(wave, applause(3.0, np.random.default_rng(seed)))
    power = np.abs(np.fft.rfft(wave)) ** 2
    middle, treble = power[3_000:9_000].mean(), power[48_000:60_000].mean()
    assert -50 < 10 * np.log10(treble / middle) < -10
    assert all(part.any() for part in wave.reshape(6, -1)), "a clap in every half second"
    peak = np.argmax(np.convolve(power[:30_000], np.ones(900), "same")) / 3
    assert 300 < peak < 6_000
