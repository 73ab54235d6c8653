"""The noise schedule and the algebra of v prediction.

Cosine schedule (Nichol and Dhariwal 2021) with 1000 steps whose betas are not clipped, so that at the last one nothing
is left of the signal. Noisy is x = alpha x0 + sigma e, and the network predicts v = alpha e - sigma x0 (Salimans and
Ho 2022); alpha^2 + sigma^2 = 1, so that no formula divides by alpha, which is 0 in the end.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

STEPS = 1000
LAST = STEPS - 1
"""The time of pure noise; the cleanest is 0. Times between the integers are times, too."""

Number = Tensor | float

_OFFSET = 0.008


def alpha_bar(t: Tensor) -> Tensor:
    """The share alpha^2 of the signal in the power at a time from 0 to 999, any shape, in float64."""
    progress = (t.double() + 1.0) / STEPS
    start = math.cos(_OFFSET / (1.0 + _OFFSET) * math.pi / 2.0) ** 2
    return torch.cos((progress + _OFFSET) / (1.0 + _OFFSET) * math.pi / 2.0).square() / start


def published_alpha_bars() -> Tensor:
    """As the published program holds them: of all 1000 integer times, rounded to float32."""
    return alpha_bar(torch.arange(STEPS)).float()


def half_log_snr(t: Tensor) -> Tensor:
    """ln(alpha / sigma) at times of any shape, in float64; about -37 at the last one."""
    share = alpha_bar(t)
    return 0.5 * (torch.log(share) - torch.log1p(-share))


def time_at(half_log_snr: Tensor) -> Tensor:
    """The inverse of `half_log_snr`, in float64."""
    share = torch.sigmoid(2.0 * half_log_snr.double())
    start = math.cos(_OFFSET / (1.0 + _OFFSET) * math.pi / 2.0) ** 2
    progress = torch.arccos((share * start).sqrt()) * 2.0 / math.pi * (1.0 + _OFFSET) - _OFFSET
    return STEPS * progress - 1.0


def clean(x: Tensor, v: Tensor, alpha: Number, sigma: Number) -> Tensor:
    """The estimate of x0."""
    return alpha * x - sigma * v


def noise(x: Tensor, v: Tensor, alpha: Number, sigma: Number) -> Tensor:
    """The estimate of e."""
    return alpha * v + sigma * x


def velocity(clean: Tensor, noise: Tensor, alpha: Number, sigma: Number) -> Tensor:
    """The v of a sample x0 with noise e."""
    return alpha * noise - sigma * clean
