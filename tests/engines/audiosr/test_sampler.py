"""The solvers against exact solutions: of data whose distribution is known, v is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.audiosr.sampler import CLEAN, Velocity, alpha_sigma, ancestral, call_times, solve
from hifisr_cli.engines.audiosr.schedule import clean
from hifisr_cli.engines.audiosr.settings import Settings, original_times

COUNT = 10_000
NOISE = torch.randn(COUNT, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def gaussian(mean: float, deviation: float) -> Velocity:
    """v for data N(mean, deviation^2), from E[x0 | x]."""
    return _velocity(lambda x, alpha, variance: torch.full_like(x, mean), deviation)


def two_gaussians(deviation: float) -> Velocity:
    """v for data of two equal Gaussians at -1 and 1: a detail that has to be decided."""
    return _velocity(lambda x, alpha, variance: torch.tanh(alpha * x / variance), deviation)


def _velocity(mean: Callable[[Tensor, float, float], Tensor], deviation: float) -> Velocity:
    def velocity(x: Tensor, time: int) -> Tensor:
        alpha, sigma = alpha_sigma(time)
        variance = (alpha * deviation) ** 2 + sigma**2
        middle = mean(x, alpha, variance)
        x0 = middle + alpha * deviation**2 * (x - alpha * middle) / variance
        return alpha * (x - alpha * x0) / sigma - sigma * x0

    return velocity


def exact(mean: float, deviation: float) -> Tensor:
    """What N(mean, deviation^2) the noise belongs to, along the ODE to its end."""
    alpha, sigma = alpha_sigma(999)
    return mean + deviation * (NOISE - alpha * mean) / math.sqrt((alpha * deviation) ** 2 + sigma**2)


CASES = {
    "all of a latent": (gaussian(0.24, 1.2), lambda: exact(0.24, 1.2)),
    "a channel of large mean": (gaussian(2.85, 0.25), lambda: exact(2.85, 0.25)),
    "a detail": (two_gaussians(0.25), lambda: solve(two_gaussians(0.25), NOISE, range(999, -1, -1))),
}


@cache
def right(case: str) -> Tensor:
    return CASES[case][1]()


def error(case: str, grid: str, steps: int) -> float:
    """Relative to the deviation of what is right."""
    made = solve(CASES[case][0], NOISE, call_times(grid, steps))
    return float((made - right(case)).square().mean().sqrt() / right(case).std())


@pytest.mark.parametrize("case", CASES)
def test_the_default_is_as_good_as_ten_calls(case: str) -> None:
    """Why it is 8 steps of the lambda grid: within 0.09 in each case, where the trailing grid of 10 is within 0.18."""
    default = Settings()
    assert (default.grid, default.steps) == ("lambda", 8)
    assert error(case, "lambda", 8) < 0.09
    assert error(case, "lambda", 8) < error(case, "lambda", 10) + 0.02
    assert max(error(each, "trailing", 10) for each in CASES) > 0.15


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("grid", ["lambda", "trailing"])
def test_more_steps_come_nearer(case: str, grid: str) -> None:
    errors = [error(case, grid, steps) for steps in (15, 25, 50)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01


def test_one_step_is_the_mean() -> None:
    """Out of pure noise x0 is -v, which knows nothing but the mean of the data."""
    assert torch.allclose(solve(gaussian(2.0, 0.5), NOISE, (999,)), torch.tensor(2.0, dtype=torch.float64))


def test_the_end_may_have_noise_left() -> None:
    """As the published program ends: at t = 0, where sigma is 0.0064."""
    times = call_times("lambda", 8)
    velocity, _ = CASES["all of a latent"]
    ended, cleaned = (solve(velocity, NOISE, times, end=end) for end in (alpha_sigma(0), CLEAN))
    assert 0.0 < float((ended - cleaned).std()) < 0.01


@pytest.mark.parametrize("grid", ["lambda", "trailing"])
@pytest.mark.parametrize("steps", [1, 2, 8, 50, 1000])
def test_times_fall_from_999(grid: str, steps: int) -> None:
    times = call_times(grid, steps)
    assert times[0] == 999
    assert all(early > late for early, late in pairwise(times))
    assert times[-1] >= 0
    assert len(times) == steps or steps > 20  # where some fall together


def test_the_ancestral_solver_keeps_the_distribution() -> None:
    """It draws anew in every step, so what it makes of data N(m, s^2) has that mean and deviation."""
    noise = torch.Generator().manual_seed(1)
    velocity = gaussian(0.24, 1.2)
    made = ancestral(velocity, NOISE, original_times(200), lambda _: torch.randn(COUNT, generator=noise).double())
    assert float(made.mean()) == pytest.approx(0.24, abs=0.03)
    assert float(made.std()) == pytest.approx(1.2, abs=0.03)


def test_without_fresh_noise_it_solves_the_same_equation() -> None:
    """From t = 996 on, where a trace of the mean is left: which is not in what it was given."""
    velocity, _ = CASES["all of a latent"]
    made = ancestral(velocity, NOISE, original_times(200), lambda _: NOISE, eta=0.0)
    assert float((made - right("all of a latent")).std()) < 0.02


def test_no_step_divides_by_alpha() -> None:
    """At t = 999 alpha is 6e-17: x0 comes out, exact to rounding."""
    alpha, sigma = alpha_sigma(999)
    v = torch.randn(100, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(clean(NOISE[:100], v, alpha, sigma), -v, atol=1e-12)
