"""Matching levels just below the crossover."""

from __future__ import annotations

import torch

from hifisr_cli.engines.hifisr.level_match import LARGEST_GAIN, match_level


def band(low_hz: float, high_hz: float, seed: int) -> torch.Tensor:
    spectrum = torch.fft.rfft(torch.randn(1, 48_000, generator=torch.Generator().manual_seed(seed)))
    hz = torch.linspace(0, 24_000, spectrum.shape[1])
    spectrum[:, (hz < low_hz) | (hz > high_hz)] = 0
    return torch.fft.irfft(spectrum)


def test_the_gain_is_that_of_the_original_below_the_cutoff() -> None:
    cutoff = torch.tensor([8000.0])
    content, invented = band(0, 7000, 0), band(9000, 20_000, 1)
    for gain in (1.0, 0.5, 0.01):
        matched = match_level(content + invented, gain * content, cutoff)
        assert torch.allclose(matched, gain * (content + invented), atol=1e-5 * gain)


def test_hum_does_not_count() -> None:
    """Nor does what lies above the cutoff, on either side."""
    cutoff = torch.tensor([8000.0])
    content = band(0, 7000, 0)
    hum = torch.sin(2 * torch.pi * 50 * torch.arange(48_000) / 48_000)[None]
    hiss = band(9000, 20_000, 2)
    assert torch.allclose(match_level(content, content + hum + hiss, cutoff), content, atol=1e-3)


def test_rows_are_matched_one_by_one_at_their_own_cutoffs() -> None:
    content = band(0, 3000, 0)
    generated = torch.cat((content, content))
    matched = match_level(generated, torch.cat((0.1 * content, 3.0 * content)), torch.tensor([4000.0, 2000.0]))
    assert torch.allclose(matched[0], 0.1 * content[0], atol=1e-5)
    assert torch.allclose(matched[1], 3.0 * content[0], atol=1e-4)


def test_silence_in_is_silence_out_and_silence_generated_stays() -> None:
    content, silence, cutoff = band(0, 7000, 0), torch.zeros(1, 48_000), torch.tensor([8000.0])
    assert not match_level(content, silence, cutoff).any()
    assert not match_level(silence, content, cutoff).any()


def test_no_gain_beyond_reason() -> None:
    content, cutoff = band(0, 7000, 0), torch.tensor([8000.0])
    assert torch.allclose(match_level(1e-3 * content, content, cutoff), LARGEST_GAIN * 1e-3 * content, atol=1e-6)
