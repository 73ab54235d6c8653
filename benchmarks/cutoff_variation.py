"""More cases out of simulated ones, among their features: other equalisers, gains, speeds, low-passes and floors.

A low-pass and an equaliser add the same decibels to all that was there before them, so they need no audio. What is
added later, a white floor, adds power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from cutoff_cases import log_uniform, low_pass
from torch import Tensor

from hifisr_cli.dsp.bandwidth_features import GRID_HZ, LEVELS, POSITIONS, REFERENCES, STEPS_PER_OCTAVE

OWN = LEVELS - REFERENCES - 1
RATE, TAPS = 48_000, 8192
DEEPEST_DB = 110.0
# how far the quantiles of a band of noise lie from its mean, in standard deviations
NOISE_QUANTILES = torch.tensor([2.3, 1.64, 0.84, 0.0, -1.28, -1.88])


@dataclass
class LowPasses:
    """Responses [N, POSITIONS] in dB and cutoffs [N] in Hz."""

    response_db: Tensor
    cutoff: Tensor


def low_passes(count: int, seed: int = 0) -> LowPasses:
    """As drawn for the simulated cases, from their impulse responses."""
    rng = np.random.default_rng([18, seed])
    impulse = np.zeros(TAPS)
    impulse[TAPS // 2] = 1.0
    frequency = np.fft.rfftfreq(TAPS, 1 / RATE)
    half = np.maximum(GRID_HZ * (2 ** (0.5 / STEPS_PER_OCTAVE) - 1), 100.0)
    rows: list[npt.NDArray[np.float64]] = []
    cutoffs = []
    first, last = np.searchsorted(frequency, GRID_HZ - half), np.searchsorted(frequency, GRID_HZ + half)
    for _ in range(count):
        cutoff = log_uniform(rng, 800, 17_400)
        response, _ = low_pass(impulse, RATE, cutoff, rng)
        power = np.concatenate([[0.0], np.cumsum(np.abs(np.fft.rfft(response)) ** 2)])
        mean = (power[last] - power[first]) / (last - first)
        rows.append(np.maximum(10 * np.log10(mean + 1e-30), -200.0))
        cutoffs.append(cutoff)
    return LowPasses(torch.tensor(np.array(rows), dtype=torch.float32), torch.tensor(cutoffs, dtype=torch.float32))


def filtered(seen: Tensor, passes: LowPasses, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Features [N, ...] of complete 48 kHz files after low-passes drawn at random, and their cutoffs [N]."""
    count = len(seen)
    rows = torch.randint(len(passes.cutoff), (count,), generator=rng)
    own, quietest, loud = (part * 20 for part in seen[:, :LEVELS].split((OWN, 1, REFERENCES), 1))
    contrast = torch.sinh(2 * seen[:, LEVELS:-3]).unflatten(1, (REFERENCES, -1))
    quiet = loud - contrast[:, :, 1]
    loud = quiet[:, :, None] + contrast
    response = passes.response_db[rows][:, None]
    draw = torch.rand(count, 1, 1, generator=rng)
    level = torch.rand(count, 1, 1, generator=rng)
    floor = torch.where(draw < 0.4, -150.0, torch.where(draw < 0.7, -100 + 30 * level, -70 + 50 * level))
    cells = torch.from_numpy(np.maximum(GRID_HZ * 0.0595, 200.0) / 35).float()
    wobble = 4.34 / cells.sqrt()
    lift = response + torch.zeros_like(own)
    own = added(own + lift, floor + NOISE_QUANTILES[None, :, None] * wobble)
    steady = 0.2 * wobble * torch.randn(count, REFERENCES + 1, POSITIONS, generator=rng)
    quietest = added(quietest + response, floor - 0.3 * wobble + steady[:, :1])
    quiet = added(quiet + response, floor)
    loud = added(loud + response[:, None], floor[:, None]) + steady[:, 1:, None]
    middle = torch.from_numpy((GRID_HZ > 400) & (GRID_HZ < 2500))
    reference = own[:, 1:2, middle].mean(2, keepdim=True)
    levels = (torch.cat([own, quietest, loud[:, :, 1]], 1) - reference).clamp(-DEEPEST_DB, 40) / 20
    contrasts = torch.asinh(loud - quiet[:, :, None]).flatten(1, 2) / 2
    return torch.cat([torch.cat([levels, contrasts], 1) * seen[:, -3:-2], seen[:, -3:]], 1), passes.cutoff[rows]


def added(first_db: Tensor, second_db: Tensor) -> Tensor:
    """The level of two powers together."""
    return 4.343 * torch.logaddexp(first_db / 4.343, second_db / 4.343)


def varied(seen: Tensor, truth: Tensor, nyquist: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """The same cases through another equaliser and another gain, played somewhat faster or slower."""
    seen, count = seen.clone(), len(truth)
    inside = seen[:, -3:-2]
    knots = torch.randn(count, 1, 8, generator=rng) * torch.exp(torch.randn(count, 1, 1, generator=rng) * 0.8)
    curve = F.interpolate(knots, POSITIONS, mode="linear", align_corners=True)
    tilt = torch.linspace(-1, 1, POSITIONS)[None, None] * torch.randn(count, 1, 1, generator=rng) * 4
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
