"""The level error is the gain that was applied."""

from __future__ import annotations

import pytest
import torch

from hifisr_cli.dsp.metrics.level_error import level_errors


def with_gain(wave: torch.Tensor, low_hz: float, high_hz: float, gain_db: float) -> torch.Tensor:
    spectrum = torch.fft.rfft(wave)
    frequency = torch.fft.rfftfreq(wave.shape[0], 1 / 48_000)
    inside = (frequency >= low_hz) & (frequency < high_hz)
    return torch.fft.irfft(torch.where(inside, spectrum * 10 ** (gain_db / 20), spectrum), wave.shape[0])


@pytest.mark.parametrize("gain_db", [-6.0, 4.0])
def test_it_is_the_gain_in_its_band_only(gain_db: float) -> None:
    wave = torch.randn(96_000, generator=torch.Generator().manual_seed(1))
    assert level_errors(wave, wave) == (0.0, 0.0)
    first, second = level_errors(with_gain(wave, 15_000, 22_600, gain_db), wave)
    assert first == pytest.approx(abs(gain_db), abs=0.1)
    assert second < 0.5
    assert level_errors(with_gain(wave, 0, 14_000, gain_db), wave) == pytest.approx((0.0, 0.0), abs=0.05)


def test_too_loud_and_too_quiet_do_not_cancel() -> None:
    wave = torch.randn(96_000, generator=torch.Generator().manual_seed(1))
    gain = torch.cat([torch.full((48_000,), 2.0), torch.full((48_000,), 0.5)])
    assert min(level_errors(gain * wave, wave)) > 5.5


def test_what_has_no_level_has_no_error() -> None:
    noise = torch.randn(96_000, generator=torch.Generator().manual_seed(1))
    assert level_errors(noise, torch.zeros(96_000)) == (None, None)
    half = torch.cat([noise[:48_000], torch.zeros(48_000)])
    assert level_errors(torch.cat([2 * noise[:48_000], noise[48_000:]]), half) == pytest.approx((6.02, 6.02), abs=0.4)
