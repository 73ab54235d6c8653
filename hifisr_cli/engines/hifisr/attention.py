"""FLASH attention with shared scores (Hua et al. 2022; MossFormer, Zhao and Ma 2023), layout [B, F, D].

One layer serves the published network (groups of frames plus linear attention over the whole chunk) and the bounded
one (a sliding window, so that output does not depend on where the recording is cut).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.hifisr.config import ROTARY_WIDTH, MossFormerConfig

_ROTARY_BASE = 10_000.0


class ScaleNorm(nn.Module):
    """Normalises each frame to unit root mean square times one learned gain (Nguyen and Salazar 2019). [..., D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = width**-0.5
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.scale
        normalised: Tensor = x / norm.clamp(min=1e-5) * self.gain
        return normalised


class ConvProjection(nn.Module):
    """Norm, linear projection, SiLU, then a residual depthwise convolution over frames: [B, F, D] -> [B, F, D']."""

    def __init__(self, norm: nn.Module, width_in: int, width_out: int, kernel: int) -> None:
        super().__init__()
        self.norm = norm
        self.linear = nn.Linear(width_in, width_out)
        self.depthwise = nn.Conv1d(width_out, width_out, kernel, padding=kernel // 2, groups=width_out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.linear(self.norm(x)))
        smeared: Tensor = self.depthwise(y.transpose(1, 2))
        return y + smeared.transpose(1, 2)


def position_angles(frames: int, width: int, like: Tensor) -> Tensor:
    """Angles t 10000^(-2 i / width) of frame t and pair i: [F, width / 2], on the device and in the type of `like`.

    The frequencies are rounded to float32, because published checkpoints hold them so.
    """
    index = torch.arange(0, width, 2, device=like.device, dtype=torch.float32)
    frequencies = 1.0 / _ROTARY_BASE ** (index / width)
    positions = torch.arange(frames, device=like.device, dtype=like.dtype)
    return positions[:, None] * frequencies.to(like.dtype)


def rotate(x: Tensor) -> Tensor:
    """Rotary position embedding (Su et al. 2021) of the first 32 channels, in interleaved pairs. [B, F, D] -> same.

    Products of rotated queries and keys depend on the difference of their positions only.
    """
    angle = position_angles(x.shape[1], ROTARY_WIDTH, x)
    cos, sin = angle.cos(), angle.sin()
    even, odd = x[..., 0:ROTARY_WIDTH:2], x[..., 1:ROTARY_WIDTH:2]
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1).flatten(-2)
    return torch.cat((turned, x[..., ROTARY_WIDTH:]), dim=-1)


class GroupedAttention(nn.Module):
    """The published mixing: squared-ReLU attention inside groups plus linear attention over the whole chunk.

    Shape: qk [B, F, d], values [B, F, E] -> [B, F, E].
    """

    def __init__(self, config: MossFormerConfig) -> None:
        super().__init__()
        self.group = config.span
        self.gamma = nn.Parameter(torch.ones(4, config.qk_width))
        self.beta = nn.Parameter(torch.zeros(4, config.qk_width))

    def forward(self, qk: Tensor, values: Tensor) -> Tensor:
        batch, frames, _ = values.shape
        quad_q, lin_q, quad_k, lin_k = (rotate(qk * self.gamma[i] + self.beta[i]) for i in range(4))
        # Zero keys and values of the padding add nothing to squared-ReLU sums, so no mask is needed.
        pad = -frames % self.group
        grouped = [
            F.pad(t, (0, 0, 0, pad)).reshape(batch, -1, self.group, t.shape[-1]) for t in (quad_q, quad_k, values)
        ]
        scores = F.relu(grouped[0] @ grouped[1].transpose(-1, -2) / self.group).square()
        local = (scores @ grouped[2]).reshape(batch, frames + pad, -1)[:, :frames]
        summary = lin_k.transpose(1, 2) @ values / frames
        return local + lin_q @ summary


class WindowAttention(nn.Module):
    """Squared-ReLU attention of each frame to the `span` frames on either side; equivariant to shifts in time.

    Computed in blocks of 2 span queries against 4 span keys with a band mask.

    Shape: qk [B, F, d], values [B, F, E] -> [B, F, E].
    """

    band: Tensor

    def __init__(self, config: MossFormerConfig) -> None:
        super().__init__()
        self.span = config.span
        self.gamma = nn.Parameter(torch.ones(2, config.qk_width))
        self.beta = nn.Parameter(torch.zeros(2, config.qk_width))
        self.scale = config.qk_width**-0.5
        query = torch.arange(2 * self.span, device="cpu")[:, None] + self.span  # also while parameters are made on meta
        key = torch.arange(4 * self.span, device="cpu")[None]
        self.register_buffer("band", ((query - key).abs() <= self.span).float(), persistent=False)

    def forward(self, qk: Tensor, values: Tensor) -> Tensor:
        batch, frames, _ = values.shape
        block = 2 * self.span
        query, key = (rotate(qk * self.gamma[i] + self.beta[i]) for i in range(2))
        pad = -frames % block
        query = F.pad(query, (0, 0, 0, pad)).reshape(batch, -1, block, query.shape[-1])
        key, value = (self._neighbourhoods(t, pad) for t in (key, values))
        scores = F.relu(query @ key.transpose(-1, -2) * self.scale).square() * (self.band / (block + 1))
        return (scores @ value).reshape(batch, frames + pad, -1)[:, :frames]

    def _neighbourhoods(self, x: Tensor, pad: int) -> Tensor:
        """[B, F, D] -> [B, blocks, 4 span, D]: each block of 2 span frames with span more on either side."""
        padded = F.pad(x, (0, 0, self.span, pad + self.span))
        return padded.unfold(1, 4 * self.span, 2 * self.span).transpose(-1, -2)


class FlashLayer(nn.Module):
    """Gated single-head attention whose scores serve two value streams. [B, F, D] -> [B, F, D], residual."""

    def __init__(self, config: MossFormerConfig) -> None:
        super().__init__()
        width, kernel = config.width, config.conv_kernel
        hidden = width * config.expansion
        self.to_hidden = ConvProjection(ScaleNorm(width), width, hidden, kernel)
        self.to_qk = ConvProjection(ScaleNorm(width), width, config.qk_width, kernel)
        self.attention: nn.Module = GroupedAttention(config) if config.context == "global" else WindowAttention(config)
        self.to_out = ConvProjection(ScaleNorm(hidden // 2), hidden // 2, width, kernel)

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[-1] // 2
        shifted = torch.cat((F.pad(x[..., :half], (0, 0, 1, -1)), x[..., half:]), dim=-1)
        values = self.to_hidden(shifted)
        v, u = values.chunk(2, dim=-1)
        attended_v, attended_u = self.attention(self.to_qk(shifted), values).chunk(2, dim=-1)
        mixed: Tensor = self.to_out(attended_u * v * torch.sigmoid(attended_v * u))
        return x + mixed
