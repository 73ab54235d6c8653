"""The noise schedule against its own equations and the values that were read from the published program."""

from __future__ import annotations

import pytest
import torch

from hifisr_cli.engines.audiosr.schedule import LAST, alpha_bar, clean, half_log_snr, noise, time_at, velocity


@pytest.mark.parametrize(
    ("t", "share"), [(0, 0.99995872), (1, 0.99991258), (501, 0.4907268), (981, 7.867e-4), (996, 2.186e-5)]
)
def test_values_of_the_published_schedule(t: int, share: float) -> None:
    assert float(alpha_bar(torch.tensor(t))) == pytest.approx(share, rel=2e-4)


@pytest.mark.parametrize(
    ("t", "expected"), [(0, 5.0475), (101, 1.7565), (501, -0.0185), (901, -1.8713), (998, -6.4641)]
)
def test_values_of_the_signal_to_noise_ratio(t: int, expected: float) -> None:
    assert float(half_log_snr(torch.tensor(t))) == pytest.approx(expected, abs=6e-5)


def test_signal_fades_to_nothing() -> None:
    share = alpha_bar(torch.linspace(0.0, LAST, 5000, dtype=torch.float64))
    assert bool((share.diff() < 0.0).all())
    assert 0.0 <= float(share[-1]) < 1e-30


def test_a_time_is_found_by_its_ratio() -> None:
    t = torch.linspace(0.0, 998.5, 1000, dtype=torch.float64)
    assert torch.allclose(time_at(half_log_snr(t)), t, atol=1e-6)


@pytest.mark.parametrize("t", [0.0, 300.25, 999.0])
def test_velocity_tells_signal_and_noise(t: float) -> None:
    source = torch.Generator().manual_seed(0)
    x0, e = torch.randn(2, 100, generator=source, dtype=torch.float64)
    share = alpha_bar(torch.tensor(t))
    alpha, sigma = share.sqrt(), (1.0 - share).sqrt()
    x, v = alpha * x0 + sigma * e, velocity(x0, e, alpha, sigma)
    assert torch.allclose(clean(x, v, alpha, sigma), x0)
    assert torch.allclose(noise(x, v, alpha, sigma), e)


def test_at_the_last_time_the_velocity_is_all_there_is() -> None:
    share = alpha_bar(torch.tensor(float(LAST)))
    x, v = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.allclose(clean(x, v, share.sqrt(), (1.0 - share).sqrt()), -v)
