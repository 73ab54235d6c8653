"""Convolutions that halve, double and keep an image."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.audiosr.blocks import ConvBlock, Downsample, Upsample


@torch.no_grad()
def only_tap(conv: nn.Conv2d, row: int, column: int) -> None:
    """Every channel sees itself through one tap."""
    nn.init.zeros_(conv.weight)[:, :, row, column] = torch.eye(conv.weight.shape[0])
    conv.get_parameter("bias").zero_()


@pytest.fixture
def image() -> Tensor:
    return torch.randn(2, 32, 6, 4, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_halving_begins_with_the_first(image: Tensor) -> None:
    down = Downsample(32, centred=False)
    only_tap(down.conv, 0, 0)
    assert torch.equal(down(image), image[:, :, ::2, ::2])
    only_tap(down.conv, 2, 0)
    assert torch.equal(down(image), F.pad(image, (0, 0, 0, 2))[:, :, 2::2, ::2])  # zeros behind the last


@torch.no_grad()
def test_halving_around_the_first(image: Tensor) -> None:
    down = Downsample(32, centred=True)
    only_tap(down.conv, 1, 1)
    assert torch.equal(down(image), image[:, :, ::2, ::2])
    only_tap(down.conv, 1, 0)
    assert torch.equal(down(image), F.pad(image, (1, 0))[:, :, ::2, ::2][..., :2])  # zeros before the first
    expected = F.conv2d(image, down.conv.weight, down.conv.bias, stride=2, padding=1)
    assert torch.equal(down(image), expected)


@torch.no_grad()
def test_doubling_keeps_every_value(image: Tensor) -> None:
    up = Upsample(32)
    only_tap(up.conv, 1, 1)
    assert torch.equal(up(image), image.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))


@torch.no_grad()
def test_a_block_that_adds_nothing_lets_through(image: Tensor) -> None:
    block = ConvBlock(32, 32, eps=1e-6)
    nn.init.zeros_(block.conv2.weight)
    block.conv2.get_parameter("bias").zero_()
    assert torch.equal(block(image), image)


@torch.no_grad()
def test_a_block_sees_no_gain_but_in_its_shortcut(image: Tensor) -> None:
    """What it adds has been through a norm."""
    block = ConvBlock(32, 32, eps=1e-6)
    assert torch.allclose(block(100.0 * image) - 100.0 * image, block(image) - image, atol=1e-4)


@torch.no_grad()
def test_an_embedding_moves_the_channels(image: Tensor) -> None:
    block = ConvBlock(32, 64, eps=1e-5, embedding=8)
    first, second = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(1))
    assert not torch.allclose(block(image, first), block(image, second))
    rows = torch.cat([block(image[i : i + 1], first[i : i + 1]) for i in range(2)])
    assert torch.allclose(block(image, first), rows, atol=1e-5)
