"""Stand-ins for a trained model."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.hifisr.config import COMPACT, HifiGanConfig, MelConfig, MossFormerConfig, NetworkConfig
from hifisr_cli.engines.hifisr.engine import Model
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.engines.hifisr.hifigan import fold_weight_norm


@dataclass
class Identity:
    """A network that returns what it gets and keeps a record of how it was called."""

    hop: int = 480
    context: int = 960
    trim: int = 0
    crossfade: int = 0
    abreast: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batches: list[int] = field(default_factory=list)

    def generate(self, waves: Tensor, cutoff_hz: Tensor, noise: Tensor) -> Tensor:
        self.batches.append(waves.shape[0])
        return waves[:, self.trim : waves.shape[1] - self.trim]


TINY = NetworkConfig(
    mel=MelConfig(n_fft=2048, hop=480, bands=32, f_max=24_000.0),
    latent=MossFormerConfig(
        width=32, latent=32, blocks=2, expansion=2, qk_width=32, conv_kernel=5, fsmn_width=16, fsmn_kernel=7,
        context="bounded", span=4,
    ),
    head=HifiGanConfig(
        channels=32, rates=(2,), kernels=(4,), block_kernels=(3, 7), block_dilations=(1, 3), paired=False,
        keep_channels=True, istft_n_fft=960, noise=True, flat_noise=True, voicing=8,
    ),
    told_cutoff=True,
)  # fmt: skip


def random_model(config: NetworkConfig) -> Model:
    """An untrained model whose output is about as loud as its input."""
    torch.manual_seed(0)
    generator = Generator(config).eval()
    fold_weight_norm(generator)
    generator.requires_grad_(requires_grad=False)
    return Model("random", "0" * 64, generator, torch.device("cpu"), "float32")


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture(scope="session")
def tiny_model() -> Model:
    return random_model(TINY)


@pytest.fixture(scope="session")
def compact_model() -> Model:
    return random_model(COMPACT)
