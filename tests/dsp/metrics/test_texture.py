"""Texture: what statistics say about noise must come out when it is simulated."""

from __future__ import annotations

import math

import pytest
import torch

from hifisr_cli.dsp.metrics.lsd import log_power, lsd
from hifisr_cli.dsp.metrics.texture import texture_ratio

SECONDS = 6


def noise(seed: int) -> torch.Tensor:
    return 0.1 * torch.randn(48_000 * SECONDS, generator=torch.Generator().manual_seed(seed))


def test_independent_noise_of_the_right_envelope_scores_the_floor() -> None:
    """log10 of an exponential variable scatters by pi / sqrt(6) / ln 10; of two, by sqrt(2) times that: 0.788."""
    floor = math.sqrt(2) * math.pi / math.sqrt(6) / math.log(10)
    assert lsd(noise(1), noise(2)).full == pytest.approx(floor, abs=0.01)


def test_the_best_deterministic_spectrum_scores_its_floor() -> None:
    """The best constant is the mean of log10 power; what remains is the scatter of one variable: 0.557."""
    power = log_power(noise(1)).double()
    remaining = (power - power.mean()).square().mean(dim=0).sqrt().mean()
    assert float(remaining) == pytest.approx(math.pi / math.sqrt(6) / math.log(10), abs=0.01)


@pytest.mark.parametrize("gain", [0.1, 1.0, 3.0])
def test_noise_is_as_rough_as_noise_at_any_level(gain: float) -> None:
    assert texture_ratio(gain * noise(1), noise(2), 4_000.0) == pytest.approx(1.0, abs=0.02)


def test_lines_with_nothing_between_them_are_too_rough() -> None:
    buzz = torch.zeros(48_000 * SECONDS)
    buzz[::512] = 1.0
    ratio = texture_ratio(buzz, noise(2), 4_000.0)
    assert ratio is not None
    assert ratio > 1.4


def test_flattened_noise_is_too_smooth() -> None:
    """Noise whose magnitudes were pulled towards their mean, its phases kept."""
    window = torch.hann_window(2048)
    spectrum = torch.stft(noise(1), 2048, 512, window=window, return_complex=True)
    flat = torch.polar(spectrum.abs() ** 0.2, spectrum.angle())
    ratio = texture_ratio(torch.istft(flat, 2048, 512, window=window), noise(2)[: 512 * (flat.shape[1] - 1)], 4_000.0)
    assert ratio is not None
    assert ratio < 0.8


def test_silence_has_no_texture() -> None:
    assert texture_ratio(noise(1), torch.zeros(48_000 * SECONDS), 4_000.0) is None


def test_only_the_generated_band_counts() -> None:
    low = torch.sin(2 * math.pi * 1_000 / 48_000 * torch.arange(48_000 * SECONDS))
    assert texture_ratio(noise(1) + low, noise(2), 4_000.0) == pytest.approx(1.0, abs=0.02)
