"""The weighting of BS.1770: pyloudnorm's filters, and a stream of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from hifisr_cli.dsp.loudness.k_weighting import KWeighting, coefficients, is_defined

RATES = (4000, 8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000, 768_000)


@pytest.mark.parametrize("rate", RATES)
def test_coefficients_are_pyloudnorms_to_the_last_bit(rate: int) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    theirs = pyloudnorm.Meter(rate)._filters.values()
    for (b, a), filter_ in zip(coefficients(rate), theirs, strict=True):
        assert np.array_equal(b, filter_.b)
        assert np.array_equal(a, filter_.a)


@pytest.mark.parametrize("rate", [8000, 48_000, 192_000])
@pytest.mark.parametrize("length", [1, 1023, 1024, 5000, 100_001])
def test_it_is_the_recursion(rate: int, length: int, rng: np.random.Generator) -> None:
    sound = rng.standard_normal((2, length))
    expected = sound
    for b, a in coefficients(rate):
        expected = signal.lfilter(b, a, expected, axis=1)
    stream = KWeighting(rate)
    parts = [stream.push(sound[:, start : start + 3001]) for start in range(0, length, 3001)]
    out = np.concatenate([*parts, stream.rest()], axis=1)
    assert out.shape == sound.shape
    assert np.abs(out - expected).max() < 1e-8  # the high-pass has its poles near the unit circle, in both


def test_there_is_none_below_the_shelf() -> None:
    assert is_defined(3001)
    assert not is_defined(3000)
    with pytest.raises(ValueError, match="not defined"):
        KWeighting(3000)
