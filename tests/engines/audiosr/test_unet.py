"""The denoiser: its time, its shapes, its rows."""

from __future__ import annotations

import pytest
import torch

from hifisr_cli.engines.audiosr.config import UnetConfig
from hifisr_cli.engines.audiosr.unet import Unet, time_sinusoids

CONFIG = UnetConfig(channels=32, multipliers=(1, 2, 3))


@pytest.fixture(scope="module")
def unet() -> Unet:
    torch.manual_seed(0)
    return Unet(4, CONFIG).eval().requires_grad_(requires_grad=False)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_cosines_come_first() -> None:
    found = time_sinusoids(torch.tensor([0.0, 1.0, 500.0]), 6)
    assert found[0].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    periods = torch.tensor([1.0, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3)])
    assert torch.allclose(found[1:, :3], torch.cos(torch.tensor([[1.0], [500.0]]) * periods), atol=1e-4)
    assert torch.allclose(found[1:, 3:], torch.sin(torch.tensor([[1.0], [500.0]]) * periods), atol=1e-4)


def test_any_time_is_one() -> None:
    """The network was trained on whole ones; between them lies what is between."""
    before, between, after = time_sinusoids(torch.tensor([500.0, 500.01, 501.0]), 32)
    assert (between - before).abs().max() < 0.02 < (after - before).abs().max()


@pytest.mark.parametrize(("steps", "rows"), [(4, 4), (8, 4), (20, 8)])
def test_every_length_that_halves_goes_through(unet: Unet, steps: int, rows: int) -> None:
    assert CONFIG.reduction == 4
    assert unet(draw(2, 8, steps, rows), torch.tensor([1.0, 999.0])).shape == (2, 4, steps, rows)


def test_every_row_is_what_it_is_alone(unet: Unet) -> None:
    x, t = draw(3, 8, 8, 8), torch.tensor([0.0, 501.5, 999.0])
    rows = torch.cat([unet(x[i : i + 1], t[i : i + 1]) for i in range(3)])
    assert torch.allclose(unet(x, t), rows, atol=1e-5)


def test_it_knows_the_time(unet: Unet) -> None:
    x = draw(1, 8, 8, 8)
    assert not torch.allclose(unet(x, torch.tensor([10.0])), unet(x, torch.tensor([990.0])), atol=1e-3)


def test_everything_in_a_window_touches_everything(unet: Unet) -> None:
    """Group norms and attention: why windows have one size, and are cross-faded."""
    x = draw(1, 8, 32, 8)
    changed = x.clone()
    changed[:, :, -4:] = 0.0
    moved = (unet(changed, torch.tensor([500.0])) - unet(x, torch.tensor([500.0]))).abs()[:, :, :4]
    assert moved.max() > 1e-4
