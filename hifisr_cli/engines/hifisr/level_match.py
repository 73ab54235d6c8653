"""Matching the level of a generated signal to its original, for networks that cannot hear how loud a recording is."""

from __future__ import annotations

import torch
from torch import Tensor

from hifisr_cli.results import KEPT_FRACTION, SAMPLE_RATE

OCTAVES = 2.0  # levels are compared in so many octaves below the crossover: near it, and above hum and rumble
LARGEST_GAIN = 10.0  # a generated low band that needs more is no likeness of the original: its level says nothing
_FAINT = 1e-8


def match_level(generated: Tensor, original: Tensor, cutoff_hz: Tensor) -> Tensor:
    """The generated signal with the original's level just below the cutoff.

    Both have content there, and the original's is what has to be continued. A gain per row, so the shape of the signal
    is kept; the gain follows the original exactly: half the level in, half the level out.

    Shape: [B, T], [B, T], cutoffs in Hz [B] or [B, F], of which the lowest counts -> [B, T].
    """
    spectra = torch.fft.rfft(torch.stack((generated, original)).float()).abs().square()
    frequencies = torch.linspace(0.0, SAMPLE_RATE / 2, spectra.shape[-1], device=generated.device)
    top = KEPT_FRACTION * cutoff_hz.reshape(len(cutoff_hz), -1).amin(dim=1, keepdim=True)
    band = (frequencies > top / 2.0**OCTAVES) & (frequencies <= top)
    levels = (spectra * band).sum(dim=-1).sqrt() / generated.shape[-1]
    gains = levels[1] / levels[0].clamp(min=_FAINT)
    matched: Tensor = generated * gains.clamp(max=LARGEST_GAIN)[:, None]
    return matched
