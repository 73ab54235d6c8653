"""Noise by place: equal arguments, equal numbers; any other argument, others."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.engines.white_noise import white_noise

PLACES = st.integers(-(10**12), 10**12)
SEEDS = st.integers(0, (1 << 32) - 1)


@given(seed=SEEDS, place=PLACES, draw=st.integers(0, 1_000))
def test_every_argument_counts(seed: int, place: int, draw: int) -> None:
    noise = white_noise(1, seed, place, 16, draw=draw)
    assert np.array_equal(noise, white_noise(1, seed, place, 16, draw=draw))
    others = (
        white_noise(2, seed, place, 16, draw=draw),
        white_noise(1, seed ^ 1, place, 16, draw=draw),
        white_noise(1, seed, place + 1, 16, draw=draw),
        white_noise(1, seed, place, 16, draw=draw + 1),
    )
    assert not any(np.array_equal(noise, other) for other in others)


def test_white_and_of_unit_variance() -> None:
    noise = np.concatenate([white_noise(1, 0, place, 512) for place in range(-200, 200)])
    assert abs(noise.mean()) < 0.01
    assert abs(noise.var() - 1.0) < 0.01
    for lag in (1, 511, 512, 1024):
        assert abs(np.mean(noise[lag:] * noise[:-lag])) < 0.01
