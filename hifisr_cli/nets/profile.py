"""What the network is told of the whole recording, besides the stretch that it sees."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hifisr_cli.dsp.profile import BAND_EDGES_HZ, BANDS, SHARES

_CENTRE_DB, _SCALE_DB = -50.0, 20.0
_WIDTH = 64


class ProfileFeatures(nn.Module):
    """A recording's profile below the cutoff, as something to add to the features of every frame.

    It begins with zeros: a network that is given it says at first what it said without.

    Shape: profile in dB [B, S, P] (`dsp.profile`; NaN where it is not known), cutoff in Hz [B] -> [B, C, 1].
    """

    tops: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("tops", torch.tensor(BAND_EDGES_HZ[1:], dtype=torch.float32), persistent=False)
        self.enter = nn.Linear((len(SHARES) + 1) * BANDS, _WIDTH)
        self.between = nn.Linear(_WIDTH, _WIDTH)
        self.leave = nn.Linear(_WIDTH, channels)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, profile: Tensor, cutoff_hz: Tensor) -> Tensor:
        known = torch.isfinite(profile) & (self.tops <= cutoff_hz[:, None])[:, None]
        scaled = torch.where(known, (profile - _CENTRE_DB) / _SCALE_DB, 0.0)
        seen = torch.cat((scaled, known[:, :1].to(scaled.dtype)), dim=1).flatten(1)
        told: Tensor = self.leave(F.silu(self.between(F.silu(self.enter(seen)))))
        return told[:, :, None]
