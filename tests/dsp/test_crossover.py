"""The crossover keeps what must be kept, and is transparent where both sides agree."""

from __future__ import annotations

import math

import pytest
import torch

from hifisr_cli.dsp.crossover import highpass_kernel, reach, replace_low_band, transition
from hifisr_cli.results import SAMPLE_RATE


def tone(hz: float, samples: int = 48_000) -> torch.Tensor:
    return 0.5 * torch.sin(2 * math.pi * hz * torch.arange(samples, dtype=torch.float64) / SAMPLE_RATE).float()


@pytest.mark.parametrize("kept_share", [None, 0.98])
@pytest.mark.parametrize("cutoff", [600.0, 1500.0, 3400.0, 8000.0, 16_000.0, 20_000.0])
def test_kept_band_survives_and_high_band_is_generated(cutoff: float, kept_share: float | None) -> None:
    kept_hz = kept_share and min(kept_share * cutoff, cutoff - 60)
    half = reach(cutoff, kept_hz)
    inner = slice(half, -half)
    silence = torch.zeros(48_000)
    low, high = tone((kept_hz or 0.9 * cutoff) - 5), tone(transition(cutoff, kept_hz)[1] + 5)
    kept = replace_low_band(silence, low, cutoff, kept_hz)
    assert (kept - low)[inner].abs().max() < 1e-4
    generated = replace_low_band(high, silence, cutoff, kept_hz)
    assert (generated - high)[inner].abs().max() < 1e-4


def test_transparent_where_both_sides_agree() -> None:
    noise = torch.randn(3, 20_000)
    assert torch.equal(replace_low_band(noise, noise, 4000.0), noise)


@pytest.mark.parametrize("kept_share", [None, 0.98])
@pytest.mark.parametrize("cutoff", [1500.0, 3400.0, 7600.0])
def test_no_hole_or_bump_on_pink_noise(cutoff: float, kept_share: float | None) -> None:
    """The input ends at the cutoff, the stand-in for the network has the whole band: the sum must be flat."""
    generator = torch.Generator().manual_seed(1)
    spectrum = torch.fft.rfft(torch.randn(2**19, generator=generator))
    frequency = torch.fft.rfftfreq(2**19, 1 / SAMPLE_RATE)
    pink = torch.fft.irfft(spectrum / frequency.clamp(min=10).sqrt())
    limited = torch.fft.irfft(torch.fft.rfft(pink) * (frequency <= cutoff))
    output = replace_low_band(pink, limited, cutoff, kept_share and min(kept_share * cutoff, cutoff - 60))
    ratio = torch.fft.rfft(output).abs().square() / torch.fft.rfft(pink).abs().square().clamp(min=1e-20)
    for low in torch.arange(0.7, 1.3, 0.02):
        band = (frequency >= low * cutoff) & (frequency < (low + 0.02) * cutoff)
        assert abs(10 * math.log10(float(ratio[band].mean()))) < 1.0


def test_kernel_is_linear_phase_with_no_gain_at_zero() -> None:
    kernel = highpass_kernel(5000.0)
    assert torch.allclose(kernel, kernel.flip(0))
    assert abs(float(kernel.double().sum())) < 1e-6


@pytest.mark.parametrize("length", [1, 900, 4096, 20_001])
@pytest.mark.parametrize("cutoff", [500.0, 3400.0, 16_000.0])
def test_is_the_convolution_that_it_says(length: int, cutoff: float) -> None:
    torch.manual_seed(length)
    generated, original = torch.randn(2, length, dtype=torch.float64), torch.randn(2, length, dtype=torch.float64)
    kernel = highpass_kernel(cutoff).double()[None, None]
    difference = (generated - original)[:, None]
    expected = original + torch.nn.functional.conv1d(difference, kernel, padding=reach(cutoff))[:, 0]
    assert (replace_low_band(generated, original, cutoff) - expected).abs().max() < 1e-5
