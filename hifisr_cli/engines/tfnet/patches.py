"""A waveform in patches on a grid that does not move with the cuts, and what was made of them faded into each other."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def patches_of(wave: Tensor, length: int) -> Tensor:
    """Every half patch begins one: [B, T] -> [B, P, N], P = 2 T / N - 1."""
    return wave.unfold(1, length, length // 2)


def cross_faded(patches: Tensor) -> Tensor:
    """Neighbours that overlap by a half, weighted with the squared sine, which adds up to 1: [B, P, N] -> [B, T].

    T = (P - 1) N / 2: the first half of the first patch and the last half of the last one have no neighbour, and are
    left out.
    """
    length = patches.shape[-1]
    hop = length // 2
    place = torch.arange(hop, device=patches.device, dtype=torch.float64) + 0.5
    rising = torch.sin(math.pi * place / length).square().to(patches.dtype)
    return (patches[:, 1:, :hop] * rising + patches[:, :-1, hop:] * (1.0 - rising)).flatten(1)
