"""The denoiser: a U-Net over the latent (Ho et al. 2020; Rombach et al. 2022) that predicts v."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.audiosr.blocks import ConvBlock, Downsample, Upsample
from hifisr_cli.engines.audiosr.config import GROUPS, UnetConfig
from hifisr_cli.engines.audiosr.transformer import ImageTransformer

_EPS = 1e-5
_LONGEST_PERIOD = 10_000.0
_EMBEDDING = 4
"""Width of the embedded time over that of the sinusoids it is made from."""


def time_sinusoids(t: Tensor, width: int) -> Tensor:
    """Cosines, then sines of a time: [B] -> [B, width]. In float32 always, as in training."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float32, device=t.device)
    angles = t.float()[:, None] * torch.exp(steps * (-math.log(_LONGEST_PERIOD) / half))
    return torch.cat((angles.cos(), angles.sin()), dim=1)


class UnetRow(nn.ModuleList):
    """Modules one after the other, of which the residual blocks see the embedded time, too."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for module in self:
            x = module(x, embedding) if isinstance(module, ConvBlock) else module(x)
        return x


class Unet(nn.Module):
    """The denoiser.

    Shape: channels of noisy latent and condition [B, 2 Z, L, K], time [B] from 0 to 999 -> v [B, Z, L, K]; L and K
    multiples of `UnetConfig.reduction`.

    Args:
        latent: Z.
    """

    def __init__(self, latent: int, config: UnetConfig) -> None:
        super().__init__()
        self.config = config
        self._embedding = _EMBEDDING * config.channels
        self.time = nn.Sequential(
            nn.Linear(config.channels, self._embedding), nn.SiLU(), nn.Linear(self._embedding, self._embedding)
        )
        width, widths = config.channels, config.widths
        skips = [width]
        self.down = nn.ModuleList([UnetRow([nn.Conv2d(2 * latent, width, 3, padding=1)])])
        for level, level_width in enumerate(widths):
            for _ in range(config.blocks):
                self.down.append(UnetRow(self._stack(width, level_width, level)))
                width = level_width
                skips.append(width)
            if level < len(widths) - 1:
                self.down.append(UnetRow([Downsample(width, centred=True)]))
                skips.append(width)
        self.middle = UnetRow([*self._stack(width, width, len(widths)), self._block(width, width)])
        self.up = nn.ModuleList()
        for level, level_width in reversed(list(enumerate(widths))):
            for i in range(config.blocks + 1):
                row = UnetRow(self._stack(width + skips.pop(), level_width, level))
                width = level_width
                if level and i == config.blocks:
                    row.append(Upsample(width))
                self.up.append(row)
        self.norm_out = nn.GroupNorm(GROUPS, width, _EPS)
        self.conv_out = nn.Conv2d(width, latent, 3, padding=1)

    def _block(self, channels_in: int, channels_out: int) -> ConvBlock:
        return ConvBlock(channels_in, channels_out, eps=_EPS, embedding=self._embedding)

    def _stack(self, channels_in: int, channels_out: int, level: int) -> Iterator[nn.Module]:
        """A residual block and, below the top, the transformers that follow it."""
        yield self._block(channels_in, channels_out)
        for _ in range(2 if level else 0):
            yield ImageTransformer(channels_out, self.config.head_width)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        embedding = self.time(time_sinusoids(t, self.config.channels).to(x.dtype))
        skips = []
        for row in self.down:
            x = row(x, embedding)
            skips.append(x)
        x = self.middle(x, embedding)
        for row in self.up:
            x = row(torch.cat((x, skips.pop()), dim=1), embedding)
        v: Tensor = self.conv_out(F.silu(self.norm_out(x)))
        return v
