"""Guidance and calls, with a denoiser in closed form, which makes Gaussians with its condition and without."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from hifisr_cli.engines.audiosr.diffusion import Diffusion, Guidance
from hifisr_cli.engines.audiosr.noise import START
from hifisr_cli.engines.audiosr.schedule import alpha_bar
from hifisr_cli.engines.audiosr.settings import Settings

KNOWN, SPREAD = 0.3, 1.2
"""The deviation about the condition, and that of all data."""


@dataclass
class Gaussians:
    """Data are N(condition, KNOWN^2), and N(0, SPREAD^2) where nothing is told."""

    calls: list[tuple[int, int]] = field(default_factory=list)

    def no_condition(self, like: Tensor) -> Tensor:
        return torch.full_like(like, math.nan)

    def velocity(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        self.calls.append((len(x), int(t[0])))
        share = alpha_bar(t)[:, None, None, None]
        alpha, sigma = share.sqrt(), (1.0 - share).sqrt()
        told = ~condition.isnan()
        deviation, mean = torch.where(told, KNOWN, SPREAD), condition.nan_to_num(0.0)
        variance = (alpha * deviation) ** 2 + sigma**2
        x0 = mean + alpha * deviation**2 * (x - alpha * mean) / variance
        return alpha * (x - alpha * x0) / sigma - sigma * x0


CONDITION = SPREAD * torch.randn(1, 16, 8, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def draw(number: int) -> Tensor:
    return torch.randn(CONDITION.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(10 + number))


def made(settings: Settings) -> tuple[Tensor, list[tuple[int, int]]]:
    network = Gaussians()
    return Diffusion(settings).latent(network, CONDITION, draw), network.calls  # type: ignore[arg-type]


def amplitude(latent: Tensor) -> float:
    """Of the condition in a latent, 1 where it is as it was."""
    return float((latent * CONDITION).mean() / CONDITION.square().mean())


def test_without_guidance_the_condition_comes_out() -> None:
    latent, calls = made(Settings(guidance=1.0))
    assert [rows for rows, _ in calls] == [1] * 8
    assert amplitude(latent) == pytest.approx(1.0, abs=0.02)
    assert float((latent - CONDITION).std()) == pytest.approx(KNOWN, rel=0.1)


def test_both_in_one_call_and_only_where_guided() -> None:
    _, calls = made(Settings())
    assert calls == [(1, 999), (1, 985), (2, 949), (2, 825), (2, 500), (2, 170), (1, 43), (1, 8)]


def test_at_the_first_time_guidance_overshoots() -> None:
    """There x0 is the mean of what is told, times the scale of the guidance; the published run had 3.1 times."""
    guided, _ = made(Settings(steps=1, guide_first=999, guide_last=0, rescale=0.0))
    assert amplitude(guided) == pytest.approx(3.5, abs=0.01)
    later, _ = made(Settings(steps=1))
    assert amplitude(later) == pytest.approx(1.0, abs=0.01)


def around(settings: Settings) -> tuple[float, float]:
    """The amplitude of the condition, and the deviation of what is not it."""
    latent, _ = made(settings)
    there = amplitude(latent)
    return there, float((latent - there * CONDITION).std())


@pytest.mark.parametrize(("known", "spoilt"), [(0.3, 1.75), (0.6, 1.03)])
def test_eight_rescaled_steps_do_what_fifty_did(monkeypatch: pytest.MonkeyPatch, known: float, spoilt: float) -> None:
    """Guided and not rescaled, eight steps of the second order extrapolate the overshoot, one way or the other."""
    monkeypatch.setattr(sys.modules[__name__], "KNOWN", known)
    published = around(Settings(steps=50, sampler="original"))
    assert around(Settings()) == pytest.approx(published, abs=0.13)
    assert around(Settings(guide_first=999, guide_last=0)) == pytest.approx(around(Settings()), abs=0.02)
    assert around(Settings(rescale=0.0))[0] == pytest.approx(spoilt, abs=0.05)
    assert abs(spoilt - published[0]) > 0.25


def test_rescaling_brings_the_deviation_of_the_condition() -> None:
    told, untold = draw(0), 0.3 * draw(1)
    guided = Guidance(3.5, rescale=1.0).guided(told, untold)
    assert float(guided.std()) == pytest.approx(float(told.std()), rel=1e-6)
    assert float(Guidance(3.5).guided(told, untold).std()) > 1.5 * float(told.std())


def test_the_original_guides_throughout_and_draws_in_every_step() -> None:
    drawn: list[int] = []

    def listed(number: int) -> Tensor:
        drawn.append(number)
        return draw(number)

    network = Gaussians()
    settings = Settings(steps=4, sampler="original")
    latent = Diffusion(settings).latent(network, CONDITION, listed)  # type: ignore[arg-type]
    assert network.calls == [(2, 751), (2, 501), (2, 251), (2, 1)]
    assert drawn == [START, START + 1, START + 2, START + 3, START + 4]
    assert bool(latent.isfinite().all())


def test_it_tells_of_every_call() -> None:
    heard: list[int] = []
    diffusion = Diffusion(Settings(steps=3))
    diffusion.latent(Gaussians(), CONDITION, draw, heard.append)  # type: ignore[arg-type]
    assert tuple(heard) == diffusion.times
