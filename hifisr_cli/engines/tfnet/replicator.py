"""The spectral replicator: the band below the cutoff is copied over and over until it fills the band above."""

from __future__ import annotations

import torch
from torch import Tensor


def replicate(spectrum: Tensor, passed: Tensor) -> Tensor:
    """Copies, not mirror images, and the last one is cut off where the spectrum ends.

    Shape: [B, K] without the bin of 0 Hz, [B] -> [B, K].

    Args:
        passed: how many bins of each spectrum lie up to the cutoff, at least 1.
    """
    places = torch.arange(spectrum.shape[1], device=spectrum.device) % passed[:, None]
    return spectrum.gather(1, places)
