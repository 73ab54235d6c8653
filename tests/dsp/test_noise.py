"""Noise by place: white, of unit variance, the same wherever a recording is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.dsp.noise import positional_noise


@given(start=st.integers(-20_000, 10**10), length=st.integers(1, 20_000), cut=st.integers(0, 20_000))
def test_any_cut_gives_the_same_samples(start: int, length: int, cut: int) -> None:
    cut = min(cut, length)
    parts = [positional_noise(start, cut), positional_noise(start + cut, length - cut)]
    assert np.array_equal(np.concatenate(parts), positional_noise(start, length))


def test_white_and_of_unit_variance() -> None:
    noise = positional_noise(-480_000, 960_000)
    assert noise.mean() == pytest.approx(0.0, abs=0.01)
    assert noise.var() == pytest.approx(1.0, abs=0.01)
    for lag in (1, 2, 480, 4800, 9600):
        assert np.mean(noise[lag:] * noise[:-lag]) == pytest.approx(0.0, abs=0.01)
