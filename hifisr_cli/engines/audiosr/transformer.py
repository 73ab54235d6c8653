"""The transformer that follows the U-Net's residual blocks (Rombach et al. 2022, without a context of its own)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.audiosr.config import GROUPS

_EPS = 1e-6


class SelfAttention(nn.Module):
    """Attention of several heads between all tokens, with its norm and a residual connection: [B, N, C] -> same.

    Args:
        head_width: channels of a head.
    """

    def __init__(self, channels: int, head_width: int) -> None:
        super().__init__()
        self._head_width = head_width
        self.norm = nn.LayerNorm(channels)
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.to_out = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        query, key, value = (
            part(normed).unflatten(2, (-1, self._head_width)).transpose(1, 2)
            for part in (self.to_q, self.to_k, self.to_v)
        )  # [B, heads, N, head_width]
        attended = F.scaled_dot_product_attention(query, key, value)
        return torch.add(x, self.to_out(attended.transpose(1, 2).flatten(2)))


class FeedForward(nn.Module):
    """Gated by GELU (GEGLU, Shazeer 2020), four times as wide inside, with its norm and a residual connection.

    Shape: [B, N, C] -> same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.enter = nn.Linear(channels, 8 * channels)
        self.leave = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.enter(self.norm(x)).chunk(2, dim=2)
        return torch.add(x, self.leave(value * F.gelu(gate)))


class ImageTransformer(nn.Module):
    """Two self-attentions and a feed-forward layer over the positions of an image, which no code tells apart.

    The second attention was meant for a context, which the published network has not. [B, C, H, W] -> same.
    """

    def __init__(self, channels: int, head_width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels, _EPS)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.attn1, self.attn2 = SelfAttention(channels, head_width), SelfAttention(channels, head_width)
        self.ff = FeedForward(channels)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        tokens = self.ff(self.attn2(self.attn1(tokens)))
        return torch.add(x, self.proj_out(tokens.transpose(1, 2).reshape(x.shape)))
