"""Stand-ins for a trained model."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.hifigan.config import HifiGanConfig, MelConfig
from hifisr_cli.engines.hifigan.head import fold_weight_norm
from hifisr_cli.engines.hifisr.config import COMPACT, MossFormerConfig, NetworkConfig
from hifisr_cli.engines.hifisr.engine import HifisrEngine
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.engines.protocol import Geometry, Identity, WindowBatch


@dataclass
class Unchanged:
    """An engine that returns what it gets and keeps a record of how it was called."""

    geometry: Geometry = field(default_factory=lambda: Geometry(grid=480, context=960))
    identity: Identity = field(default_factory=lambda: Identity("unchanged", "unchanged", "0" * 64))
    level_rms: float | None = None
    lanes: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batches: list[int] = field(default_factory=list)

    def generate(self, windows: WindowBatch) -> Tensor:
        self.batches.append(windows.waves.shape[0])
        return windows.waves[:, self.geometry.trim : windows.waves.shape[1] - self.geometry.trim]


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


def random_model(config: NetworkConfig) -> HifisrEngine:
    """An untrained model whose output is about as loud as its input."""
    torch.manual_seed(0)
    generator = Generator(config).eval()
    fold_weight_norm(generator)
    generator.requires_grad_(requires_grad=False)
    return HifisrEngine(Identity("hifisr", "random", "0" * 64), generator, torch.device("cpu"))


@pytest.fixture
def unchanged() -> Unchanged:
    return Unchanged()


@pytest.fixture(scope="session")
def tiny_model() -> HifisrEngine:
    return random_model(TINY)


@pytest.fixture(scope="session")
def compact_model() -> HifisrEngine:
    return random_model(COMPACT)
