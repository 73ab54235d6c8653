"""A network of the smallest sizes, with random weights, and how it is stored."""

from __future__ import annotations

from pathlib import Path

import torch

from hifisr_cli.checkpoints.frozen import FrozenInfo, write
from hifisr_cli.engines.audiosr.config import AudioSrConfig, UnetConfig, VaeConfig
from hifisr_cli.engines.audiosr.network import AudioSr
from hifisr_cli.engines.hifigan.config import HifiGanConfig, MelConfig

TINY = AudioSrConfig(
    mel=MelConfig(n_fft=2048, hop=480, bands=64, f_min=20.0, f_max=24_000.0),
    vae=VaeConfig(32, (1, 1, 1, 1), blocks=1),
    unet=UnetConfig(32, (1, 1, 1, 1), blocks=1),
    vocoder=HifiGanConfig(
        channels=32,
        rates=(6, 5, 4, 2, 2),
        kernels=(12, 10, 8, 4, 4),
        block_kernels=(3, 7),
        activation="leaky_relu",
    ),
)


def save(path: Path) -> FrozenInfo:
    """A frozen checkpoint of random weights."""
    torch.manual_seed(0)
    info = FrozenInfo("tiny", "audiosr", TINY.to_dict(), "none", "CC0-1.0", "none")
    return write(AudioSr(TINY).state_dict(), info, path, half=False)
