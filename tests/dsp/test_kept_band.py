"""The promise of every output is measured, not assumed."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from hifisr_cli.dsp.kept_band import KeptBandMeter


def test_identity_is_minus_infinity_and_silence_is_unknown(rng: np.random.Generator) -> None:
    meter = KeptBandMeter(3000.0)
    noise = rng.standard_normal((1, 10_000)).astype(np.float32)
    meter.push(noise, noise)
    assert meter.error_db() == -math.inf
    silent = KeptBandMeter(3000.0)
    silent.push(np.zeros((1, 10_000), np.float32), np.zeros((1, 10_000), np.float32))
    assert silent.error_db() is None


@pytest.mark.parametrize("cuts", [[], [1, 7, 5000, 60_000]])
def test_a_known_error_is_found(rng: np.random.Generator, cuts: list[int]) -> None:
    noise = rng.standard_normal((2, 96_000)).astype(np.float32)
    meter = KeptBandMeter(3000.0)
    for part in np.split(noise, cuts, axis=1):
        meter.push(part * np.float32(1.001), part)
    found = meter.error_db()
    assert found is not None
    assert found == pytest.approx(-60.0, abs=0.01)


def test_the_band_that_is_compared_can_be_narrowed(rng: np.random.Generator) -> None:
    """From 2 kHz on something is added: it counts until the edge is lower."""
    noise = rng.standard_normal((1, 96_000)).astype(np.float32)
    spectrum = np.fft.rfft(rng.standard_normal(96_000))
    spectrum[np.fft.rfftfreq(96_000, 1 / 48_000) < 2_000.0] = 0.0
    added = np.fft.irfft(spectrum)[None].astype(np.float32)
    errors = []
    for edge_hz in (3_000.0, 1_800.0):
        meter = KeptBandMeter(3_000.0)
        meter.lower(edge_hz)
        meter.lower(5_000.0)  # is no lower
        meter.push(noise + added, noise)
        errors.append(meter.error_db() or 0.0)
    assert errors[0] > -10.0
    assert errors[1] < -80.0


def test_many_channels_take_little_memory(rng: np.random.Generator) -> None:
    noise = rng.standard_normal((64, 144_000), np.float32)
    meter, wrong = KeptBandMeter(3000.0), noise * np.float32(1.001)
    tracemalloc.start()
    try:
        meter.push(wrong, noise)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * noise.nbytes  # all at once: 10
    assert meter.error_db() == pytest.approx(-60.0, abs=0.01)


def test_what_happens_above_the_band_does_not_count() -> None:
    t = np.arange(96_000) / 48_000
    low, high = np.sin(2 * np.pi * 500 * t), np.sin(2 * np.pi * 3300 * t)
    meter = KeptBandMeter(3000.0)
    meter.push((low + high)[None].astype(np.float32), low[None].astype(np.float32))
    found = meter.error_db()
    assert found is not None
    assert found < -100.0
