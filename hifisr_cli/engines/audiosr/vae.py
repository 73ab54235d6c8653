"""The autoencoder of latent diffusion (Rombach et al. 2022): log-mel frames to the moments of a latent, and back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.audiosr.blocks import ConvBlock, Downsample, Upsample
from hifisr_cli.engines.audiosr.config import GROUPS, VaeConfig

_EPS = 1e-6
_LOG_VARIANCE_RANGE = -30.0, 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """Independent normal distributions: mean and standard deviation of the same shape."""

    mean: Tensor
    std: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Made of noise of unit variance, of the same shape."""
        return self.mean + self.std * noise


class PositionAttention(nn.Module):
    """Attention of one head between all positions of an image, with a residual connection. [B, C, H, W] -> same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels, _EPS)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        query, key, value = (part(normed).flatten(2).transpose(1, 2)[:, None] for part in (self.q, self.k, self.v))
        attended = F.scaled_dot_product_attention(query, key, value)[:, 0]  # [B, H W, C]
        return torch.add(x, self.proj_out(attended.transpose(1, 2).reshape(x.shape)))


def _block(channels_in: int, channels_out: int) -> ConvBlock:
    return ConvBlock(channels_in, channels_out, eps=_EPS)


def _middle(channels: int) -> nn.Sequential:
    return nn.Sequential(_block(channels, channels), PositionAttention(channels), _block(channels, channels))


class LatentEncoder(nn.Module):
    """Log-mel frames to the distribution of their latent: [B, F, M] -> [B, Z, F / r, M / r]."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        widths, last = config.widths, config.widths[-1]
        self.conv_in = nn.Conv2d(1, config.channels, 3, padding=1)
        self.down = nn.ModuleList()
        for level, (before, width) in enumerate(pairwise((config.channels, *widths))):
            blocks: list[nn.Module] = [_block(before if i == 0 else width, width) for i in range(config.blocks)]
            if level < len(widths) - 1:
                blocks.append(Downsample(width, centred=False))
            self.down.append(nn.Sequential(*blocks))
        self.middle = _middle(last)
        self.norm_out = nn.GroupNorm(GROUPS, last, _EPS)
        self.conv_out = nn.Conv2d(last, 2 * config.latent, 3, padding=1)
        self.moments = nn.Conv2d(2 * config.latent, 2 * config.latent, 1)

    def forward(self, log_mel: Tensor) -> Gaussian:
        x = self.conv_in(log_mel[:, None])
        for level in self.down:
            x = level(x)
        x = self.conv_out(F.silu(self.norm_out(self.middle(x))))
        mean, log_variance = self.moments(x).chunk(2, dim=1)
        return Gaussian(mean, torch.exp(0.5 * log_variance.clamp(*_LOG_VARIANCE_RANGE)))


class LatentDecoder(nn.Module):
    """A latent to log-mel frames: [B, Z, L, K] -> [B, L r, K r]."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.enter = nn.Conv2d(config.latent, config.latent, 1)
        self.conv_in = nn.Conv2d(config.latent, widths[0], 3, padding=1)
        self.middle = _middle(widths[0])
        self.up = nn.ModuleList()
        for level, (before, width) in enumerate(pairwise((widths[0], *widths))):
            blocks: list[nn.Module] = [_block(before if i == 0 else width, width) for i in range(config.blocks + 1)]
            if level < len(widths) - 1:
                blocks.append(Upsample(width))
            self.up.append(nn.Sequential(*blocks))
        self.norm_out = nn.GroupNorm(GROUPS, widths[-1], _EPS)
        self.conv_out = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.middle(self.conv_in(self.enter(latent)))
        for level in self.up:
            x = level(x)
        log_mel: Tensor = self.conv_out(F.silu(self.norm_out(x), inplace=True))
        return log_mel[:, 0]
