"""Prepares a network for inference on the processor: the same numbers (to rounding) in less time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.hifisr.attention import ConvProjection
from hifisr_cli.engines.hifisr.fast_head import FastHead
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.engines.hifisr.hifigan import HifiGan
from hifisr_cli.engines.hifisr.mossformer import Fsmn


class RowsDepthwise(nn.Module):
    """A depthwise convolution that knows that its input [B, D, F] is a transposed [B, F, D], and so is its output.

    As an image in channels-last layout such a tensor needs no reordering; many times faster than Conv1d.
    """

    weight: Tensor

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        weight = conv.weight.detach()[:, :, None].clone(memory_format=torch.channels_last)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        edge = self.weight.shape[-1] // 2
        return F.conv2d(x[:, :, None], self.weight, padding=(0, edge), groups=x.shape[1])[:, :, 0]


def accelerate(generator: Generator) -> Generator:
    """Replaces parts of a float32 generator on the processor, in place, by faster ones; returns it.

    Weight norm must be folded. What comes back is for inference only. Where PyTorch lacks the matrix products that
    this leans on (Intel MKL), the generator stays as it is.
    """
    if not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return generator
    for part in generator.latent.modules():
        if isinstance(part, ConvProjection):
            part.depthwise = RowsDepthwise(part.depthwise)  # type: ignore[assignment]
        elif isinstance(part, Fsmn):
            part.memory = RowsDepthwise(part.memory)  # type: ignore[assignment]
    # Weights may lie in a mapped file, which takes memory until nothing refers to it: first leave it, then grow.
    with torch.no_grad():
        for tensor in (*generator.latent.parameters(), *generator.latent.buffers()):
            tensor.data = tensor.clone()
    if isinstance(generator.head, HifiGan):
        head = FastHead(generator.head)
        generator.head = head  # type: ignore[assignment]
        head.keep_transformed()
    return generator
