"""More cases out of simulated ones, among their features: other equalisers, gains and speeds.

An equaliser adds the same decibels to every level and changes neither contrasts nor correlations, so it needs no audio.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hifisr_cli.dsp.bandwidth.features import LEVELS, POSITIONS, STEPS_PER_OCTAVE


def varied(seen: Tensor, truth: Tensor, nyquist: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """The same cases through another equaliser and another gain, played somewhat faster or slower."""
    seen, count = seen.clone(), len(truth)
    inside = seen[:, -3:-2]
    knots = torch.randn(count, 1, 8, generator=rng) * torch.exp(torch.randn(count, 1, 1, generator=rng) * 0.6 - 0.5)
    curve = F.interpolate(knots, POSITIONS, mode="linear", align_corners=True)
    tilt = torch.linspace(-1, 1, POSITIONS)[None, None] * torch.randn(count, 1, 1, generator=rng) * 2.5
    offset = torch.randn(count, 1, 1, generator=rng) * 2
    seen[:, :LEVELS] += (curve + tilt + offset) / 20 * inside
    seen[:, :LEVELS] += 0.01 * torch.randn(count, LEVELS, POSITIONS, generator=rng) * inside
    shift = int(torch.randint(-3, 4, (1,), generator=rng))
    if shift > 0:
        seen[:, :-2] = torch.cat([seen[:, :-2, :1].expand(-1, -1, shift), seen[:, :-2, :-shift]], 2)
    elif shift < 0:
        seen[:, :-2] = F.pad(seen[:, :-2, -shift:], (0, -shift))
    scale = 2 ** (shift / STEPS_PER_OCTAVE)
    return seen, truth * scale, torch.clamp(nyquist * scale, max=24_000.0)
