"""Discriminators: shapes, and that each of them can tell what it is there to tell."""

from __future__ import annotations

import pytest
import torch

from hifisr_cli.train.discriminators import PERIODS, WINDOWS, Discriminators

COUNTS = {"mpd": len(PERIODS), "msd": 3, "mbd": len(WINDOWS)}


@pytest.mark.parametrize("kind", COUNTS)
@pytest.mark.parametrize("samples", [4800, 7201])
def test_each_returns_feature_maps_that_end_in_a_logit(kind: str, samples: int) -> None:
    maps = Discriminators([kind], 2)(torch.randn(2, samples))
    assert len(maps) == COUNTS[kind]
    for member in maps:
        assert len(member) > 3
        assert all(one.shape[0] == 2 and torch.isfinite(one).all() for one in member)
        assert member[-1].shape[1] == 1


@pytest.mark.parametrize("kind", COUNTS)
def test_a_gradient_reaches_every_parameter_and_the_waveform(kind: str) -> None:
    torch.manual_seed(0)
    critics, wave = Discriminators([kind], 2), torch.randn(1, 9600, requires_grad=True)
    sum(member[-1].square().mean() for member in critics(wave)).backward()
    assert wave.grad is not None
    assert wave.grad.abs().sum() > 0
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in critics.parameters())


def test_items_of_a_batch_do_not_mix() -> None:
    torch.manual_seed(0)
    critics, waves = Discriminators(["mpd", "msd", "mbd"], 2).eval(), torch.randn(3, 4800)
    together, alone = critics(waves), critics(waves[1:2])
    for joint, single in zip(together, alone, strict=True):
        assert torch.allclose(joint[-1][1:2], single[-1], atol=1e-5)


def test_unknown_kinds_are_refused() -> None:
    for kinds in ([], ["mpd", "gan"]):
        with pytest.raises(ValueError, match="no such discriminator"):
            Discriminators(kinds, 2)
