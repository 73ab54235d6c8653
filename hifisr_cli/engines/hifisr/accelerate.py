"""Prepares a network for inference on the processor: the same numbers (to rounding) in less time."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.engines.hifigan.config import HifiGanConfig
from hifisr_cli.engines.hifigan.fast_head import FastHead
from hifisr_cli.engines.hifigan.head import HifiGan
from hifisr_cli.engines.hifigan.pulses import Pulsation
from hifisr_cli.engines.hifigan.threads import InterruptedWorkError
from hifisr_cli.engines.hifisr.attention import ConvProjection
from hifisr_cli.engines.hifisr.generator import Generator
from hifisr_cli.engines.hifisr.mossformer import Fsmn, MossFormer


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


class PlainHead(nn.Module):
    """A `HifiGan` (weight norm folded, on the processor) that can be stopped; same shapes.

    Threads may share it. While `interrupt` is set it raises `InterruptedWorkError` instead of going on to the next
    convolution.

    Args:
        bfloat16: of its convolutions. Activations and the output layer stay float32.
    """

    def __init__(self, head: HifiGan, *, bfloat16: bool) -> None:
        super().__init__()
        self.config, self.context_frames, self.istft = head.config, head.context_frames, head.istft
        self.interrupt = threading.Event()
        self._head, self._bfloat16 = head, bfloat16
        for part in head.modules():
            if isinstance(part, nn.Conv1d | nn.ConvTranspose1d):
                part.register_forward_pre_hook(self._look_up)
                if bfloat16:  # once, and not in every window
                    part.to(torch.bfloat16)

    def forward(
        self, latent: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None, *, spare: int = 0
    ) -> Tensor:
        return self.render(self.draw(latent, spare=spare), noise, pulses)

    def draw(self, latent: Tensor, *, spare: int = 0) -> Tensor:
        """[B, C, F] -> what the output layer needs, float32 [B, outputs, (F - 2 spare) upsampling]."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            return self._head.draw(latent, spare=spare).float()

    def render(self, drawn: Tensor, noise: Tensor | None = None, pulses: Pulsation | None = None) -> Tensor:
        """The output layer: see `HifiGan.render`."""
        return self._head.render(drawn, noise, pulses)

    def _look_up(self, *_: Any) -> None:
        if self.interrupt.is_set():
            raise InterruptedWorkError


def accelerate(generator: Generator, *, bfloat16: bool = False, plain: bool | None = None) -> Generator:
    """Prepares a float32 generator for inference on the processor, in place; returns it. Weight norm must be folded.

    Args:
        bfloat16: the head's convolutions are computed in bfloat16, by PyTorch. The latent transformer stays float32: it
            is a small part of the work, and what it would round depends on the place of a frame in its window, so that
            cuts would show 41 dB below the generated band instead of 78 dB (float32: 118 dB).
        plain: the head's convolutions are PyTorch's in float32, too; None chooses (`plain_is_faster`).
    """
    has_mkl: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    if has_mkl:
        _take_rows(generator.latent)
    if not isinstance(generator.head, HifiGan):
        return generator
    if plain is None:
        plain = plain_is_faster(generator.head.config)
    if bfloat16 or plain:
        generator.head = PlainHead(generator.head, bfloat16=bfloat16)  # type: ignore[assignment]
    elif has_mkl:  # whose matrix products the fast head leans on
        head = FastHead(generator.head)
        generator.head = head  # type: ignore[assignment]
        head.keep_transformed()
    return generator


def plain_is_faster(config: HifiGanConfig) -> bool:
    """Whether PyTorch's own convolutions make a head faster here than those in the frequency domain.

    With AVX-512 a head of few rows takes 9 to 17 % more time in the frequency domain, with AVX2 a fifth less; one of
    many rows half in any case (`benchmarks/published_network.py`). Decided by what network and processor are rather
    than by a measurement, so that all runs and workers of a machine make the same bytes.
    """
    return config.has_few_rows and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _take_rows(latent: MossFormer) -> None:
    for part in latent.modules():
        if isinstance(part, ConvProjection):
            part.depthwise = RowsDepthwise(part.depthwise)  # type: ignore[assignment]
        elif isinstance(part, Fsmn):
            part.memory = RowsDepthwise(part.memory)  # type: ignore[assignment]
    # Weights may lie in a mapped file, which takes memory until nothing refers to it: first leave it, then grow.
    with torch.no_grad():
        for tensor in (*latent.parameters(), *latent.buffers()):
            tensor.data = tensor.clone()
