"""Networks that were given more blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hifisr_cli.nets.config import ConfigError
from hifisr_cli.nets.deepen import deepened
from hifisr_cli.nets.generator import Generator
from tests.restore.conftest import TINY


def test_more_blocks_change_nothing_until_they_are_trained() -> None:
    torch.manual_seed(2)
    generator = Generator(TINY, normed=False)
    deeper = deepened(generator, 3 * TINY.latent.blocks)
    assert deeper.config == replace(TINY, latent=replace(TINY.latent, blocks=6))
    wave, cutoff, noise = 0.1 * torch.randn(2, 9600), torch.tensor([2000.0, 4000.0]), torch.randn(1, 9600)
    assert torch.equal(deeper(wave, cutoff, noise), generator(wave, cutoff, noise))
    deeper(wave, cutoff, noise).square().sum().backward()
    for block in (1, 2, 4, 5):
        for kind, layer in (("flash", "to_out.linear"), ("fsmn", "leave")):
            gradient = deeper.get_parameter(f"latent.{kind}.{block}.{layer}.weight").grad
            assert gradient is not None
            assert gradient.abs().max() > 0.0


def test_blocks_come_in_multiples() -> None:
    with pytest.raises(ConfigError, match="no multiple"):
        deepened(Generator(TINY, normed=False), 3)
