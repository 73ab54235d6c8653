"""MossFormer latent transformer with gated FSMN recurrence (MossFormer2, Zhao et al. 2024).

[B, C, F] -> [B, latent, F]: attention layers for what is near, feed-forward sequential memory for rhythm.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.hifisr.attention import ConvProjection, FlashLayer, position_angles
from hifisr_cli.engines.hifisr.config import MossFormerConfig

_CHUNK_NORM_EPSILON = 1e-8


class Fsmn(nn.Module):
    """Feed-forward sequential memory (Zhang et al. 2018): a learned moving sum over frames. [B, F, D] -> same."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.project = nn.Linear(width, width, bias=False)
        self.memory = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        p = self.project(F.relu(self.linear(x)))
        remembered: Tensor = x + p + self.memory(p.transpose(1, 2)).transpose(1, 2)
        return remembered


class GatedFsmnBlock(nn.Module):
    """FSMN memory gated by a second stream, in a bottleneck. [B, F, D] -> [B, F, D], residual."""

    def __init__(self, config: MossFormerConfig) -> None:
        super().__init__()
        inner, kernel = config.fsmn_width, config.conv_kernel
        self.enter = nn.Linear(config.width, inner)
        self.activation = nn.PReLU()
        self.norm_in = nn.LayerNorm(inner)
        self.to_u = ConvProjection(nn.LayerNorm(inner), inner, inner, kernel)
        self.to_v = ConvProjection(nn.LayerNorm(inner), inner, inner, kernel)
        self.fsmn = Fsmn(inner, config.fsmn_kernel)
        self.norm_out = nn.LayerNorm(inner)
        self.leave = nn.Linear(inner, config.width)

    def forward(self, x: Tensor) -> Tensor:
        z = self.norm_in(self.activation(self.enter(x)))
        gated = self.to_v(z) * self.fsmn(self.to_u(z)) + z
        change: Tensor = self.leave(self.norm_out(gated))
        return x + change


class AbsolutePosition(nn.Module):
    """Sines and cosines of the frame index with one learned scale (published network only). [B, F, D] -> [F, D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        angle = position_angles(x.shape[1], self.width, x)
        return torch.cat((angle.sin(), angle.cos()), dim=-1) * self.scale


class MossFormer(nn.Module):
    """The whole latent transformer.

    Shape: [B, C, F] -> [B, latent, F - 2 spare], where `spare` frames at either end are context only. With bounded
    context the output at a frame depends on `context_frames` to either side and on nothing else.
    """

    def __init__(self, channels: int, config: MossFormerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        chunk_statistics = config.context == "global"
        self.norm_in: nn.Module = (
            nn.GroupNorm(1, channels, eps=_CHUNK_NORM_EPSILON) if chunk_statistics else nn.Identity()
        )
        self.enter = nn.Linear(channels, width, bias=False)
        self.position = AbsolutePosition(width) if chunk_statistics else None
        self.flash = nn.ModuleList(FlashLayer(config) for _ in range(config.blocks))
        self.fsmn = nn.ModuleList(
            GatedFsmnBlock(config) if config.fsmn_width else nn.Identity() for _ in range(config.blocks)
        )
        self.norm_frames = nn.LayerNorm(width, eps=1e-6)
        self.norm_chunk: nn.Module = (
            nn.GroupNorm(1, width, eps=_CHUNK_NORM_EPSILON) if chunk_statistics else nn.Identity()
        )
        self.activation = nn.PReLU()
        self.tail = nn.Linear(width, width)
        self.tail_value = nn.Linear(width, width)
        self.tail_gate = nn.Linear(width, width)
        self.leave = nn.Linear(width, config.latent, bias=False)
        conv, memory, token_shift = config.conv_kernel // 2, config.fsmn_kernel // 2, 1
        recurrent = conv + memory if config.fsmn_width else 0
        self.context_frames = config.blocks * (token_shift + conv + config.span + conv + recurrent)

    def forward(self, features: Tensor, *, spare: int = 0) -> Tensor:
        start = self.enter(self.norm_in(features).transpose(1, 2))
        x = start if self.position is None else start + self.position(start)
        skip = x
        for flash, fsmn in zip(self.flash, self.fsmn, strict=True):
            x = fsmn(flash(x))
        x, skip = (each[:, spare : each.shape[1] - spare] for each in (x, skip))
        x = self.norm_chunk(self.norm_frames(x).transpose(1, 2)).transpose(1, 2) + skip
        x = self.tail(self.activation(x))
        x = torch.tanh(self.tail_value(x)) * torch.sigmoid(self.tail_gate(x))
        return F.relu(self.leave(x)).transpose(1, 2)
