"""Spectral fusion: how loud each bin is by both branches, its phase by the time branch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_NO_PHASE = 1e-5
"""Magnitude, of an orthonormal transform, below which a bin fades out instead of being turned up: what has no
magnitude has no phase either, and the gradient of a phase grows as its magnitude falls. White noise of -100 dBFS has
such bins. Chosen by hand, not measured."""


def with_phase_of(carrier: Tensor, magnitude: Tensor) -> Tensor:
    """Complex spectrum [B, K] of these magnitudes [B, K] and the phases of `carrier` [B, K]."""
    return carrier * (magnitude / carrier.abs().clamp(min=_NO_PHASE))


class SpectralFusion(nn.Module):
    """w |Z| + (1 - w) m in every bin, with the phase of Z (Lim et al. 2018); w in (0, 1) is learnt, one for each bin.

    Shape: complex Z [B, K], m [B, K] -> complex [B, K].
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.balance = nn.Parameter(torch.zeros(bins))

    def forward(self, time: Tensor, magnitude: Tensor) -> Tensor:
        weight = torch.sigmoid(self.balance)
        return weight * time + (1.0 - weight) * with_phase_of(time, magnitude)
