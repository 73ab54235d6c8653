"""Prepares a network for inference on the processor: the same numbers (to rounding) in less time."""

from __future__ import annotations

import torch
from torch import nn

from hifisr_cli.engines.audiosr.network import AudioSr
from hifisr_cli.engines.audiosr.winograd import WinogradConv
from hifisr_cli.engines.hifigan.fast_head import FastHead

_VOCODER_ROWS = 4096
"""Of the published sizes, 5.12 s on one core with AVX2: 30 CPU s; with tiles as they are elsewhere 48 s. (On a busier
machine 32 s, beside 88 s of the plain vocoder.)"""


def accelerate(network: AudioSr) -> AudioSr:
    """Prepares a float32 network on the processor, in place; returns it.

    Autoencoder and vocoder, which are most of the work. The images of the denoiser are too small to gain.
    """
    has_mkl: bool = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    if has_mkl:  # whose matrix products all of it leans on
        for part in (network.encoder, network.decoder):
            _take_winograd(part)
        network.vocoder = FastHead(network.vocoder, fewest_rows=_VOCODER_ROWS, threads=torch.get_num_threads())  # type: ignore[assignment]
    return network


def _take_winograd(part: nn.Module) -> None:
    for name, child in part.named_children():
        if isinstance(child, nn.Conv2d) and WinogradConv.fits(child):
            setattr(part, name, WinogradConv(child))
        else:
            _take_winograd(child)
