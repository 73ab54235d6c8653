"""The U-Net of both branches: strided convolutions down, subpixel convolutions up (Kuleshov et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.tfnet.config import TfnetConfig

_SLOPE = 0.2  # of the leaky ReLUs on the way down, as in the authors' code
_LAST_TAPS = 9  # of the last convolution; the same
_FIRST_STEP = 1e-3  # deviation of its first weights, by which a network begins near silence, as in Kuleshov's code


def shuffle(channels: Tensor) -> Tensor:
    """Subpixel upsampling: the first half of the channels become the even samples, the second half the odd ones.

    Shape: [B, 2 D, T] -> [B, D, 2 T].
    """
    even, odd = channels.chunk(2, dim=1)
    return torch.stack((even, odd), dim=-1).flatten(-2)


class AudioUnet(nn.Module):
    """A sequence in, a sequence of the same length out; along time or along frequency.

    Shape: [B, T] -> [B, T], T a multiple of `TfnetConfig.stride`.
    """

    def __init__(self, config: TfnetConfig) -> None:
        super().__init__()
        filters, taps = config.filters, config.taps
        self.down = nn.ModuleList(
            _convolution(before, count, width, stride=2)
            for before, count, width in zip((1, *filters), filters, taps, strict=False)
        )
        self.bottleneck = _convolution(filters[-1], filters[-1], taps[-1], stride=2, bias=config.bias)
        upward = list(zip(filters, taps, strict=True))[::-1]
        into = [filters[-1], *(2 * count for count, _ in upward)]  # what is below, then joined with what was skipped
        self.up = nn.ModuleList(
            _convolution(before, 2 * count, width) for before, (count, width) in zip(into, upward, strict=False)
        )
        self.last = _convolution(into[-1], 2, _LAST_TAPS, bias=config.bias)
        nn.init.normal_(self.last.weight, std=_FIRST_STEP)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, sequence: Tensor) -> Tensor:
        inner, skipped = sequence[:, None], []
        for down in self.down:
            inner = F.leaky_relu(down(inner), _SLOPE)
            skipped.append(inner)
        inner = self.dropout(F.leaky_relu(self.bottleneck(inner), _SLOPE))
        for up, beside in zip(self.up, reversed(skipped), strict=True):
            inner = torch.cat((shuffle(self.dropout(F.relu(up(inner)))), beside), dim=1)
        return shuffle(self.last(inner))[:, 0]


def _convolution(before: int, after: int, taps: int, *, stride: int = 1, bias: bool = False) -> nn.Conv1d:
    """Orthogonal at the beginning, as in the authors' code."""
    convolution = nn.Conv1d(before, after, taps, stride, padding=taps // 2, bias=bias)
    nn.init.orthogonal_(convolution.weight)
    return convolution
