"""Latent noise by place: windows that overlap start from the same numbers."""

from __future__ import annotations

import torch

from hifisr_cli.engines.audiosr.noise import CONDITION, FIRST_STEP, START, latent_noise

SHAPE = (16, 12, 32)


def test_overlapping_windows_share_it() -> None:
    early, late = latent_noise(3, -7, SHAPE, START), latent_noise(3, -2, SHAPE, START)
    assert early.shape == SHAPE
    assert torch.equal(early[:, 5:], late[:, :7])
    assert not torch.equal(early[:, :7], late[:, :7])


def test_each_draw_is_another() -> None:
    draws = [latent_noise(0, 0, SHAPE, draw).flatten() for draw in (CONDITION, START, FIRST_STEP, FIRST_STEP + 1)]
    correlation = torch.corrcoef(torch.stack(draws)) - torch.eye(4)
    assert float(correlation.abs().max()) < 0.06
