"""Loudness by both branches, phase by the time branch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.tfnet.fusion import SpectralFusion, with_phase_of

BINS = 33


@pytest.fixture
def time() -> Tensor:
    torch.manual_seed(0)
    return torch.fft.rfft(torch.randn(2, 64))


@pytest.fixture
def magnitude() -> Tensor:
    torch.manual_seed(1)
    return torch.rand(2, BINS) + 0.1


def fusion(balance: float) -> SpectralFusion:
    module = SpectralFusion(BINS)
    with torch.no_grad():
        module.balance.fill_(balance)
    return module


def test_with_all_weight_on_time_it_is_the_time_branch(time: Tensor, magnitude: Tensor) -> None:
    assert torch.equal(fusion(math.inf)(time, magnitude), time)


def test_with_no_weight_on_time_only_its_phase_is_left(time: Tensor, magnitude: Tensor) -> None:
    fused = fusion(-math.inf)(time, magnitude)
    assert torch.allclose(fused.abs(), magnitude, atol=1e-6)
    assert torch.allclose(fused / fused.abs(), time / time.abs(), atol=1e-6)


def test_at_first_it_is_the_mean(time: Tensor, magnitude: Tensor) -> None:
    fused = SpectralFusion(BINS)(time, magnitude)
    assert torch.allclose(fused.abs(), (time.abs() + magnitude) / 2, atol=1e-6)


def test_the_weight_learns_in_every_bin(time: Tensor, magnitude: Tensor) -> None:
    module = SpectralFusion(BINS)
    module(time, magnitude).abs().square().sum().backward()
    assert module.balance.grad is not None
    assert bool((module.balance.grad != 0).all())


def test_what_has_no_phase_is_not_turned_up() -> None:
    carrier = torch.zeros(1, 4, dtype=torch.complex64, requires_grad=True)
    made = with_phase_of(carrier, torch.ones(1, 4))
    assert float(made.detach().abs().max()) == 0.0
    made.abs().sum().backward()
    assert carrier.grad is not None
    assert bool(carrier.grad.isfinite().all())


def test_a_negative_magnitude_turns_the_phase_around(time: Tensor, magnitude: Tensor) -> None:
    """Why the network takes magnitudes without their sign."""
    assert torch.allclose(with_phase_of(time, -magnitude), -with_phase_of(time, magnitude))
