"""Noise by place: white, of unit variance, calm, the same wherever a recording is cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hifisr_cli.engines.hifisr.noise import drawn_noise, positional_noise


def drawn() -> np.ndarray:
    return drawn_noise(np.random.default_rng(3), 960_001)


def scatter_db(wave: np.ndarray) -> float:
    spectrum = torch.stft(torch.from_numpy(wave), 2048, 512, window=torch.hann_window(2048), return_complex=True)
    return float((20 * torch.log10(spectrum[4:-4].abs() + 1e-9)).std())


@given(start=st.integers(-20_000, 10**10), length=st.integers(1, 20_000), cut=st.integers(0, 20_000))
def test_any_cut_gives_the_same_samples(start: int, length: int, cut: int) -> None:
    cut = min(cut, length)
    parts = [positional_noise(start, cut), positional_noise(start + cut, length - cut)]
    assert np.array_equal(np.concatenate(parts), positional_noise(start, length))


@pytest.mark.parametrize("noise", [positional_noise(-480_000, 960_000), drawn()], ids=["of a place", "drawn"])
def test_white_of_unit_variance_and_calm(noise: np.ndarray) -> None:
    assert noise.mean() == pytest.approx(0.0, abs=0.01)
    assert noise.var() == pytest.approx(1.0, abs=0.01)
    for lag in (1, 2, 480, 1024, 2048, 4800, 9600):
        assert np.mean(noise[lag:] * noise[:-lag]) == pytest.approx(0.0, abs=0.01)
    white = np.random.default_rng(4).standard_normal(noise.size, np.float32)
    assert scatter_db(noise) < scatter_db(white) - 0.3


def test_noise_that_is_not_calm_is_white() -> None:
    for noise in (
        positional_noise(-480_000, 960_000, calm=False),
        drawn_noise(np.random.default_rng(3), 960_000, calm=False),
    ):
        white = np.random.default_rng(4).standard_normal(noise.size, np.float32)
        assert noise.var() == pytest.approx(1.0, abs=0.01)
        assert scatter_db(noise) == pytest.approx(scatter_db(white), abs=0.05)
    whole = positional_noise(-700, 5_000, calm=False)
    assert np.array_equal(whole[1_000:], positional_noise(300, 4_000, calm=False))


def test_no_seam_at_the_end_of_the_period() -> None:
    """Where the noise begins again it is no different from elsewhere: no place shows a jump or a dip."""
    noise = positional_noise(1_020_000, 10_000)
    assert noise.var() == pytest.approx(1.0, abs=0.06)
    assert np.abs(noise).max() < 5.5
    assert not np.array_equal(noise[:4_000], noise[4_000:8_000])


def test_a_draw_has_as_many_samples_as_asked_for() -> None:
    assert [drawn_noise(np.random.default_rng(0), length).size for length in (1, 1024, 1025, 38_400)] == [
        1,
        1024,
        1025,
        38_400,
    ]
