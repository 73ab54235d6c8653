from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.audio.output.quantise import Dither, quantise


def test_rounds_to_the_nearest(rng: np.random.Generator) -> None:
    block = rng.uniform(-1, 0.999, (2, 5000)).astype(np.float32)
    for bits in (16, 24, 32):
        integers = quantise(block, bits)
        error = integers - block.astype(np.float64) * 2 ** (bits - 1)
        assert np.abs(error).max() <= 0.5


def test_rounding_has_no_offset(rng: np.random.Generator) -> None:
    block = (rng.standard_normal((1, 200_000)) * 0.01).astype(np.float32)
    integers = quantise(block, 16)
    assert abs(np.mean(integers - block.astype(np.float64) * 32768)) < 0.01


def test_overs_saturate() -> None:
    block = np.array([[1.0, -1.0, 1.5, -7.0, 1e9, 0.5]], np.float32)
    for bits in (16, 24, 32):
        full = 1 << (bits - 1)
        integers = quantise(block, bits, Dither() if bits == 16 else None)
        assert integers[0, 2:5].tolist() == [full - 1, -full, full - 1]
        assert integers.max() <= full - 1
        assert integers[0, 0] > 0


def test_dither_is_triangular_and_two_steps_wide() -> None:
    noise = Dither().take(300_000)
    assert -1 < noise.min() < -0.99
    assert 0.99 < noise.max() < 1
    assert abs(noise.mean()) < 0.003
    assert abs(noise.var() - 1 / 6) < 0.002
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.01


def test_dither_frees_the_error_from_the_signal() -> None:
    """A tone of half a step would vanish, or come with harmonics; with dither it survives at its level."""
    t = np.arange(480_000)
    tone = (0.4 / 32768 * np.sin(2 * np.pi * 1000 / 48000 * t)).astype(np.float32)[None]
    plain = quantise(tone, 16)
    assert not plain.any()
    dithered = quantise(tone, 16, Dither())
    spectrum = np.abs(np.fft.rfft(dithered[0])) / len(t) * 2
    assert abs(spectrum[10_000] - 0.4) < 0.01
    assert spectrum[[20_000, 30_000, 50_000]].max() < 0.01


def test_error_with_dither_is_bounded(rng: np.random.Generator) -> None:
    block = rng.uniform(-0.9, 0.9, (1, 50_000)).astype(np.float32)
    integers = quantise(block, 16, Dither())
    assert np.abs(integers - block.astype(np.float64) * 32768).max() <= 1.5


@given(cuts=st.lists(st.integers(0, 40_000), max_size=6).map(sorted))
def test_same_for_every_split(cuts: list[int]) -> None:
    block = np.random.default_rng(3).uniform(-1, 1, (2, 40_000)).astype(np.float32)
    whole = quantise(block, 16, Dither())
    dither = Dither()
    edges = [0, *cuts, block.shape[1]]
    parts = [quantise(block[:, a:b], 16, dither) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_equal_channels_stay_equal() -> None:
    mono = np.random.default_rng(3).uniform(-1, 1, (1, 1000)).astype(np.float32)
    integers = quantise(np.concatenate([mono, mono]), 16, Dither())
    np.testing.assert_array_equal(integers[0], integers[1])
