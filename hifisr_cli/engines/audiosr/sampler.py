"""From noise to a latent in few calls of the network.

The default solver is DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095) on the data estimate. With v prediction it can
start where nothing of the signal is left (t = 999, alpha = 0): x0 is -v there, and no equation divides by alpha.
`ancestral` is what the published program does (DDIM with eta = 1), for comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hifisr_cli.engines.audiosr.schedule import (
    LAST,
    STEPS,
    alpha_bar,
    clean,
    half_log_snr,
    noise,
    time_at,
)

Velocity = Callable[[Tensor, int], Tensor]
"""v of a latent [B, Z, L, K] at an integer time from 0 to 999: [B, Z, L, K]."""

CLEAN = (1.0, 0.0)
"""alpha and sigma of a signal without noise: a last step to there returns x0."""

_FIRST_OF_LAMBDA = 995
"""The grid in lambda is uniform from here on: lambda(995) = -5.1, as diffusers clips it; earlier times lie at -37."""


def call_times(grid: str, steps: int) -> tuple[int, ...]:
    """When the network is called: `steps` falling integers from 999 on, the grid's last time (0) left out.

    The network was trained on integers; rounding costs less than 0.001 of the latent in the closed form. Times that
    fall together, of many steps, are one.

    Args:
        grid: "trailing" (uniform in time, as in arXiv 2305.08891), or "lambda" (uniform in lambda but for the first).
    """
    if grid == "trailing":
        times = [round(LAST * (1.0 - i / steps)) for i in range(steps)]
    else:
        first, last = half_log_snr(torch.tensor((_FIRST_OF_LAMBDA, 0))).tolist()
        even = torch.linspace(first, last, steps + 1, dtype=torch.float64)[1:-1]
        times = [LAST, *map(round, time_at(even).tolist())]
    return tuple(dict.fromkeys(times))


def alpha_sigma(time: int) -> tuple[float, float]:
    """How much of signal and noise there is at a time."""
    share = float(alpha_bar(torch.tensor(time)))
    return math.sqrt(share), math.sqrt(1.0 - share)


def solve(
    velocity: Velocity,
    x: Tensor,
    times: Sequence[int],
    *,
    end: tuple[float, float] = CLEAN,
) -> Tensor:
    """DPM-Solver++(2M) from noise x [B, Z, L, K] at times[0] to `end`, in a call for each of `times`.

    The first step is of first order, there is nothing to extrapolate from; the second nearly so, as lambda(999) = -37
    lies far away. So is the last one, which overshoots otherwise (15 trailing steps, a channel with a large mean:
    relative error 0.27 instead of 0.08).

    Args:
        end: alpha and sigma of what is returned.
    """
    points = [*(alpha_sigma(time) for time in times), end]
    before: Tensor | None = None
    for i, time in enumerate(times):
        (alpha, sigma), (next_alpha, next_sigma) = points[i], points[i + 1]
        x0 = clean(x, velocity(x, time), alpha, sigma)
        ahead = x0
        if before is not None and i + 1 < len(times):
            ratio = (_lambda(points[i]) - _lambda(points[i - 1])) / (_lambda(points[i + 1]) - _lambda(points[i]))
            ahead = x0 + (x0 - before) / (2.0 * ratio)
        x = next_sigma / sigma * x + (next_alpha - next_sigma * alpha / sigma) * ahead
        before = x0
    return x


def _lambda(point: tuple[float, float]) -> float:
    """Half the logarithm of the ratio of signal to noise."""
    alpha, sigma = point
    return math.log(alpha / sigma)


def ancestral(
    velocity: Velocity,
    x: Tensor,
    times: Sequence[int],
    draw: Callable[[int], Tensor],
    *,
    eta: float = 1.0,
) -> Tensor:
    """What the published program calls DDIM: its eta = 1 adds noise in every step, the last one included.

    Args:
        draw: gives the noise of each step, counted from 0: [B, Z, L, K].
        eta: 0 adds none (DDIM as in Song et al. 2020, arXiv 2010.02502).
    """
    exact = alpha_bar(torch.arange(STEPS))
    # The published program holds all three of them in float32.
    shares, alphas, sigmas = (each.float().tolist() for each in (exact, exact.sqrt(), (1.0 - exact).sqrt()))
    for i, (time, following) in enumerate(zip(times, [*times[1:], 0], strict=True)):
        now, then, alpha, sigma = shares[time], shares[following], alphas[time], sigmas[time]
        v = velocity(x, time)
        fresh = eta * math.sqrt((1.0 - then) / (1.0 - now)) * math.sqrt(1.0 - now / then)
        kept = math.sqrt(1.0 - then - fresh**2)
        x = math.sqrt(then) * clean(x, v, alpha, sigma) + kept * noise(x, v, alpha, sigma)
        if fresh:
            x = x + fresh * draw(i)
    return x
