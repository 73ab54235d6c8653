"""The autoencoder: shapes, the distribution that the encoder gives, attention over all positions."""

from __future__ import annotations

import pytest
import torch

from hifisr_cli.engines.audiosr.config import VaeConfig
from hifisr_cli.engines.audiosr.vae import Gaussian, LatentDecoder, LatentEncoder, PositionAttention

CONFIG = VaeConfig(channels=32, multipliers=(1, 2, 3), latent=4)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
@pytest.mark.parametrize(("frames", "bands"), [(8, 16), (12, 32)])
def test_a_latent_is_smaller_by_the_reduction_and_grows_again(frames: int, bands: int) -> None:
    assert CONFIG.reduction == 4
    found = LatentEncoder(CONFIG)(draw(2, frames, bands))
    assert found.mean.shape == found.std.shape == (2, 4, frames // 4, bands // 4)
    assert bool((found.std > 0.0).all())
    assert LatentDecoder(CONFIG)(found.mean).shape == (2, frames, bands)


@torch.no_grad()
def test_the_spread_is_bounded_whatever_comes_out() -> None:
    encoder = LatentEncoder(CONFIG)
    bias = encoder.moments.get_parameter("bias")
    for shift, expected in ((1e4, torch.exp(torch.tensor(10.0))), (-1e4, torch.exp(torch.tensor(-15.0)))):
        bias[4:] = shift
        assert torch.allclose(encoder(draw(1, 8, 8)).std, expected)


@torch.no_grad()
def test_time_and_frequency_are_not_exchanged() -> None:
    """What changes late in time changes the latent most late in time, and so does what changes high up."""
    encoder, log_mel = LatentEncoder(CONFIG), draw(1, 32, 64)
    for later, dimension in ((log_mel.clone(), 2), (log_mel.clone(), 3)):
        later.narrow(dimension - 1, later.shape[dimension - 1] - 4, 4).add_(1.0)
        moved = (encoder(later).mean - encoder(log_mel).mean).abs()
        profile = moved.amax(dim=tuple({0, 1, 2, 3} - {dimension}))
        assert int(profile.argmax()) >= len(profile) - 2


@torch.no_grad()
def test_no_position_is_told_from_another() -> None:
    attention, image = PositionAttention(32), draw(1, 32, 3, 5)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(1))
    shuffled = image.flatten(2)[..., order].view(image.shape)
    expected = attention(image).flatten(2)[..., order].view(image.shape)
    assert torch.allclose(attention(shuffled), expected, atol=1e-5)


def test_a_sample_is_as_wide_as_it_says() -> None:
    found = Gaussian(torch.full((2, 3), 5.0), torch.full((2, 3), 0.5))
    assert torch.equal(found.sample(torch.zeros(2, 3)), found.mean)
    assert torch.equal(found.sample(torch.full((2, 3), -2.0)), torch.full((2, 3), 4.0))
