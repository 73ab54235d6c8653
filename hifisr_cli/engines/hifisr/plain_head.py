"""The waveform head for processors that are at their best with PyTorch's own convolutions."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor, nn

from hifisr_cli.engines.hifisr.fast_head import InterruptedWorkError
from hifisr_cli.engines.hifisr.hifigan import HifiGan
from hifisr_cli.engines.hifisr.pulses import Pulsation


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
